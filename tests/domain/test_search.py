"""The miner's bookkeeping: who tries what, and whose answer still counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.domain.search import Answer, Job, Meter, Search, in_words, progress, search
from hashpass.domain.values import MAX_NONCE, Argon2Params

PUZZLE: dict[str, Any] = {
    "round": 7,
    "seed": "ab" * 32,
    "target": f"{2**252:064x}",
    "algorithm": "argon2id",
    "time_cost": 1,
    "memory_cost": 8,
    "parallelism": 2,
    "something": "new",
}


def job() -> Job:
    return Job.parse(PUZZLE, "visitor", "trace")


def fake_hash(password: bytes, salt: bytes, params: Argon2Params) -> bytes:
    """Nonce 40 wins and 30 is the best before it."""
    nonce = int(password)
    return (1 if nonce == 40 else 2**254 - nonce if nonce <= 30 else 2**255).to_bytes(32, "big")


def test_a_puzzle_is_read() -> None:
    read = job()
    assert read.params == Argon2Params(variant="id", time_cost=1, memory_cost=8, parallelism=2)
    assert read.salt == ("ab" * 32 + "visitortrace").encode()
    assert read.bits == 4


@given(st.dictionaries(st.sampled_from(sorted(PUZZLE)), st.none() | st.text() | st.integers() | st.just([1])))
def test_a_puzzle_that_is_none_is_a_value_error(changes: dict[str, Any]) -> None:
    for puzzle in ({**PUZZLE, **changes}, changes):
        try:
            Job.parse(puzzle, "v", "t")
        except ValueError:
            continue


@pytest.mark.parametrize("limit", [1, 5])
def test_threads_share_the_nonces_without_gaps(limit: int) -> None:
    tried: list[int] = []

    def note(password: bytes, salt: bytes, params: Argon2Params) -> bytes:
        tried.append(int(password))
        return b"\xff" * 32

    for index in range(3):
        stops = iter([False] * limit + [True])
        burst = search(job(), index, 3, note, stops.__next__)
        assert burst.tried == limit
        assert burst.next_nonce == index + 3 * limit
    assert sorted(tried) == list(range(3 * limit))


def test_a_burst_ends_with_the_first_winner_and_knows_its_best() -> None:
    current = job()
    burst = search(current, 0, 10, fake_hash, lambda: False)
    assert burst.best is not None
    assert (burst.best.nonce, burst.tried, burst.next_nonce) == (40, 5, 50)
    assert burst.best.wins
    left = iter([False] * 4 + [True])
    burst = search(current, 0, 10, fake_hash, lambda: next(left))
    assert burst.best is not None
    assert (burst.best.nonce, burst.best.wins) == (30, False)


def test_the_nonces_end_where_a_browser_can_no_longer_count() -> None:
    burst = search(job(), MAX_NONCE - 1, 1, lambda *_: b"\xff" * 32, lambda: False)
    assert burst.tried == 2


def test_only_an_answer_to_the_newest_job_is_submitted_and_only_one() -> None:
    state = Search()
    old, new = job(), job()
    winner, other = Answer(old, 1, bytes(32)), Answer(old, 2, bytes(32))
    state.begin(old)
    assert state.note(None) is None
    assert state.note(Answer(old, 0, b"\x7f" * 32)) is None
    assert state.note(winner) is winner
    assert state.note(other) is None
    assert not state.wants(old)
    state.begin(new)
    assert state.note(other) is None
    assert state.best is None
    assert state.wants(new)


def test_the_best_answer_outlives_its_job_once() -> None:
    state = Search()
    state.begin(job())
    assert state.job is not None
    low, high = Answer(state.job, 1, b"\x7e" * 32), Answer(state.job, 2, b"\x7f" * 32)
    state.note(low)
    state.note(high)
    assert state.end() is low
    assert state == Search()


def test_an_answer_is_written_as_the_server_reads_it() -> None:
    assert Answer(job(), 12, b"\x01" * 32).body == {
        "visitorId": "visitor",
        "nonce": 12,
        "submittedSeed": "ab" * 32,
        "traceData": "trace",
        "hash": "01" * 32,
    }


def test_the_rate_is_that_of_the_last_seconds() -> None:
    meter = Meter(0.0)
    assert meter.rate(0.0) == 0
    meter.add(10, 0.5)
    assert meter.rate(0.5) == 10  # never over less than a second
    assert meter.rate(5.0) == 2
    meter.add(30, 6.0)
    assert meter.rate(10.0) == 4
    assert meter.rate(12.0) == 3
    assert meter.rate(20.0) == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (119, "119 seconds"), (120, "2 minutes"), (7200, "2 hours"), (2 * 86400, "2 days")],
)
def test_times_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_the_progress_line() -> None:
    current = job()
    best = Answer(current, 1, b"\x10" + bytes(31))
    assert progress(current, 0.1, best, 3) == (
        "Round 7: 0.1 hashes/s, expected time 3 minutes, difficulty 4.0 bits, best so far 3 bits, 3 mining"
    )
    assert "unknown" in progress(current, 0, None, 0)
