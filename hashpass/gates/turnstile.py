"""Cloudflare Turnstile, or a service that speaks its siteverify."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Collection
from typing import Any

import httpx
import trio
from attrs import frozen

from hashpass.domain.errors import GateRefused, GateTokenUsed, GateUnavailable
from hashpass.domain.values import Address
from hashpass.gates.base import Sources

SITEVERIFY = "https://challenges.cloudflare.com/turnstile/v0/siteverify"
ORIGIN = "https://challenges.cloudflare.com"
TEST_SITE_KEY = "1x00000000000000000000AA"
"""Cloudflare's documented key whose widget always passes."""
TRY_SECONDS = 5.0
TRIES = 2
MAX_ANSWER = 64 * 1024

log = logging.getLogger(__name__)


class _NoAnswer(Exception):
    """This try told us nothing; the next may."""


@frozen
class _Answer:
    success: bool
    errors: frozenset[str]
    hostname: str
    action: str

    @classmethod
    def parse(cls, content: bytes) -> _Answer:
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            raise _NoAnswer("it was not JSON") from None
        if not isinstance(body, dict) or not isinstance(body.get("success"), bool):
            raise _NoAnswer("it did not say whether the token is good")
        codes = body.get("error-codes")
        return cls(
            body["success"],
            frozenset(code for code in codes if isinstance(code, str)) if isinstance(codes, list) else frozenset(),
            str(body.get("hostname") or ""),
            str(body.get("action") or ""),
        )


class Turnstile:
    """Asks siteverify about a token. No clear yes within two tries is never a pass.

    In test mode every token passes, nothing is asked, and the page loads no script from outside.
    """

    name = "turnstile"

    def __init__(
        self,
        *,
        site_key: str = "",
        secret: str = "",
        test_mode: bool = False,
        url: str = SITEVERIFY,
        hostnames: Collection[str] = (),
        action: str = "",
        client: httpx.AsyncClient | None = None,
        new_key: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        """`client` is closed with the gate. `hostnames` and `action` are compared where given."""
        self._site_key = site_key
        self._secret = secret
        self._test_mode = test_mode
        self._url = url
        self._hostnames = frozenset(name.lower() for name in hostnames)
        self._action = action
        self._client = client
        self._new_key = new_key
        if client is None and not test_mode:
            self._client = httpx.AsyncClient(follow_redirects=False)

    def __repr__(self) -> str:
        return f"<Turnstile {self._url}{' in test mode' if self._test_mode else ''}>"

    @property
    def csp(self) -> Sources:
        return Sources() if self._test_mode else Sources(script=(ORIGIN,), frame=(ORIGIN,))

    @property
    def remembers(self) -> bool:
        return not self._test_mode

    def public(self) -> dict[str, Any]:
        fallback = TEST_SITE_KEY if self._test_mode else None
        public = {"site_key": self._site_key or fallback, "test_mode": self._test_mode}
        return {**public, "action": self._action} if self._action else public

    async def check(self, token: str, address: Address) -> None:
        if self._test_mode:
            return
        self._judge(await self._ask(token, address))

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _judge(self, answer: _Answer) -> None:
        if answer.success:
            if self._hostnames and answer.hostname.lower() not in self._hostnames:
                raise GateRefused("The gate was passed on another site.")
            if self._action and answer.action != self._action:
                raise GateRefused("The gate was passed for another purpose.")
            return
        if "timeout-or-duplicate" in answer.errors:
            # Cloudflare has one word for both; what helps is the same, and the page does it by itself.
            raise GateTokenUsed("This gate token has been used or is too old. Pass the gate again.")
        if answer.errors & {"missing-input-secret", "invalid-input-secret"}:
            log.error("Turnstile refuses TURNSTILE_SECRET_KEY; nobody can enter until it is set right")
            raise GateUnavailable("The gate is not set up rightly. Tell the operator of this site.")
        raise GateRefused

    async def _ask(self, token: str, address: Address) -> _Answer:
        form = {
            "secret": self._secret,
            "response": token,
            "remoteip": str(address),
            "idempotency_key": self._new_key(),  # the same in both tries: the second must not count as a second use
        }
        for number in range(1, TRIES + 1):
            try:
                return await self._try(form)
            except _NoAnswer as reason:
                log.warning("Turnstile did not answer, try %d of %d: %s", number, TRIES, reason)
        raise GateUnavailable

    async def _try(self, form: dict[str, str]) -> _Answer:
        assert self._client is not None  # noqa: S101 - only test mode has none, and it never asks
        content = b""
        try:
            with trio.fail_after(TRY_SECONDS):
                async with self._client.stream("POST", self._url, data=form, timeout=TRY_SECONDS) as response:
                    async for chunk in response.aiter_bytes():
                        # Read to the end even so: httpx leaves a generator behind when left half-way.
                        if len(content) <= MAX_ANSWER:
                            content += chunk
        except trio.TooSlowError:
            raise _NoAnswer(f"nothing within {TRY_SECONDS:.0f} s") from None
        except httpx.HTTPError as error:
            raise _NoAnswer(type(error).__name__) from None
        if response.status_code >= 500 or response.is_redirect:
            raise _NoAnswer(f"status {response.status_code}")
        if len(content) > MAX_ANSWER:
            raise _NoAnswer("it was too long")
        answer = _Answer.parse(content)
        if not answer.success and "internal-error" in answer.errors:
            raise _NoAnswer("internal error there")
        return answer
