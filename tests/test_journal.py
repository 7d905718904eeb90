from __future__ import annotations

import errno
import hashlib
import hmac
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from hashpass.directory import FileUnreadable, RealDisk
from hashpass.domain.chain import ARRAY, LINES, ZERO, BrokenRecord, Chain, Head, Layout, canonical, walk
from hashpass.journal import Journal, JournalClosed, JournalFull, View
from hashpass.logfile import LogFile, Tampered
from tests.faults.disk import SimulatedDisk

KEY = bytes(range(32))
CHAIN = Chain("verify", KEY, ("real_ip", "visitor_id"))
PLAIN = Chain("rounds", KEY)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
records = st.fixed_dictionaries(
    {"real_ip": texts | st.none(), "visitor_id": texts},
    optional={"trace": values, "ä": values, "difficulty": values},
)


class StubbornDisk(RealDisk):
    """Refuses or holds up writes while it is told to, and keeps what was read until it may be had."""

    def __init__(self) -> None:
        self.refuses = False
        self.hold = threading.Event()
        self.hold.set()
        self.inside = 0
        self.most_inside = 0
        self.hold_reads = threading.Event()
        self.hold_reads.set()
        self.reading = 0

    def read(self, path: Path) -> bytes:
        data = super().read(path)
        self.reading += 1
        self.hold_reads.wait(10)
        self.reading -= 1
        return data

    def write(self, fd: int, data: bytes, offset: int) -> int:
        self._stand_in_the_way()
        return super().write(fd, data, offset)

    def sync_directory(self, path: Path) -> None:
        self._stand_in_the_way()
        super().sync_directory(path)

    def _stand_in_the_way(self) -> None:
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        try:
            self.hold.wait(10)
            if self.refuses:
                raise OSError(errno.ENOSPC, "No space left on device")
        finally:
            self.inside -= 1


@asynccontextmanager
async def running(directory: Path, **options: Any) -> AsyncIterator[Journal]:
    disk = options.pop("disk", RealDisk())
    journal = Journal(LogFile(directory, CHAIN, rotate_at=options.pop("rotate_at", 1000), disk=disk), **options)
    await journal.open()
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(journal.run)
            yield journal
            nursery.cancel_scope.cancel()


def codes(directory: Path) -> list[Any]:
    file = LogFile(directory, CHAIN)
    return [record["code"] for name in file.files() for record in file.records(name)]


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


async def fill(directory: Path, count: int, **options: Any) -> None:
    async with running(directory, **options) as journal:
        for number in range(count):
            await journal.append({"code": number, "visitor_id": f"v{number % 2}", "real_ip": "192.0.2.1"})
        assert await journal.close() == 0


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - a thread cannot be waited for otherwise
            await trio.sleep(0.005)


# The chain, as anyone may recompute it


def test_the_chain_is_the_one_that_is_documented() -> None:
    line = CHAIN.seal({"visitor_id": "Zoë", "n": 1.5}, Head(0, ZERO), lambda size: b"\xab" * size).line
    record = json.loads(line)
    assert record["prev"] == "0" * 64
    assert record["salts"] == {"visitor_id": "ab" * 16}
    digest = hashlib.sha256(bytes.fromhex("ab" * 16) + "Zoë".encode()).hexdigest()
    signed = f'{{"n":1.5,"prev":"{ZERO}","visitor_id":"{digest}"}}'
    assert record["mac"] == hmac.new(KEY, signed.encode(), "sha256").hexdigest()
    hashed = f'{{"mac":"{record["mac"]}","n":1.5,"prev":"{ZERO}","visitor_id":"{digest}"}}'
    assert CHAIN.check(line, ZERO)[1] == hashlib.sha256(hashed.encode()).hexdigest()


@given(st.lists(records, max_size=6), st.sampled_from([ARRAY, LINES]))
def test_any_records_can_be_written_read_and_erased(given_records: list[dict[str, Any]], layout: Layout) -> None:
    head, lines = Head(0, ZERO), []
    for record in given_records:
        sealed = CHAIN.seal(record, head, bytes)
        head = Head(sealed.index + 1, sealed.hash)
        lines.append(sealed.line)
    data = layout.join(lines)
    read: list[dict[str, Any]] = []
    found = walk(CHAIN, layout, data, ZERO, visit=lambda _, record: read.append(record))
    assert (found.count, found.hash, found.fault) == (head.count, head.hash, None)
    own = ("prev", "mac", "salts")
    assert [{name: record[name] for name in record if name not in own} for record in read] == given_records
    erased = layout.join([canonical(CHAIN.erase(record)) for record in read])
    assert walk(CHAIN, layout, erased, ZERO).hash == head.hash
    if layout is ARRAY:
        assert json.loads(data) == read


@given(st.binary(max_size=80))
def test_garbage_is_a_broken_record_and_nothing_worse(line: bytes) -> None:
    with pytest.raises(BrokenRecord):
        CHAIN.check(line, None)
    assert CHAIN.read_head(line.ljust(256)) is None
    assert walk(CHAIN, ARRAY, b"[\n" + line, ZERO).count == 0


@pytest.mark.parametrize("line", [b"[" * 50_000, b'{"salts":' + b"[" * 50_000, b"9" * 5000, b'{"a":NaN}', b"\xff"])
def test_hostile_json_is_a_broken_record(line: bytes) -> None:
    with pytest.raises(BrokenRecord):
        CHAIN.check(line, None)


@pytest.mark.parametrize("record", [{"mac": 1}, {"salts": {}}, {"prev": ""}, {"x": float("nan")}, {"x": "\ud800"}])
async def test_a_record_that_cannot_be_written_changes_nothing(tmp_path: Path, record: dict[str, Any]) -> None:
    async with running(tmp_path) as journal:
        with pytest.raises(ValueError, match=r"chain|JSON|surrogates"):
            await journal.append(record)
        await journal.append({"code": 1})
        assert (journal.count, journal.waiting) == (1, 0)
    assert codes(tmp_path) == [1]


def test_the_key_does_not_show(tmp_path: Path) -> None:
    assert repr(KEY) not in repr(CHAIN)


# Appending


async def test_a_record_is_on_the_disk_when_append_returns(tmp_path: Path) -> None:
    async with running(tmp_path) as journal:
        assert (tmp_path / "verify.json").read_bytes() == b"[]\n"
        for number in range(3):
            await journal.append({"code": number})
            assert [record["code"] for record in json.loads((tmp_path / "verify.json").read_bytes())] == [
                *range(number + 1)
            ]
    again = LogFile(tmp_path, CHAIN)
    again.open()
    assert (again.head.count, again.head.hash) == (journal.count, journal.newest_hash)


async def test_order_is_the_order_of_the_calls(tmp_path: Path) -> None:
    async with running(tmp_path, rotate_at=7) as journal, trio.open_nursery() as nursery:
        for number in range(40):
            nursery.start_soon(journal.append, {"code": number})
            await trio.lowlevel.checkpoint()
    assert sorted(codes(tmp_path)) == [*range(40)]
    file = LogFile(tmp_path, CHAIN, rotate_at=7)
    file.open()
    assert file.head.count == 40


async def test_a_cancelled_caller_leaves_a_whole_record(tmp_path: Path) -> None:
    disk = StubbornDisk()
    async with running(tmp_path, disk=disk) as journal:
        disk.hold.clear()
        with trio.move_on_after(0.05) as scope:
            await journal.append({"code": 1})
        assert scope.cancelled_caught
        disk.hold.set()
        await journal.append({"code": 2})
        assert not journal.degraded
    assert codes(tmp_path) == [1, 2]


def test_appending_costs_the_same_at_the_first_record_and_at_the_999th() -> None:
    disk = SimulatedDisk()
    file = LogFile(Path("/data"), CHAIN, rotate_at=1000, disk=disk)
    file.open()
    costs = []
    for number in range(999):
        before = disk.calls, disk.reads, disk.written
        file.write([CHAIN.seal({"code": f"{number:04}", "visitor_id": "v"}, file.head, bytes)])
        costs.append((disk.calls - before[0], disk.reads - before[1], disk.written - before[2]))
    assert costs[-1] == costs[5] == costs[500]
    assert costs[-1][:2] == (4, 0)  # record, sync, the sync of the head before, head


# Rotation


async def test_at_the_limit_the_file_moves_and_the_chain_runs_on(tmp_path: Path) -> None:
    times = iter([1_700_000_000.9, 1_700_000_000.9, 1_600_000_000.0])
    file = LogFile(tmp_path, CHAIN, rotate_at=2, wall=lambda: next(times))
    file.open()
    for number in range(6):
        file.write([CHAIN.seal({"code": number}, file.head, bytes)])
    # Twice in the same second, and once after the clock was set back: names still sort as they were made.
    assert file.files() == [
        "verify_20231114_221320.json",
        "verify_20231114_221321.json",
        "verify_20231114_221322.json",
        "verify.json",
    ]
    assert (tmp_path / "verify.json").read_bytes() == b"[]\n"
    assert codes(tmp_path) == [*range(6)]
    again = LogFile(tmp_path, CHAIN, rotate_at=2)
    again.open()
    assert again.head == file.head


async def test_what_came_before_a_smaller_limit_moves_at_the_start(tmp_path: Path) -> None:
    await fill(tmp_path, 5)
    await fill(tmp_path, 0, rotate_at=3)
    assert (tmp_path / "verify.json").read_bytes() == b"[]\n"
    assert codes(tmp_path) == [*range(5)]


async def test_a_log_of_lines_is_one_object_a_line(tmp_path: Path) -> None:
    file = LogFile(tmp_path, PLAIN, layout=LINES)
    file.open()
    assert (tmp_path / "rounds.json").read_bytes() == b""
    for number in range(3):
        file.write([PLAIN.seal({"round": number, "seed": "a\nb"}, file.head, bytes)])
    lines = (tmp_path / "rounds.json").read_text().split("\n")
    assert [json.loads(line)["round"] for line in lines[:-1]] == [0, 1, 2]
    assert lines[-1] == ""
    assert "salts" not in json.loads(lines[0])


# Opening again


@pytest.mark.parametrize("cut", range(1, 60, 4))
async def test_a_torn_tail_is_cut_and_the_rest_kept(tmp_path: Path, cut: int) -> None:
    await fill(tmp_path, 3)
    path = tmp_path / "verify.json"
    whole = path.read_bytes()
    path.write_bytes(whole[:-3] + b',\n{"code":3,"mac":"0000000000000000000000000000000000000000000'[:cut])
    await fill(tmp_path, 0)
    assert path.read_bytes() == whole


async def test_a_head_that_lags_rolls_forward(tmp_path: Path) -> None:
    await fill(tmp_path, 2, rotate_at=3)
    head = (tmp_path / "verify.head").read_bytes()
    await fill(tmp_path, 9, rotate_at=3)
    (tmp_path / "verify.head").write_bytes(head)
    file = LogFile(tmp_path, CHAIN, rotate_at=3)
    file.open()
    assert file.head.count == 11


def drop_the_last(path: Path) -> None:
    path.write_bytes(ARRAY.join([line for line, _ in ARRAY.split(path.read_bytes())][:-1]))


def drop_the_file(path: Path) -> None:
    path.unlink()


def drop_the_archive(path: Path) -> None:
    next(path.parent.glob("verify_*.json")).unlink()


def drop_the_head(path: Path) -> None:
    path.with_suffix(".head").unlink()


def spoil_the_head(path: Path) -> None:
    path.with_suffix(".head").write_bytes(b"x" * 512)


def spoil_half_the_head_and_cut(path: Path) -> None:
    data = path.with_suffix(".head").read_bytes()
    slots = [data[:256], data[256:]]
    newest = max(range(2), key=lambda i: int(json.loads(slots[i])["count"]))
    slots[newest] = b" " * 256
    path.with_suffix(".head").write_bytes(b"".join(slots))
    drop_the_last(path)


def change_a_record(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"code":4', b'"code":9'))


def change_the_last_record(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"code":6', b'"code":9'))


def swap_two_records(path: Path) -> None:
    a, b, *rest = [line for line, _ in ARRAY.split(path.read_bytes())]
    path.write_bytes(ARRAY.join([b, a, *rest]))


def replace_by_garbage(path: Path) -> None:
    path.write_bytes(b"hello\n")


def empty_it(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "harm",
    [
        drop_the_last,
        drop_the_file,
        drop_the_archive,
        drop_the_head,
        spoil_the_head,
        spoil_half_the_head_and_cut,
        change_a_record,
        change_the_last_record,
        swap_two_records,
        replace_by_garbage,
        empty_it,
    ],
)
async def test_tampering_stops_the_start_and_nothing_is_changed(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    await fill(tmp_path, 7, rotate_at=4)
    harm(tmp_path / "verify.json")
    before = contents(tmp_path)
    with pytest.raises(Tampered, match="verify"):
        LogFile(tmp_path, CHAIN, rotate_at=4).open()
    assert contents(tmp_path) == before


async def test_another_key_does_not_open_the_log(tmp_path: Path) -> None:
    await fill(tmp_path, 2)
    with pytest.raises(Tampered):
        LogFile(tmp_path, Chain("verify", bytes(32), CHAIN.personal)).open()


def test_a_strange_file_in_the_place_of_a_new_log_is_left_alone(tmp_path: Path) -> None:
    LogFile(tmp_path, CHAIN).open()
    (tmp_path / "verify.json").write_bytes(b"my shopping list")
    with pytest.raises(FileUnreadable, match=r"verify\.json is not a log"):
        LogFile(tmp_path, CHAIN).open()
    assert (tmp_path / "verify.json").read_bytes() == b"my shopping list"


def test_a_log_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "verify.json").mkdir()
    with pytest.raises(FileUnreadable, match=r"verify\.json"):
        LogFile(tmp_path, CHAIN).open()


# A disk that refuses


async def test_while_the_disk_refuses_records_wait_and_are_written_when_it_is_back(tmp_path: Path) -> None:
    disk = StubbornDisk()
    async with running(tmp_path, disk=disk, rotate_at=5) as journal:
        await journal.append({"code": 0})
        disk.refuses = True
        for number in range(1, 8):
            await journal.append({"code": number})
            assert (journal.degraded, journal.waiting, journal.count) == (True, number, number + 1)
        assert [record["code"] for record in await journal.read("verify.json")] == [*range(7, -1, -1)]
        disk.refuses = False
        await until(lambda: not journal.degraded)
        assert journal.waiting == 0
        await journal.append({"code": 8})
    assert codes(tmp_path) == [*range(9)]
    LogFile(tmp_path, CHAIN, rotate_at=5).open()


async def test_a_disk_that_hangs_is_waited_for_once_and_never_written_twice(tmp_path: Path) -> None:
    disk = StubbornDisk()
    async with running(tmp_path, disk=disk, patience=1.0) as journal:
        await journal.append({"code": 0})
        disk.hold.clear()
        for number in range(1, 4):
            await journal.append({"code": number})
            assert journal.degraded
        with pytest.raises(FileUnreadable, match="does not answer"):
            await journal.read("verify.json")
        with pytest.raises(FileUnreadable, match="waits for the disk"):
            await journal.erase(lambda record: True)
        disk.hold.set()
        await until(lambda: not journal.degraded)
    assert disk.most_inside == 1
    assert codes(tmp_path) == [*range(4)]


async def test_only_so_many_records_wait(tmp_path: Path) -> None:
    disk = StubbornDisk()
    async with running(tmp_path, disk=disk, most=2) as journal:
        disk.refuses = True
        await journal.append({"code": 0})
        await journal.append({"code": 1})
        assert journal.full
        with pytest.raises(JournalFull):
            await journal.append({"code": 2})
        assert journal.count == 2


async def test_a_writer_that_is_started_again_writes_nothing_twice(tmp_path: Path) -> None:
    disk = StubbornDisk()
    journal = Journal(LogFile(tmp_path, CHAIN, disk=disk), patience=0.05)
    await journal.open()
    for number in range(3):
        disk.hold.clear()
        async with trio.open_nursery() as nursery:
            await nursery.start(journal.run)
            await journal.append({"code": number})
            nursery.cancel_scope.cancel()
        disk.hold.set()
    async with trio.open_nursery() as nursery:
        await nursery.start(journal.run)
        await until(lambda: not journal.waiting)
        nursery.cancel_scope.cancel()
    assert codes(tmp_path) == [0, 1, 2]


# Reading


def seen(view: View) -> tuple[int, list[int], int]:
    """How many archives there are, what stands in the newest file, and the count of all."""
    return len(view.files) - 1, [json.loads(line)["code"] for line in view.lines()], view.count


async def test_an_append_does_not_queue_behind_those_who_read(tmp_path: Path) -> None:
    disk = StubbornDisk()
    found: list[list[int]] = []
    async with running(tmp_path, disk=disk) as journal:

        async def read() -> None:
            found.append([record["code"] for record in await journal.read("verify.json")])

        await journal.append({"code": 0})
        async with trio.open_nursery() as nursery:
            disk.hold_reads.clear()
            for _ in range(50):
                nursery.start_soon(read)
            await until(lambda: disk.reading == 1)
            with trio.fail_after(2):  # less than the patience of the journal
                for number in range(1, 4):
                    await journal.append({"code": number})
            assert (journal.waiting, journal.degraded, found) == (0, False, [])
            disk.hold_reads.set()
    assert len(found) == 50
    assert all(each == [*range(len(each) - 1, -1, -1)] and each for each in found)
    assert found[-1] == [3, 2, 1, 0]


@pytest.mark.parametrize("more", range(1, 5))
async def test_what_was_read_while_the_file_changed_is_not_believed(tmp_path: Path, more: int) -> None:
    disk = StubbornDisk()
    found: list[tuple[int, list[int], int]] = []
    async with running(tmp_path, disk=disk, rotate_at=4) as journal:

        async def look() -> None:
            found.append(await journal.look(seen))

        for number in range(2):
            await journal.append({"code": number})
        async with trio.open_nursery() as nursery:
            disk.hold_reads.clear()
            nursery.start_soon(look)
            await until(lambda: disk.reading == 1)
            for number in range(2, 2 + more):
                await journal.append({"code": number})
            disk.hold_reads.set()
    # As it was when it was asked for, or, when that has been moved, as it was then.
    assert found == [(0, [0, 1], 2) if more < 2 else (1, [], 4)]


async def test_a_look_is_a_look_at_one_moment(tmp_path: Path) -> None:
    done = trio.Event()
    looks = 0
    async with running(tmp_path, rotate_at=7) as journal:

        async def look() -> None:
            nonlocal looks
            while not done.is_set():
                archives, newest, count = await journal.look(seen)
                assert newest == [*range(7 * archives, count)]
                looks += 1

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(look)
            for number in range(150):
                await journal.append({"code": number, "visitor_id": f"v{number % 2}", "real_ip": "192.0.2.1"})
                if number % 10 == 9:
                    await journal.erase(lambda record: record["visitor_id"] == "v1")
            done.set()
    assert looks > 10


async def test_a_reader_whose_work_takes_long_holds_up_no_append(tmp_path: Path) -> None:
    hold, begun = threading.Event(), threading.Event()

    def think(view: View) -> int:
        begun.set()
        hold.wait(10)
        return view.count

    async with running(tmp_path) as journal, trio.open_nursery() as nursery:
        nursery.start_soon(journal.look, think)
        await until(begun.is_set)
        with trio.fail_after(2):
            await journal.append({"code": 0})
        assert not journal.degraded
        hold.set()


# Closing


async def test_close_writes_what_waits_and_ends_the_task(tmp_path: Path) -> None:
    disk = StubbornDisk()
    journal = Journal(LogFile(tmp_path, CHAIN, disk=disk))
    await journal.open()
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            await nursery.start(journal.run)
            disk.refuses = True
            await journal.append({"code": 1})
            disk.refuses = False
            assert await journal.close() == 0
    with pytest.raises(JournalClosed):
        await journal.append({"code": 2})
    assert codes(tmp_path) == [1]


async def test_close_gives_up_after_its_deadline_and_says_what_is_lost(tmp_path: Path) -> None:
    disk = StubbornDisk()
    async with running(tmp_path, disk=disk) as journal:
        disk.refuses = True
        await journal.append({"code": 1})
        assert await journal.close(0.1) == 1


async def test_close_without_a_writer_does_not_wait(tmp_path: Path) -> None:
    journal = Journal(LogFile(tmp_path, CHAIN))
    with trio.fail_after(1):
        assert await journal.close() == 0


# Erasing


async def test_an_erased_record_keeps_its_place_in_the_chain(tmp_path: Path) -> None:
    async with running(tmp_path, rotate_at=3) as journal:
        for number in range(8):
            await journal.append({"code": number, "visitor_id": f"v{number % 2}", "real_ip": "192.0.2.1"})
        newest = journal.newest_hash
        assert await journal.erase(lambda record: record["visitor_id"] == "v1") == 4
        assert await journal.erase(lambda record: record["visitor_id"] == "v1") == 0
        await journal.append({"code": 8, "visitor_id": "v1", "real_ip": "192.0.2.2"})
    text = b"".join(contents(tmp_path).values())
    assert text.count(b'"v1"') == 1
    assert text.count(b'"salts":{}') == 4
    file = LogFile(tmp_path, CHAIN, rotate_at=3)
    file.open()
    assert file.head.count == 9
    assert json.loads((tmp_path / "verify.head").read_bytes()[:256])["hash"] != newest
    assert codes(tmp_path) == [*range(9)]


async def test_erasing_and_appending_do_not_hurt_each_other(tmp_path: Path) -> None:
    async with running(tmp_path, rotate_at=5) as journal:

        async def erase() -> None:
            for _ in range(10):
                await journal.erase(lambda record: record["visitor_id"] == "v1")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(erase)
            for number in range(40):
                await journal.append({"code": number, "visitor_id": f"v{number % 2}", "real_ip": "192.0.2.1"})
        assert not journal.degraded
        await journal.erase(lambda record: record["visitor_id"] == "v1")
    assert codes(tmp_path) == [*range(40)]
    assert b'"v1"' not in b"".join(contents(tmp_path).values())
    LogFile(tmp_path, CHAIN, rotate_at=5).open()


async def test_an_altered_file_is_evidence_and_is_not_rewritten(tmp_path: Path) -> None:
    await fill(tmp_path, 3)
    file = LogFile(tmp_path, CHAIN)
    file.open()
    path = tmp_path / "verify.json"
    path.write_bytes(altered := path.read_bytes().replace(b'"code":0', b'"code":7'))
    with pytest.raises(Tampered, match="record 1"):
        file.erase("verify.json", lambda record: True)
    assert path.read_bytes() == altered


async def test_only_the_logs_own_files_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("[\n{}\n]\n")
    async with running(tmp_path) as journal:
        for name in ("keys.json", "../verify.json", "verify_1.json", "/etc/passwd"):
            with pytest.raises(FileNotFoundError):
                await journal.read(name)
