"""The public WebSocket: who is let in, what the messages mean, and who hears what."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection
from typing import Any, Final

from attrs import define, field

from hashpass.addresses import AddressReader
from hashpass.arbiter import Arbiter
from hashpass.domain.errors import AgentRefused, BadRequest, HashPassError, OriginRefused
from hashpass.domain.values import Address
from hashpass.frames import POLICY
from hashpass.hub import Hub, Member
from hashpass.lane import Handshake
from hashpass.miners import Miners
from hashpass.sessions import TOKEN_PREFIX, Session
from hashpass.sockets import Socket
from hashpass.web import agents
from hashpass.web.entrance import Entrance
from hashpass.web.security import origin_allowed

log = logging.getLogger("hashpass.web")

MAX_ERRORS: Final = 5


@define(eq=False)
class Room:
    """Everybody on `/api/ws`. It knows which sockets a session has, so that a session can be spoken to or shown out."""

    hub: Hub
    addresses: AddressReader
    entrance: Entrance
    arbiter: Arbiter
    miners: Miners
    origins: Collection[str]
    filter_agents: bool
    _members: dict[str, set[Member]] = field(factory=dict, init=False, repr=False)
    _entered: int = field(default=0, init=False)
    _visitors: dict[Socket, Address] = field(factory=dict, init=False, repr=False)
    """Where each socket comes from, those at the door included."""

    async def door(self, handshake: Handshake, socket: Socket) -> None:
        """The whole stay of one socket. A refusal is told in the close, where a browser can read it."""
        try:
            address = self._receive(handshake)
            self._visitors[socket] = address
            with self.hub.join(socket, key=address.key, admit=False) as member:
                session = await self._admit(handshake.query.get("token", ""), address, socket)
                self.hub.admit(member)
                self.hub.send(member, {"type": "RACE", **self.arbiter.drop_status()})
                await self._stay(session, address, socket, member)
        except HashPassError as refusal:
            socket.close(POLICY, refusal.detail)
        finally:
            self._visitors.pop(socket, None)

    def turn_out(self, chosen: Callable[[Address], bool], reason: str) -> int:
        """Close the sockets of these addresses, those at the door as well; how many there were."""
        found = [socket for socket, address in self._visitors.items() if socket.ended is None and chosen(address)]
        for socket in found:
            socket.close(POLICY, reason)
        return len(found)

    def tell(self, digest: str, message: dict[str, Any]) -> None:
        """Say something to the sockets of one session."""
        for member in self._members.get(digest, ()):
            self.hub.send(member, message)

    def show_out(self, digest: str, reason: str) -> None:
        """Close the sockets of a session that has ended."""
        for member in list(self._members.get(digest, ())):
            self.hub.close(member, POLICY, f"This session has ended: {reason}.")

    def _receive(self, handshake: Handshake) -> Address:
        address = self.addresses.read(handshake.peer, handshake)
        if self.filter_agents and agents.refused(handshake.header("user-agent")):
            raise AgentRefused
        if not origin_allowed(handshake.header("origin"), handshake.header("host"), self.origins):
            raise OriginRefused
        self.entrance.refuse_banned(address)
        return address

    async def _admit(self, token: str, address: Address, socket: Socket) -> Session:
        if token.startswith(TOKEN_PREFIX):
            return await self.entrance.enter(token, address)
        opened = await self.entrance.open_session(token, address)
        socket.send(_text({"type": "SESSION_TOKEN", "token": opened.token, "expires_in": opened.expires_in}))
        return opened.session

    async def _stay(self, session: Session, address: Address, socket: Socket, member: Member) -> None:
        self._entered += 1
        miner = self._entered
        with self.entrance.sessions.attached(session, miner):
            self._members.setdefault(session.digest, set()).add(member)
            self.miners.join(miner, address)
            try:
                await self._converse(socket, member, miner, address)
            finally:
                self.arbiter.stop_mining(miner)
                self.miners.leave(miner)
                self._members[session.digest].discard(member)
                if not self._members[session.digest]:
                    del self._members[session.digest]

    async def _converse(self, socket: Socket, member: Member, miner: int, address: Address) -> None:
        errors = 0
        async for text in socket:
            try:
                self._hear(text, member, miner, address)
            except BadRequest as refusal:
                errors += 1
                self.hub.send(member, {"type": "ERROR", "detail": refusal.detail})
                if errors >= MAX_ERRORS:
                    socket.close(POLICY, "Too many messages that make no sense.")

    def _hear(self, text: str | bytes, member: Member, miner: int, address: Address) -> None:
        message = _parse(text)
        match message.get("type"):
            case "ping":
                self.hub.send(member, {"type": "PONG", "online": self.hub.count}, topic="PONG")
            case "mining_start":
                self.miners.start(miner, address)
                self.arbiter.start_mining(miner)
            case "mining_stop":
                self.miners.stop(miner)
                self.arbiter.stop_mining(miner)
            case "hashrate":
                payload = message.get("payload")
                self.miners.report(miner, payload.get("rate") if isinstance(payload, dict) else None)
            case _:
                raise BadRequest("The type must be ping, mining_start, mining_stop or hashrate.", field="type")


def _parse(text: str | bytes) -> dict[str, Any]:
    if isinstance(text, bytes):
        raise BadRequest("Messages are text, not binary.")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest("A message must be a JSON object.") from None
    if not isinstance(message, dict):
        raise BadRequest("A message must be a JSON object.")
    return message


def _text(message: dict[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"))
