"""The open gate, and the keeper in front of every gate."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from hashpass.domain.errors import GateRefused, GateTokenUsed, GateUnavailable, HashPassError
from hashpass.domain.values import Address
from hashpass.gates.base import Gate, Gatekeeper, Sources
from hashpass.gates.open import OpenGate
from hashpass.storage.memory import MemoryStore
from hashpass.testing import FakeGate

HOME = Address.parse("203.0.113.7")


async def test_the_open_gate_lets_anything_pass_again_and_again() -> None:
    gate: Gate = OpenGate()
    keeper = Gatekeeper(gate, MemoryStore(max_entries=0))
    for token in ("", "", "x", "x", "XXXX.DUMMY.TOKEN.XXXX", "\n", "a" * 10_000, "\ud800"):
        await keeper.admit(token, HOME)
    assert gate.public() == {"site_key": None, "test_mode": False}
    assert gate.csp == Sources()


async def test_a_token_works_once() -> None:
    gate = FakeGate()
    keeper = Gatekeeper(gate, MemoryStore())
    await keeper.admit("good", HOME)
    with pytest.raises(GateTokenUsed):
        await keeper.admit("good", HOME)
    await keeper.admit("good too", HOME)
    assert gate.asked == ["good", "good too"]


async def test_of_many_at_once_one_enters() -> None:
    gate = FakeGate(answer=trio.Event())
    keeper = Gatekeeper(gate, MemoryStore())
    entered: list[bool] = []

    async def enter() -> None:
        try:
            await keeper.admit("good", HOME)
        except GateTokenUsed:
            entered.append(False)
        else:
            entered.append(True)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(enter)
        await trio.testing.wait_all_tasks_blocked()
        assert gate.answer is not None
        gate.answer.set()
    assert sorted(entered) == [False] * 7 + [True]
    assert gate.asked == ["good"]


@pytest.mark.parametrize("failure", [GateRefused(), GateUnavailable(), GateTokenUsed()])
async def test_a_token_that_did_not_pass_may_be_shown_again(failure: HashPassError) -> None:
    gate = FakeGate(fails=failure)
    keeper = Gatekeeper(gate, MemoryStore())
    with pytest.raises(type(failure)):
        await keeper.admit("good", HOME)
    gate.fails = None
    await keeper.admit("good", HOME)


class SlowStore(MemoryStore):
    async def delete(self, key: str) -> bool:
        await trio.lowlevel.checkpoint()
        return await super().delete(key)


async def test_a_caller_who_hangs_up_spends_nothing() -> None:
    gate = FakeGate(answer=trio.Event())
    keeper = Gatekeeper(gate, SlowStore())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.admit, "good", HOME)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    gate.answer = None
    await keeper.admit("good", HOME)


async def test_what_cannot_be_a_token_is_refused_unasked() -> None:
    gate = FakeGate()
    keeper = Gatekeeper(gate, MemoryStore())
    for token in ("", "good" * 513, "good\n", "good\ud800"):
        with pytest.raises(GateRefused) as refusal:
            await keeper.admit(token, HOME)
        assert refusal.value.field == "token"
    assert gate.asked == []


async def test_a_token_is_remembered_for_ten_minutes_and_not_in_clear() -> None:
    now = [0.0]
    store = MemoryStore(lambda: now[0])
    keeper = Gatekeeper(FakeGate(), store)
    await keeper.admit("good secret", HOME)
    [(key, value)] = await store.items("")
    assert "secret" not in key
    assert value == b""
    now[0] = 599
    with pytest.raises(GateTokenUsed):
        await keeper.admit("good secret", HOME)
    now[0] = 600
    assert await store.items("") == []
