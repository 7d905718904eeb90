from __future__ import annotations

import math

from hashpass.domain.mining_clock import MiningClock


def test_it_has_not_run_before_anybody_mined() -> None:
    assert not MiningClock().ran


def test_it_stands_while_nobody_mines() -> None:
    clock = MiningClock()
    clock.start(1, 10.0)
    clock.stop(1, 12.0)
    assert clock.elapsed(100.0) == 2.0
    assert (clock.ran, clock.running) == (True, False)
    assert clock.reaches(5.0, 100.0) == math.inf


def test_two_miners_do_not_make_it_run_twice_as_fast_nor_stop_it_by_halves() -> None:
    clock = MiningClock()
    clock.start(1, 0.0)
    clock.start(2, 5.0)
    clock.start(2, 6.0)
    clock.stop(1, 10.0)
    assert clock.elapsed(20.0) == 20.0
    clock.stop(2, 30.0)
    assert clock.elapsed(99.0) == 30.0
    assert clock.miners == 0


def test_a_miner_that_never_started_stops_nothing() -> None:
    clock = MiningClock()
    clock.start(1, 0.0)
    clock.stop(2, 5.0)
    assert clock.running


def test_a_new_puzzle_sets_it_to_zero_and_the_miners_mine_on() -> None:
    clock = MiningClock()
    clock.start(1, 0.0)
    clock.restart(50.0)
    assert clock.elapsed(60.0) == 10.0
    assert clock.reaches(30.0, 60.0) == 80.0
    clock.stop(1, 60.0)
    clock.restart(70.0)
    assert not clock.ran
