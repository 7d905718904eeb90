from __future__ import annotations

import json
import math
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from hashpass.domain.difficulty import (
    HASHES,
    MAX_FALL_BY_EVIDENCE,
    MAX_RAISE,
    MAX_RAISE_UNMEASURED,
    MAX_SAMPLES,
    SECONDS_PER_BIT,
    Adjustment,
    DifficultyPolicy,
    Estimate,
    Evidence,
    Outcome,
    Pending,
    Solved,
    SteadyPolicy,
    StepPolicy,
    TimedOut,
    bits_for,
    shown_bits,
    target_for,
)
from hashpass.domain.values import Rules

RULES = Rules(target_low=30.0, target_high=120.0)
STEP = StepPolicy()
STEADY = SteadyPolicy()
A_LITTLE = 1e-6

times = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
bits = st.floats(min_value=1, max_value=32)
outcomes = st.one_of(
    st.builds(Solved, times, st.booleans()),
    st.builds(TimedOut, times),
    st.builds(Evidence, st.integers(0, HASHES - 1), st.integers(1, HASHES), times),
)


def settled(target: int, rounds: int = 20) -> Estimate:
    """What is known when every round so far took exactly the target time."""
    return Estimate((RULES.target_time * target / HASHES,) * rounds)


def step(time: float, start: float = 16, *, measured: bool = True) -> float:
    result = STEP.adjust(target_for(start), Estimate(), Solved(time, measured), RULES, 0.0)
    return shown_bits(result.target) - start


def play(policy: DifficultyPolicy, target: int, estimate: Estimate, *played: Outcome) -> list[Adjustment]:
    results = []
    for outcome in played:
        result = policy.adjust(target, estimate, outcome, RULES, 0.0)
        target, estimate = result.target, result.estimate
        results.append(result)
    return results


# Targets and bits


@pytest.mark.parametrize("whole", range(1, 257))
def test_whole_bits_and_targets_are_the_same_thing(whole: int) -> None:
    target = target_for(whole)
    assert target == 2 ** (256 - whole)
    assert bits_for(target) == whole
    assert shown_bits(target) == whole


@given(st.floats(min_value=0, max_value=64))
def test_the_whole_difficulty_always_suffices(fraction: float) -> None:
    target = target_for(fraction)
    assert 2 ** (256 - bits_for(target)) <= target
    assert shown_bits(target) == pytest.approx(fraction, abs=1e-9)


@given(st.integers(1, HASHES))
def test_one_bit_less_would_not_suffice(target: int) -> None:
    assert 2 ** (256 - bits_for(target)) <= target < 2 ** (257 - bits_for(target))


@pytest.mark.parametrize("value", [-1, 256.5, math.inf, math.nan])
def test_what_is_no_difficulty_has_no_target(value: float) -> None:
    with pytest.raises(ValueError, match="256 bits"):
        target_for(value)


@pytest.mark.parametrize("value", [-1, 0, HASHES + 1])
def test_what_is_no_target_has_no_bits(value: int) -> None:
    with pytest.raises(ValueError, match="target"):
        bits_for(value)


@pytest.mark.parametrize("seconds", [-1, math.inf, math.nan])
def test_a_time_is_a_number_of_seconds(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds"):
        Solved(seconds)
    with pytest.raises(ValueError, match="seconds"):
        TimedOut(seconds)


# Step


@pytest.mark.parametrize(
    ("time", "change"),
    [(1, 4), (5, 3), (10, 2), (25, 1), (30, 0), (75, 0), (120, 0), (125, -1), (300, -2), (1000, -3)],
)
def test_step_follows_the_table(time: float, change: int) -> None:
    assert step(time) == change


@pytest.mark.parametrize(
    ("time", "change"),
    [
        (0, 4),
        (5e-324, 4),
        (75 / 16, 4),
        (math.nextafter(75 / 16, 10), 3),
        (75 / 8, 3),
        (math.nextafter(75 / 8, 10), 2),
        (29.99, 1),
        (120.01, -1),
        (math.nextafter(300, 0), -1),
        (600, -3),
        (1200, -4),
        (1e308, -4),
    ],
)
def test_step_rounds_down_and_stops_at_four(time: float, change: int) -> None:
    assert step(time) == change


def test_step_never_falls_on_a_time_that_nobody_announced() -> None:
    assert step(1000, measured=False) == 0
    assert step(10, measured=False) == 2


@pytest.mark.parametrize(("mining_time", "change"), [(1, -2), (75, -2), (300, -2), (600, -3), (1e9, -4)])
def test_step_falls_two_bits_or_more_at_a_time_out(mining_time: float, change: int) -> None:
    result = STEP.adjust(target_for(16), Estimate(), TimedOut(mining_time), RULES, 0.0)
    assert shown_bits(result.target) - 16 == change


def test_step_makes_a_fraction_whole_and_takes_the_whole_step() -> None:
    start = 15.3
    assert start + step(75, start) == 15
    assert start + step(25, start) == 17
    assert start + step(125, start) == 14


def test_evidence_changes_nothing_for_steps() -> None:
    result = STEP.adjust(target_for(16), Estimate(), Evidence(2**250, target_for(16), 300.0), RULES, 0.0)
    assert (result.target, result.estimate) == (target_for(16), Estimate())


@given(bits, times, times)
def test_for_steps_a_faster_solve_never_makes_it_easier_than_a_slower_one(start: float, a: float, b: float) -> None:
    fast, slow = (STEP.adjust(target_for(start), Estimate(), Solved(t), RULES, 0.0) for t in sorted((a, b)))
    assert fast.target <= slow.target


# Both


@pytest.mark.parametrize("policy", [STEP, STEADY])
@given(start=bits, played=st.lists(outcomes, max_size=8), limits=st.tuples(st.integers(1, 64), st.integers(1, 64)))
def test_nothing_leads_out_of_the_bounds_or_fails(
    policy: DifficultyPolicy, start: float, played: list[Outcome], limits: tuple[int, int]
) -> None:
    rules = evolve(RULES, min_difficulty=min(limits), max_difficulty=max(limits))
    target, estimate = target_for(start), Estimate()
    for drawn in played:
        outcome = drawn
        if isinstance(drawn, Evidence) and estimate.pending is not None:
            outcome = evolve(drawn, target=estimate.pending.target, mining_time=estimate.pending.mining_time)
        result = policy.adjust(target, estimate, outcome, rules, 0.0)
        assert result == policy.adjust(target, estimate, outcome, rules, 1e9)
        if isinstance(outcome, Evidence):
            assert result.target == target
        else:
            assert target_for(rules.max_difficulty) <= result.target <= target_for(rules.min_difficulty)
        assert result.reason.endswith(".")
        assert "\n" not in result.reason
        target, estimate = result.target, result.estimate
        assert len(estimate.samples) <= MAX_SAMPLES
        assert Estimate.from_json(json.loads(json.dumps(estimate.to_json()))) == estimate


@pytest.mark.parametrize("policy", [STEP, STEADY])
def test_the_reason_tells_when_a_limit_held_it(policy: DifficultyPolicy) -> None:
    result = policy.adjust(target_for(32), settled(target_for(32)), Solved(0.1), RULES, 0.0)
    assert result.target == target_for(32)
    assert result.reason.endswith("no change, at the limit of 32 bits.")


def test_a_reason_reads_like_a_sentence() -> None:
    result = STEP.adjust(target_for(16), Estimate(), Solved(12.0), RULES, 0.0)
    assert result.reason == "Solved in 12.0 s, faster than 30 s to 120 s: 2 bits harder."
    result = STEP.adjust(target_for(16), Estimate(), TimedOut(300.0), RULES, 0.0)
    assert result.reason == "Nobody solved it in 300 s of mining: 2 bits easier."
    result = STEADY.adjust(target_for(16), settled(target_for(16)), Solved(75.0), RULES, 0.0)
    assert result.reason.startswith("Solved in 75.0 s, and the last 21 rounds show about 8")
    result = STEADY.adjust(target_for(16), settled(target_for(16)), TimedOut(300.0), RULES, 0.0)
    assert result.reason == "Nobody solved it in 300 s of mining: 0.45 bits easier."


# Steady


def test_steady_sets_a_fraction() -> None:
    target = target_for(16)
    result = STEADY.adjust(target, settled(target), Solved(30.0), RULES, 0.0)
    assert 0 < shown_bits(result.target) - 16 < 0.2


def test_steady_is_calm_about_one_lucky_solve() -> None:
    target = target_for(16)
    result = STEADY.adjust(target, settled(target), Solved(0.0), RULES, 0.0)
    assert 0 < shown_bits(result.target) - 16 < 0.2


def test_steady_believes_a_few_quick_solves_in_a_row() -> None:
    target = target_for(16)
    last = play(STEADY, target, settled(target), *[Solved(1.0)] * 5)[-1]
    assert shown_bits(last.target) - 16 > 3


def test_steady_lets_a_time_out_count_for_little_until_there_is_evidence() -> None:
    target = target_for(16)
    first = STEADY.adjust(target, settled(target), TimedOut(300.0), RULES, 0.0)
    assert 0 < 16 - shown_bits(first.target) <= 0.5
    half = STEADY.adjust(first.target, first.estimate, Evidence(2**256 // 4096, target, 300.0), RULES, 0.0)
    assert half.target == first.target
    second = STEADY.adjust(half.target, half.estimate, TimedOut(300.0), RULES, 0.0)
    assert shown_bits(first.target) - shown_bits(second.target) > 0.5


def test_evidence_is_as_good_as_a_solve_that_took_as_long() -> None:
    target = target_for(16)
    dead = STEADY.adjust(target, settled(target), TimedOut(300.0), RULES, 0.0)
    # The best of a hash rate a fifth as high: what a puzzle of 5 times the chance would have told.
    known = STEADY.adjust(dead.target, dead.estimate, Evidence(5 * target // 4, target, 300.0), RULES, 0.0)
    solved = STEADY.adjust(target, settled(target), Solved(375.0), RULES, 0.0)
    assert known.estimate.samples == pytest.approx(solved.estimate.samples)


def test_evidence_that_comes_after_the_next_solve_counts_as_before_it() -> None:
    target = target_for(16)
    dead = STEADY.adjust(target, settled(target), TimedOut(300.0), RULES, 0.0)
    evidence, solve = Evidence(5 * target // 4, target, 300.0), Solved(3.0)
    usual = play(STEADY, dead.target, dead.estimate, evidence, solve)[-1]
    late = play(STEADY, dead.target, dead.estimate, solve, evidence)[-1]
    assert late.estimate.samples == pytest.approx(usual.estimate.samples)


def test_evidence_of_short_rounds_may_do_less() -> None:
    target = target_for(16)
    one_hash = HASHES // 2
    course = [target]
    estimate = settled(target)
    for _ in range(10):
        dead = STEADY.adjust(course[-1], estimate, TimedOut(15.0), RULES, 0.0)
        estimate = STEADY.adjust(dead.target, dead.estimate, Evidence(one_hash, course[-1], 15.0), RULES, 0.0).estimate
        course.append(dead.target)
    assert shown_bits(course[0]) - shown_bits(course[-1]) < 150 / (2 * RULES.target_time) + 150 / SECONDS_PER_BIT


def test_evidence_of_another_puzzle_counts_for_nothing() -> None:
    target = target_for(16)
    dead = STEADY.adjust(target, settled(target), TimedOut(300.0), RULES, 0.0)
    other = STEADY.adjust(dead.target, dead.estimate, Evidence(2**250, target - 1, 300.0), RULES, 0.0)
    assert other.estimate == dead.estimate
    once = STEADY.adjust(dead.target, dead.estimate, Evidence(2**250, target, 300.0), RULES, 0.0)
    twice = STEADY.adjust(once.target, once.estimate, Evidence(2**250, target, 300.0), RULES, 0.0)
    assert twice.estimate == once.estimate


def test_evidence_is_awaited_for_a_few_rounds_only() -> None:
    target = target_for(16)
    dead = STEADY.adjust(target, settled(target), TimedOut(300.0), RULES, 0.0)
    assert dead.estimate.pending is not None
    assert play(STEADY, dead.target, dead.estimate, *[Solved(75.0)] * 8)[-1].estimate.pending is None


def test_a_fresh_estimate_starts_from_the_difficulty_as_it_stands() -> None:
    result = STEADY.adjust(target_for(20), Estimate(), Solved(75.0), RULES, 0.0)
    assert abs(shown_bits(result.target) - 20) < 0.5


@given(bits, st.lists(times, max_size=5), times)
def test_a_time_that_nobody_announced_never_makes_it_easier(start: float, before: list[float], time: float) -> None:
    target, estimate = target_for(start), Estimate()
    for result in play(STEADY, target, estimate, *map(Solved, before)):
        target, estimate = result.target, result.estimate
    result = STEADY.adjust(target, estimate, Solved(time, measured=False), RULES, 0.0)
    assert result.target <= target
    assert shown_bits(result.target) - shown_bits(target) <= MAX_RAISE_UNMEASURED + A_LITTLE
    assert (result.estimate.rate or 0) >= (estimate.rate or 0) * 0.95


@given(bits, st.lists(st.floats(min_value=0, max_value=3000), min_size=1, max_size=12))
def test_an_idle_clock_lowers_by_one_bit_in_ten_minutes_at_most(start: float, seconds: list[float]) -> None:
    target = target_for(start)
    results = play(STEADY, target, settled(target), *map(TimedOut, seconds))
    course = [target, *(result.target for result in results)]
    assert course == sorted(course)
    assert shown_bits(course[0]) - shown_bits(course[-1]) <= sum(seconds) / SECONDS_PER_BIT + A_LITTLE


@given(
    bits,
    st.lists(st.one_of(st.builds(Solved, st.floats(0, 300)), st.integers(0, HASHES - 1), st.none()), max_size=12),
)
def test_no_round_moves_it_further_than_its_time_and_its_evidence_allow(
    start: float, played: list[Solved | int | None]
) -> None:
    """A number is a time-out with that for its best hash, None one without."""
    target, estimate, credit = target_for(start), settled(target_for(start)), 0.0
    for outcome in played:
        timed = outcome if isinstance(outcome, Solved) else TimedOut(300.0)
        result = STEADY.adjust(target, estimate, timed, RULES, 0.0)
        change = shown_bits(result.target) - shown_bits(target)
        seconds = timed.time if isinstance(timed, Solved) else timed.mining_time
        assert change >= -seconds / SECONDS_PER_BIT - credit - A_LITTLE
        assert change <= (MAX_RAISE if isinstance(timed, Solved) else 0.0) + A_LITTLE
        credit, estimate = 0.0, result.estimate
        if isinstance(outcome, int):
            credit = MAX_FALL_BY_EVIDENCE
            estimate = STEADY.adjust(result.target, estimate, Evidence(outcome, target, 300.0), RULES, 0.0).estimate
        target = result.target


def test_a_night_of_idle_clocks_is_not_carried_into_the_day() -> None:
    """At the lowest difficulty the estimate soon stops falling too, or the first solves of the morning were gifts."""
    target = target_for(4)
    idle = play(STEADY, target, settled(target), *[TimedOut(300.0)] * 500)[-1]
    assert idle.target == target_for(1)
    morning = play(STEADY, idle.target, idle.estimate, *[Solved(0.05)] * 12)
    assert shown_bits(morning[-1].target) > 10


def test_a_difficulty_held_at_its_maximum_does_not_blow_up_the_estimate() -> None:
    target = target_for(32)
    held = play(STEADY, target, settled(target), *[Solved(0.0)] * 400)[-1]
    assert held.target == target
    later = play(STEADY, target, held.estimate, *[Solved(300.0)] * 12)
    assert shown_bits(later[-1].target) < 31.5


# The estimate on disk


def test_an_estimate_knows_its_rate() -> None:
    assert Estimate().rate is None
    assert Estimate((0.5,) * 40).rate == pytest.approx(2.0, rel=0.05)


estimates = st.builds(
    Estimate,
    st.lists(st.floats(1e-30, 1e30), max_size=MAX_SAMPLES).map(tuple),
    st.none() | st.builds(Pending, st.integers(1, HASHES), times, st.floats(0, 100), st.integers(0, 7)),
    st.floats(0, 2),
)


@given(estimates)
def test_an_estimate_comes_back_from_disk_as_it_was(estimate: Estimate) -> None:
    assert Estimate.from_json(json.loads(json.dumps(estimate.to_json()))) == estimate


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    json_values
    | st.fixed_dictionaries(
        {
            "samples": json_values | st.lists(st.floats() | st.integers(), max_size=45),
            "pending": json_values
            | st.fixed_dictionaries(
                {"target": json_values, "mining_time": json_values, "bits": json_values, "newer": json_values}
            ),
            "credit": json_values,
        }
    )
)
def test_garbage_is_no_estimate(value: Any) -> None:
    try:
        estimate = Estimate.from_json(value)
    except ValueError:
        return
    # What was let in works.
    STEADY.adjust(target_for(16), estimate, Solved(75.0), RULES, 0.0)
    STEADY.adjust(target_for(16), estimate, TimedOut(300.0), RULES, 0.0)


GOOD: dict[str, Any] = Estimate((1.0,), Pending(2**240, 300.0, 0.5, 1), 2.0).to_json()


@pytest.mark.parametrize(
    "wrong",
    [
        {"samples": [0.0]},
        {"samples": [-1.0]},
        {"samples": [math.nan]},
        {"samples": [math.inf]},
        {"samples": [True]},
        {"samples": ["1"]},
        {"samples": [10**400]},
        {"samples": [1.0] * (MAX_SAMPLES + 1)},
        {"samples": None},
        {"credit": 2.5},
        {"credit": -1},
        {"pending": 1},
        {"pending": {}},
        {"pending": {**GOOD["pending"], "target": "x"}},
        {"pending": {**GOOD["pending"], "target": "0"}},
        {"pending": {**GOOD["pending"], "target": 5}},
        {"pending": {**GOOD["pending"], "bits": -0.5}},
        {"pending": {**GOOD["pending"], "mining_time": math.inf}},
        {"pending": {**GOOD["pending"], "newer": 1e6}},
    ],
)
def test_an_estimate_with_one_wrong_part_is_refused(wrong: dict[str, Any]) -> None:
    Estimate.from_json(GOOD)
    with pytest.raises(ValueError, match="estimate"):
        Estimate.from_json({**GOOD, **wrong})
