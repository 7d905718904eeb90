"""Who may play: tokens given out at the gate, bound to the address and the visitor that use them.

The store holds a session under a part of its token's digest, so its life is the store's. What this file keeps beside it
is only which sockets are open here, for a session lives as long as one of them and five minutes more.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, cast

import trio
from attrs import define, evolve, field, frozen

from hashpass.domain.errors import SessionMoved, SessionRequired, SessionRevoked, StoreUnavailable, VisitorMismatch
from hashpass.domain.values import Address
from hashpass.storage.base import Store

Binding = Literal["prefix", "strict", "off"]

TOKEN_PREFIX = "hps_"  # noqa: S105 - what tells our tokens from a gate's; no secret
KEY_PREFIX = "session:"
MAX_TOKEN = 128
EXPIRED = "expired"
"""The reason of an end that nobody brought about."""
ATTEMPTS = 16
"""Every lost race means that another call has changed the session; a few can, not sixteen in a row."""
BREATH = 256
"""After so many sessions a walk over all of them lets others run."""

log = logging.getLogger(__name__)


@frozen
class Session:
    """One player. `digest` names the session in tickets, logs and listings; the token itself is kept nowhere."""

    digest: str
    opened_at: float
    opened_from: Address
    addresses: tuple[Address, ...]
    """The newest of each family that the session has used, the last used at the end."""
    visitor_id: str | None = None

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What the session's own requests have bound, at most one /24 and one /48."""
        return tuple(address.prefix for address in self.addresses)


@frozen
class Opened:
    """A new session and, this once, its token."""

    token: str = field(repr=False)
    expires_in: int
    session: Session


@frozen
class SessionView:
    """What an operator sees of a session. The preview is of the digest, so it helps nobody to the token."""

    token_preview: str
    ip: str
    visitor_id: str | None
    created_at: float
    is_connected: bool
    disconnected_at: float | None


@define(eq=False)
class _Presence:
    """What this process knows of a session that was used here."""

    expires: float
    connections: set[Hashable] = field(factory=set)
    disconnected_at: float | None = None
    too_long: bool = False
    """Its last socket has gone, and the store's entry still has the longer life of one with a socket."""


class Sessions:
    """Opens, finds, binds and ends sessions.

    A request goes: `find` its bearer, then the shut-out, which is not kept here, then `bind`. Whoever must know of an
    end (tickets to void, sockets to close) appends to `on_ended` a function of the digest and the reason.
    """

    def __init__(
        self,
        store: Store,
        binding: Binding = "prefix",
        *,
        clock: Callable[[], float] = trio.current_time,
        wall: Callable[[], float] = time.time,
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(32),
        life: float = 300.0,
        interval: float = 60.0,
    ) -> None:
        self.on_ended: list[Callable[[str, str], None]] = []
        self._store = store
        self._binding = binding
        self._clock = clock
        self._wall = wall
        self._new_token = new_token
        self._life = life
        self._interval = interval
        self._here: dict[str, _Presence] = {}

    @property
    def count(self) -> int:
        """The sessions used here and not yet known to have ended; right to within one sweep."""
        return len(self._here)

    async def open(self, address: Address) -> Opened:
        """A new session for whoever has passed the gate from this address."""
        token = TOKEN_PREFIX + self._new_token()
        session = Session(digest_of(token), self._wall(), address, (address,))
        if not await self._store.put_if_absent(_key(session.digest), _pack(session), ttl=self._life):
            raise RuntimeError("The source of tokens has repeated itself.")
        self._here[session.digest] = _Presence(self._clock() + self._life)
        return Opened(token, int(self._life), session)

    async def find(self, token: str | None) -> Session:
        """The living session of this token; neither binds nor prolongs it."""
        if not token or not token.startswith(TOKEN_PREFIX) or len(token) > MAX_TOKEN or not token.isascii():
            raise SessionRequired
        digest = digest_of(token)
        stored = await self._store.get(_key(digest))
        session = None if stored is None else _unpack(stored)
        if session is None or not hmac.compare_digest(session.digest, digest):
            raise SessionRevoked
        return session

    async def bind(self, session: Session, address: Address, visitor_id: str | None = None) -> Session:
        """Let the session be used from this address and by this visitor, or refuse; prolongs its life.

        The first visitorId stays. From an address that the session may not have, the session ends.
        """
        for _ in range(ATTEMPTS):
            stored = await self._store.get(_key(session.digest))
            if stored is None:
                raise SessionRevoked
            found = _unpack(stored)
            if not self._may_use(found, address):
                await self.revoke(found.digest, "moved")
                raise SessionMoved
            bound = _use(found, address, visitor_id)
            if await self._keep(found, bound, stored):
                return bound
        raise StoreUnavailable

    @contextmanager
    def attached(self, session: Session, connection: Hashable) -> Iterator[None]:
        """For as long as the socket is open. SessionRevoked if the session ended since it was bound."""
        presence = self._here.get(session.digest)
        if presence is None:
            raise SessionRevoked
        presence.connections.add(connection)
        try:
            yield
        finally:
            presence.connections.discard(connection)
            if not presence.connections:
                presence.expires = self._clock() + self._life
                presence.disconnected_at = self._wall()
                presence.too_long = True

    def connections(self, digest: str) -> tuple[Hashable, ...]:
        """The session's open sockets; also within `on_ended`."""
        presence = self._here.get(digest)
        return () if presence is None else tuple(presence.connections)

    async def revoke(self, digest: str, reason: str) -> bool:
        """End a session now. Not even a caller who hangs up stops this half-way."""
        try:
            with trio.fail_after(5, shield=True):
                existed = await self._store.delete(_key(digest))
        except trio.TooSlowError:
            raise StoreUnavailable from None
        if existed or digest in self._here:
            self._end(digest, reason)
        return existed

    async def revoke_all(self, reason: str = "closed by the operator") -> int:
        return await self.revoke_where(lambda _session: True, reason)

    async def revoke_where(self, predicate: Callable[[Session], bool], reason: str = "closed by the operator") -> int:
        """End every session that the predicate chooses; says how many."""
        chosen = [session.digest for session in await self._all() if predicate(session)]
        ended = 0
        for number, digest in enumerate(chosen):
            ended += await self.revoke(digest, reason)
            if number % BREATH == 0:
                await trio.lowlevel.checkpoint()
        return ended

    async def listing(self, limit: int = 1000) -> tuple[list[SessionView], int]:
        """The newest sessions, and how many there are in all."""
        sessions = await self._all()
        sessions.sort(key=lambda session: session.opened_at, reverse=True)
        return [self._view(session) for session in sessions[:limit]], len(sessions)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Sweep, minute by minute."""
        task_status.started()
        while True:
            await trio.sleep(self._interval)
            await self.sweep()

    async def sweep(self) -> None:
        """Keep sessions with a socket alive, and notice those that have ended."""
        for number, (digest, presence) in enumerate(list(self._here.items())):
            gone = not await self._tend(digest, presence)
            if gone and self._here.get(digest) is presence:  # else it was ended while this walk was on its way
                self._end(digest, EXPIRED)
            if number % BREATH == 0:
                await trio.lowlevel.checkpoint()

    async def _tend(self, digest: str, presence: _Presence) -> bool:
        """Whether the session lives on."""
        now = self._clock()
        if presence.connections:
            return await self._store.touch(_key(digest), ttl=self._socket_life)
        if presence.too_long and presence.expires > now:
            presence.too_long = False
            return await self._store.touch(_key(digest), ttl=presence.expires - now)
        # By our reckoning its life may have passed, yet another node may have seen it since.
        return presence.expires > now or await self._store.get(_key(digest)) is not None

    async def _all(self) -> list[Session]:
        sessions = []
        for number, (_stored_under, stored) in enumerate(await self._store.items(KEY_PREFIX)):
            sessions.append(_unpack(stored))
            if number % BREATH == 0:
                await trio.lowlevel.checkpoint()
        return sessions

    @property
    def _socket_life(self) -> float:
        """Long enough that one sweep may be late."""
        return self._life + 2 * self._interval

    def _may_use(self, session: Session, address: Address) -> bool:
        if self._binding == "strict":
            return session.addresses == (address,)
        if self._binding == "prefix":
            known = [other for other in session.addresses if other.ip.version == address.ip.version]
            return all(other.prefix == address.prefix for other in known)
        return True

    async def _keep(self, found: Session, bound: Session, stored: bytes) -> bool:
        """Write what has changed and prolong; False if somebody else wrote in between."""
        life = self._socket_life if self.connections(bound.digest) else self._life
        key = _key(bound.digest)
        if bound == found:
            kept = await self._store.touch(key, ttl=life)
        else:
            kept = await self._store.compare_and_set(key, stored, _pack(bound), ttl=life)
        if kept:
            presence = self._here.setdefault(bound.digest, _Presence(0.0))
            presence.expires = self._clock() + self._life
        return kept

    def _end(self, digest: str, reason: str) -> None:
        for tell in self.on_ended:
            tell(digest, reason)
        self._here.pop(digest, None)
        log.debug("Session %s ended: %s", digest[:8], reason)

    def _view(self, session: Session) -> SessionView:
        presence = self._here.get(session.digest)
        return SessionView(
            token_preview=session.digest[:8],
            ip=str(session.addresses[-1]),
            visitor_id=session.visitor_id,
            created_at=session.opened_at,
            is_connected=bool(presence and presence.connections),
            disconnected_at=presence.disconnected_at if presence and not presence.connections else None,
        )


def _use(session: Session, address: Address, visitor_id: str | None) -> Session:
    if visitor_id is not None and session.visitor_id not in {None, visitor_id}:
        raise VisitorMismatch
    others = [other for other in session.addresses if other.ip.version != address.ip.version]
    return evolve(session, addresses=(*others, address), visitor_id=session.visitor_id or visitor_id)


def digest_of(token: str) -> str:
    """The name of a token's session, living or not."""
    return hashlib.sha256(token.encode()).hexdigest()


def _key(digest: str) -> str:
    """Half of the digest finds the session; the whole of it, kept inside, is then compared in constant time."""
    return KEY_PREFIX + digest[:32]


def _pack(session: Session) -> bytes:
    return json.dumps(
        {
            "digest": session.digest,
            "opened_at": session.opened_at,
            "opened_from": str(session.opened_from),
            "addresses": [str(address) for address in session.addresses],
            "visitor_id": session.visitor_id,
        }
    ).encode()


def _unpack(stored: bytes) -> Session:
    body = cast("dict[str, Any]", json.loads(stored))
    return Session(
        digest=body["digest"],
        opened_at=body["opened_at"],
        opened_from=Address.parse(body["opened_from"]),
        addresses=tuple(Address.parse(text) for text in body["addresses"]),
        visitor_id=body["visitor_id"],
    )
