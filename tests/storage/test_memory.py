"""What the memory store promises beyond the contract: a bound, and a price per call that does not grow."""

from __future__ import annotations

import time

import pytest
from attrs import define

from hashpass.domain.errors import StoreFull
from hashpass.storage.memory import MemoryStore


@define
class HandClock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_full_store_refuses_the_new_and_keeps_the_old() -> None:
    store = MemoryStore(HandClock(), max_entries=2)
    await store.put("a", b"1", ttl=10)
    await store.put("b", b"1")
    for refused in (store.put("c", b"1"), store.put_if_absent("c", b"1"), store.compare_and_set("c", None, b"1")):
        with pytest.raises(StoreFull):
            await refused
    assert [key for key, _ in await store.items("")] == ["a", "b"]
    await store.put("a", b"2")  # what is there may still change
    assert await store.compare_and_set("b", b"1", b"2")
    assert await store.touch("b", ttl=10)


async def test_room_comes_back_when_a_life_ends_or_an_entry_is_taken() -> None:
    clock = HandClock()
    store = MemoryStore(clock, max_entries=300)
    for number in range(300):
        await store.put(str(number), b"1", ttl=10)
    await store.take("0")
    await store.put("new", b"1")
    clock.now = 10
    for number in range(299):
        await store.put(f"again{number}", b"1")
    with pytest.raises(StoreFull):
        await store.put("one too many", b"1")


async def test_outdated_entries_are_cleared_without_being_asked_for() -> None:
    clock = HandClock()
    store = MemoryStore(clock)
    for number in range(1000):
        await store.put(str(number), b"1", ttl=10)
    clock.now = 10
    for _ in range(20):
        await store.get("something else")
    assert len(store) == 0


async def test_prolonged_entries_are_cleared_at_their_new_end() -> None:
    clock = HandClock()
    store = MemoryStore(clock)
    for number in range(100):
        await store.put(str(number), b"1", ttl=10)
        await store.touch(str(number), ttl=20)
    for now, left in ((10, 100), (20, 0)):
        clock.now = now
        for _ in range(4):
            await store.get("something else")
        assert len(store) == left


async def test_changing_lives_does_not_pile_up_alarms() -> None:
    clock = HandClock()
    store = MemoryStore(clock)
    await store.put("a", b"1")
    for number in range(10_000):
        await store.touch("a", ttl=1e6 - number)  # each shorter than the one before: the costly direction
        await store.put("b", b"1", ttl=5)
        await store.take("b")
    assert len(store._alarms) < 300


async def test_a_call_costs_the_same_with_many_entries() -> None:
    """One scan over 100,000 entries takes milliseconds, so 15,000 calls must not hold one. There is room for noise."""
    clock = HandClock()
    store = MemoryStore(clock)
    for number in range(100_000):
        await store.put(f"session:{number}", b"x" * 50, ttl=300 + number % 60)
    started = time.perf_counter()
    for number in range(5_000):
        clock.now += 0.01
        await store.touch(f"session:{number}", ttl=300)
        await store.get(f"session:{number}")
        await store.put_if_absent(f"gate:{number}", b"", ttl=600)
    assert time.perf_counter() - started < 1.5
