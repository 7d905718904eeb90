from __future__ import annotations

import errno
import itertools
import json
import math
import statistics
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from hashpass.archive import AT_ONCE, SEARCHED, Archive, Page
from hashpass.audit import audit_chain, of_visitor
from hashpass.domain.chain import Record
from hashpass.domain.errors import BadRequest, StoreUnavailable
from hashpass.domain.records import PERSONAL, AuditRecord, read_stamp, stamp
from hashpass.domain.tally import MOST_POINTS, Tally
from hashpass.journal import Journal
from hashpass.logfile import LogFile
from tests.faults.disk import SimulatedDisk

AUDIT_KEY = bytes(32)
NOW = 1_750_000_000.0
HERE = Path("/data")
CURRENT = "verify.json"

nasty = st.text(st.sampled_from('"\\nu01aAsSkiz{}:,/\n\t\x1f\x7f ßſKİéÉΣς\u0130\u2028😀'), max_size=6)
"""What JSON spells otherwise, what its spellings are made of, and letters whose cases are not one to one."""


class WatchedDisk(SimulatedDisk):
    """Notes what is read, and refuses or holds up whoever reads an archive while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.files_read: list[str] = []
        self.refuses = False
        self.refuses_writes = False
        self.refuses_files = False
        self.hold = threading.Event()
        self.hold.set()
        self.inside = 0
        self.most_inside = 0
        self.pause = 0.0
        self.stop_at = 0
        self.stop = trio.CancelScope()
        """Cancelled from within so many reads of an archive."""

    def read(self, path: Path) -> bytes:
        self.files_read.append(path.name)
        if path.name == CURRENT:
            return super().read(path)
        self.stop_at -= 1
        if self.stop_at == 0:
            trio.from_thread.run_sync(self.stop.cancel)
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        time.sleep(self.pause)
        try:
            self.hold.wait(10)
            if self.refuses:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(path)
        finally:
            self.inside -= 1

    def write(self, fd: int, data: bytes, offset: int) -> int:
        if self.refuses_writes:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(fd, data, offset)

    def create(self, path: Path, mode: int) -> int:
        if self.refuses_files:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().create(path, mode)

    def took(self) -> list[str]:
        """The archives that were read since one asked last."""
        taken, self.files_read = self.files_read, []
        return [name for name in taken if name not in (CURRENT, "verify.head")]


def record(number: int, **changed: Any) -> Record:
    made = AuditRecord(
        timestamp=stamp(NOW + number),
        invite_code=f"HASHPASS-{number}",
        visitor_id="ann",
        nonce=number,
        hash="00" * 32,
        seed=f"{number:064x}",
        real_ip="192.0.2.7",
        trace_data="ip=192.0.2.7\nuag=Mozilla/5.0\n",
        difficulty=3.0,
        solve_time=12.5,
        new_difficulty=4.0,
        adjustment_reason="Faster than the window.",
        round=number,
        reason="solved",
        target="2" + "0" * 63,
        algorithm="argon2d",
        time_cost=3,
        memory_cost=65536,
        parallelism=1,
        key_id="k1",
        session="5e" * 32,
    )
    return {**made.as_record(), **changed}


def log_file(disk: WatchedDisk, rotate_at: int) -> LogFile:
    return LogFile(HERE, audit_chain(AUDIT_KEY), rotate_at=rotate_at, disk=disk, wall=lambda: NOW)


async def stored(records: Iterable[Record], *, rotate_at: int = 10, disk: WatchedDisk | None = None) -> Archive:
    """An archive over a log that holds these, and that nobody writes."""
    archive, _ = await stored_log(records, rotate_at=rotate_at, disk=disk)
    return archive


async def stored_log(
    records: Iterable[Record], *, rotate_at: int = 10, disk: WatchedDisk | None = None
) -> tuple[Archive, Journal]:
    disk = disk or WatchedDisk()
    file = log_file(disk, rotate_at)
    file.open()
    for each in records:
        file.write([file.chain.seal(each, file.head, bytes)])
    file.close()
    journal = Journal(log_file(disk, rotate_at))
    await journal.open()
    disk.took()
    return Archive(journal, HERE, disk=disk, wall=lambda: NOW), journal


@asynccontextmanager
async def running(
    records: Iterable[Record] = (), *, disk: WatchedDisk | None = None, rotate_at: int = 10, **options: Any
) -> AsyncIterator[tuple[Archive, Journal]]:
    disk = disk or WatchedDisk()
    await stored(records, rotate_at=rotate_at, disk=disk)
    journal = Journal(log_file(disk, rotate_at), **options)
    await journal.open()
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(journal.run)
            yield Archive(journal, HERE, disk=disk, wall=lambda: NOW), journal
            nursery.cancel_scope.cancel()


def numbers(records: Iterable[Record]) -> list[int]:
    return [each["round"] for each in records]


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - the thread it waits for tells nobody
        await trio.sleep(0.001)


async def exported(archive: Archive) -> list[Record]:
    pieces = [piece async for piece in archive.export_text(lambda each: json.dumps(each) + "\n")]
    return [json.loads(line) for line in "".join(pieces).splitlines()]


def shape(page: Page) -> tuple[list[int], int, int]:
    return numbers(page.records), page.total, page.pages


# Pages


async def test_the_newest_come_first_and_every_file_is_named() -> None:
    archive = await stored(map(record, range(25)))
    page = await archive.page(1, 7)
    assert shape(page) == ([24, 23, 22, 21, 20, 19, 18], 25, 4)
    assert page.page == 1
    assert page.files[0] == CURRENT
    assert page.files == sorted(page.files[1:], reverse=True).__class__(
        [CURRENT, *sorted(page.files[1:], reverse=True)]
    )
    assert len(page.files) == 3
    assert shape(await archive.page(4, 7)) == ([3, 2, 1, 0], 25, 4)


async def test_an_empty_log_has_one_empty_page() -> None:
    archive = await stored([])
    assert shape(await archive.page(1, 50)) == ([], 0, 1)
    assert shape(await archive.page(1, 50, "anything")) == ([], 0, 1)


async def test_a_page_behind_the_last_is_empty() -> None:
    archive = await stored(map(record, range(25)))
    assert shape(await archive.page(5, 7)) == ([], 25, 4)
    assert shape(await archive.page(10**30, 200)) == ([], 25, 1)
    assert shape(await archive.page(2, 25, "hashpass")) == ([], 25, 1)


@settings(max_examples=60)
@given(
    count=st.integers(0, 30),
    rotate_at=st.integers(1, 12),
    page=st.integers(1, 12),
    per_page=st.integers(1, 40),
    search=st.sampled_from(["", "hashpass-1"]),
    number=st.integers(0, 40),
    one_file=st.booleans(),
)
def test_pages_are_slices_of_all_records(
    count: int, rotate_at: int, page: int, per_page: int, search: str, number: int, one_file: bool
) -> None:
    async def compare() -> None:
        archive = await stored(map(record, range(count)), rotate_at=rotate_at)
        files = (await archive.page(1, 1)).files
        # Files hold so many each, and the newest what is left.
        parts = [list(range(at, min(at + rotate_at, count))) for at in range(0, len(files) * rotate_at, rotate_at)]
        file = files[number % len(files)] if one_file else None
        chosen = parts[::-1] if file is None else [parts[::-1][number % len(files)]]
        expected = [n for part in chosen for n in reversed(part) if search in f"hashpass-{n}"]
        found = await archive.page(page, per_page, search, file)
        first = (page - 1) * per_page
        pages = max(math.ceil(len(expected) / per_page), 1)
        assert shape(found) == (expected[first : first + per_page], len(expected), pages)
        assert (found.page, found.files) == (page, files)

    trio.run(compare)


async def test_only_the_files_that_hold_the_page_are_read() -> None:
    disk = WatchedDisk()
    archive = await stored(map(record, range(45)), disk=disk)
    files = (await archive.page(1, 5)).files
    assert sorted(disk.took()) == sorted(files[1:])  # each is counted once
    await archive.page(1, 5)
    assert disk.took() == []
    await archive.page(2, 10)
    assert disk.took() == files[1:3]
    disk.files_read.clear()
    await archive.page(9, 5)
    assert disk.files_read == [files[4]]  # nor is the newest
    assert shape(await archive.page(1, 4, file=files[2]))[0] == [29, 28, 27, 26]


async def test_a_search_reads_each_file_once() -> None:
    disk = WatchedDisk()
    archive = await stored(map(record, range(45)), disk=disk)
    found = await archive.page(2, 10, "hashpass-1")
    assert disk.took() == found.files[1:]
    found = await archive.page(1, 10, "hashpass-1", file=found.files[3])
    assert disk.took() == [found.files[3]]
    assert numbers(found.records) == [*range(19, 9, -1)]


async def test_a_file_that_is_not_one_of_the_logs_is_refused() -> None:
    archive = await stored(map(record, range(15)))
    for file in ("", "verify_20990101_000000.json", "../keys.json", "verify.head", "/etc/passwd"):
        for search in ("", "x"):
            with pytest.raises(BadRequest) as refused:
                await archive.page(1, 50, search, file)
            assert refused.value.field == "file"


async def test_a_record_is_shown_without_its_salts_and_session() -> None:
    archive = await stored([record(0), record(1)])
    found = (await archive.page(1, 50)).records[0]
    assert set(found) == {*record(1), "prev", "mac", "erased"} - {"session"}
    assert found["erased"] is False
    assert (await archive.page(1, 50, "hashpass")).records[0] == found


async def test_a_record_that_waits_for_the_disk_is_there() -> None:
    disk = WatchedDisk()
    async with running(map(record, range(12)), disk=disk, patience=0.05) as (archive, journal):
        disk.refuses_writes = True
        await journal.append(record(12, visitor_id="waiting"))
        assert journal.waiting == 1
        assert shape(await archive.page(1, 5)) == ([12, 11, 10, 9, 8], 13, 3)
        assert shape(await archive.page(1, 5, "WAITING")) == ([12], 1, 1)
        assert (await archive.find_code("HASHPASS-12") or {})["round"] == 12
        assert (await archive.stats())["total_codes"] == 13
        assert numbers(await exported(archive)) == [*range(13)]


async def test_while_there_is_no_newest_file_all_the_others_are_read() -> None:
    disk = WatchedDisk()
    async with running(map(record, range(19)), disk=disk, patience=0.5) as (archive, journal):
        disk.refuses_files = True
        await journal.append(record(19))  # moves the file, and there is no room for a new one
        assert HERE / CURRENT not in disk.paths()
        for number in range(20, 22):
            assert journal.degraded
            page = await archive.page(1, 5)
            assert shape(page)[0] == [*range(number - 1, number - 6, -1)]
            assert (page.total, len(page.files)) == (number, 3)
            assert (await archive.page(1, 50, "hashpass")).total == number
            assert shape(await archive.page(1, 50, file=CURRENT))[0] == [*range(number - 1, 19, -1)]
            assert (await archive.find_code(f"HASHPASS-{number - 1}") or {})["round"] == number - 1
            assert (await archive.find_code("HASHPASS-3") or {})["round"] == 3
            assert (await archive.stats())["total_codes"] == number
            assert numbers(await exported(archive)) == [*range(number)]
            await journal.append(record(number))
        disk.refuses_files = False
        await until(lambda: not journal.degraded)
        assert numbers(await exported(archive)) == [*range(22)]


async def test_a_line_that_was_spoilt_is_left_out() -> None:
    disk = WatchedDisk()
    archive = await stored(map(record, range(25)), disk=disk)
    name = (await archive.page(1, 1)).files[1]
    lines = disk.content(HERE / name).split(b"\n")
    lines[4] = b'{"spoilt,'
    disk.put(HERE / name, b"\n".join(lines))
    assert shape(await archive.page(2, 5)) == ([19, 18, 17, 16, 15], 25, 5)
    assert shape(await archive.page(3, 5)) == ([14, 12, 11, 10], 25, 5)
    assert shape(await archive.page(1, 50, "hashpass"))[1] == 24
    assert (await archive.stats())["total_codes"] == 24


# Search


@settings(max_examples=150)
@given(
    records=st.lists(st.fixed_dictionaries({}, optional={"visitor_id": nasty, "trace_data": nasty}), max_size=8),
    search=nasty.filter(bool),
)
def test_a_search_finds_what_holds_the_text_in_whatever_case(records: list[Record], search: str) -> None:
    made = [record(number, **changed) for number, changed in enumerate(records)]

    async def compare() -> None:
        archive = await stored(made, rotate_at=3)
        found = await archive.page(1, 50, search)
        expected = [
            each["round"]
            for each in reversed(made)
            if any(search.casefold() in str(each[name]).casefold() for name in SEARCHED)
        ]
        assert (numbers(found.records), found.total) == (expected, len(expected))

    trio.run(compare)


@pytest.mark.parametrize(
    ("search", "text"),
    [("STRASSE", "Hauptstraße"), ("straße", "STRASSE"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("kelvin", "\u212aelvin"), ("fi", "ﬁ")],
)
async def test_letters_whose_cases_are_not_one_to_one_are_found(search: str, text: str) -> None:
    archive = await stored([record(n, visitor_id=f"the {text} of it") for n in range(12)])
    assert (await archive.page(1, 50, search)).total == 12


@pytest.mark.parametrize("name", SEARCHED)
async def test_it_looks_into_every_text_that_tells_records_apart(name: str) -> None:
    archive = await stored([record(n, **({name: 'A "needle"\n\\'} if n in (3, 14) else {})) for n in range(15)])
    for search in ("NEEDLE", 'a "needle"\n\\', "\n\\"):
        assert numbers((await archive.page(1, 50, search)).records) == [14, 3]


@pytest.mark.parametrize(
    "search",
    ["invite_code", '"visitor_id"', '":"', "5e5e5e", "Faster", "prev", "mac", "salts", r"\n", "\ud800", "x" * 100_000],
)
async def test_it_looks_at_values_alone_and_at_none_that_is_hidden(search: str) -> None:
    archive = await stored(map(record, range(15)))
    assert shape(await archive.page(1, 50, search)) == ([], 0, 1)


# Codes


async def test_a_code_is_found_wherever_it_stands() -> None:
    archive = await stored(map(record, range(25)))
    for number in (0, 9, 10, 24):
        found = await archive.find_code(f"HASHPASS-{number}")
        assert found is not None
        assert AuditRecord.from_record(found).as_record() == record(number)


@pytest.mark.parametrize(
    "code", ["", "HASHPASS-", "HASHPASS-2", "hashpass-20", "HASHPASS-200", "HASHPASS-20 ", '","', "\ud800", "?", "*"]
)
async def test_a_code_is_found_by_all_of_it_only(code: str) -> None:
    archive = await stored(map(record, [*range(20, 45)]))
    assert await archive.find_code(code) is None


async def test_a_code_inside_another_text_is_not_found() -> None:
    forged = '","invite_code":"FORGED","x":"'
    archive = await stored([record(n, visitor_id=forged, trace_data=forged) for n in range(15)])
    assert await archive.find_code("FORGED") is None


async def test_a_code_that_cannot_be_written_is_not_taken_for_another() -> None:
    archive = await stored([record(n, invite_code="?") for n in range(15)])
    assert await archive.find_code("\ud800") is None


@given(code=nasty)
@settings(max_examples=40)
def test_a_code_of_any_style_is_found(code: str) -> None:
    async def find() -> None:
        archive = await stored([record(0, invite_code=code), record(1, invite_code=code), record(2)], rotate_at=2)
        assert ((await archive.find_code(code)) or {})["round"] == 1

    trio.run(find)


# Figures


def some(number: int) -> Record:
    return record(
        number,
        visitor_id=f"visitor {number * number % 37}",
        solve_time=round(1.7 ** (number % 17) - 1, 3),
        difficulty=3 + number % 5 + 0.25 * (number % 2),
        reason="consolation" if number % 6 == 5 else "solved",
        timestamp=stamp(NOW - 1200 * (300 - number)),
    )


async def test_the_figures_are_those_of_all_records() -> None:
    records = list(map(some, range(300)))
    stats = await (await stored(records, rotate_at=37)).stats()
    times = [each["solve_time"] for each in records if each["reason"] == "solved"]
    assert stats["total_codes"] == 300
    assert stats["unique_visitors"] == len({each["visitor_id"] for each in records})
    assert stats["avg_solve_time"] == pytest.approx(statistics.fmean(times), abs=0.001)
    assert stats["median_solve_time"] == pytest.approx(statistics.median(times), abs=0.001)
    distribution = Counter(str(math.ceil(each["difficulty"])) for each in records)
    assert stats["difficulty_distribution"] == distribution
    assert list(stats["difficulty_distribution"]) == sorted(distribution, key=int)
    json.dumps(stats, allow_nan=False)


async def test_what_the_charts_show_adds_up() -> None:
    records = list(map(some, range(300)))
    stats = await (await stored(records, rotate_at=37)).stats()
    bars = stats["solve_time_histogram"]
    times = [each["solve_time"] for each in records if each["reason"] == "solved"]
    assert [bar["to"] for bar in bars] == [*(bar["from"] for bar in bars[1:]), None]
    assert bars[0]["from"] == 0
    for bar in bars:
        assert bar["codes"] == sum(bar["from"] <= time < (bar["to"] or math.inf) for time in times)
    hours = stats["codes_per_hour"]
    assert len(hours) == 48
    assert hours[-1]["hour"] == stamp(NOW // 3600 * 3600)
    for hour in hours:
        assert hour["codes"] == sum(each["timestamp"][:13] == hour["hour"][:13] for each in records)
    history = stats["difficulty_history"]
    assert len(history) <= MOST_POINTS
    assert [point["timestamp"] for point in history] == sorted(point["timestamp"] for point in history)
    all_points = {(each["timestamp"], each["difficulty"]) for each in records}
    assert {(point["timestamp"], point["difficulty"]) for point in history} <= all_points


@pytest.mark.parametrize("count", [0, 1, 5, 199, 1000, 3000])
async def test_the_curve_of_the_difficulty_is_thinned_evenly(count: int) -> None:
    archive = await stored((record(n) for n in range(count)), rotate_at=700)
    history = (await archive.stats())["difficulty_history"]
    assert min(count, MOST_POINTS // 2) <= len(history) <= MOST_POINTS
    seen = [round(read_stamp(point["timestamp"]) - NOW) for point in history]  # one record a second
    gaps = {later - earlier for earlier, later in itertools.pairwise(seen)}
    assert not gaps or max(gaps) <= 2 * min(gaps)
    assert not seen or (seen[0] == 0 and seen[-1] >= count - max(gaps, default=1))


async def test_an_empty_log_has_figures() -> None:
    stats = await (await stored([])).stats()
    assert stats["total_codes"] == stats["unique_visitors"] == 0
    assert stats["avg_solve_time"] is stats["median_solve_time"] is None
    assert stats["difficulty_distribution"] == {}


async def test_an_archive_is_added_up_once_and_nothing_is_read_while_nothing_is_new() -> None:
    disk = WatchedDisk()
    async with running(map(some, range(45)), disk=disk) as (archive, journal):
        disk.took()
        assert await archive.stats() == await archive.stats()
        assert len(disk.files_read) == len(set(disk.files_read)) == 5
        disk.files_read.clear()
        await archive.stats()
        assert disk.files_read == []
        for number in range(45, 55):
            await journal.append(some(number))
        disk.took()
        grown = await archive.stats()
        assert len(disk.took()) == 1
        assert grown == await Archive(journal, HERE, disk=disk, wall=lambda: NOW).stats()


async def test_the_hours_move_on_though_nothing_is_won() -> None:
    archive = await stored(map(record, range(5)))
    now = NOW
    archive = Archive(archive._journal, HERE, disk=archive._disk, wall=lambda: now)
    assert (await archive.stats())["codes_per_hour"][-1]["codes"] == 5
    now += 3600
    assert [hour["codes"] for hour in (await archive.stats())["codes_per_hour"][-2:]] == [5, 0]


async def test_figures_asked_for_by_many_are_added_up_once() -> None:
    disk = WatchedDisk()
    archive = await stored(map(some, range(45)), disk=disk)
    found = []

    async def ask() -> None:
        found.append(await archive.stats())

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(ask)
    assert len(disk.took()) == 4
    assert found == [found[0]] * 8
    assert found[0]["total_codes"] == 45


async def test_figures_given_up_half_way_are_right_the_next_time() -> None:
    disk = WatchedDisk()
    archive = await stored(map(some, range(45)), disk=disk)
    for reads in (2, 3, 1, 1):
        disk.took()
        with trio.CancelScope() as disk.stop:
            disk.stop_at = reads
            await archive.stats()
        assert disk.stop.cancelled_caught
    disk.stop_at = 0
    assert await archive.stats() == await (await stored(map(some, range(45)))).stats()


def test_records_without_sense_count_where_they_can() -> None:
    tally = Tally(bytes(32))
    tally.count(
        [
            {},
            {"timestamp": "yesterday", "difficulty": "3", "solve_time": None, "reason": "solved"},
            {"timestamp": 5, "visitor_id": 7, "difficulty": True, "solve_time": 10**400, "reason": "solved"},
            {"timestamp": "2025-06-15", "difficulty": math.inf, "solve_time": math.nan, "reason": "solved"},
            {"visitor_id": "ann", "real_ip": None, "difficulty": 1e308, "solve_time": -5, "reason": "solved"},
        ]
    )
    stats = tally.summary(tally)
    assert stats["total_codes"] == 10
    assert stats["unique_visitors"] == 1
    json.dumps(stats, allow_nan=False)


# Erasure


async def test_an_erased_person_is_nowhere_to_be_read() -> None:
    disk = WatchedDisk()
    records = [record(n, visitor_id="bob" if n in (3, 14) else "ann", real_ip=f"192.0.2.{n}") for n in range(15)]
    async with running(records, disk=disk) as (archive, journal):
        assert (await archive.page(1, 50, "bob")).total == 2
        assert (await archive.stats())["unique_visitors"] == 2
        assert await journal.erase(of_visitor("bob")) == 2
        assert (await archive.page(1, 50, "bob")).total == 0
        page = await archive.page(1, 50)
        assert numbers(each for each in page.records if each["erased"]) == [14, 3]
        assert all(record(3)[name] != page.records[11][name] for name in PERSONAL)
        assert "bob" not in repr(page.records) + repr(await exported(archive))
        assert (await archive.find_code("HASHPASS-3") or {})["salts"] == {}
        fresh = Archive(journal, HERE, disk=disk, wall=lambda: NOW)
        assert (await fresh.stats())["unique_visitors"] == 1


# Export


@given(count=st.integers(0, 25), rotate_at=st.integers(1, 12))
@settings(max_examples=40)
def test_an_export_is_everything_oldest_first(count: int, rotate_at: int) -> None:
    async def compare() -> None:
        archive = await stored(map(record, range(count)), rotate_at=rotate_at)
        found = await exported(archive)
        assert numbers(found) == [*range(count)]
        assert found[::-1] == (await archive.page(1, 200)).records
        text = [piece async for piece in archive.export_text(lambda each: f"{each['round']} ")]
        assert "".join(text) == "".join(f"{number} " for number in range(count))

    trio.run(compare)


async def test_an_export_comes_in_pieces_and_reads_each_file_once() -> None:
    disk = WatchedDisk()
    archive = await stored(map(record, range(5 * AT_ONCE)), rotate_at=2 * AT_ONCE, disk=disk)
    pieces = [piece async for piece in archive.export_text(lambda each: "x")]
    assert [len(piece) for piece in pieces] == [AT_ONCE] * 5
    assert len(disk.took()) == 2


@pytest.mark.parametrize("pause_at", range(26))
async def test_what_is_moved_during_an_export_is_neither_lost_nor_repeated(pause_at: int) -> None:
    async with running(map(record, range(25))) as (archive, journal):
        found: list[int] = []
        async with aclosing(archive.export_text(lambda each: str(each["round"]), at_once=1)) as pieces:
            async for each in pieces:
                if len(found) == pause_at:
                    for number in range(25, 48):
                        await journal.append(record(number))
                found.append(int(each))
        assert found == [*range(len(found))]
        assert len(found) in (25, 48)
        assert len(found) == 48 or pause_at > 19


# All at once


async def test_pages_hold_together_while_the_log_grows_and_is_moved() -> None:
    """Whatever is appended meanwhile, a page shows the log as it was at one moment."""
    done = trio.Event()
    checked = Counter[str]()

    async def grow(journal: Journal) -> None:
        for number in range(300):
            await journal.append(record(number))
        done.set()

    async def look(archive: Archive, search: str, number: int, per_page: int) -> None:
        while not done.is_set():
            page = await archive.page(number, per_page, search)
            newest = page.total - 1 - (number - 1) * per_page
            assert numbers(page.records) == [*range(newest, max(newest - per_page, -1), -1)]
            checked[search] += len(page.records)

    async def check_stats(archive: Archive) -> None:
        while not done.is_set():
            stats = await archive.stats()
            assert sum(stats["difficulty_distribution"].values()) == stats["total_codes"]
            total = (await archive.stats())["total_codes"]
            assert total >= stats["total_codes"]

    async def check_export(archive: Archive) -> None:
        while not done.is_set():
            found = numbers(await exported(archive))
            assert found == [*range(len(found))]

    async with running(rotate_at=3) as (archive, journal), trio.open_nursery() as nursery:
        nursery.start_soon(grow, journal)
        for _ in range(3):
            nursery.start_soon(check_export, archive)
        for search in ("", "hashpass"):
            nursery.start_soon(look, archive, search, 1, 5)
            nursery.start_soon(look, archive, search, 3, 4)
        nursery.start_soon(check_stats, archive)
    assert min(checked.values()) > 0
    assert shape(await archive.page(1, 1))[1] == 300
    assert (await archive.stats())["total_codes"] == 300


async def test_many_searches_take_one_thread() -> None:
    disk = WatchedDisk()
    archive = await stored(map(record, range(45)), disk=disk)
    disk.pause = 0.001
    async with trio.open_nursery() as nursery:
        for _ in range(12):
            nursery.start_soon(archive.page, 1, 50, "hashpass")
            nursery.start_soon(archive.find_code, "nothing")
            nursery.start_soon(archive.page, 3, 7)
    assert disk.most_inside == 1


async def test_a_disk_that_refuses_is_an_answer() -> None:
    disk = WatchedDisk()
    archive = await stored(map(record, range(25)), disk=disk)
    disk.refuses = True
    for read in (archive.page(1, 50), archive.page(1, 50, "x"), archive.find_code("x"), archive.stats()):
        with pytest.raises(StoreUnavailable, match=r"cannot be read now: Input/output error"):
            await read
    with pytest.raises(StoreUnavailable):
        assert await exported(archive)
    disk.refuses = False
    assert (await archive.page(1, 50)).total == (await archive.stats())["total_codes"] == 25


async def test_a_disk_that_does_not_answer_holds_up_nobody_for_long() -> None:
    disk = WatchedDisk()
    _, journal = await stored_log(map(record, range(25)), disk=disk)
    archive = Archive(journal, HERE, disk=disk, patience=0.05)
    disk.hold.clear()
    try:
        with trio.fail_after(5):
            for search in ("x", "y"):
                with pytest.raises(StoreUnavailable, match="does not answer"):
                    await archive.page(1, 50, search)
            with trio.move_on_after(0.01) as scope:
                await archive.stats()
            assert scope.cancelled_caught
    finally:
        disk.hold.set()
    with trio.fail_after(5):
        await until(lambda: not archive._thread.borrowed_tokens)
    assert (await archive.page(1, 50, "hashpass")).total == 25
