"""What every storage backend promises. A new backend adds one line to BACKENDS and inherits every case."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import trio
from attrs import define, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from hashpass.storage.base import Store
from hashpass.storage.memory import MemoryStore
from hashpass.storage.sqlite import SqliteStore


@frozen
class Bench:
    """A fresh, empty store and a way to let time pass for it.

    Lives are given in multiples of `second`, so that a backend with a clock of its own may make a second short.
    """

    store: Store
    wait: Callable[[float], Awaitable[None]]
    second: float = 1.0


@define
class HandClock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    async def wait(self, seconds: float) -> None:
        self.now += seconds
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def memory() -> AsyncIterator[Bench]:
    clock = HandClock()
    store = MemoryStore(clock)
    yield Bench(store, clock.wait)
    await store.aclose()


@asynccontextmanager
async def sqlite() -> AsyncIterator[Bench]:
    clock = HandClock()
    with TemporaryDirectory() as directory:
        store = await SqliteStore.open(Path(directory) / "store.sqlite", wall=clock)
        yield Bench(store, clock.wait)
        await store.aclose()


BACKENDS: dict[str, Callable[[], AbstractAsyncContextManager[Bench]]] = {
    "memory": memory,
    "sqlite": sqlite,
}


@pytest.fixture(params=sorted(BACKENDS))
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    async with BACKENDS[request.param]() as opened:
        yield opened


@pytest.fixture
def store(bench: Bench) -> Store:
    return bench.store


async def test_what_was_put_is_got(store: Store) -> None:
    await store.put("a", b"\x00\xff not text")
    assert await store.get("a") == b"\x00\xff not text"
    await store.put("a", b"")
    assert await store.get("a") == b""


async def test_a_key_that_nobody_wrote_is_absent(store: Store) -> None:
    assert await store.get("a") is None
    assert await store.take("a") is None
    assert await store.delete("a") is False
    assert await store.touch("a", ttl=1) is False
    assert await store.items("") == []


async def test_keys_may_hold_any_text(store: Store) -> None:
    for key in ("with space", "名字", "a:b:c", "a*?[b]\\", "%_", "q'\""):
        await store.put(key, key.encode())
    for key in ("with space", "名字", "a:b:c", "a*?[b]\\", "%_", "q'\""):
        assert await store.get(key) == key.encode()
        assert await store.items(key) == [(key, key.encode())]


async def test_an_entry_lives_until_its_time_and_no_longer(bench: Bench) -> None:
    await bench.store.put("a", b"1", ttl=10 * bench.second)
    await bench.wait(9 * bench.second)
    assert await bench.store.get("a") == b"1"
    await bench.wait(2 * bench.second)
    assert await bench.store.get("a") is None
    assert await bench.store.items("") == []


async def test_an_entry_without_a_life_stays(bench: Bench) -> None:
    await bench.store.put("a", b"1")
    await bench.wait(100 * bench.second)
    assert await bench.store.get("a") == b"1"


async def test_an_outdated_entry_is_as_if_it_had_never_been(bench: Bench) -> None:
    for key in "abcdef":
        await bench.store.put(key, b"old", ttl=bench.second)
    await bench.wait(2 * bench.second)
    assert await bench.store.take("a") is None
    assert await bench.store.delete("b") is False
    assert await bench.store.touch("c", ttl=10 * bench.second) is False
    assert await bench.store.compare_and_set("d", b"old", b"new") is False
    assert await bench.store.compare_and_set("d", None, b"new") is True
    assert await bench.store.put_if_absent("e", b"new") is True
    assert await bench.store.items("") == [("d", b"new"), ("e", b"new")]


async def test_touch_gives_a_new_life_longer_or_shorter(bench: Bench) -> None:
    await bench.store.put("longer", b"1", ttl=2 * bench.second)
    await bench.store.put("shorter", b"1", ttl=100 * bench.second)
    await bench.store.put("endless", b"1", ttl=2 * bench.second)
    await bench.store.put("ended", b"1")
    assert await bench.store.touch("longer", ttl=100 * bench.second)
    assert await bench.store.touch("shorter", ttl=2 * bench.second)
    assert await bench.store.touch("endless", ttl=None)
    assert await bench.store.touch("ended", ttl=2 * bench.second)
    await bench.wait(4 * bench.second)
    assert await bench.store.items("") == [("endless", b"1"), ("longer", b"1")]


async def test_a_second_put_replaces_value_and_life(bench: Bench) -> None:
    await bench.store.put("a", b"1", ttl=2 * bench.second)
    await bench.store.put("a", b"2")
    await bench.wait(4 * bench.second)
    assert await bench.store.get("a") == b"2"
    await bench.store.put("a", b"3", ttl=2 * bench.second)
    await bench.wait(4 * bench.second)
    assert await bench.store.get("a") is None


async def test_put_if_absent_keeps_what_is_there(bench: Bench) -> None:
    assert await bench.store.put_if_absent("a", b"1", ttl=10 * bench.second)
    assert not await bench.store.put_if_absent("a", b"2")
    assert await bench.store.get("a") == b"1"
    await bench.wait(12 * bench.second)  # the refused one did not lengthen the life either
    assert await bench.store.get("a") is None


async def test_take_gives_the_value_once(store: Store) -> None:
    await store.put("a", b"1")
    assert await store.take("a") == b"1"
    assert await store.take("a") is None
    assert await store.get("a") is None


async def test_compare_and_set_changes_only_what_was_expected(store: Store) -> None:
    assert not await store.compare_and_set("a", b"1", b"2")
    assert await store.compare_and_set("a", None, b"1")
    assert not await store.compare_and_set("a", None, b"2")
    assert not await store.compare_and_set("a", b"2", None)
    assert await store.get("a") == b"1"
    assert await store.compare_and_set("a", b"1", b"2")
    assert await store.compare_and_set("a", b"2", None)
    assert await store.get("a") is None
    assert await store.compare_and_set("a", None, None)


async def test_compare_and_set_gives_the_life_it_is_told(bench: Bench) -> None:
    await bench.store.put("a", b"1")
    assert await bench.store.compare_and_set("a", b"1", b"2", ttl=2 * bench.second)
    await bench.store.put("b", b"1", ttl=2 * bench.second)
    assert await bench.store.compare_and_set("b", b"1", b"2")
    await bench.wait(4 * bench.second)
    assert await bench.store.items("") == [("b", b"2")]


async def test_items_are_those_of_the_prefix_in_order(store: Store) -> None:
    for key in ("b:2", "a:1", "b:1", "b", "bb:1", "b:10"):
        await store.put(key, key.encode())
    assert await store.items("b:") == [("b:1", b"b:1"), ("b:10", b"b:10"), ("b:2", b"b:2")]
    assert [key for key, _ in await store.items("")] == ["a:1", "b", "b:1", "b:10", "b:2", "bb:1"]


async def test_of_many_racing_callers_one_puts_and_one_takes(store: Store) -> None:
    put: list[bool] = []
    taken: list[bytes | None] = []

    async def race(number: int) -> None:
        await trio.lowlevel.checkpoint()
        put.append(await store.put_if_absent("a", str(number).encode()))
        await trio.lowlevel.checkpoint()
        taken.append(await store.take("a"))

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(race, number)
    assert sum(value is not None for value in taken) == sum(put) >= 1


async def test_no_increment_of_racing_callers_is_lost(store: Store) -> None:
    async def increment() -> None:
        for _ in range(5):
            while True:
                old = await store.get("n")
                await trio.lowlevel.checkpoint()
                if await store.compare_and_set("n", old, str(int(old or b"0") + 1).encode()):
                    break

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(increment)
    assert await store.get("n") == b"40"


# Any sequence of calls answers as a plain dict with dates would.

KEYS = st.sampled_from(["a", "a:1", "a:2", "b"])
VALUES = st.sampled_from([b"", b"1", b"2"])
LIVES = st.sampled_from([None, 1, 3, 7])
STEPS = st.one_of(
    st.tuples(st.just("get"), KEYS),
    st.tuples(st.just("put"), KEYS, VALUES, LIVES),
    st.tuples(st.just("put_if_absent"), KEYS, VALUES, LIVES),
    st.tuples(st.just("take"), KEYS),
    st.tuples(st.just("compare_and_set"), KEYS, st.none() | VALUES, st.none() | VALUES, LIVES),
    st.tuples(st.just("touch"), KEYS, LIVES),
    st.tuples(st.just("delete"), KEYS),
    st.tuples(st.just("items"), st.sampled_from(["", "a", "a:", "c"])),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 2.0, 4.0])),
)


@define
class Model:
    """The same promises, kept in the most obvious way."""

    now: float = 0.0
    entries: dict[str, tuple[bytes, float]] = field(factory=dict)

    def live(self, key: str) -> bytes | None:
        value, until = self.entries.get(key, (b"", 0.0))
        return value if until > self.now else None

    def set(self, key: str, value: bytes | None, life: float | None) -> None:
        self.entries.pop(key, None)
        if value is not None:
            self.entries[key] = (value, float("inf") if life is None else self.now + life)

    def do(self, name: str, *args: Any) -> Any:
        key, *rest = args
        match name, rest:
            case "wait", []:
                self.now += key
                return None
            case "items", []:
                return sorted((k, v) for k in self.entries if k.startswith(key) and (v := self.live(k)) is not None)
            case "get", []:
                return self.live(key)
            case "put", [value, life]:
                self.set(key, value, life)
                return None
            case "put_if_absent", [value, life]:
                if self.live(key) is not None:
                    return False
                self.set(key, value, life)
                return True
            case "compare_and_set", [expected, value, life]:
                if self.live(key) != expected:
                    return False
                self.set(key, value, life)
                return True
            case "touch", [life]:
                if (value := self.live(key)) is None:
                    return False
                self.set(key, value, life)
                return True
        value = self.live(key)  # take, delete
        self.set(key, None, None)
        return value if name == "take" else value is not None


async def play(backend: str, script: list[tuple[Any, ...]]) -> None:
    async with BACKENDS[backend]() as bench:
        model = Model()

        def life(value: float | None) -> float | None:
            return None if value is None else value * bench.second

        for name, *args in script:
            expected = model.do(name, *args)
            if name == "wait":
                await bench.wait(args[0] * bench.second)
                continue
            if name in {"put", "put_if_absent", "compare_and_set", "touch"}:
                answer = await getattr(bench.store, name)(*args[:-1], ttl=life(args[-1]))
            else:
                answer = await getattr(bench.store, name)(*args)
            assert answer == expected, (name, args)


@pytest.mark.parametrize("backend", sorted(BACKENDS))
@settings(max_examples=150, deadline=None)
@given(script=st.lists(STEPS, max_size=40))
def test_any_sequence_of_calls_answers_as_a_dict_with_dates(backend: str, script: list[tuple[Any, ...]]) -> None:
    trio.run(play, backend, script)
