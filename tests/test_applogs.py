from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from hashpass import applogs
from hashpass.applog import MAX_LINE, configure
from hashpass.applogs import BLOCK, LEVELS, LONGEST, AppLogs, LinePage
from hashpass.domain.errors import BadRequest, StoreUnavailable

LOG = logging.getLogger("hashpass.somewhere")
NEWEST = "hashpass.log"

nasty = st.text(st.sampled_from('aAsSkiİKſßΣς "\\\r\x0b\x85\u2028:é0'), max_size=8)


def line(number: int, level: str = "INFO", message: str = "Round %d is open.") -> str:
    message = message % number if "%d" in message else message
    return f"2025-06-{number // 86400 % 30 + 1:02}T00:00:00.{number % 1000:03}Z {level} hashpass.arbiter: {message}"


def write(directory: Path, lines: Sequence[str], name: str = NEWEST, end: str = "\n") -> None:
    folder = directory / "log"
    folder.mkdir(exist_ok=True)
    with (folder / name).open("a", encoding="utf-8", newline="") as file:
        file.write("\n".join(lines) + (end if lines else ""))


def messages(page: LinePage) -> list[str]:
    return [each["message"] for each in page.lines]


async def test_what_the_server_logs_is_read_back_newest_first(tmp_path: Path) -> None:
    with configure(tmp_path, console=None):
        LOG.info("Round %d is open.", 7)
        LOG.error("It broke.", exc_info=ValueError("first\nsecond"))
    page = await AppLogs(tmp_path).page(1, 100)
    assert (page.total, page.page, page.pages, page.files) == (2, 1, 1, [NEWEST])
    broken, opened = page.lines
    assert opened == {**opened, "level": "INFO", "logger": "hashpass.somewhere", "message": "Round 7 is open."}
    assert set(opened) == {"timestamp", "level", "logger", "message"}
    assert broken["level"] == "ERROR"
    assert broken["message"].startswith(r"It broke.\nValueError")
    assert broken["message"].endswith(r"ValueError: first\nsecond")


async def test_a_server_that_has_logged_nothing_has_one_empty_page(tmp_path: Path) -> None:
    for search in ("", "x"):
        page = await AppLogs(tmp_path).page(1, 100, search)
        assert page == LinePage([], 0, 1, 1, [])
    write(tmp_path, [])
    assert await AppLogs(tmp_path).page(1, 100) == LinePage([], 0, 1, 1, [NEWEST])


async def test_the_files_of_earlier_days_follow_and_others_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, ["c1", "c2"])
    write(tmp_path, ["a1", "a2"], "hashpass.log.2025-06-01")
    write(tmp_path, ["b1"], "hashpass.log.2025-06-02")
    write(tmp_path, ["secret"], "hashpass.log.2025-06-02.gz")
    write(tmp_path, ["secret"], "keys.json")
    logs = AppLogs(tmp_path)
    page = await logs.page(1, 100)
    assert page.files == [NEWEST, "hashpass.log.2025-06-02", "hashpass.log.2025-06-01"]
    assert messages(page) == ["c2", "c1", "b1", "a2", "a1"]
    assert messages(await logs.page(2, 2)) == ["b1", "a2"]
    page = await logs.page(1, 100, file="hashpass.log.2025-06-01")
    assert (messages(page), page.total, len(page.files)) == (["a2", "a1"], 2, 3)


@pytest.mark.parametrize("file", ["", "hashpass.log.2025-06-09", "../keys.json", "keys.json", "/etc/passwd", "."])
async def test_a_file_that_is_not_one_of_the_logs_is_refused(tmp_path: Path, file: str) -> None:
    write(tmp_path, ["x"])
    write(tmp_path, ["secret"], "keys.json")
    for search in ("", "x"):
        with pytest.raises(BadRequest) as refused:
            await AppLogs(tmp_path).page(1, 100, search, file=file)
        assert refused.value.field == "file"


@pytest.mark.parametrize("level", ["", "LOUD", "NOTSET", "WARN", "20", "info "])
async def test_a_level_that_is_none_is_refused(tmp_path: Path, level: str) -> None:
    with pytest.raises(BadRequest, match=r"DEBUG, INFO, WARNING, ERROR, CRITICAL") as refused:
        await AppLogs(tmp_path).page(1, 100, level=level)
    assert refused.value.field == "level"


async def test_a_level_means_this_one_and_those_above(tmp_path: Path) -> None:
    write(tmp_path, [*(line(n, level) for n, level in enumerate(LEVELS)), "no level: a torn ERROR line"])
    logs = AppLogs(tmp_path)
    for at, level in enumerate(LEVELS):
        page = await logs.page(1, 100, level=level.lower())
        assert [each["level"] for each in page.lines] == [*reversed(LEVELS[at:])]
    assert (await logs.page(1, 100)).total == len(LEVELS) + 1
    assert messages(await logs.page(1, 100, "round 3", level="warning")) == ["Round 3 is open."]
    assert (await logs.page(1, 100, "round 1", level="warning")).total == 0


async def test_a_level_that_a_message_names_does_not_count(tmp_path: Path) -> None:
    write(tmp_path, [line(1, message="the visitor said ERROR hashpass: x"), line(2, "ERROR")])
    page = await AppLogs(tmp_path).page(1, 100, level="error")
    assert messages(page) == ["Round 2 is open."]


async def test_a_line_that_is_none_of_ours_is_shown_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / NEWEST).write_bytes(b"\xff\xfe garbage\n\n" + line(1).encode()[:30] + b"\nab\rcd\n")
    page = await AppLogs(tmp_path).page(1, 100)
    assert page.lines == [
        {"message": "ab\rcd"},
        {"message": line(1)[:30]},
        {"message": ""},
        {"message": "\ufffd\ufffd garbage"},
    ]
    assert (await AppLogs(tmp_path).page(1, 100, "GARB")).total == 1


async def test_a_line_is_there_when_its_end_is(tmp_path: Path) -> None:
    logs = AppLogs(tmp_path)
    write(tmp_path, ["one", "tw"], end="")
    for search in ("", "e", "tw"):
        assert (await logs.page(1, 100, search)).total == ("tw" not in search)
    write(tmp_path, ["o", "three"])
    assert messages(await logs.page(1, 100)) == ["three", "two", "one"]
    assert messages(await logs.page(1, 100, "TWO")) == ["two"]


async def test_the_longest_line_that_is_logged_is_read_whole(tmp_path: Path) -> None:
    with configure(tmp_path, console=None):
        LOG.info("before")
        LOG.info("x" * MAX_LINE)
        LOG.info("\U000e0001" * MAX_LINE)  # each is spelt out in ten
    assert (tmp_path / "log" / NEWEST).stat().st_size < BLOCK
    page = await AppLogs(tmp_path).page(1, 100)
    assert [len(each["message"]) for each in page.lines[1:]] == [MAX_LINE, len("before")]
    assert len(page.lines[0]["message"]) <= LONGEST


@settings(max_examples=150)
@given(data=st.data())
def test_pages_are_slices_of_all_lines(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Against plain lists, with blocks so small that lines are cut by them anywhere."""
    directory = tmp_path_factory.mktemp("logs")
    text = nasty.map(lambda each: each.replace("\n", ""))
    one = st.builds(line, st.integers(0, 99), st.sampled_from(LEVELS), text) | text
    parts = data.draw(st.lists(st.lists(one, max_size=6), min_size=1, max_size=3))
    names = [NEWEST, "hashpass.log.2025-06-02", "hashpass.log.2025-06-01"][: len(parts)]
    for name, part in zip(names, parts, strict=True):
        write(directory, part, name)
        if not part:
            (directory / "log" / name).touch()
    page, per_page = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 8))
    search, level = data.draw(nasty), data.draw(st.none() | st.sampled_from(LEVELS))
    file = data.draw(st.none() | st.sampled_from(names))
    levels = LEVELS[LEVELS.index(level) :] if level else ()

    def passes(each: str) -> bool:
        words = each.split(" ")
        ours = len(words) > 3 and words[0].startswith("2025-") and words[2] == "hashpass.arbiter:"
        return search.casefold() in each.casefold() and (not levels or (ours and words[1] in levels))

    expected = [
        each
        for name, part in zip(names, parts, strict=True)
        if file in (None, name)
        for each in reversed(part)
        if passes(each)
    ]

    async def compare() -> None:
        found = await AppLogs(directory).page(page, per_page, search, level, file)
        first = (page - 1) * per_page
        shown = [
            " ".join((e["timestamp"], e["level"], f"{e['logger']}:", "")) if len(e) > 1 else "" for e in found.lines
        ]
        texts = [head + each["message"] for head, each in zip(shown, found.lines, strict=True)]
        assert texts == expected[first : first + per_page]
        assert (found.total, found.files) == (len(expected), names)
        assert found.pages == max(math.ceil(len(expected) / per_page), 1)

    with pytest.MonkeyPatch.context() as patch:
        longest = max((len(each.encode()) for part in parts for each in part), default=0)
        patch.setattr(applogs, "BLOCK", longest + data.draw(st.integers(1, 40)))
        trio.run(compare)


@given(block=st.integers(1, 40), lengths=st.lists(st.integers(0, 60), max_size=8), per_page=st.integers(1, 9))
@settings(max_examples=60)
def test_of_a_line_longer_than_a_block_the_end_is_shown(
    tmp_path_factory: pytest.TempPathFactory, block: int, lengths: list[int], per_page: int
) -> None:
    directory = tmp_path_factory.mktemp("logs")
    lines = [("abcdefghijklmnopqrstuvwxyz" * 3)[-length:] if length else "" for length in lengths]
    write(directory, lines)

    async def compare() -> None:
        logs = AppLogs(directory)
        page = await logs.page(1, per_page)
        assert page.total == len(lines)
        assert len(page.lines) == min(per_page, len(lines))
        for whole, shown in zip(reversed(lines), messages(page), strict=False):
            assert whole.endswith(shown)
            assert len(shown) == min(len(whole), block - 1)
        assert (await logs.page(1, 50, level="info")).total == 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(applogs, "BLOCK", block)
        trio.run(compare)


async def test_a_page_behind_the_last_is_empty(tmp_path: Path) -> None:
    write(tmp_path, [line(n) for n in range(25)])
    logs = AppLogs(tmp_path)
    for search in ("", "round"):
        page = await logs.page(10**30, 10, search)
        assert (page.lines, page.total, page.pages) == ([], 25, 3)


# What is read


class Reads:
    """Notes the places that are read, by standing in the way of the operating system's call."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.bytes = 0
        self.hold = threading.Event()
        self.hold.set()
        self.error: OSError | None = None
        self._read = os.pread
        patch.setattr(os, "pread", self)

    def __call__(self, fd: int, size: int, offset: int) -> bytes:
        self.hold.wait(10)
        if self.error is not None:
            raise self.error
        data = self._read(fd, size, offset)
        self.bytes += len(data)
        return data

    def took(self) -> int:
        taken, self.bytes = self.bytes, 0
        return taken


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


async def test_lines_are_counted_once_and_only_the_page_is_read(
    tmp_path: Path, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applogs, "BLOCK", 1000)
    write(tmp_path, [line(n) for n in range(500)], "hashpass.log.2025-06-01")
    write(tmp_path, [line(n) for n in range(500, 700)])
    logs = AppLogs(tmp_path)
    assert (await logs.page(1, 5)).total == 700
    reads.took()
    assert (await logs.page(1, 5)).total == 700
    assert reads.took() <= 2000
    write(tmp_path, [line(700)])
    assert messages(await logs.page(1, 1)) == ["Round 700 is open."]
    assert reads.took() <= 2000
    assert messages(await logs.page(39, 18)) == [f"Round {n} is open." for n in range(16, -1, -1)]


async def test_the_log_may_be_moved_and_cut_at_any_time(tmp_path: Path) -> None:
    logs = AppLogs(tmp_path)
    folder = tmp_path / "log"
    write(tmp_path, [line(n) for n in range(10)])
    assert (await logs.page(1, 5)).total == 10
    (folder / NEWEST).rename(folder / "hashpass.log.2025-06-01")
    assert (await logs.page(1, 5)).files == ["hashpass.log.2025-06-01"]
    write(tmp_path, [line(n) for n in range(10, 30)])
    page = await logs.page(5, 5)
    assert (messages(page)[0], page.total, len(page.files)) == ("Round 9 is open.", 30, 2)
    os.truncate(folder / NEWEST, 0)
    assert (await logs.page(1, 5)).total == 10
    (folder / "hashpass.log.2025-06-01").unlink()
    assert (await logs.page(1, 5)).total == 0
    assert set(logs._counted) == {NEWEST}


@pytest.mark.parametrize("search", ["", "round"])
async def test_a_log_that_is_cut_while_it_is_read_ends_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, search: str
) -> None:
    monkeypatch.setattr(applogs, "BLOCK", 1000)
    logs = AppLogs(tmp_path)
    write(tmp_path, [line(n) for n in range(100)])
    await logs.page(1, 1)  # the lines are counted
    read = os.pread

    def cut_first(fd: int, size: int, offset: int) -> bytes:
        os.truncate(tmp_path / "log" / NEWEST, 130)
        return read(fd, size, offset)

    monkeypatch.setattr(os, "pread", cut_first)
    with trio.fail_after(5):
        assert messages(await logs.page(1, 100, search)) == ["Round 1 is open.", "Round 0 is open."]


async def test_a_log_that_is_moved_while_it_is_looked_at_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "log"
    write(tmp_path, [line(n) for n in range(10)])
    listdir = os.listdir

    def move_first(path: Path) -> list[str]:
        monkeypatch.setattr(os, "listdir", listdir)
        (folder / NEWEST).rename(folder / "hashpass.log.2025-06-01")
        write(tmp_path, [line(10)])
        return listdir(path)

    for search in ("", "round"):
        monkeypatch.setattr(os, "listdir", move_first)
        page = await AppLogs(tmp_path).page(1, 100, search)
        assert messages(page) == [f"Round {n} is open." for n in range(9, -1, -1)]
        (folder / "hashpass.log.2025-06-01").rename(folder / NEWEST)


async def test_a_disk_that_refuses_is_an_answer(tmp_path: Path, reads: Reads) -> None:
    write(tmp_path, ["x"])
    reads.error = OSError(5, "Input/output error")
    for search in ("", "x"):
        with pytest.raises(StoreUnavailable, match="cannot be read now: Input/output error"):
            await AppLogs(tmp_path).page(1, 100, search)


async def test_a_disk_that_does_not_answer_holds_up_nobody_for_long(tmp_path: Path, reads: Reads) -> None:
    write(tmp_path, ["x"])
    logs = AppLogs(tmp_path, patience=0.05)
    reads.hold.clear()
    try:
        with trio.fail_after(5):
            for _ in range(3):
                with pytest.raises(StoreUnavailable, match="in time"):
                    await logs.page(1, 100)
    finally:
        reads.hold.set()


async def test_a_reading_that_was_given_up_ends(tmp_path: Path, reads: Reads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applogs, "BLOCK", 100)
    write(tmp_path, [line(n) for n in range(1000)])
    logs = AppLogs(tmp_path)
    with trio.fail_after(5):
        reads.hold.clear()
        with trio.move_on_after(0.02) as scope:
            await logs.page(1, 100, "nothing")
        assert scope.cancelled_caught
        reads.hold.set()
        while logs._threads.borrowed_tokens:  # noqa: ASYNC110 - a thread cannot be waited for otherwise
            await trio.sleep(0.001)
    assert reads.took() <= 200
