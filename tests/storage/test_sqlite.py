"""What the SQLite store promises beyond the contract: it outlives its process, and it knows its own file."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from attrs import define

from hashpass.directory import FileUnreadable
from hashpass.domain.errors import StoreFull, StoreUnavailable
from hashpass.storage.sqlite import SqliteStore


@define
class HandClock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


async def test_what_was_kept_is_there_after_a_restart_and_lives_go_on(path: Path) -> None:
    clock = HandClock()
    store = await SqliteStore.open(path, wall=clock)
    await store.put("short", b"1", ttl=10)
    await store.put("long", b"2", ttl=100)
    await store.put("endless", b"\x00\xff")
    await store.aclose()
    clock.now += 50
    store = await SqliteStore.open(path, wall=clock)
    assert await store.items("") == [("endless", b"\x00\xff"), ("long", b"2")]
    await store.aclose()


async def test_what_was_written_is_in_the_file_when_the_call_returns(path: Path) -> None:
    """A process that is killed closes nothing, so nobody may have to."""
    store = await SqliteStore.open(path)
    await store.put("a", b"1")
    other = await SqliteStore.open(path)
    assert await other.take("a") == b"1"
    assert await store.get("a") is None
    await other.aclose()
    await store.aclose()


async def test_two_processes_on_one_file_still_have_one_winner(path: Path) -> None:
    stores = [await SqliteStore.open(path) for _ in range(4)]
    won: list[bool] = []

    async def race(store: SqliteStore) -> None:
        won.extend([await store.put_if_absent(f"a:{number}", b"1", ttl=60) for number in range(20)])

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for store in stores:
                nursery.start_soon(race, store)
    assert sum(won) == 20
    for store in stores:
        await store.aclose()


async def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.put("a", b"1")
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    await store.aclose()


async def test_outdated_entries_leave_the_file(path: Path) -> None:
    clock = HandClock()
    store = await SqliteStore.open(path, wall=clock)
    for number in range(200):
        await store.put(str(number), b"1", ttl=10)
    clock.now += 10
    for _ in range(4):
        await store.put("living", b"1")
    await store.aclose()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT key FROM entries").fetchall() == [("living",)]
    connection.close()


async def test_a_full_store_refuses_the_new_and_keeps_the_old(path: Path) -> None:
    clock = HandClock()
    store = await SqliteStore.open(path, wall=clock, max_bytes=100_000)
    kept = 0
    with suppress(StoreFull):
        while kept < 200:
            await store.put(f"{kept:03}", bytes(2000), ttl=10)
            kept += 1
    assert 10 < kept < 200
    assert len(await store.items("")) == kept
    assert await store.touch("000", ttl=20)
    clock.now += 15
    await store.put("new", bytes(2000))
    assert [key for key, _ in await store.items("")] == ["000", "new"]
    await store.aclose()


async def test_a_file_of_somebody_else_is_left_as_it_is(tmp_path: Path) -> None:
    text, foreign, later, folder = (tmp_path / name for name in ("text", "foreign", "later", "folder"))
    text.write_text("this is no database at all, and long enough to be sure of it" * 20)
    for path, script in ((foreign, "CREATE TABLE mine (a)"), (later, "PRAGMA user_version = 9")):
        connection = sqlite3.connect(path)
        connection.executescript(script)
        connection.close()
    folder.mkdir()
    for path in (text, foreign, later, folder, tmp_path / "missing" / "store"):
        before = path.read_bytes() if path.is_file() else b""
        with pytest.raises(FileUnreadable, match=path.name):
            await SqliteStore.open(path)
        if path is text:
            assert path.read_bytes() == before
    connection = sqlite3.connect(foreign)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
    connection.close()


async def test_a_store_that_is_closed_or_broken_is_unavailable(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.put("a", b"1")
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE entries")
    connection.close()
    with pytest.raises(StoreUnavailable):
        await store.get("a")
    with pytest.raises(StoreUnavailable):
        await store.put("a", b"1")
    await store.aclose()
    for call in (store.get("a"), store.put("a", b"1"), store.items("")):
        with pytest.raises(StoreUnavailable):
            await call
    await store.aclose()


async def test_a_call_that_fails_half_way_does_not_spoil_the_next(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.put("a", b"1")
    with pytest.raises(UnicodeEncodeError):
        await store.take("\ud800")
    assert await store.take("a") == b"1"
    await store.aclose()


async def test_a_caller_who_hangs_up_leaves_no_open_transaction(path: Path) -> None:
    store = await SqliteStore.open(path)
    for _ in range(20):
        with trio.move_on_after(0.0002):
            await store.put("a", b"1")
    await store.put("b", b"1")
    assert await store.get("b") == b"1"
    await store.aclose()


async def test_what_has_no_end_is_synced_and_what_has_one_is_not(path: Path) -> None:
    """A redeemed code must outlive a power cut; a sync for every session would be felt."""
    store = await SqliteStore.open(path)
    said: list[str] = []
    store._connection.set_trace_callback(said.append)
    try:
        for change, level in (
            (store.put("redeemed", b"1"), "FULL"),
            (store.put_if_absent("redeemed too", b"1"), "FULL"),
            (store.put("session", b"1", ttl=300), "NORMAL"),
            (store.put_if_absent("session too", b"1", ttl=300), "NORMAL"),
        ):
            said.clear()
            await change
            assert said[:2] == [f"PRAGMA synchronous = {level}", "BEGIN IMMEDIATE"]
    finally:
        await store.aclose()
