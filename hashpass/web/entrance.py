"""Who may come in. Every way in, by HTTP or WebSocket, asks the same questions in the same order."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from hashpass.bans import Bans
from hashpass.domain.errors import Banned, GateRefused, GateTokenUsed, GateUnavailable
from hashpass.domain.values import Address
from hashpass.gates.base import Gatekeeper
from hashpass.limits import RateLimit
from hashpass.sessions import Opened, Session, Sessions
from hashpass.strikes import Strikes


@frozen
class Entrance:
    bans: Bans
    sessions: Sessions
    strikes: Strikes
    gatekeeper: Gatekeeper
    openings: RateLimit
    """How often one address may open a session."""
    count_gate: Callable[[str], None]

    def refuse_banned(self, address: Address) -> None:
        if self.bans.covers(address):
            raise Banned

    async def open_session(self, gate_token: str, address: Address) -> Opened:
        """Pass the gate. What costs nothing to refuse is refused before the gate is asked."""
        self.refuse_banned(address)
        self.strikes.check(None, address)
        self.openings.take(address.key)
        await self._pass_gate(gate_token, address)
        return await self.sessions.open(address)

    async def recognise(self, bearer: str | None, address: Address) -> Session:
        """The first half of coming in with a session: ban, session, shut-out. `bind` is the other."""
        self.refuse_banned(address)
        session = await self.sessions.find(bearer)
        self.strikes.check(session.digest, address)
        return session

    async def bind(self, session: Session, address: Address, visitor_id: str | None = None) -> Session:
        """Hold the session to its address and visitor, or bind it to these if they are its first."""
        return await self.sessions.bind(session, address, visitor_id)

    async def enter(self, bearer: str | None, address: Address, visitor_id: str | None = None) -> Session:
        return await self.bind(await self.recognise(bearer, address), address, visitor_id)

    async def _pass_gate(self, token: str, address: Address) -> None:
        outcome = "passed"
        try:
            await self.gatekeeper.admit(token, address)
        except GateRefused:
            outcome = "refused"
            raise
        except GateTokenUsed:
            outcome = "used"
            raise
        except GateUnavailable:
            outcome = "unavailable"
            raise
        finally:
            self.count_gate(outcome)
