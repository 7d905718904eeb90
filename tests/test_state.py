from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from hashpass import state
from hashpass.domain.difficulty import Estimate, target_for
from hashpass.domain.race import RaceState
from hashpass.domain.values import Argon2Params, Rules

RULES = Rules()


def saved_after_play(**rules: Any) -> dict[str, Any]:
    """What a server leaves that was started with the defaults, and whose admin then set `rules`."""
    begun = state.begin(RULES, 3)
    played = evolve(begun, rules=evolve(RULES, **rules), race=RaceState(7, target_for(9.5), Estimate(), (12.5, 60.0)))
    loaded: dict[str, Any] = json.loads(json.dumps(played.dump()))
    return loaded


def test_a_first_start_takes_everything_from_the_environment() -> None:
    assert state.restore(None, RULES, 5).race == RaceState(0, target_for(5), Estimate())


def test_a_restart_goes_on_with_difficulty_round_and_times() -> None:
    restored = state.restore(saved_after_play(), RULES, 3)
    assert restored.race == RaceState(7, target_for(9.5), Estimate(), (12.5, 60.0))
    assert restored.rules == RULES


def test_what_an_admin_set_wins_until_the_environment_changes_its_mind() -> None:
    saved = saved_after_play(worker_count=9, argon2=Argon2Params(memory_cost=1024))
    assert state.restore(saved, RULES, 3).rules == evolve(RULES, worker_count=9, argon2=Argon2Params(memory_cost=1024))
    changed = state.restore(saved, evolve(RULES, worker_count=2), 3)
    assert changed.rules.worker_count == 2
    assert changed.rules.argon2.memory_cost == 1024


def test_a_new_first_difficulty_in_the_environment_replaces_the_one_found() -> None:
    assert state.restore(saved_after_play(), RULES, 6).race.target == target_for(6)


def test_what_was_learnt_is_forgotten_with_other_hashes() -> None:
    learnt = Estimate(samples=(1.0, 2.0))
    begun = state.begin(RULES, 3)
    saved = json.loads(json.dumps(evolve(begun, race=evolve(begun.race, estimate=learnt)).dump()))
    assert state.restore(saved, RULES, 3).race.estimate == learnt
    assert state.restore(saved, evolve(RULES, argon2=Argon2Params(time_cost=1)), 3).race.estimate == Estimate()
    assert state.restore(saved, RULES, 4).race.estimate == Estimate()


@pytest.mark.parametrize(
    "broken",
    [{}, {"round": 1}, {"round": -1}, {"target": "no"}, {"rules": []}, {"environment": None}, {"solve_times": "x"}],
)
def test_a_state_that_was_not_written_here_stops_the_start(broken: dict[str, Any]) -> None:
    saved = {**saved_after_play(), **broken} if broken else {}
    if broken == {"round": 1}:
        saved = broken
    with pytest.raises(state.StateUnreadable):
        state.restore(saved, RULES, 3)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(saved_after_play())), json_values)
def test_garbage_in_any_field_is_unreadable_or_harmless(name: str, value: object) -> None:
    try:
        restored = state.restore({**saved_after_play(), name: value}, RULES, 3)
    except state.StateUnreadable:
        return
    assert restored.race.round >= 0
    assert isinstance(restored.rules, Rules)


async def test_a_disk_that_refuses_is_tried_again_until_the_newest_state_is_on_it() -> None:
    written: list[dict[str, Any]] = []
    done = trio.Event()
    full = True

    def write(value: dict[str, Any]) -> None:
        if full:
            raise OSError(28, "No space left on device")
        written.append(value)
        trio.from_thread.run_sync(done.set)

    keeper = state.StateKeeper(write, pause=0.01)
    begun = state.begin(RULES, 3)
    newest = evolve(begun, race=evolve(begun.race, round=2))
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            await nursery.start(keeper.run)
            await keeper.save(begun)
            assert not keeper.saved
            await keeper.save(newest)
            full = False
            await done.wait()
            nursery.cancel_scope.cancel()
    assert written == [newest.dump()]
