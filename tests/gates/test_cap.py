"""Our own captcha as the gate: its server's tokens, each once."""

from __future__ import annotations

import pytest
import trio
from attrs import define, field

from hashpass.cap import CapServer, StoreFailed
from hashpass.cap.testing import solve
from hashpass.domain.errors import GateRefused, GateTokenUsed, StoreUnavailable
from hashpass.domain.values import Address
from hashpass.gates.base import Gate, Gatekeeper, Sources
from hashpass.gates.cap import CapGate
from hashpass.storage.memory import MemoryStore

HOME = Address.parse("203.0.113.7")
AWAY = Address.parse("198.51.100.1")


@define
class House:
    """A captcha server on a clock of its own, and the gate in front of which it stands."""

    now: float = 1_790_000_000.0
    store: MemoryStore = field(factory=MemoryStore)
    secret: str = "x" * 32

    @property
    def server(self) -> CapServer:
        return CapServer(self.secret, 2, 8, 1, 60_000, 120_000, store=self.store, clock=lambda: self.now)

    @property
    def keeper(self) -> Gatekeeper:
        return Gatekeeper(CapGate(self.server), self.store)

    async def token(self) -> str:
        challenge = self.server.create_challenge()
        solutions = solve(challenge["token"], challenge["challenge"])
        redeemed = await self.server.redeem_async(challenge["token"], solutions)
        token: str = redeemed["token"]
        return token


async def test_the_page_is_told_where_the_captcha_is_and_needs_no_other_host() -> None:
    gate: Gate = CapGate(House().server)
    assert gate.public() == {"site_key": None, "test_mode": False, "cap_endpoint": "/api/cap/"}
    assert gate.csp == Sources()


async def test_a_token_lets_in_once_from_whatever_address() -> None:
    house = House()
    token = await house.token()
    await house.keeper.admit(token, AWAY)
    for address in (AWAY, HOME):
        with pytest.raises(GateTokenUsed):
            await house.keeper.admit(token, address)


async def test_a_used_token_stays_used_for_as_long_as_it_lives() -> None:
    house = House()
    token = await house.token()
    await house.keeper.admit(token, HOME)
    house.now += 119
    with pytest.raises(GateTokenUsed):
        await house.keeper.admit(token, HOME)
    house.now += 1
    with pytest.raises(GateRefused, match="expired"):
        await house.keeper.admit(token, HOME)


async def test_of_fifty_at_once_one_enters() -> None:
    house = House()
    token = await house.token()
    entered: list[bool] = []

    async def enter() -> None:
        try:
            await house.keeper.admit(token, HOME)
        except GateTokenUsed:
            entered.append(False)
        else:
            entered.append(True)

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(enter)
    assert sorted(entered) == [False] * 49 + [True]


@pytest.mark.parametrize("token", ["", "x", "a:1:b", "x" * 100_000, "\ud800", "\x00", "XXXX.DUMMY.TOKEN.XXXX"])
async def test_what_the_server_has_not_given_out_is_refused(token: str) -> None:
    with pytest.raises(GateRefused) as refusal:
        await House().keeper.admit(token, HOME)
    assert refusal.value.field == "token"
    assert len(token) < 2 or token not in refusal.value.detail


async def test_a_token_of_another_key_and_an_unsolved_challenge_are_refused() -> None:
    house = House()
    for token in (await House(secret="y" * 32).token(), house.server.create_challenge()["token"]):
        with pytest.raises(GateRefused):
            await house.keeper.admit(token, HOME)


class BrokenStore(MemoryStore):
    async def put_if_absent(self, key: str, value: bytes, *, ttl: float | None = None) -> bool:
        raise StoreUnavailable("no")


async def test_nobody_enters_while_the_store_cannot_tell() -> None:
    house = House()
    token = await house.token()
    good, house.store = house.store, BrokenStore()
    with pytest.raises(StoreFailed):
        await house.keeper.admit(token, HOME)
    house.store = good
    await house.keeper.admit(token, HOME)
