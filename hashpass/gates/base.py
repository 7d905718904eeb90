"""The gate port: who may open a session. And the keeper in front of it, through whom a token works once."""

from __future__ import annotations

import hashlib
from typing import Any, Protocol

import trio
from attrs import frozen

from hashpass.domain.errors import GateRefused, GateTokenUsed
from hashpass.domain.values import Address
from hashpass.storage.base import Store

MAX_TOKEN = 2048


@frozen
class Sources:
    """What a gate's script needs of the Content-Security-Policy, beyond 'self'."""

    script: tuple[str, ...] = ()
    frame: tuple[str, ...] = ()


class Gate(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def csp(self) -> Sources: ...

    @property
    def remembers(self) -> bool:
        """Whether the keeper must see to it that a token works once: not where every token passes, nor where the gate
        spends them itself."""
        ...

    def public(self) -> dict[str, Any]:
        """What `/api/gate/config` tells the page: `site_key` and `test_mode` at least."""
        ...

    async def check(self, token: str, address: Address) -> None:
        """Return if the token is good; else GateRefused, GateTokenUsed, or GateUnavailable when nobody can say."""
        ...


class Gatekeeper:
    """Admits each token once.

    A token is reserved before the gate is asked, so of two callers with the same one only the first gets to ask. It
    is released when the answer is anything but yes.
    """

    def __init__(self, gate: Gate, store: Store, *, memory: float = 600.0) -> None:
        self.gate = gate
        self._store = store
        self._memory = memory

    async def admit(self, token: str, address: Address) -> None:
        """Return if a session may be opened for this token."""
        if not self.gate.remembers:
            await self.gate.check(token, address)
            return
        if not token:
            raise GateRefused("token is empty. Pass the gate first.", field="token")
        if len(token) > MAX_TOKEN or not token.isprintable():
            raise GateRefused(f"token must be the gate's text, at most {MAX_TOKEN} characters.", field="token")
        key = f"gate:{self.gate.name}:{hashlib.sha256(token.encode()).hexdigest()}"
        if not await self._store.put_if_absent(key, b"", ttl=self._memory):
            raise GateTokenUsed
        try:
            await self.gate.check(token, address)
        except BaseException:
            with trio.move_on_after(2, shield=True):
                await self._store.delete(key)
            raise
