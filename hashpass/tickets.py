"""Tickets: what opens one WebSocket, once and soon, so that a lasting token never stands in an address."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import trio

LIFE: Final = 30.0


class Tickets:
    """Gives out tickets and takes each of them once. Only digests are kept, and found by digest.

    When `most` are out, the oldest is void: whoever may have a ticket can ask for another.
    """

    def __init__(
        self,
        *,
        life: float = LIFE,
        most: int = 256,
        clock: Callable[[], float] = trio.current_time,
        new_ticket: Callable[[], str] = lambda: secrets.token_urlsafe(32),
    ) -> None:
        self.life = life
        self._most = most
        self._clock = clock
        self._new_ticket = new_ticket
        self._out: OrderedDict[bytes, float] = OrderedDict()  # digest -> until, soonest first

    def __len__(self) -> int:
        return len(self._out)

    def issue(self) -> str:
        self._forget_expired()
        ticket = self._new_ticket()
        self._out[_digest(ticket)] = self._clock() + self.life
        if len(self._out) > self._most:
            self._out.popitem(last=False)
        return ticket

    def take(self, ticket: str) -> bool:
        """Whether this is a ticket that is still good; it is not, from now on."""
        self._forget_expired()
        return self._out.pop(_digest(ticket), None) is not None

    def _forget_expired(self) -> None:
        now = self._clock()
        while self._out and next(iter(self._out.values())) <= now:
            self._out.popitem(last=False)


def _digest(ticket: str) -> bytes:
    return hashlib.sha256(ticket.encode(errors="replace")).digest()
