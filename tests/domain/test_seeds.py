"""Seeds that nobody chose: what is announced, what is shown, and what a check of the rounds finds."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.domain.seeds import Ending, RoundCheck, RoundRecord, Seeds, commitment_of

KEY = b"k" * 32
PROOF = "0f" * 32
WHEN = "2027-01-31T18:00:00.000Z"


def play(*endings: Ending, first: int = 1) -> tuple[Seeds, list[dict[str, Any]]]:
    """Rounds that ended so, as they are written down."""
    seeds = Seeds(KEY)
    records = []
    for number, ended in enumerate(endings, first):
        seed = seeds.origin(number).seed
        proof = PROOF if ended == "solved" else None
        records.append(seeds.end(number, seed, ended, proof, WHEN).as_record())
    return seeds, records


def faults(records: list[dict[str, Any]]) -> list[str]:
    check = RoundCheck()
    return [fault for record in records if (fault := check.take(record)) is not None]


def test_a_puzzle_announces_the_secret_of_the_next() -> None:
    seeds, _ = play("solved")
    announced = Seeds(KEY).origin(1).commitment
    assert commitment_of(bytes.fromhex(seeds.origin(2).secret)) == announced


def test_after_a_win_the_seed_is_the_hash_of_secret_and_proof() -> None:
    seeds, _ = play("solved")
    origin = seeds.origin(2)
    assert origin.proof == PROOF
    assert origin.seed == sha256(bytes.fromhex(origin.secret) + bytes.fromhex(PROOF)).hexdigest()


@pytest.mark.parametrize("ended", ["timeout", "admin", "closed", "restart"])
def test_where_nobody_won_it_is_the_hash_of_secret_dead_seed_cause_and_round(ended: Ending) -> None:
    seeds, [record] = play(ended)
    origin = seeds.origin(2)
    material = f"{record['seed']}:{ended}:2".encode()
    assert origin.seed == sha256(bytes.fromhex(origin.secret) + material).hexdigest()
    assert origin.proof is None
    assert seeds.end(2, origin.seed, "solved", PROOF, WHEN).foreseeable


def test_another_key_another_proof_and_another_cause_make_other_seeds() -> None:
    made = {play("solved")[0].origin(2).seed, play("timeout")[0].origin(2).seed, play("admin")[0].origin(2).seed}
    other = Seeds(b"o" * 32)
    other.end(1, other.origin(1).seed, "solved", PROOF, WHEN)
    assert len({*made, other.origin(2).seed}) == 4


def test_a_restart_goes_on_from_the_newest_record() -> None:
    seeds, records = play("solved", "timeout", "solved")
    again = Seeds(KEY, RoundRecord.from_record(records[-1]))
    assert again.origin(4) == seeds.origin(4)


def test_an_honest_log_has_no_fault() -> None:
    _, records = play("solved", "timeout", "admin", "closed", "restart", "solved", first=58)
    check = RoundCheck()
    assert [check.take(record) for record in records] == [None] * 6
    assert (check.rounds, check.missing) == (6, 0)


def test_rounds_that_were_never_written_are_counted_and_not_called_a_fault() -> None:
    _, records = play("solved", "solved", "solved", "solved")
    check = RoundCheck()
    assert [check.take(record) for record in (records[0], records[3])] == [None, None]
    assert check.missing == 2


@pytest.mark.parametrize("ended", ["timeout", "solved"])
@pytest.mark.parametrize(
    "name", ["round", "commitment", "secret", "seed", "foreseeable", "ended", "winning_hash", "next_commitment"]
)
def test_whatever_is_changed_shows(name: str, ended: Ending) -> None:
    _, records = play("solved", ended, "solved")
    others = {"round": 1, "ended": "admin", "foreseeable": True}
    changed = [dict(record) for record in records]
    changed[1][name] = others.get(name, "ab" * 32)
    assert faults(changed)


def test_a_seed_that_no_winning_hash_went_into_is_marked() -> None:
    _, records = play("solved", "timeout", "solved", "admin", "closed")
    assert [record["foreseeable"] for record in records] == [True, False, True, False, True]


@given(
    st.dictionaries(
        st.sampled_from(["round", "seed", "secret", "ended", "winning_hash", "x"]), st.text() | st.integers()
    )
)
def test_garbage_is_a_fault_and_no_crash(record: dict[str, Any]) -> None:
    assert faults([record])
