"""That a code is redeemed once, and that this survives disks and crashes."""

from __future__ import annotations

import json
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from hashpass.directory import FileUnreadable, RealDisk, write_json
from hashpass.domain.errors import StoreUnavailable
from hashpass.redemptions import FILE, RedeemedFile, RedeemedInStore, digest, open_redemptions
from hashpass.storage.memory import MemoryStore
from tests.faults.disk import Killed, Kind, SimulatedDisk

HERE = Path("/data")
MOMENT = "2026-09-21T14:13:20.000Z"
LATER = "2026-09-21T14:13:21.000Z"


async def open_file(disk: SimulatedDisk) -> RedeemedFile:
    opened = await open_redemptions(HERE, None, disk=disk)
    assert isinstance(opened, RedeemedFile)
    return opened


async def gather(*calls: Callable[[], Awaitable[bool]]) -> list[bool | str]:
    """What each answers, in the order in which they answer."""
    answers: list[bool | str] = []

    async def ask(call: Callable[[], Awaitable[bool]]) -> None:
        try:
            answers.append(await call())
        except StoreUnavailable:
            answers.append("refused")

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for call in calls:
                nursery.start_soon(ask, call)
    return answers


class SlowDisk(RealDisk):
    """Holds every rename until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = self.renames = 0

    def rename(self, old: Path, new: Path) -> None:
        self.asked += 1
        assert self.go.wait(10)
        self.renames += 1
        super().rename(old, new)


async def test_what_was_redeemed_is_there_after_a_restart_oldest_first(tmp_path: Path) -> None:
    redemptions = await open_redemptions(tmp_path, None)
    assert await redemptions.when("z") is None
    assert await redemptions.add("z", MOMENT)
    assert await redemptions.add("a", LATER)
    assert not await redemptions.add("z", LATER)
    again = await open_redemptions(tmp_path, None)
    assert await again.when("z") == MOMENT
    assert not await again.add("z", LATER)
    assert list((await again.listing()).items()) == [(digest("z"), MOMENT), (digest("a"), LATER)]
    assert json.loads((tmp_path / FILE).read_text()) == dict(await again.listing())


async def test_no_code_stands_in_the_file(tmp_path: Path) -> None:
    redemptions = await open_redemptions(tmp_path, None)
    await redemptions.add("HASHPASS-secret", MOMENT)
    assert "secret" not in (tmp_path / FILE).read_text()


async def test_many_at_once_share_few_writings(tmp_path: Path) -> None:
    disk = SlowDisk()
    redemptions = await open_redemptions(tmp_path, None, disk=disk)

    async def let_go() -> bool:
        await trio.sleep(0.2)
        disk.go.set()
        return True

    calls = [partial(redemptions.add, f"code {number % 25}", MOMENT) for number in range(50)]
    answers = await gather(*calls, let_go)
    assert sorted(answers) == [False] * 25 + [True] * 26
    assert disk.renames <= 2  # the first caller's, and one for all who came meanwhile
    assert len(await (await open_redemptions(tmp_path, None)).listing()) == 25


@pytest.mark.parametrize("content", ["", "[", "[]", "1", '{"x": 1}', '{"x": "2026-09-21T14:13:20.000Z"}', "bad stamp"])
async def test_a_file_that_is_not_ours_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / FILE
    path.write_text(json.dumps({"0" * 64: "yesterday"}) if content == "bad stamp" else content)
    before = path.read_bytes()
    with pytest.raises(FileUnreadable, match=r"redeemed\.json"):
        await open_redemptions(tmp_path, None)
    assert path.read_bytes() == before


@given(st.dictionaries(st.text(max_size=70), st.none() | st.integers() | st.text(max_size=30), max_size=3))
async def test_any_json_is_read_or_named(tmp_path_factory: pytest.TempPathFactory, value: dict[str, Any]) -> None:
    directory = tmp_path_factory.getbasetemp()
    write_json(directory / FILE, value)
    try:
        opened = await open_redemptions(directory, None)
    except FileUnreadable:
        assert value
    else:
        assert await opened.listing() == value


# A disk that refuses, and a process that dies


async def calls_of_one_add() -> int:
    disk = SimulatedDisk()
    await (await open_file(disk)).add("before", MOMENT)
    disk.calls = 0
    await (await open_file(disk)).add("code", MOMENT)
    return disk.calls


@pytest.mark.parametrize("kind", ["enospc", "eio", "short"])
async def test_whatever_the_disk_refuses_the_code_is_then_not_redeemed(kind: Kind) -> None:
    for fails in range(1, await calls_of_one_add()):  # 0 is the reading
        disk = SimulatedDisk()
        redemptions = await open_file(disk)
        await redemptions.add("before", MOMENT)
        disk.calls, disk.fail_at = 1, {fails: kind}
        if not await _adds(redemptions, "code"):
            assert await redemptions.when("code") is None
            after = await open_file(disk.restarted())
            assert (await after.when("before"), await after.when("code")) == (MOMENT, None)
            disk.fail_at = {}
            assert await redemptions.add("code", LATER)
        assert await (await open_file(disk.restarted(Random(fails)))).when("code") is not None


async def test_while_the_disk_refuses_nobody_succeeds_and_afterwards_one_does() -> None:
    disk = SimulatedDisk()
    redemptions = await open_file(disk)
    disk.fail_at = dict.fromkeys(range(disk.calls, disk.calls + 10_000), "enospc")
    assert set(await gather(*[partial(redemptions.add, "code", MOMENT)] * 20)) == {"refused"}
    disk.fail_at = {}
    assert sorted(await gather(*[partial(redemptions.add, "code", MOMENT)] * 20)) == [False] * 19 + [True]


@pytest.mark.parametrize("luck", range(8))
async def test_with_a_disk_that_refuses_now_and_then_no_code_is_redeemed_twice(luck: int) -> None:
    chance = Random(luck)
    disk = SimulatedDisk(fail_at={call: "eio" for call in range(1, 3000) if chance.random() < 0.1})
    redemptions = await open_file(disk)
    codes = ["a", "b", "c"]
    successes: list[str] = []

    async def ask(times: int) -> None:
        for _ in range(times):
            code = chance.choice(codes)
            if await _adds(redemptions, code):
                successes.append(code)
            for _ in range(chance.randrange(3)):
                await trio.lowlevel.checkpoint()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(ask, 5)
    assert sorted(successes) == sorted(set(successes))
    assert {digest(code) for code in successes} == set(await redemptions.listing())
    disk.fail_at = {}
    # A disk that refused twice in a row may hold more than was answered.
    after = await (await open_file(disk.restarted())).listing()
    assert after.items() >= (await redemptions.listing()).items()


@pytest.mark.parametrize("power_failed", [False, True])
async def test_wherever_the_process_dies_the_file_opens_again_with_all_that_was_answered(power_failed: bool) -> None:
    for dies in range(1, await calls_of_one_add()):
        disk = SimulatedDisk()
        redemptions = await open_file(disk)
        await redemptions.add("before", MOMENT)
        disk.calls, disk.die_at = 1, dies
        with pytest.raises(Killed):
            await redemptions.add("code", MOMENT)
        for chance in range(5):
            again = await open_file(disk.restarted(Random(chance) if power_failed else None))
            assert await again.when("before") == MOMENT
            assert await again.when("code") in (None, MOMENT)


async def test_a_disk_that_hangs_is_not_waited_for_and_nobody_writes_beside_it(tmp_path: Path) -> None:
    disk = SlowDisk()
    redemptions = RedeemedFile(tmp_path / FILE, {}, disk=disk, patience=0.1)
    assert await gather(*[partial(redemptions.add, "code", MOMENT)] * 5) == ["refused"] * 5
    assert await redemptions.when("code") is None
    assert await gather(partial(redemptions.add, "other", MOMENT)) == ["refused"]
    assert disk.asked == 1
    disk.go.set()
    with trio.fail_after(10):
        while not await _adds(redemptions, "other"):  # noqa: ASYNC110 - a thread that hangs has no event to wait for
            await trio.sleep(0.01)
    assert await redemptions.add("code", LATER)
    assert set(await (await open_redemptions(tmp_path, None)).listing()) == {digest("other"), digest("code")}


async def _adds(redemptions: RedeemedFile, code: str) -> bool:
    try:
        return await redemptions.add(code, MOMENT)
    except StoreUnavailable:
        return False


# In a store


async def test_a_store_keeps_them_itself_and_a_file_from_before_still_counts(tmp_path: Path) -> None:
    write_json(tmp_path / FILE, {digest("old"): MOMENT})
    store = MemoryStore()
    redemptions = await open_redemptions(tmp_path, store)
    assert isinstance(redemptions, RedeemedInStore)
    assert not await redemptions.add("old", LATER)
    assert await redemptions.add("new", LATER)
    assert not await redemptions.add("new", LATER)
    again = await open_redemptions(tmp_path, store)
    assert [await again.when(code) for code in ("old", "new", "none")] == [MOMENT, LATER, None]
    assert await again.listing() == {digest("old"): MOMENT, digest("new"): LATER}
    assert json.loads((tmp_path / FILE).read_text()) == {digest("old"): MOMENT}
