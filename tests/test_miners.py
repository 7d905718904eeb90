from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from hashpass.domain.errors import BadRequest
from hashpass.domain.values import Address
from hashpass.miners import Miners
from hashpass.testing import Clock

HOME = Address.parse("192.0.2.7")


class Room:
    """Miners with a clock in hand and a limit that can be turned."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.limit = 0.0
        self.told: list[dict[str, Any]] = []
        self.miners = Miners(
            self.told.append, clock=self.clock.monotonic, wall=self.clock.wall, max_nonce_speed=lambda: self.limit
        )


@pytest.fixture
def room() -> Room:
    return Room()


def test_the_sum_of_what_miners_report(room: Room) -> None:
    for number, rate in enumerate((100, 20.5, 0)):
        room.miners.start(number, HOME)
        room.miners.report(number, rate)
    assert (room.miners.total, room.miners.active) == (120.5, 3)


def test_a_report_counts_for_ten_seconds(room: Room) -> None:
    room.miners.start("a", HOME)
    room.miners.report("a", 5)
    room.clock.advance(10)
    assert room.miners.total == 5
    room.clock.advance(0.001)
    assert (room.miners.total, room.miners.active) == (0, 1)
    assert room.miners.snapshot()[0]["hashrate"] == 0


def test_a_miner_that_stops_or_leaves_no_longer_counts(room: Room) -> None:
    for name in ("stops", "leaves"):
        room.miners.start(name, HOME)
        room.miners.report(name, 5)
    room.miners.stop("stops")
    room.miners.leave("leaves")
    assert (room.miners.total, room.miners.active) == (0, 0)
    assert [(miner["mining"], miner["hashrate"]) for miner in room.miners.snapshot()] == [(False, 0)]


def test_the_snapshot_for_the_admin(room: Room) -> None:
    room.miners.join("a", HOME)
    opened = room.clock.date
    room.clock.advance(30)
    room.miners.start("a", HOME)
    room.clock.advance(2)
    room.miners.report("a", 12.5)
    assert room.miners.snapshot() == [
        {
            "ip": "192.0.2.7",
            "hashrate": 12.5,
            "last_seen": opened + 32,
            "connected_since": opened,
            "overspeed": False,
            "mining": True,
        }
    ]


def test_a_connection_that_never_spoke_of_mining_is_not_shown(room: Room) -> None:
    room.miners.join("a", HOME)
    assert room.miners.snapshot() == []
    assert room.miners.active == 0


def test_an_overspeed_miner_is_marked_and_left_out(room: Room) -> None:
    room.limit = 100
    for name, rate in (("honest", 100), ("boaster", 100.5)):
        room.miners.start(name, HOME)
        room.miners.report(name, rate)
    assert room.miners.total == 100
    assert [miner["overspeed"] for miner in room.miners.snapshot()] == [False, True]
    room.limit = 0
    assert room.miners.total == 200.5
    assert [miner["overspeed"] for miner in room.miners.snapshot()] == [False, False]


@pytest.mark.parametrize(
    "rate", [math.nan, math.inf, -math.inf, -1, -0.1, 1e9 + 1, 10**400, True, "5", None, [], {"rate": 1}]
)
def test_a_rate_that_is_no_sane_number_is_refused_and_changes_nothing(room: Room, rate: object) -> None:
    room.miners.start("a", HOME)
    room.miners.report("a", 7)
    with pytest.raises(BadRequest) as refusal:
        room.miners.report("a", rate)
    assert refusal.value.field == "rate"
    assert room.miners.total == 7


def test_words_of_a_connection_that_is_gone_change_nothing(room: Room) -> None:
    room.miners.report("ghost", 5)
    room.miners.stop("ghost")
    room.miners.leave("ghost")
    assert room.miners.snapshot() == []


def test_a_wall_clock_that_jumps_makes_no_report_stale(room: Room) -> None:
    room.miners.start("a", HOME)
    room.miners.report("a", 5)
    room.clock.date -= 86400
    assert room.miners.total == 5


async def test_the_network_is_told_every_interval(mock_clock: MockClock) -> None:
    mock_clock.autojump_threshold = 0
    told: list[dict[str, Any]] = []
    times: list[float] = []

    def publish(message: dict[str, Any]) -> None:
        told.append(message)
        times.append(trio.current_time() - began)

    miners = Miners(publish, interval=5, wall=lambda: 1234567890.0)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        await nursery.start(miners.run)
        miners.start(1, HOME)
        miners.report(1, 456.78)
        await trio.sleep(16)
        nursery.cancel_scope.cancel()
    assert times == [5, 10, 15]
    assert told[0] == {
        "type": "NETWORK_HASHRATE",
        "total_hashrate": 456.78,
        "active_miners": 1,
        "timestamp": 1234567890.0,
    }
    assert told[2]["total_hashrate"] == 0


ANY_RATE = st.one_of(st.floats(), st.integers(), st.floats(0, 1e9), st.text(), st.none(), st.booleans())
STEP = st.tuples(st.sampled_from(["start", "stop", "leave", "join", "report", "wait"]), st.integers(0, 3), ANY_RATE)


@given(st.lists(STEP))
def test_whatever_clients_do_the_message_stays_plain_json(steps: list[tuple[str, int, object]]) -> None:
    room = Room()
    for word, who, rate in steps:
        match word:
            case "start":
                room.miners.start(who, HOME)
            case "stop":
                room.miners.stop(who)
            case "leave":
                room.miners.leave(who)
            case "join":
                room.miners.join(who, HOME)
            case "wait":
                room.clock.advance(6)
            case "report":
                with suppress(BadRequest):
                    room.miners.report(who, rate)
    message = room.miners.message()
    json.dumps([message, room.miners.snapshot()], allow_nan=False)
    assert 0 <= message["total_hashrate"] <= 4e9
    assert 0 <= message["active_miners"] <= 4
