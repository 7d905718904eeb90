"""Whose turn it is, how many run at once, and that neither a turn nor memory is ever lost.

Threads work here, so the clock is the real one and every wait has a limit (a virtual one would run ahead of them).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
import trio
from argon2.low_level import Type, hash_secret_raw
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hashpass.argon import HUGE_PAGE, Arena
from hashpass.domain.errors import NotReady, QueueFull
from hashpass.domain.proof import Work
from hashpass.domain.values import Argon2Params
from hashpass.verifier import FairQueue, Verifier

LIMIT = 10
TINY = Argon2Params(time_cost=1, memory_cost=8)
TRUE = b"h" * 32


def work(name: str, expected: bytes = TRUE) -> Work:
    return Work(TINY, name.encode(), b"salt" * 16, expected)


def real_work(name: str, params: Argon2Params = TINY) -> Work:
    digest = hash_secret_raw(
        name.encode(), b"salt" * 16, params.time_cost, params.memory_cost, params.parallelism, 32, Type.D
    )
    return Work(params, name.encode(), b"salt" * 16, digest)


class Hands:
    """A hasher that tells when it begins and ends when it is told to. Names are the passwords."""

    def __init__(self) -> None:
        self._tell, self._told = trio.open_memory_channel[str](1000)
        self._gates: dict[str, threading.Event] = {}
        self.failures: dict[str, Exception] = {}

    def __call__(self, work: Work) -> bytes:
        name = work.password.decode()
        trio.from_thread.run_sync(self._tell.send_nowait, name)
        assert self._gate(name).wait(LIMIT)
        if name in self.failures:
            raise self.failures[name]
        return TRUE

    def finish(self, *names: str) -> None:
        for name in names:
            self._gate(name).set()

    async def begun(self) -> str:
        with trio.fail_after(LIMIT):
            return await self._told.receive()

    async def nothing_begins(self) -> None:
        with trio.move_on_after(0.02):
            pytest.fail(f"{await self._told.receive()} began")

    def _gate(self, name: str) -> threading.Event:
        return self._gates.setdefault(name, threading.Event())


class Desk:
    """Checks in flight in one nursery, each in its own scope, and what became of them."""

    def __init__(self, nursery: trio.Nursery, verifier: Verifier, hands: Hands) -> None:
        self._nursery = nursery
        self.verifier = verifier
        self.hands = hands
        self.results: dict[str, object] = {}
        self.scopes: dict[str, trio.CancelScope] = {}
        self._changed = trio.Event()

    async def submit(self, name: str, *, key: str = "a", idle: bool = False) -> None:
        """Returns when the check runs or waits."""
        before = self._inside()
        self._nursery.start_soon(self._check, name, key, idle)
        await trio.testing.wait_all_tasks_blocked()
        assert self._inside() == before + 1

    async def result(self, name: str) -> object:
        with trio.fail_after(LIMIT):
            while name not in self.results:
                await self._changed.wait()
        return self.results[name]

    async def end(self) -> None:
        """All turns have been given back."""
        with trio.fail_after(LIMIT):
            while set(self.results) != set(self.scopes):
                await self._changed.wait()
        statistics = self.verifier.statistics()
        assert (statistics.running, statistics.waiting, statistics.waiting_for_idle) == (0, 0, 0)

    def _inside(self) -> int:
        statistics = self.verifier.statistics()
        return statistics.running + statistics.waiting + statistics.waiting_for_idle

    async def _check(self, name: str, key: str, idle: bool) -> None:
        result: object = "cancelled"
        with trio.CancelScope() as self.scopes[name]:
            try:
                if idle:
                    result = await self.verifier.check_when_idle(work(name))
                else:
                    result = await self.verifier.check(work(name), key=key)
            except (NotReady, MemoryError, ZeroDivisionError) as error:
                result = error
        self.results[name] = result
        self._changed.set()
        self._changed = trio.Event()


@pytest.fixture
def hands() -> Hands:
    return Hands()


def desk(nursery: trio.Nursery, hands: Hands, **options: Any) -> Desk:
    return Desk(nursery, Verifier(hasher=hands, **({"threads": 1} | options)), hands)


# The verdict


async def test_a_true_claim_is_true_and_a_lie_is_false() -> None:
    verifier = Verifier(threads=2)
    true = real_work("1")
    with trio.fail_after(LIMIT):
        assert await verifier.check(true, key="a") is True
        assert await verifier.check(Work(TINY, b"2", true.salt, true.expected), key="a") is False
        assert await verifier.check(Work(TINY, b"1", true.salt, true.expected[:-1]), key="a") is False
        assert await verifier.check_when_idle(true) is True
    statistics = verifier.statistics()
    assert (statistics.checked, statistics.running, statistics.failed) == (4, 0, 0)
    assert statistics.last_seconds is not None
    assert statistics.last_seconds > 0


# Turns


async def test_an_address_with_many_answers_delays_another_by_one_turn(nursery: trio.Nursery, hands: Hands) -> None:
    d = desk(nursery, hands)
    flood = [f"a{n}" for n in range(100)]
    for name in flood:
        await d.submit(name, key="a")
    await d.submit("b", key="b")
    hands.finish(*flood, "b")
    assert [await hands.begun() for _ in range(4)] == ["a0", "a1", "b", "a2"]
    await d.end()


async def test_addresses_take_turns_and_an_address_is_served_in_order_of_arrival(
    nursery: trio.Nursery, hands: Hands
) -> None:
    d = desk(nursery, hands)
    names = ["a0", "a1", "a2", "a3", "b1", "b2", "c1"]
    for name in names:
        await d.submit(name, key=name[0])
    hands.finish(*names)
    assert [await hands.begun() for _ in names] == ["a0", "a1", "b1", "c1", "a2", "b2", "a3"]
    await d.end()


async def test_no_more_than_the_threads_run_at_once(nursery: trio.Nursery, hands: Hands) -> None:
    d = desk(nursery, hands, threads=2)
    names = ["a", "b", "c", "d"]
    for name in names:
        await d.submit(name)
    assert {await hands.begun(), await hands.begun()} == {"a", "b"}
    await hands.nothing_begins()
    assert (d.verifier.statistics().running, d.verifier.statistics().waiting) == (2, 2)
    hands.finish("b")
    assert await hands.begun() == "c"
    await hands.nothing_begins()
    hands.finish("a", "c", "d")
    assert await d.result("d") is True
    await d.end()


async def test_a_check_beyond_the_capacity_is_refused_at_once(nursery: trio.Nursery, hands: Hands) -> None:
    d = desk(nursery, hands, capacity=2)
    for name in ("a", "b", "c"):
        d.verifier.ensure_room()
        await d.submit(name)
    with pytest.raises(QueueFull) as refusal:
        await d.verifier.check(work("d"), key="d")
    assert refusal.value.retry_after is not None
    assert refusal.value.retry_after >= 1
    with pytest.raises(QueueFull):
        d.verifier.ensure_room()
    assert d.verifier.statistics().refused == 2
    hands.finish("a", "b", "c")
    await d.end()
    d.verifier.ensure_room()


async def test_without_room_to_wait_free_threads_still_work(nursery: trio.Nursery, hands: Hands) -> None:
    d = desk(nursery, hands, capacity=0)
    await d.submit("a")
    with pytest.raises(QueueFull):
        d.verifier.ensure_room()
    hands.finish("a")
    await d.end()


async def test_a_failed_hash_passes_its_turn_and_is_told_to_its_caller(nursery: trio.Nursery, hands: Hands) -> None:
    d = desk(nursery, hands)
    hands.failures = {"a": MemoryError("none left"), "b": ZeroDivisionError()}
    for name in ("a", "b", "c"):
        await d.submit(name)
    hands.finish("a", "b", "c")
    assert await d.result("a") is hands.failures["a"]
    assert await d.result("b") is hands.failures["b"]
    assert await d.result("c") is True
    await d.end()
    assert (d.verifier.statistics().failed, d.verifier.statistics().checked) == (1, 1)


# Evidence, which has time


async def test_what_may_wait_starts_only_when_no_check_waits(nursery: trio.Nursery, hands: Hands) -> None:
    d = desk(nursery, hands)
    await d.submit("a")
    await d.submit("idle 1", idle=True)
    await d.submit("idle 2", idle=True)
    await d.submit("b")
    await d.submit("c", key="c")
    hands.finish("a", "b", "c")
    assert [await hands.begun() for _ in range(4)] == ["a", "b", "c", "idle 1"]
    await d.submit("d")
    hands.finish("idle 1", "d", "idle 2")
    assert [await hands.begun() for _ in range(2)] == ["d", "idle 2"]
    assert await d.result("idle 2") is True
    await d.end()


async def test_what_may_wait_starts_at_once_when_a_thread_is_free(nursery: trio.Nursery, hands: Hands) -> None:
    d = desk(nursery, hands)
    await d.submit("idle", idle=True)
    assert await hands.begun() == "idle"
    hands.finish("idle")
    await d.end()


async def test_what_may_wait_has_a_capacity_of_its_own(nursery: trio.Nursery, hands: Hands) -> None:
    d = desk(nursery, hands, capacity=1)
    await d.submit("a")
    await d.submit("idle", idle=True)
    with pytest.raises(QueueFull):
        await d.verifier.check_when_idle(work("more"))
    await d.submit("b")
    hands.finish("a", "b", "idle")
    await d.end()


# Cancellation


async def test_a_cancelled_check_leaves_the_queue_at_once(nursery: trio.Nursery, hands: Hands) -> None:
    d = desk(nursery, hands, capacity=2)
    for name in ("a", "b", "c"):
        await d.submit(name, key=name)
    d.scopes["b"].cancel()
    assert await d.result("b") == "cancelled"
    assert d.verifier.statistics().waiting == 1
    await d.submit("d", key="d")
    hands.finish("a", "b", "c", "d")
    assert [await hands.begun() for _ in range(3)] == ["a", "c", "d"]
    await d.end()


async def test_a_cancelled_running_check_ends_with_its_thread(nursery: trio.Nursery, hands: Hands) -> None:
    d = desk(nursery, hands)
    await d.submit("a")
    await d.submit("b")
    assert await hands.begun() == "a"
    d.scopes["a"].cancel()
    await hands.nothing_begins()
    assert "a" not in d.results
    assert d.verifier.statistics().running == 1
    hands.finish("a", "b")
    assert await hands.begun() == "b"
    await d.end()


@pytest.mark.parametrize("waiting", [True, False], ids=["just before", "just after"])
async def test_a_turn_given_in_the_moment_of_the_cancellation_is_passed_on(
    nursery: trio.Nursery, hands: Hands, waiting: bool
) -> None:
    victim = trio.CancelScope()
    ended = False

    def clock() -> float:  # is read after the hash and before its turn is passed on
        if ended and waiting:
            victim.cancel()
        return trio.current_time()

    verifier = Verifier(threads=1, hasher=hands, clock=clock)
    results: list[str] = []

    async def check_first() -> None:
        nonlocal ended
        await hands.begun()
        ended = True
        hands.finish("first")

    async def check(name: str, scope: trio.CancelScope) -> None:
        with scope:
            await verifier.check(work(name), key="a")
            results.append(name)
            if name == "first" and not waiting:
                victim.cancel()

    with trio.fail_after(LIMIT):
        async with trio.open_nursery() as checks:
            checks.start_soon(check, "first", trio.CancelScope())
            await trio.testing.wait_all_tasks_blocked()
            checks.start_soon(check, "victim", victim)
            await trio.testing.wait_all_tasks_blocked()
            checks.start_soon(check, "last", trio.CancelScope())
            await trio.testing.wait_all_tasks_blocked()
            hands.finish("victim", "last")
            checks.start_soon(check_first)
    assert results == ["first", "last"]
    assert verifier.statistics().running == 0


async def test_a_storm_of_cancellations_loses_neither_turn_nor_memory() -> None:
    dice = random.Random(7)
    verifier = Verifier(threads=2, capacity=1000)
    works = [real_work(str(n), Argon2Params(time_cost=1, memory_cost=dice.choice((8, 64, 512)))) for n in range(40)]
    verdicts: list[bool] = []

    async def check(item: Work, key: str, patience: float) -> None:
        with trio.move_on_after(patience):
            if dice.random() < 0.2:
                verdicts.append(await verifier.check_when_idle(item))
            else:
                verdicts.append(await verifier.check(item, key=key))

    with trio.fail_after(LIMIT):
        async with trio.open_nursery() as storm:
            for _ in range(400):
                key = str(dice.randrange(9))
                storm.start_soon(check, dice.choice(works), key, dice.choice((0.0, 0.005, 0.02, 9.0)))
                if dice.random() < 0.1:
                    await trio.lowlevel.checkpoint()
    statistics = verifier.statistics()
    assert (statistics.running, statistics.waiting, statistics.waiting_for_idle) == (0, 0, 0)
    assert all(verdicts)
    assert statistics.checked == len(verdicts) >= 100
    assert 0 < statistics.memory <= 2 * HUGE_PAGE


# Memory


class WatchedArena(Arena):
    def __init__(self, released: Callable[[], None]) -> None:
        super().__init__()
        self._told = released

    def release(self) -> None:
        super().release()
        self._told()


async def test_idle_memory_goes_back_to_the_system(nursery: trio.Nursery) -> None:
    released = trio.Event()
    verifier = Verifier(threads=2, idle_release=0.05, new_arena=lambda: WatchedArena(released.set))
    await nursery.start(verifier.run)
    for _ in range(2):
        with trio.fail_after(LIMIT):
            assert await verifier.check(real_work("1"), key="a")
            assert verifier.statistics().memory == HUGE_PAGE
            await released.wait()
        assert verifier.statistics().memory == 0
        released = trio.Event()


async def test_memory_that_is_used_again_in_time_is_kept(nursery: trio.Nursery) -> None:
    made: list[Arena] = []

    def new_arena() -> Arena:
        made.append(WatchedArena(lambda: pytest.fail("released")))
        return made[-1]

    verifier = Verifier(threads=2, idle_release=5, new_arena=new_arena)
    await nursery.start(verifier.run)
    with trio.fail_after(LIMIT):
        for _ in range(20):
            assert await verifier.check(real_work("1"), key="a")
            await trio.testing.wait_all_tasks_blocked()
    assert [arena.held for arena in made] == [0, HUGE_PAGE]  # the first one only said whether memory is reused


async def test_a_verifier_says_whether_memory_is_reused() -> None:
    def refuse(*_: Any) -> Any:
        raise MemoryError

    assert Verifier(threads=1).statistics().memory_reused
    plain = Verifier(threads=1, new_arena=lambda: Arena(callback=refuse))
    assert not plain.statistics().memory_reused
    with trio.fail_after(LIMIT):
        assert await plain.check(real_work("1"), key="a")


# Measuring


async def test_a_measurement_takes_a_turn_and_keeps_no_memory() -> None:
    verifier = Verifier(threads=1)
    with trio.fail_after(LIMIT):
        assert 0 < await verifier.measure(Argon2Params(time_cost=1, memory_cost=4096)) < LIMIT
    statistics = verifier.statistics()
    assert (statistics.running, statistics.memory, statistics.checked, statistics.last_seconds) == (0, 0, 0, None)


async def test_a_measurement_has_room_in_a_full_queue(nursery: trio.Nursery, hands: Hands) -> None:
    d = desk(nursery, hands, capacity=1)
    await d.submit("a")
    await d.submit("b")
    hands.finish("a", "b", "0")
    with trio.fail_after(LIMIT):
        assert await d.verifier.measure(TINY) > 0
    await d.end()


async def test_a_measurement_of_the_impossible_is_a_value_error_and_costs_no_turn() -> None:
    verifier = Verifier(threads=1)
    with trio.fail_after(LIMIT):
        with pytest.raises(ValueError, match="Argon2 refuses"):
            await verifier.measure(Argon2Params(memory_cost=8, parallelism=4))
        assert await verifier.check(real_work("1"), key="a")


# The end


async def test_closing_refuses_what_waits_and_lets_what_runs_finish(nursery: trio.Nursery, hands: Hands) -> None:
    d = desk(nursery, hands)
    await d.submit("a")
    await d.submit("b")
    await d.submit("idle", idle=True)
    assert await hands.begun() == "a"
    d.scopes["b"].cancel()
    d.verifier.close()  # in the same moment: b's turn was never given, so none may be passed on
    assert isinstance(await d.result("idle"), NotReady)
    assert d.verifier.statistics().running == 1
    with pytest.raises(NotReady):
        d.verifier.ensure_room()
    with pytest.raises(NotReady):
        await d.verifier.check(work("c"), key="c")
    with pytest.raises(NotReady):
        await d.verifier.measure(TINY)
    hands.finish("a")
    assert await d.result("a") is True
    await d.end()


async def test_closing_gives_idle_memory_back() -> None:
    verifier = Verifier(threads=1)
    with trio.fail_after(LIMIT):
        assert await verifier.check(real_work("1"), key="a")
    assert verifier.statistics().memory > 0
    verifier.close()
    assert verifier.statistics().memory == 0


async def test_memory_in_use_at_the_closing_goes_back_with_its_thread() -> None:
    verifier = Verifier(threads=1)
    long = real_work("1", Argon2Params(time_cost=1, memory_cost=16384))
    with trio.fail_after(LIMIT):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: verifier.check(long, key="a"))
            await trio.testing.wait_all_tasks_blocked()
            verifier.close()
    assert verifier.statistics().memory == 0


def test_a_verifier_without_threads_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one thread"):
        Verifier(threads=0)


# The queue


class QueueAgainstStamps(RuleBasedStateMachine):
    """A plainer account of round-robin: joining and being served give a key a new stamp, and the oldest is next."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: FairQueue[str, int] = FairQueue()
        self.lines: dict[str, list[int]] = {}
        self.stamps: dict[str, int] = {}
        self.count = 0

    def stamp(self, key: str) -> None:
        self.count += 1
        self.stamps[key] = self.count

    @rule(key=st.sampled_from("abcde"))
    def add(self, key: str) -> None:
        if key not in self.lines:
            self.stamp(key)
        self.count += 1
        self.lines.setdefault(key, []).append(self.count)
        self.queue.add(key, self.count)

    @rule()
    def pop(self) -> None:
        if not self.lines:
            with pytest.raises(IndexError):
                self.queue.pop()
            return
        key = min(self.lines, key=self.stamps.__getitem__)
        assert self.queue.pop() == self.lines[key].pop(0)
        self.stamp(key)
        if not self.lines[key]:
            del self.lines[key]

    @rule(key=st.sampled_from("abcde"), data=st.data())
    def remove(self, key: str, data: st.DataObject) -> None:
        if key not in self.lines:
            assert not self.queue.remove(key, self.count)
            return
        item = data.draw(st.sampled_from(self.lines[key]))
        self.lines[key].remove(item)
        assert self.queue.remove(key, item)
        assert not self.queue.remove(key, item)
        if not self.lines[key]:
            del self.lines[key]

    @rule(key=st.sampled_from("abcde"))
    def add_twice(self, key: str) -> None:
        if key in self.lines:
            with pytest.raises(ValueError, match="queued already"):
                self.queue.add(key, self.lines[key][0])

    @invariant()
    def it_is_as_long_as_its_lines_and_forgets_empty_ones(self) -> None:
        assert len(self.queue) == sum(map(len, self.lines.values()))
        assert self.queue.keys == len(self.lines)


TestFairQueue = QueueAgainstStamps.TestCase
TestFairQueue.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
