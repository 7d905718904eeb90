"""The memory of used nonces: once, bounded, and as quick when it is full of them."""

from __future__ import annotations

import logging
import math
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.cap import MemoryNonceStore, NonceStore
from tests.cap.clocks import HandClock


def test_a_nonce_is_marked_once_and_again_when_its_life_is_over() -> None:
    clock = HandClock()
    store = MemoryNonceStore(clock=clock)
    assert store.mark_used("a", 10)
    clock.now += 9.99
    assert not store.mark_used("a", 10)
    assert store.mark_used("b", 10)
    clock.now += 0.01
    assert store.mark_used("a", 10)
    assert not store.mark_used("a", 10)


def test_it_is_a_nonce_store_and_so_is_whatever_has_the_method() -> None:
    class Mine:
        def mark_used(self, nonce: str, ttl_seconds: float) -> bool:
            return True

    assert isinstance(MemoryNonceStore(), NonceStore)
    assert isinstance(Mine(), NonceStore)
    assert not isinstance(object(), NonceStore)


def test_an_empty_store_is_not_taken_for_none() -> None:
    assert MemoryNonceStore()


def test_a_full_store_refuses_says_so_once_and_forgets_nothing(caplog: pytest.LogCaptureFixture) -> None:
    clock = HandClock()
    store = MemoryNonceStore(max_nonces=2, clock=clock)
    assert store.mark_used("a", 10)
    assert store.mark_used("b", 20)
    with caplog.at_level(logging.ERROR):
        assert not any(store.mark_used(f"new {n}", 10) for n in range(5))
    assert len(caplog.records) == 1
    assert not store.mark_used("a", 10)
    clock.now += 10
    assert store.mark_used("c", 10)
    assert not store.mark_used("b", 10)
    assert not store.mark_used("d", 10)


def test_a_full_store_has_room_the_moment_something_expires() -> None:
    clock = HandClock(100.25)
    store = MemoryNonceStore(max_nonces=2, clock=clock)
    assert store.mark_used("a", 0.25)
    assert store.mark_used("b", 0.5)
    clock.now = 100.5
    assert store.mark_used("c", 0.1)
    assert not store.mark_used("b", 1)
    assert not store.mark_used("d", 1)
    assert len(store._expiries) == 2


def test_memory_is_given_back() -> None:
    clock = HandClock()
    store = MemoryNonceStore(clock=clock)
    for n in range(10_000):
        store.mark_used(f"{n}", 1 + n % 600 / 10)
        store.mark_used(f"{n}", 1)
    clock.now += 62
    assert store.mark_used("last", 5)
    assert len(store._expiries) == 1
    assert len(store._groups) == len(store._seconds) == 1


def test_a_nonce_that_was_marked_again_is_forgotten_with_its_second_life() -> None:
    clock = HandClock(100.25)
    store = MemoryNonceStore(clock=clock)
    assert store.mark_used("a", 0.25)
    clock.now = 100.75
    assert store.mark_used("a", 10)
    clock.now = 105.0
    assert not store.mark_used("a", 10)
    clock.now = 111.0
    assert store.mark_used("b", 10)
    assert list(store._expiries) == ["b"]


@pytest.mark.parametrize("most", [0, -1, True, 1.5, None, "10"])
def test_a_store_without_room_is_not_made(most: object) -> None:
    with pytest.raises(ValueError, match="max_nonces"):
        MemoryNonceStore(most)  # type: ignore[arg-type]  # that is the test


def test_of_fifty_threads_one_is_told_yes() -> None:
    store = MemoryNonceStore()
    for n in range(20):
        start = threading.Barrier(50)

        def mark(nonce: str = f"nonce {n}", start: threading.Barrier = start) -> bool:
            start.wait()
            return store.mark_used(nonce, 10)

        with ThreadPoolExecutor(50) as pool:
            assert sum(future.result() for future in [pool.submit(mark) for _ in range(50)]) == 1


@given(
    st.integers(1, 5),
    st.lists(
        st.tuples(
            st.sampled_from("abcdefg"), st.sampled_from([0.125, 0.5, 1, 2.25, 7]), st.sampled_from([0, 0.125, 1, 3])
        )
    ),
)
def test_it_answers_like_a_dictionary_that_is_cleaned_at_every_call(
    room: int, calls: list[tuple[str, float, float]]
) -> None:
    clock = HandClock(50.0)
    store = MemoryNonceStore(room, clock=clock)
    model: dict[str, float] = {}
    for nonce, ttl, wait in calls:
        clock.now += wait
        model = {key: expiry for key, expiry in model.items() if expiry > clock.now}
        expected = nonce not in model and len(model) < room
        if expected:
            model[nonce] = clock.now + ttl
        assert store.mark_used(nonce, ttl) == expected
        assert model.keys() <= store._expiries.keys()


def test_a_call_costs_no_more_with_a_hundred_thousand_nonces_alive() -> None:
    """A scan of them all would cost a thousand times as much; the factor leaves room for a busy machine."""

    def cost(alive: int) -> float:
        clock = HandClock()
        store = MemoryNonceStore(clock=clock)
        for n in range(alive):
            store.mark_used(f"alive {n}", 600 + n % 6000)
        times = []
        for block in range(30):
            started = time.thread_time()
            for n in range(200):
                clock.now += 0.001
                store.mark_used(f"{block} {n}", 600)
            times.append(time.thread_time() - started)
        return statistics.median(times)

    assert min(cost(100_000) / cost(100) for _ in range(3)) < 5


def test_an_endless_life_is_no_life_of_a_token() -> None:
    store = MemoryNonceStore()
    with pytest.raises(OverflowError):
        store.mark_used("a", math.inf)
    assert len(store._expiries) == 0
