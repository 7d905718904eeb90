"""Sign-in by mailed link: who asks, gets a link; who brings it back, gets a session. Nothing here knows HTTP.

The store holds three kinds of entries: `login:link:` (which links are open or used), `login:session:` (one a sign-in,
with the digest of its newest refresh token) and `user:`. None of them has a token or an address in it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import trio
from attrs import asdict, evolve, field, frozen

from hashpass.domain.errors import BadRequest, RateLimited, SessionRequired, SessionRevoked, StoreUnavailable
from hashpass.identity import derive, links, tokens
from hashpass.identity.links import LIFE, Destination, Link, Origins
from hashpass.identity.tokens import Claims, Kind, TokenRefused, Tokens
from hashpass.identity.users import Users
from hashpass.storage.base import Store

LINK_KEY: Final = "login:link:"
SESSION_KEY: Final = "login:session:"
OPEN: Final = b"open"
USED: Final = b"used"
ATTEMPTS: Final = 16
MARGIN: Final = 60
"""Seconds a link's entry outlives the link, so that a late one is told that it is late."""
COMMIT_SECONDS: Final = 5.0

INVALID_ACCESS: Final = "Invalid access token. Please authenticate again"
EXPIRED_ACCESS: Final = "Access token has expired. Use refresh token to obtain a new access token"
NO_REFRESH: Final = "Refresh token not found"
INVALID_REFRESH: Final = "Invalid refresh token: {}"
MANY_LINKS: Final = "Several sign-in links for this address are on their way. Use one of them, or wait."

log = logging.getLogger("hashpass.identity")


class Limit(Protocol):
    def take(self, key: str) -> None:
        """Count one event under this key, or raise RateLimited."""


class Post(Protocol):
    """Where mails are handed in; neither of the two waits."""

    def check(self) -> None:
        """Raise a refusal if no mail can be taken at the moment."""

    def put(self, to: str, link: str, language: str, expires: float) -> None: ...


@frozen
class SignedIn:
    """What somebody gets for a link or for a refresh token."""

    username: str
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


@frozen
class _Session:
    username: str
    refresh: str
    """The digest of the newest refresh token; any other of this session has been used before."""
    opened_at: int

    def pack(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def unpack(cls, stored: bytes) -> _Session:
        return cls(**json.loads(stored))


def _session_number() -> int:
    """Whole in any language's numbers."""
    return secrets.randbelow(2**53 - 1) + 1


class SignIn:
    """`recipients` limits links for one user, `mailboxes` those for one mailbox whatever tag is put on it."""

    def __init__(
        self,
        store: Store,
        users: Users,
        *,
        derivation: Callable[[str], Awaitable[bytes]],
        link_key: bytes,
        tokens: Tokens,
        post: Post,
        origins: Callable[[], Origins],
        recipients: Limit,
        mailboxes: Limit,
        wall: Callable[[], float] = time.time,
        new_session: Callable[[], int] = _session_number,
    ) -> None:
        self._store = store
        self._users = users
        self._derivation = derivation
        self._link_key = link_key
        self._tokens = tokens
        self._post = post
        self._origins = origins
        self._recipients = recipients
        self._mailboxes = mailboxes
        self._wall = wall
        self._new_session = new_session

    @property
    def access_life(self) -> int:
        return self._tokens.access_life

    @property
    def refresh_life(self) -> int:
        return self._tokens.refresh_life

    def prepare(self, ui_host: object, form: object) -> Destination:
        """Where a link may lead, or the refusal. Costs nothing, so it comes before every limit."""
        return Destination(self._origins().choose(ui_host), links.parse_form(form))

    async def send_link(self, email: str, destination: Destination, language: str) -> str:
        """Mail a link to a normalised address, and answer it. All the same whether anybody ever came from there."""
        self._post.check()
        try:
            self._mailboxes.take(self._blind(derive.mailbox_of(email)))
            user_id = await self._derivation(email)
            self._recipients.take(derive.username_of(user_id))
        except RateLimited as error:
            raise RateLimited(MANY_LINKS, retry_after=error.retry_after) from None
        token, expires = await self._open_link(user_id)
        url = destination.url(token)
        self._post.put(email, url, language, expires)
        return url

    async def redeem(self, token: str) -> SignedIn:
        """Exchange a link for a session. Of any number who bring the same one, one gets it."""
        link = links.read_token(self._link_key, token, self._wall())
        with _unbroken():
            life = link.expires - self._wall() + MARGIN
            if not await self._store.compare_and_set(_link_key(token), OPEN, USED, ttl=life):
                raise BadRequest(links.FALSE, field="magiclink")
            username = derive.username_of(link.user_id)
            await self._users.greet(username)
            signed_in = await self._open_session(username)
        log.info("%s has signed in", username)
        return signed_in

    async def refresh(self, token: str) -> SignedIn:
        """New tokens for the newest refresh token. An older one is in wrong hands, or the newer one is: both end."""
        if not token:
            raise SessionRequired(NO_REFRESH)
        claims = self._read_refresh(token)
        key = _session_key(claims.session)
        with _unbroken():
            for _ in range(ATTEMPTS):
                stored = await self._store.get(key)
                if stored is None:
                    raise SessionRevoked(INVALID_REFRESH.format("Session has ended"))
                session = _Session.unpack(stored)
                if not hmac.compare_digest(session.refresh, tokens.digest_of(token)):
                    await self._store.delete(key)
                    log.warning("A refresh token of %s came a second time; its session was ended", session.username)
                    raise SessionRevoked(INVALID_REFRESH.format("Token has been used. The session has ended"))
                signed_in = self._mint(claims)
                renewed = evolve(session, refresh=tokens.digest_of(signed_in.refresh_token)).pack()
                if await self._store.compare_and_set(key, stored, renewed, ttl=self.refresh_life):
                    return signed_in
        raise StoreUnavailable

    async def log_out(self, refresh_token: str, access_token: str) -> None:
        """End the sessions that these tokens name, be they ever so old; what is no token of ours is passed over."""
        shown: tuple[tuple[str, Kind], ...] = ((refresh_token, "refresh"), (access_token, "access"))
        for token, kind in shown:
            try:
                claims = self._tokens.read(token, kind, even_expired=True)
            except TokenRefused:
                continue
            with _unbroken():
                if await self._store.delete(_session_key(claims.session)):
                    log.info("%s has logged out", claims.username)

    async def recognise(self, access_token: str) -> str:
        """Whose access token this is, if its session still lives."""
        try:
            claims = self._tokens.read(access_token, "access")
        except TokenRefused as error:
            raise SessionRequired(EXPIRED_ACCESS if error.reason == tokens.EXPIRED else INVALID_ACCESS) from None
        stored = await self._store.get(_session_key(claims.session))
        if stored is None or _Session.unpack(stored).username != claims.username:
            raise SessionRevoked(INVALID_ACCESS)
        return claims.username

    async def forget(self, username: str) -> bool:
        """Remove a user and end every session of theirs; False if there was none."""
        with _unbroken():
            existed = await self._users.remove(username)
            for key, stored in await self._store.items(SESSION_KEY):
                if _Session.unpack(stored).username == username:
                    await self._store.delete(key)
        return existed

    async def _open_link(self, user_id: bytes) -> tuple[str, int]:
        """A token that never was before. It holds no number of its own, only its end: two of one second differ in
        that the later one ends earlier."""
        latest = int(self._wall()) + LIFE
        for expires in range(latest, latest - ATTEMPTS, -1):
            token = links.make_token(self._link_key, Link(user_id, expires))
            if await self._store.put_if_absent(_link_key(token), OPEN, ttl=LIFE + MARGIN):
                return token, expires
        raise RateLimited(MANY_LINKS, retry_after=1)

    async def _open_session(self, username: str) -> SignedIn:
        for _ in range(ATTEMPTS):
            claims = Claims(username, self._new_session())
            signed_in = self._mint(claims)
            session = _Session(username, tokens.digest_of(signed_in.refresh_token), int(self._wall()))
            if await self._store.put_if_absent(_session_key(claims.session), session.pack(), ttl=self.refresh_life):
                return signed_in
        raise RuntimeError("The source of session numbers repeats itself.")

    def _mint(self, claims: Claims) -> SignedIn:
        return SignedIn(claims.username, self._tokens.access(claims), self._tokens.refresh(claims))

    def _read_refresh(self, token: str) -> Claims:
        try:
            return self._tokens.read(token, "refresh")
        except TokenRefused as error:
            raise SessionRequired(INVALID_REFRESH.format(error.reason)) from None

    def _blind(self, mailbox: str) -> str:
        """A limit remembers its keys for a while, and may not remember an address."""
        return hmac.digest(self._link_key, b"mailbox:" + mailbox.encode(), "sha256").hex()


@contextmanager
def _unbroken() -> Iterator[None]:
    """A caller who hangs up does not stop what is inside half-way; a store that hangs does, after five seconds."""
    try:
        with trio.fail_after(COMMIT_SECONDS, shield=True):
            yield
    except trio.TooSlowError:
        raise StoreUnavailable from None


def _link_key(token: str) -> str:
    return LINK_KEY + hashlib.sha256(token.encode()).hexdigest()


def _session_key(session: int) -> str:
    return f"{SESSION_KEY}{session}"
