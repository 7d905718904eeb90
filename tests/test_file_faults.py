"""Every operation on the disk fails, or is the process's last, and no answered record is ever lost."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hashpass.audit import verify_log
from hashpass.directory import FileUnreadable
from hashpass.domain.chain import ARRAY, LINES, Chain, Head, Layout, Sealed
from hashpass.logfile import LogFile
from tests.faults.disk import Killed, Kind, SimulatedDisk

HERE = Path("/data")
CHAIN = Chain("verify", bytes(32), ("visitor_id",))
RECORDS = 8


def new_file(disk: SimulatedDisk, layout: Layout = ARRAY) -> LogFile:
    return LogFile(HERE, CHAIN, layout=layout, rotate_at=3, disk=disk, wall=lambda: 1e9)


class Writer:
    """Does what the journal does, without waiting: what the disk refuses is tried again with the next record."""

    def __init__(self, disk: SimulatedDisk, layout: Layout = ARRAY) -> None:
        self.disk = disk
        self.layout = layout
        self.file = new_file(disk, layout)
        self.waiting: list[Sealed] = []
        self.answered = 0
        self.given = 0

    def open(self) -> None:
        self.file.open()
        self.answered = self.given = self.file.head.count

    def live(self) -> None:
        self.open()
        self.work()

    def append(self, visitor: str = "ann") -> None:
        newest = self.waiting[-1] if self.waiting else None
        head = Head(newest.index + 1, newest.hash) if newest else self.file.head
        self.waiting.append(CHAIN.seal({"n": self.given, "visitor_id": visitor}, head, bytes))
        self.given += 1
        self.flush()

    def flush(self) -> None:
        try:
            self.file.write(self.waiting)
        except OSError:
            self.waiting = [entry for entry in self.waiting if entry.index >= self.file.head.count]
        else:
            self.waiting.clear()
            self.answered = self.given

    def erase(self, visitor: str = "ann") -> None:
        with suppress(OSError):
            for name in self.file.files():
                self.file.erase(name, lambda record: record["visitor_id"] == visitor)

    def work(self) -> None:
        for number in range(RECORDS):
            self.append("bob" if number == 1 else "ann")
            if number == 4:
                self.erase("bob")
            if self.layout is ARRAY:
                check_json(self.disk)


def check_json(disk: SimulatedDisk) -> None:
    for path in disk.paths():
        if path.suffix == ".json":
            json.loads(disk.content(path))


def numbers(file: LogFile) -> list[int]:
    return [record["n"] for name in file.files() for record in file.records(name)]


def check(disk: SimulatedDisk, answered: int, given: int, layout: Layout = ARRAY) -> None:
    """The log opens, holds at least what was answered and nothing that was not given, and goes on."""
    writer = Writer(disk, layout)
    writer.open()
    found = numbers(writer.file)
    assert found == list(range(len(found)))
    assert answered <= len(found) <= given
    if layout is ARRAY:
        check_json(disk)
    writer.append()
    assert writer.answered == len(found) + 1
    report = verify_log(HERE, CHAIN, layout=layout, disk=disk, pause=lambda: None)
    assert report.ok, report.faults
    assert report.records == len(found) + 1


def calls_of_the_work(layout: Layout) -> range:
    disk = SimulatedDisk()
    writer = Writer(disk, layout)
    writer.open()
    writer.work()
    assert writer.answered == RECORDS
    check(disk.restarted(Random(0)), RECORDS, RECORDS, layout)
    return range(disk.calls)


@pytest.mark.parametrize("layout", [ARRAY, LINES], ids=["array", "lines"])
def test_a_process_killed_at_any_operation_loses_nothing_answered(layout: Layout) -> None:
    calls = calls_of_the_work(layout)
    assert len(calls) > 60
    for number in calls:
        for chance in (None, *(Random(100 * number + seed) for seed in range(6))):
            disk = SimulatedDisk(die_at=number)
            writer = Writer(disk, layout)
            with pytest.raises(Killed):
                writer.live()
            check(disk.restarted(chance), writer.answered, writer.given, layout)


def test_a_power_failure_soon_after_a_kill_loses_nothing_answered() -> None:
    for number in calls_of_the_work(ARRAY):
        for seed in range(12):
            disk = SimulatedDisk(die_at=number)
            first = Writer(disk)
            with pytest.raises(Killed):
                first.live()
            second = Writer(disk.restarted())
            second.open()
            second.append()
            if seed % 2:
                second.append()
            check(second.disk.restarted(Random(100 * number + seed)), second.answered, second.given)


def test_a_file_whose_sync_failed_is_not_written_again() -> None:
    class Watched(SimulatedDisk):
        def create(self, path: Path, mode: int) -> int:
            made.append(path.name)
            return super().create(path, mode)

    made: list[str] = []
    disk = Watched()
    writer = Writer(disk)
    writer.open()
    writer.append()
    made.clear()
    disk.fail_at[disk.calls + 1] = "eio"
    writer.append()
    assert (writer.answered, made) == (1, [])
    writer.flush()
    assert (writer.answered, made) == (2, [".verify.json.new"])


@pytest.mark.parametrize("layout", [ARRAY, LINES], ids=["array", "lines"])
@pytest.mark.parametrize("kind", ["enospc", "eio", "short"])
def test_any_operation_may_fail_and_every_record_is_written_all_the_same(kind: Kind, layout: Layout) -> None:
    for number in calls_of_the_work(layout):
        disk = SimulatedDisk()
        writer = Writer(disk, layout)
        writer.open()
        if number < disk.calls:
            continue  # a start that fails stops with a sentence; the next test
        disk.fail_at[number] = kind
        writer.work()
        writer.flush()
        assert writer.answered == RECORDS
        for chance in map(Random, range(3)):
            check(disk.restarted(chance), RECORDS, RECORDS, layout)


@pytest.mark.parametrize("kind", ["enospc", "eio"])
def test_a_start_that_the_disk_refuses_spoils_nothing(kind: Kind) -> None:
    torn = SimulatedDisk()
    writer = Writer(torn)
    writer.open()
    writer.work()
    torn.die_at = torn.calls  # the write of the next record
    with pytest.raises(Killed):
        writer.append()
    for first in (SimulatedDisk(), torn):
        probe = first.restarted()
        count = RECORDS if first is torn else 0
        new_file(probe).open()
        for number in range(probe.calls):
            disk = first.restarted()
            disk.fail_at[number] = kind
            with suppress(FileUnreadable):
                new_file(disk).open()
            disk.fail_at.clear()
            check(disk.restarted(), count, count + 1)
            check(disk.restarted(Random(number)), count, count + 1)


def test_a_disk_that_refuses_for_long_gets_everything_in_the_end() -> None:
    start = len(calls_of_the_work(ARRAY)) // 3
    for length in range(1, 40):
        disk = SimulatedDisk()
        writer = Writer(disk)
        writer.open()
        disk.fail_at.update(dict.fromkeys(range(start, start + length), "eio"))
        for _ in range(RECORDS):
            writer.append()
        for _ in range(length):
            writer.flush()
        assert writer.answered == RECORDS
        check(disk.restarted(Random(length)), RECORDS, RECORDS)


class LogMachine(RuleBasedStateMachine):
    """Any order of appends, erasures, failures, kills and power failures."""

    def __init__(self) -> None:
        super().__init__()
        self.writer = Writer(SimulatedDisk())
        self.writer.open()

    @rule(visitor=st.sampled_from(["ann", "bob"]))
    def append(self, visitor: str) -> None:
        self.writer.append(visitor)

    @rule()
    def flush(self) -> None:
        self.writer.flush()

    @rule(visitor=st.sampled_from(["ann", "bob"]))
    def erase(self, visitor: str) -> None:
        self.writer.erase(visitor)

    @rule(after=st.integers(0, 12), kind=st.sampled_from(["enospc", "eio", "short"]))
    def fail(self, after: int, kind: Kind) -> None:
        self.writer.disk.fail_at[self.writer.disk.calls + after] = kind

    @rule(seed=st.none() | st.integers(0, 99), after=st.integers(0, 25), appends=st.integers(1, 4))
    def kill(self, seed: int | None, after: int, appends: int) -> None:
        self.writer.disk.die_at = self.writer.disk.calls + after
        with suppress(Killed):
            for _ in range(appends):
                self.writer.append()
        self.restart(seed)

    @precondition(lambda self: self.writer.given > 4)
    @rule(after=st.integers(0, 25))
    def kill_at_start(self, after: int) -> None:
        disk = self.writer.disk.restarted()
        disk.die_at = after
        answered, given = self.writer.answered, self.writer.given
        self.writer = Writer(disk)
        with suppress(Killed):
            self.writer.open()
        self.writer.answered, self.writer.given = answered, given
        self.restart(None)

    def restart(self, seed: int | None) -> None:
        before = self.writer
        self.writer = Writer(before.disk.restarted(None if seed is None else Random(seed)))
        self.writer.open()
        found = numbers(self.writer.file)
        assert found == list(range(len(found)))
        assert before.answered <= len(found) <= before.given

    @invariant()
    def the_records_on_disk_hold(self) -> None:
        if self.writer.waiting or self.writer.disk.fail_at:
            return
        assert verify_log(HERE, CHAIN, disk=self.writer.disk, pause=lambda: None).ok


LogMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLogMachine: Any = LogMachine.TestCase


def test_every_code_answered_before_a_sigkill_is_in_the_log(tmp_path: Path) -> None:
    chance = Random(1)
    answered: set[str] = set()
    program = Path(__file__).parent / "faults" / "append_until_killed.py"
    for _ in range(50):
        with subprocess.Popen([sys.executable, str(program), str(tmp_path)], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert select.select([child.stdout], [], [], 20)[0], "the child does not get going"
            time.sleep(chance.uniform(0, 0.02))
            os.kill(child.pid, signal.SIGKILL)
            lines = child.stdout.read().decode().split("\n")
        answered.update(lines[:-1])
    file = LogFile(tmp_path, CHAIN, rotate_at=7)
    file.open()
    found = [record["invite_code"] for name in file.files() for record in file.records(name)]
    assert found == [f"code-{number}" for number in range(len(found))]
    assert len(answered) > 50
    assert answered <= set(found)
    for name in file.files():
        json.loads((tmp_path / name).read_bytes())
    file.close()
    assert verify_log(tmp_path, CHAIN).ok
