"""The hub, with members that are lists."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
import trio
import trio.testing
from attrs import define, field

from hashpass.domain.errors import TooManyConnections
from hashpass.frames import open_frame
from hashpass.hub import CHUNK, MAX_QUEUE, Hub
from hashpass.lane import Handshake
from hashpass.sockets import Socket
from tests.wire.peers import Listeners, house


@define(eq=False)
class Ear:
    """A connection that remembers."""

    heard: list[str] = field(factory=list)
    topics: list[str | None] = field(factory=list)
    closed: tuple[int, str] | None = None
    dropped: str | None = None
    pings: int = 0
    unanswered: int = 0
    journal: list[Ear] | None = None

    def post(self, frame: bytes, *, topic: str | None = None) -> None:
        text = open_frame(frame)
        assert isinstance(text, str)
        self.heard.append(text)
        self.topics.append(topic)
        if self.journal is not None:
            self.journal.append(self)

    def ping(self) -> None:
        self.pings += 1
        self.unanswered += 1

    def close(self, code: int, reason: str) -> None:
        self.closed = code, reason

    def drop(self, reason: str) -> None:
        self.dropped = reason


@pytest.fixture
async def hub(nursery: trio.Nursery) -> Hub:
    hub = Hub(limit=1000, limit_per_key=3)
    await nursery.start(hub.run)
    return hub


async def test_everybody_in_the_room_hears_what_is_published(hub: Hub) -> None:
    here, there, gone = Ear(), Ear(), Ear()
    with hub.join(here, key="a"), hub.join(there, key="b"):
        with hub.join(gone, key="c"):
            assert hub.count == 3
        hub.publish({"type": "X", "n": 1.5}, topic="x")
        hub.publish("text")
        await trio.testing.wait_all_tasks_blocked()
    assert here.heard == there.heard == ['{"type":"X","n":1.5}', "text"]
    assert here.topics == ["x", None]
    assert gone.heard == []
    assert hub.count == 0
    assert hub.members() == []


async def test_publish_never_waits_and_works_without_anybody(hub: Hub) -> None:
    ear = Ear()
    with hub.join(ear, key="a"), trio.testing.assert_no_checkpoints():
        for number in range(1000):
            hub.publish({"n": number})
    hub.publish("nobody there")
    await trio.testing.wait_all_tasks_blocked()
    assert hub.statistics().queued == 0


async def test_a_thousand_messages_reach_everybody_in_order(hub: Hub) -> None:
    ears = [Ear() for _ in range(CHUNK + 10)]
    members = [hub.join(ear, key=str(i)) for i, ear in enumerate(ears)]
    for member in members:
        member.__enter__()
    for number in range(1000):
        hub.publish({"n": number})
        assert hub.statistics().queued <= MAX_QUEUE
        if number % 100 == 0:
            await trio.lowlevel.checkpoint()
    await trio.testing.wait_all_tasks_blocked()
    for ear in ears:
        assert [json.loads(text)["n"] for text in ear.heard] == list(range(1000))
    for member in members:
        member.__exit__(None, None, None)


async def test_in_line_the_newest_of_a_topic_replaces_the_older_and_nothing_else_is_lost(hub: Hub) -> None:
    ear = Ear()
    with hub.join(ear, key="a"):
        for number in range(10):
            hub.publish(f"rate {number}", topic="rate")
            hub.publish(f"reset {number}")
        await trio.testing.wait_all_tasks_blocked()
    assert [text for text in ear.heard if text.startswith("rate")] == ["rate 9"]
    assert [text for text in ear.heard if text.startswith("reset")] == [f"reset {n}" for n in range(10)]


async def test_a_newcomer_hears_nothing_from_before_his_time(hub: Hub) -> None:
    old, new, judged = Ear(), Ear(), Ear()
    with hub.join(old, key="a"), hub.join(judged, key="c", admit=False) as member:
        hub.publish("before")
        with hub.join(new, key="b"):
            hub.publish("after")
            await trio.testing.wait_all_tasks_blocked()
            hub.admit(member)
            hub.publish("last")
            await trio.testing.wait_all_tasks_blocked()
    assert old.heard == ["before", "after", "last"]
    assert new.heard == ["after", "last"]
    assert judged.heard == ["last"]


async def test_a_place_is_taken_before_its_owner_is_admitted(hub: Hub) -> None:
    with hub.join(Ear(), key="a", admit=False), hub.join(Ear(), key="a", admit=False), hub.join(Ear(), key="a"):
        assert hub.count == 1
        assert hub.statistics().waiting == 2
        with pytest.raises(TooManyConnections):
            hub.join(Ear(), key="a").__enter__()
        with hub.join(Ear(), key="b"):
            pass
    with hub.join(Ear(), key="a"):
        pass
    assert not hub._places


def test_the_room_has_a_limit_of_its_own() -> None:
    hub = Hub(limit=2, limit_per_key=8, clock=lambda: 0.0)
    with hub.join(Ear(), key="a"), hub.join(Ear(), key="b"), pytest.raises(TooManyConnections, match="server"):
        hub.join(Ear(), key="c").__enter__()


async def test_nobody_hears_first_because_of_when_he_came(nursery: trio.Nursery) -> None:
    hub = Hub(random=random.Random(1).random)
    await nursery.start(hub.run)
    order: list[Ear] = []
    ears = [Ear(journal=order) for _ in range(5)]
    joined = [hub.join(ear, key=str(i)) for i, ear in enumerate(ears)]
    for member in joined:
        member.__enter__()
    firsts: Counter[int] = Counter()
    lasts: Counter[int] = Counter()
    for _ in range(1000):
        order.clear()
        hub.publish("x")
        await trio.testing.wait_all_tasks_blocked()
        assert len(order) == len(set(map(id, order))) == 5
        firsts[ears.index(order[0])] += 1
        lasts[ears.index(order[-1])] += 1
    assert all(140 < count < 260 for count in (*firsts.values(), *lasts.values()))
    assert len(firsts) == len(lasts) == 5
    for member in joined:
        member.__exit__(None, None, None)


async def test_a_broadcast_lets_others_run_between_chunks(hub: Hub) -> None:
    hub = Hub(limit=2000)
    async with trio.open_nursery() as nursery:
        await nursery.start(hub.run)
        order: list[Any] = []
        joined = [hub.join(Ear(journal=order), key=str(i)) for i in range(CHUNK * 3)]
        for member in joined:
            member.__enter__()
        hub.publish("x")
        seen = [0]
        while len(order) < CHUNK * 3:
            await trio.lowlevel.checkpoint()
            seen.append(len(order))
        # Two tasks that take turns may swap them once, so two chunks can pass between two looks but never three.
        assert max(later - earlier for earlier, later in pairwise(seen)) <= 2 * CHUNK
        for member in joined:
            member.__exit__(None, None, None)
        nursery.cancel_scope.cancel()


async def test_send_close_and_close_all_reach_whom_they_should(hub: Hub) -> None:
    one, two = Ear(), Ear()
    with hub.join(one, key="a") as first, hub.join(two, key="b") as second:
        hub.send(first, {"type": "PONG"})
        hub.send(second, "hello", topic="t")
        hub.close(first, 1008, "kicked")
        assert (one.heard, two.heard, two.topics) == (['{"type":"PONG"}'], ["hello"], ["t"])
        assert (one.closed, two.closed) == ((1008, "kicked"), None)
        hub.close_all(1001, "server shutdown")
        assert two.closed == (1001, "server shutdown")


async def test_a_member_carries_what_its_door_knows(hub: Hub) -> None:
    with hub.join(Ear(), key="192.0.2.1") as member:
        member.about = "a session"
        [found] = hub.members()
        assert (found.key, found.about) == ("192.0.2.1", "a session")


async def test_numbers_that_are_no_json_are_refused_where_they_are_published(hub: Hub) -> None:
    with pytest.raises(ValueError, match="JSON"):
        hub.publish({"rate": float("inf")})


async def test_a_socket_with_a_bug_does_not_silence_the_room(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Ear):
        def post(self, frame: bytes, *, topic: str | None = None) -> None:
            raise RuntimeError("a bug")

    broken, fine = Broken(), Ear()
    with hub.join(broken, key="a"), hub.join(fine, key="b"):
        hub.publish("x")
        await trio.testing.wait_all_tasks_blocked()
    assert fine.heard == ["x"]
    assert broken.dropped is not None
    assert "a bug" in caplog.text


async def test_two_unanswered_pings_end_a_membership(autojump_clock: trio.testing.MockClock, hub: Hub) -> None:
    dead, living = Ear(), Ear()
    with hub.join(dead, key="a"), hub.join(living, key="b"):
        start = trio.current_time()
        while dead.dropped is None:
            await trio.sleep(0.5)
            living.unanswered = 0
        assert 60 <= trio.current_time() - start < 61
        assert dead.pings == 2
        assert living.pings == 3
        assert living.dropped is None


async def test_pings_are_spread_as_the_joining_was(autojump_clock: trio.testing.MockClock, hub: Hub) -> None:
    first, second = Ear(), Ear()
    with hub.join(first, key="a"):
        await trio.sleep(10)
        with hub.join(second, key="b"):
            await trio.sleep(10.5)
            assert (first.pings, second.pings) == (1, 0)
            await trio.sleep(10)
            assert (first.pings, second.pings) == (1, 1)


async def test_what_was_in_line_when_the_hub_fell_is_delivered_when_it_is_back() -> None:
    hub, ear = Hub(), Ear()
    with hub.join(ear, key="a"):
        async with trio.open_nursery() as nursery:
            await nursery.start(hub.run)
            nursery.cancel_scope.cancel()
        hub.publish("x")
        async with trio.open_nursery() as nursery:
            await nursery.start(hub.run)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    assert ear.heard == ["x"]


async def test_over_real_sockets_a_frozen_reader_delays_nobody() -> None:
    hub = Hub(limit_per_key=50)
    listeners = Listeners()

    async def door(handshake: Handshake, socket: Socket) -> None:
        with hub.join(socket, key=handshake.peer or ""):
            await listeners(handshake, socket)

    async with house({"/api/ws": door}) as home, trio.open_nursery() as nursery:
        await nursery.start(hub.run)
        frozen = [await home.connect(small_buffer=True) for _ in range(2)]
        fine = [await home.connect() for _ in range(10)]
        for peer in [*frozen, *fine]:
            await peer.open()
            await listeners.next()
        assert hub.count == 12
        got: list[list[int]] = [[] for _ in fine]
        for start in range(0, 1000, 50):
            for number in range(start, start + 50):
                hub.publish({"n": number, "fill": "x" * 8000})
            for numbers, peer in zip(got, fine, strict=True):
                for _ in range(50):
                    numbers.append(json.loads(await peer.text())["n"])
        assert got == [list(range(1000))] * 10
        await trio.testing.wait_all_tasks_blocked(0.01)
        assert home.lane.statistics().dropped == 2
        assert hub.count == 10
        nursery.cancel_scope.cancel()
