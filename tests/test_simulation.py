"""A small part of `scripts/simulate_difficulty.py`: what docs/difficulty.md promises, with room for chance.

The seeds are fixed, so nothing here is a matter of luck; the limits are wide of what was measured all the same, lest
a harmless change of the policy look like a fault.
"""

from __future__ import annotations

import random

import pytest

from hashpass.domain.values import Rules
from scripts.simulate_difficulty import (
    make_rules,
    measure_change,
    measure_constant,
    measure_idle,
    measure_lying,
    measure_silence,
    measure_start,
    measure_stretching,
)

SEED = 21
DEFAULT = make_rules(60.0)
LONGER = make_rules(75.0)


@pytest.mark.parametrize("rules", [DEFAULT, LONGER], ids=["60 s", "75 s"])
def test_steady_holds_the_target_time(rules: Rules) -> None:
    seen = measure_constant("steady", rules, random.Random(SEED), rounds=150, games=60)
    assert seen.seconds_per_code == pytest.approx(rules.target_time, rel=0.05)
    assert seen.round_time == pytest.approx(rules.target_time, rel=0.05)
    assert seen.rms < 0.45
    assert abs(seen.bias) < 0.1
    assert seen.timeouts < 0.03


@pytest.mark.parametrize("rules", [DEFAULT, LONGER], ids=["60 s", "75 s"])
@pytest.mark.parametrize("factor", [16, 1 / 16])
def test_steady_follows_a_sixteenfold_change_within_twelve_rounds(rules: Rules, factor: float) -> None:
    seen = measure_change("steady", rules, random.Random(SEED), factor, games=300)
    assert seen.settled is not None
    assert seen.settled <= 12
    assert seen.first <= 6


def test_steady_finds_the_laptop_that_is_left_at_night() -> None:
    seen = measure_change("steady", LONGER, random.Random(SEED), 1 / 190, games=300)
    assert seen.settled is not None
    assert seen.settled <= 12


def test_steady_gives_few_codes_away_at_a_cold_start() -> None:
    assert measure_start("steady", LONGER, random.Random(SEED), games=60) <= 10


def test_step_swings_as_the_contract_says() -> None:
    seen = measure_constant("step", LONGER, random.Random(SEED), rounds=150, games=60)
    assert seen.round_time == pytest.approx(124, rel=0.05)
    assert seen.timeouts == pytest.approx(0.19, abs=0.02)
    assert seen.rms == pytest.approx(1.75, abs=0.15)


@pytest.mark.parametrize("rules", [DEFAULT, LONGER], ids=["60 s", "75 s"])
def test_an_idle_clock_cannot_steer_steady(rules: Rules) -> None:
    assert 0 < measure_idle("steady", rules, random.Random(SEED), games=10) <= 1
    assert measure_stretching("steady", rules, random.Random(SEED), games=10) <= 600 / (8 * rules.target_time)


@pytest.mark.parametrize("idle_rounds", [1, 2, 4])
def test_a_lie_about_work_earns_fewer_codes_than_work(idle_rounds: int) -> None:
    fall, codes = measure_lying("steady", LONGER, random.Random(SEED), games=60, idle_rounds=idle_rounds)
    assert fall <= 2.5 * idle_rounds
    assert codes < 1.08 * 3600 / LONGER.target_time


def test_an_hour_without_announcements_leaves_steady_near_the_truth() -> None:
    assert abs(measure_silence("steady", LONGER, random.Random(SEED), 20, "unannounced")) < 1.75
