"""The Cap server's HTTP: the two calls of the widget, and `siteverify` for the back ends of other sites."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from attrs import frozen
from quart import request
from quart.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from hashpass.addresses import AddressReader
from hashpass.bans import Bans
from hashpass.cap import CapServer, StoreFailed
from hashpass.cap.bodies import MAX_BODY, RedeemBody
from hashpass.cap.server import EXPIRED, INVALID_SOLUTIONS, INVALID_TOKEN, USED, WRONG
from hashpass.domain.errors import BadRequest, Banned, BodyTooLarge, HashPassError
from hashpass.web import caller
from hashpass.web.errors import Application, problem, read_json

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {INVALID_TOKEN: "invalid", EXPIRED: "expired", INVALID_SOLUTIONS: "malformed", WRONG: "wrong", USED: "used"}
)
"""What the metrics call each refusal."""


@frozen
class CapApi:
    server: CapServer
    site_secret: str | None
    addresses: AddressReader
    bans: Bans
    count: Callable[[str], None]

    def install(self, app: Application) -> None:
        app.add_url_rule("/api/cap/challenge", view_func=self.challenge, methods=["POST"])
        app.add_url_rule("/api/cap/redeem", view_func=self.redeem, methods=["POST"])
        if self.site_secret is not None:
            app.add_url_rule("/api/cap/siteverify", view_func=self.siteverify, methods=["POST"])

    async def challenge(self) -> ResponseReturnValue:
        """The widget sends no body, and whatever else is sent is not read."""
        try:
            self._refuse_banned()
        except HashPassError as error:
            return _refused(error)
        self.count("issued")
        return self.server.create_challenge()

    async def redeem(self) -> ResponseReturnValue:
        try:
            self._refuse_banned()
            body = RedeemBody.parse(await read_json(request, MAX_BODY))
            answer = await self.server.redeem_async(body.token, body.solutions)
        except HashPassError as error:
            self.count("malformed" if isinstance(error, BadRequest | BodyTooLarge) else "refused")
            return _refused(error)
        self.count("redeemed" if answer["success"] else REASONS[answer["error"]])
        return answer

    async def siteverify(self) -> ResponseReturnValue:
        """Like reCAPTCHA's: whatever is wrong with the question is a 200, and stands in `error-codes`."""
        try:
            self._refuse_banned()
            wrong = await self._verify()
        except HashPassError as error:
            code = "internal-error" if isinstance(error, StoreFailed) else "bad-request"
            return problem(error, success=False, **{"error-codes": [code]})
        return {"success": True} if wrong is None else {"success": False, "error-codes": [wrong]}

    async def _verify(self) -> str | None:
        """Spend the token; None, or the code for what is wrong."""
        try:
            given = await self._read_form_or_json()
        except (HashPassError, HTTPException):
            return "bad-request"
        secret, token = given.get("secret"), given.get("response")
        if not isinstance(secret, str) or not secret:
            return "missing-input-secret"
        if not hmac.compare_digest(secret.encode(errors="replace"), (self.site_secret or "").encode()):
            return "invalid-input-secret"
        if not isinstance(token, str) or not token:
            return "missing-input-response"
        verdict = await self.server.spend_async(token)
        if verdict == "invalid":
            return "invalid-input-response"
        return None if verdict == "good" else "timeout-or-duplicate"

    async def _read_form_or_json(self) -> dict[str, Any]:
        if request.mimetype in {"application/x-www-form-urlencoded", "multipart/form-data"}:
            return dict(await request.form)
        return await read_json(request)

    def _refuse_banned(self) -> None:
        if self.bans.covers(self.addresses.read(caller.peer(), request.headers)):
            raise Banned


def _refused(error: HashPassError) -> ResponseReturnValue:
    """The widget looks at `success` and shows `error`; everybody else reads the problem around them."""
    return problem(error, success=False, error=error.detail)
