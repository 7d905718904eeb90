"""A sign-in desk for tests: everything real but the slow derivation, the mail and the clock."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

import trio
from attrs import define, field, frozen

from hashpass.addresses import AddressReader
from hashpass.domain.chain import Record
from hashpass.identity.links import Origins
from hashpass.identity.service import SignedIn, SignIn
from hashpass.identity.tokens import Tokens
from hashpass.identity.users import Users
from hashpass.limits import RateLimit
from hashpass.lockout import Lockout
from hashpass.storage.base import Store
from hashpass.storage.memory import MemoryStore
from hashpass.tickets import Tickets
from hashpass.trail import Trail
from hashpass.web.admin_entrance import AdminEntrance

JWT_SECRET = "e6024c8eada7b42bee415ef56eb597c62c170681f1946a8cb899fc5c102e2c11"
LINK_KEY = bytes.fromhex("464c57289ac9f1a0a93c98ebe1ced0c31ac777798b9ce55cd67a358db5931b26")
SALT = bytes.fromhex("637de2cf5c738c757fb4e663685721bf3dca002da5168626dbe07f1b9907e1e3")
ORIGIN = "https://hashpass.example"
OTHER = "https://app.hashpass.example"
PERSON = "somebody@example.org"


@define
class HandClock:
    now: float = 1_756_771_200.0

    def __call__(self) -> float:
        return self.now


@frozen
class Posted:
    to: str
    link: str
    language: str
    expires: float

    @property
    def token(self) -> str:
        return self.link.partition("magiclink=")[2].partition("&")[0]


@define
class Box:
    """Takes mails and keeps them."""

    mails: list[Posted] = field(factory=list)

    def check(self) -> None:
        """There is always room."""

    def put(self, to: str, link: str, language: str, expires: float) -> None:
        self.mails.append(Posted(to, link, language, expires))


async def quick(email: str) -> bytes:
    return hashlib.sha256(email.encode()).digest()


@define(eq=False)
class Desk:
    clock: HandClock
    store: Store
    box: Box
    users: Users
    tokens: Tokens
    sign_in: SignIn

    async def ask(self, email: str = PERSON, form: str | None = None) -> Posted:
        await self.sign_in.send_link(email, self.sign_in.prepare(None, form), "en")
        return self.box.mails[-1]

    async def enter(self, email: str = PERSON) -> SignedIn:
        return await self.sign_in.redeem((await self.ask(email)).token)


def make_desk(
    store: Store | None = None,
    clock: HandClock | None = None,
    derivation: Callable[[str], Awaitable[bytes]] = quick,
    origins: Origins | None = None,
) -> Desk:
    clock = clock or HandClock()
    store = store or MemoryStore(clock)
    box, users, tokens = Box(), Users(store, wall=clock), Tokens(JWT_SECRET, clock)
    chosen = origins or Origins.of(ORIGIN, [OTHER])
    sign_in = SignIn(
        store,
        users,
        derivation=derivation,
        link_key=LINK_KEY,
        tokens=tokens,
        post=box,
        origins=lambda: chosen,
        recipients=RateLimit(5, 900, clock=clock),
        mailboxes=RateLimit(20, 900, clock=clock),
        wall=clock,
    )
    return Desk(clock, store, box, users, tokens, sign_in)


@define
class NoLog:
    """Keeps nothing of what operators do."""

    full: bool = False

    async def append(self, record: Record) -> None:
        await trio.lowlevel.checkpoint()


def operator(token: str) -> AdminEntrance:
    """Knows the operator by this token."""
    trail = Trail(NoLog(), wall=HandClock())
    return AdminEntrance(AddressReader([]), token, Lockout(), Tickets(), trail)
