"""What operators did is written down, and strangers cannot fill the disk with it."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from attrs import define, field

from hashpass.domain.chain import Record
from hashpass.domain.errors import NotReady
from hashpass.domain.values import Address
from hashpass.journal import JournalClosed, JournalFull
from hashpass.testing import Clock
from hashpass.trail import LOCKOUTS_PER_MINUTE, Trail

HERE = Address.parse("203.0.113.5")


@define
class Paper:
    """A journal in memory."""

    full: bool = False
    fails: Exception | None = None
    records: list[Record] = field(factory=list)

    async def append(self, record: Record) -> None:
        await trio.lowlevel.checkpoint()
        if self.fails is not None:
            raise self.fails
        self.records.append(record)


async def test_a_record_says_who_did_what_and_when() -> None:
    paper = Paper()
    trail = Trail(paper, wall=lambda: 1_790_000_000.5)
    values: dict[str, Any] = {"difficulty": {"from": 3, "to": 5}}
    await trail.record("difficulty", values, HERE)
    assert paper.records == [
        {
            "timestamp": "2026-09-21T14:13:20.500Z",
            "action": "difficulty",
            "real_ip": "203.0.113.5",
            "values": values,
        }
    ]


async def test_where_nothing_can_be_written_nothing_is_to_be_done() -> None:
    paper = Paper()
    trail = Trail(paper, wall=lambda: 0.0)
    trail.ensure_room()
    paper.full = True
    with pytest.raises(NotReady):
        trail.ensure_room()


@pytest.mark.parametrize("error", [JournalFull(), JournalClosed()])
async def test_an_operator_is_told_when_his_deed_could_not_be_written(error: Exception) -> None:
    with pytest.raises(NotReady, match="could not be written down"):
        await Trail(Paper(fails=error), wall=lambda: 0.0).record("kick", {}, HERE)


async def test_only_so_many_lockouts_a_minute_are_written_and_the_next_tells_of_the_others() -> None:
    clock, paper = Clock(), Paper()
    trail = Trail(paper, wall=clock.wall, clock=clock.monotonic)
    for _ in range(1000):
        await trail.record_lockout(HERE)
    assert [record["values"] for record in paper.records] == [{}] * LOCKOUTS_PER_MINUTE
    clock.advance(60)
    await trail.record_lockout(HERE)
    await trail.record_lockout(HERE)
    assert [record["values"] for record in paper.records[-2:]] == [
        {"others_unrecorded": 1000 - LOCKOUTS_PER_MINUTE},
        {},
    ]


async def test_a_full_journal_is_no_reason_to_fail_a_guess_differently() -> None:
    paper = Paper(full=True)
    trail = Trail(paper, wall=lambda: 0.0)
    await trail.record_lockout(HERE)
    assert paper.records == []
    paper.full = False
    await trail.record_lockout(HERE)
    assert paper.records[0]["values"] == {"others_unrecorded": 1}
