from __future__ import annotations

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from hashpass.domain.errors import RateLimited
from hashpass.limits import Pace, RateLimit


@define
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_so_many_pass_and_the_next_is_told_when() -> None:
    clock = Clock()
    limit = RateLimit(3, 60, clock=clock)
    for _ in range(3):
        limit.take("a")
        clock.now += 10
    with pytest.raises(RateLimited) as refusal:
        limit.take("a")
    assert refusal.value.retry_after == 30
    limit.take("b")  # another key is not concerned
    clock.now = 60
    limit.take("a")
    with pytest.raises(RateLimited):
        limit.take("a")


def test_a_refused_call_is_not_counted() -> None:
    clock = Clock()
    limit = RateLimit(1, 60, clock=clock)
    limit.take("a")
    for _ in range(59):
        clock.now += 1
        with pytest.raises(RateLimited):
            limit.take("a")
    clock.now = 60
    limit.take("a")


def test_idle_keys_are_forgotten() -> None:
    clock = Clock()
    limit = RateLimit(3, 60, clock=clock)
    for number in range(1000):
        limit.take(str(number))
    clock.now = 60
    for _ in range(500):
        limit.take("a")
        clock.now += 30
    assert len(limit) == 1


def test_a_full_map_forgets_the_longest_idle_and_not_whoever_keeps_knocking() -> None:
    clock = Clock()
    limit = RateLimit(1, 60, clock=clock, max_keys=10)
    limit.take("idle")
    limit.take("knocking")
    for number in range(30):
        limit.take(f"other {number}")
        with pytest.raises(RateLimited):
            limit.take("knocking")
        assert len(limit) <= 10
    limit.take("idle")


@given(st.lists(st.floats(0, 30), max_size=60))
def test_no_window_ever_holds_more(pauses: list[float]) -> None:
    clock = Clock()
    limit = RateLimit(4, 60, clock=clock)
    passed: list[float] = []
    for pause in pauses:
        clock.now += pause
        if sum(at > clock.now - 60 for at in passed) < 4:
            limit.take("a")
            passed.append(clock.now)
            continue
        with pytest.raises(RateLimited) as refusal:
            limit.take("a")
        assert refusal.value.retry_after is not None
        assert 0 < refusal.value.retry_after <= 60


def test_a_refusal_now_and_then_is_told_at_once() -> None:
    clock = Clock()
    pace = Pace(rate=20, burst=20, clock=clock)
    for _ in range(100):
        clock.now += 0.25
        assert pace.delay("a") == 0


def test_whoever_keeps_being_refused_waits_but_never_longer_than_the_limit() -> None:
    clock = Clock()
    pace = Pace(rate=20, burst=20, most=1.0, clock=clock)
    waits = [pace.delay("a") for _ in range(200)]
    assert waits[:21] == pytest.approx([0.0] * 21)
    assert waits[30] == pytest.approx(0.5)
    assert waits[-1] == 1.0
    assert waits == sorted(waits)
    assert pace.delay("b") == 0


def test_a_flood_that_has_ended_is_soon_forgotten() -> None:
    clock = Clock()
    pace = Pace(rate=20, burst=20, most=1.0, clock=clock)
    for _ in range(10_000):
        pace.delay("a")
    clock.now += 2.1
    assert pace.delay("a") == 0


def test_the_pace_keeps_no_more_keys_than_it_may() -> None:
    pace = Pace(clock=Clock(), max_keys=10)
    for number in range(100):
        pace.delay(str(number))
    assert len(vars(pace)["_paid"]) <= 10
