"""Who is the operator. HTTP and WebSocket ask here, and count wrong answers together."""

from __future__ import annotations

import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any, Final

import trio
from attrs import field, frozen

from hashpass.addresses import AddressReader, HeaderLines
from hashpass.domain.errors import NotReady, OperatorRequired
from hashpass.domain.values import Address
from hashpass.lockout import Lockout
from hashpass.tickets import Tickets
from hashpass.trail import Trail

log = logging.getLogger("hashpass.web")

LONGEST: Final = 30.0
"""Seconds for what an operator asks to be done."""
WRITING: Final = 10.0

WRONG: Final = "This is not the operator's token."
NO_TICKET: Final = "This ticket is not good, or no longer. Ask for another with POST /api/admin/ws-ticket."


@frozen
class AdminEntrance:
    addresses: AddressReader
    token: str = field(repr=False)
    lockout: Lockout
    tickets: Tickets
    trail: Trail

    def receive(self, peer: str | None, headers: HeaderLines) -> Address:
        """Where the caller is; RateLimited if that address is locked out. A ban does not count here."""
        address = self.addresses.read(peer, headers)
        self.lockout.check(address.key)
        return address

    async def recognise(self, token: str | None, address: Address) -> None:
        """Nothing for the operator, a refusal for anybody else. Only a wrong token is a guess; none is a question."""
        if token is None:
            raise OperatorRequired
        if not self.knows(token):
            await self.count_guess(address)
            raise OperatorRequired(WRONG)

    def knows(self, token: str) -> bool:
        """Whether this is the operator's token. Digests are compared: of one length, whatever was sent."""
        ours = sha256(self.token.encode()).digest()
        return any(hmac.compare_digest(sha256(form).digest(), ours) for form in _forms(token))

    async def count_guess(self, address: Address) -> None:
        """A wrong token came from there. The tenth locks the address out, which is written down like a deed."""
        if self.lockout.fail(address.key):
            log.warning("an address was locked out of the admin API for five minutes: %s", address)
            await self.trail.record_lockout(address)

    def take_ticket(self, ticket: str) -> None:
        """Not counted when wrong: nobody guesses a ticket, and a console that has slept may have an old one."""
        if not self.tickets.take(ticket):
            raise OperatorRequired(NO_TICKET)

    @asynccontextmanager
    async def acting(self, action: str, address: Address) -> AsyncIterator[dict[str, Any]]:
        """Do something as the operator. What stands in the yielded values is in the trail before he is answered.

        It is finished even if he hangs up in the middle. What fails half-way is written down as far as it went.
        """
        self.trail.ensure_room()
        done: dict[str, Any] = {}
        finished = False
        with trio.CancelScope(shield=True, deadline=trio.current_time() + LONGEST) as scope:
            try:
                yield done
                finished = True
            finally:
                if finished or done:
                    with trio.move_on_after(WRITING, shield=True):
                        await self.trail.record(action, done if finished else {**done, "unfinished": True}, address)
        if scope.cancelled_caught:
            raise NotReady("This took too long and was given up. Look at the status, then try again.", retry_after=5)


def _forms(token: str) -> list[bytes]:
    """The bytes that this text may have been. A header's are shown as Latin-1, whatever they were meant to be."""
    forms = [token.encode(errors="replace")]
    if not token.isascii() and all(ord(char) < 256 for char in token):
        forms.append(token.encode("latin-1"))
    return forms
