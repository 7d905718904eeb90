"""Sign-in over HTTP: links, sessions and users. The wire shapes are those of HashRand 1.4.5, its defects are not."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any, Final

from attrs import frozen
from quart import Blueprint, Response, abort, request
from quart.typing import ResponseReturnValue
from quart.wrappers import Request
from quart_trio.wrappers import TrioResponse

from hashpass.addresses import AddressReader
from hashpass.bans import Bans
from hashpass.domain.errors import BadRequest, Banned, HashPassError, SessionRequired
from hashpass.domain.values import Address
from hashpass.identity.derive import normalise_email
from hashpass.identity.mail.texts import find_language
from hashpass.identity.service import EXPIRED_ACCESS, NO_REFRESH, SignedIn, SignIn
from hashpass.identity.users import Users, parse_username
from hashpass.limits import RateLimit
from hashpass.web import caller
from hashpass.web.admin_entrance import AdminEntrance
from hashpass.web.errors import Application, kind, problem, read_json

COOKIE: Final = "refresh_token"
COOKIE_RULES: Final = "HttpOnly; Secure; SameSite=Strict; Max-Age={}; Path=/"

FORWARDING: Final = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")
"""Who sends one of these is a proxy, and whoever is behind it may be anybody."""

NO_HEADER: Final = "Missing Authorization header. Include 'Authorization: Bearer <token>'"
NO_BEARER: Final = "Invalid Authorization header format. Use 'Bearer <token>'"
EMPTY_BEARER: Final = "Empty Bearer token provided"

MAX_LISTED: Final = 1000


@frozen
class LoginApi:
    """`require_user` is what every other part of the site asks who is signed in."""

    sign_in: SignIn
    users: Users
    addresses: AddressReader
    bans: Bans
    requests: RateLimit
    """How many links one address may ask for."""
    operator: AdminEntrance
    dev: bool = False
    """Answer the link itself, to a caller on this machine."""
    ip_header: str | None = None
    """What this server's own proxy calls the client's address."""

    def install(self, app: Application) -> None:
        doors = Blueprint("login", __name__)
        doors.register_error_handler(HashPassError, _refuse)

        def route(path: str, view: Callable[..., Awaitable[ResponseReturnValue]], method: str) -> None:
            doors.add_url_rule(path, f"{method} {path}", view, methods=[method], strict_slashes=False)

        route("/api/login/", self.send_link, "POST")
        route("/api/login/", self.redeem, "GET")
        route("/api/login/", self.log_out, "DELETE")
        route("/api/refresh", self.refresh, "POST")
        route("/api/users", self.list_users, "GET")
        route("/api/users", self.add_user, "POST")
        route("/api/users/<username>", self.show_user, "GET")
        route("/api/users/<username>", self.remove_user, "DELETE")
        app.register_blueprint(doors)

    async def require_user(self, asking: Request) -> str:
        """The name of whoever is signed in, or the refusal."""
        self._admit()
        return await self.sign_in.recognise(_bearer(asking))

    async def send_link(self) -> ResponseReturnValue:
        address = self._admit()
        try:
            body = await read_json(request)
        except BadRequest:
            raise BadRequest("Invalid JSON body") from None
        if "email" not in body:
            raise BadRequest("Invalid JSON body", field="email")
        email = normalise_email(body["email"])
        destination = self.sign_in.prepare(body.get("ui_host"), body.get("next"))
        self.requests.take(address.key)
        link = await self.sign_in.send_link(email, destination, find_language(body.get("email_lang")))
        answer = {"status": "OK", "message": "A sign-in link is on its way. It works once, within 15 minutes."}
        if self.dev and self._is_here():
            answer["dev_magic_link"] = link
        return _json(answer)

    async def redeem(self) -> ResponseReturnValue:
        if request.method != "GET":
            # Whoever only looks ahead, by HEAD, must not use up the link.
            abort(405)
        self._admit()
        token = request.args.get("magiclink", "")
        if not token:
            raise BadRequest("Missing magiclink parameter", field="magiclink")
        return self._answer(await self.sign_in.redeem(token), {"token_type": "Bearer"})

    async def refresh(self) -> ResponseReturnValue:
        self._admit()
        try:
            signed_in = await self.sign_in.refresh(request.cookies.get(COOKIE, ""))
        except HashPassError as error:
            refusal = problem(error, error=error.detail)
            if refusal.status_code == 401 and error.detail != NO_REFRESH:
                _set_cookie(refusal, "", 0)
            return refusal
        return self._answer(signed_in, {"message": "Token refreshed successfully"})

    async def log_out(self) -> ResponseReturnValue:
        """Never refused: whoever wants to leave has left, and what they hold is worth nothing from here on."""
        await self.sign_in.log_out(request.cookies.get(COOKIE, ""), caller.bearer() or "")
        response = _json({"message": "Logged out successfully"})
        _set_cookie(response, "", 0)
        return response

    async def list_users(self) -> ResponseReturnValue:
        refusal = await self._operator_only()
        if refusal is not None:
            return refusal
        limit = request.args.get("limit", str(MAX_LISTED))
        if not (limit.isascii() and limit.isdecimal() and len(limit) <= 9 and 1 <= int(limit) <= MAX_LISTED):
            raise BadRequest(f"limit must be a whole number from 1 to {MAX_LISTED}.", field="limit")
        users = [user.shown() for user in await self.users.listing(int(limit))]
        return _json({"count": len(users), "users": users})

    async def add_user(self) -> ResponseReturnValue:
        refusal = await self._operator_only()
        if refusal is not None:
            return refusal
        try:
            body = await read_json(request)
        except BadRequest:
            raise BadRequest("Invalid JSON format") from None
        username = body.get("username")
        if not isinstance(username, str):
            raise BadRequest("Invalid JSON format", field="username")
        if not username:
            raise BadRequest("Username is required", field="username")
        user = await self.users.add(parse_username(username))
        if user is None:
            raise BadRequest("Username already exists", field="username")
        return _json(user.shown(), 201)

    async def show_user(self, username: str) -> ResponseReturnValue:
        refusal = await self._operator_only()
        if refusal is not None:
            return refusal
        user = await self.users.find(parse_username(username))
        return _unknown_user() if user is None else _json(user.shown())

    async def remove_user(self, username: str) -> ResponseReturnValue:
        """For the operator, and for people themselves; ends every session of theirs."""
        refusal = await self._operator_only(apart_from=username)
        if refusal is not None:
            return refusal
        if not await self.sign_in.forget(parse_username(username)):
            return _unknown_user()
        return _json({"message": "User deleted successfully"})

    def _admit(self) -> Address:
        address = self.addresses.read(caller.peer(), request.headers)
        if self.bans.covers(address):
            raise Banned
        return address

    async def _operator_only(self, apart_from: str | None = None) -> Response | None:
        """Nothing for the operator, and for the one user who may do this too; a refusal for all others."""
        token = _bearer(request)
        address = self.operator.receive(caller.peer(), request.headers)
        if self.operator.knows(token):
            return None
        refusal: SessionRequired | None = None
        try:
            if await self.sign_in.recognise(token) == apart_from:
                return None
        except SessionRequired as error:
            refusal = error
        if refusal is not None:
            if refusal.detail != EXPIRED_ACCESS:  # it was meant for the operator's, for all we know
                await self.operator.count_guess(address)
            raise refusal
        return _refusal(403, "operator_only", "Operator only", "This is for the operator of this site.")

    def _is_here(self) -> bool:
        """Whether the caller is a program on this machine, and not what a proxy on this machine passes on."""
        peer = caller.peer()
        forwarding = (*FORWARDING, *([self.ip_header] if self.ip_header else []))
        if peer is None or any(name in request.headers for name in forwarding):
            return False
        return ip_address(peer).is_loopback

    def _answer(self, signed_in: SignedIn, more: dict[str, Any]) -> Response:
        tokens = {"access_token": signed_in.access_token, "expires_in": self.sign_in.access_life}
        response = _json({**tokens, **more, "user_id": signed_in.username})
        _set_cookie(response, signed_in.refresh_token, self.sign_in.refresh_life)
        return response


def _bearer(asking: Request) -> str:
    """The token of the Authorization header; SessionRequired tells which part of it is missing."""
    header = asking.headers.get("Authorization")
    if header is None:
        raise SessionRequired(NO_HEADER)
    scheme, _, token = header.partition(" ")
    if scheme != "Bearer":
        raise SessionRequired(NO_BEARER)
    if not token.strip():
        raise SessionRequired(EMPTY_BEARER)
    return token.strip()


def _set_cookie(response: Response, value: str, life: int) -> None:
    response.headers["Set-Cookie"] = f"{COOKIE}={value}; {COOKIE_RULES.format(life)}"


def _json(value: dict[str, Any], status: int = 200) -> Response:
    """Compact, the keys in their documented order."""
    return TrioResponse(json.dumps(value, separators=(",", ":")), status, content_type="application/json")


async def _refuse(error: HashPassError) -> ResponseReturnValue:
    """In the form of every other refusal, with the sentence in `error` as well, where clients of HashRand look."""
    return problem(error, error=error.detail)


def _unknown_user() -> Response:
    return _refusal(404, "user_unknown", "User unknown", "User not found")


def _refusal(status: int, code: str, title: str, detail: str) -> Response:
    """A refusal that only this API knows."""
    response = problem(BadRequest(detail), type=kind(code), title=title, status=status, error=detail)
    response.status_code = status
    return response
