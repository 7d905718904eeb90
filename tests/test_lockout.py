"""Wrong guesses add up by address, and cost five minutes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.domain.errors import RateLimited
from hashpass.lockout import Lockout
from hashpass.testing import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lockout(clock: Clock) -> Lockout:
    return Lockout(clock=clock.monotonic)


def locked(lockout: Lockout, key: str) -> float | None:
    """The seconds that are left, if it is."""
    try:
        lockout.check(key)
    except RateLimited as refusal:
        return refusal.retry_after
    return None


def test_the_tenth_wrong_guess_locks_the_address_out_for_five_minutes(lockout: Lockout, clock: Clock) -> None:
    for _ in range(9):
        assert not lockout.fail("a")
        assert locked(lockout, "a") is None
    assert lockout.fail("a")
    assert locked(lockout, "a") == 300
    assert locked(lockout, "b") is None
    clock.advance(299)
    assert locked(lockout, "a") == 1
    clock.advance(1)
    assert locked(lockout, "a") is None


def test_guesses_of_more_than_five_minutes_ago_are_forgiven(lockout: Lockout, clock: Clock) -> None:
    for _ in range(100):
        assert not lockout.fail("a")
        clock.advance(34)


def test_what_comes_during_a_lockout_prolongs_nothing_and_counts_for_nothing(lockout: Lockout, clock: Clock) -> None:
    for _ in range(10):
        lockout.fail("a")
    clock.advance(299)
    for _ in range(50):
        assert not lockout.fail("a")
    assert locked(lockout, "a") == 1
    clock.advance(1)
    for _ in range(9):
        assert not lockout.fail("a")
    assert locked(lockout, "a") is None
    assert lockout.fail("a")


def test_the_map_is_bounded_and_the_longest_idle_is_forgotten_first(clock: Clock) -> None:
    lockout = Lockout(clock=clock.monotonic, max_keys=100)
    for _ in range(10):
        lockout.fail("victim")
    for number in range(99):
        lockout.fail(f"other {number}")
    assert locked(lockout, "victim") == 300
    for number in range(1000):
        lockout.fail(f"flood {number}")
        assert len(lockout) <= 100
    clock.advance(300)
    for number in range(60):
        lockout.fail(f"later {number}")
    assert len(lockout) == 60


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 120))))
def test_it_locks_exactly_when_ten_guesses_lie_within_five_minutes(guesses: list[tuple[str, float]]) -> None:
    clock = Clock()
    lockout = Lockout(clock=clock.monotonic)
    counted: dict[str, list[float]] = {"a": [], "b": [], "c": []}
    until = dict.fromkeys("abc", 0.0)
    for key, pause in guesses:
        clock.advance(pause)
        now = clock.now
        assert (locked(lockout, key) is not None) == (until[key] > now)
        if until[key] <= now:
            counted[key] = [at for at in counted[key] if at > now - 300] + [now]
        if expected := until[key] <= now and len(counted[key]) == 10:
            until[key], counted[key] = now + 300, []
        assert lockout.fail(key) == expected
