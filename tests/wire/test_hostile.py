"""Clients that mean harm, or are broken, at a whole server: nobody else notices, and nothing is lost."""

from __future__ import annotations

import json
import threading
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, evolve, field

from hashpass.argon import Arena
from hashpass.domain.proof import Work
from hashpass.verifier import Verifier
from scripts.load.contestants import contestants
from tests.house import Player, Running, open_house
from tests.wire.peers import Peer, frame, text, upgrade

AGENT = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) a test"
DOOR = "/api/ws?token="
SOON = 5.0
"""Seconds. A fiftieth of it is usual; but the server, all its clients and whatever else runs here share two cores."""
WINS = 3


@asynccontextmanager
async def connected(running: Running, *, small_buffer: bool = False) -> AsyncIterator[Peer]:
    host, port = running.url.removeprefix("http://").split(":")
    sock = trio.socket.socket()
    if small_buffer:
        sock.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 4096)
    await sock.connect((host, int(port)))
    async with trio.SocketStream(sock) as stream:
        yield Peer(stream)


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@define
class Bystander:
    """Somebody who only wants to play: counts what arrives and how long a ping takes."""

    peer: Peer
    heard: Counter[str] = field(factory=Counter)
    resets: list[dict[str, Any]] = field(factory=list)
    rates: list[dict[str, Any]] = field(factory=list)
    slowest: float = 0.0
    _pong: trio.Event = field(factory=trio.Event)
    _news: trio.Event = field(factory=trio.Event)

    async def listen(self) -> None:
        while True:
            message = json.loads(await self.peer.text(), parse_constant=refuse)
            self.heard[message["type"]] += 1
            if message["type"] == "PONG":
                self._pong.set()
            elif message["type"] == "PUZZLE_RESET":
                self.resets.append(message)
            elif message["type"] == "NETWORK_HASHRATE":
                self.rates.append(message)
            self._news.set()
            self._news = trio.Event()

    async def ping(self) -> None:
        while True:
            self._pong = trio.Event()
            began = trio.current_time()
            await self.peer.send(text('{"type":"ping"}'))
            await self._pong.wait()
            self.slowest = max(self.slowest, trio.current_time() - began)
            await trio.sleep(0.1)

    async def hears(self, kind: str, count: int) -> None:
        with trio.fail_after(30):
            while self.heard[kind] < count:
                await self._news.wait()


@asynccontextmanager
async def playing(running: Running, directory: Path) -> AsyncIterator[Bystander]:
    """A game that goes on while the block does its worst. At the end it must have been as good as ever."""
    with trio.fail_after(90):
        async with connected(running) as peer, trio.open_nursery() as nursery:
            await peer.open(DOOR, AGENT)
            bystander = Bystander(peer)
            nursery.start_soon(bystander.listen)
            nursery.start_soon(bystander.ping)
            player = Player(running.http, "a player", headers={"X-Real-IP": "192.0.2.1"})
            before = await player.win()
            yield bystander
            codes = [before, *[await player.win() for _ in range(WINS)]]
            await bystander.hears("PUZZLE_RESET", len(codes))
            await bystander.hears("PONG", bystander.heard["PONG"] + 2)
            assert bystander.slowest < SOON
            assert (await running.http.get("/api/health")).json()["status"] == "ok"
            log = json.loads(await trio.Path(directory / "verify.json").read_bytes())
            assert set(codes) <= {record["invite_code"] for record in log}
            assert [reset["round"] for reset in bystander.resets] == [record["round"] + 1 for record in log]
            nursery.cancel_scope.cancel()


async def test_a_reader_that_is_frozen_is_dropped_and_holds_nobody_up(tmp_path: Path) -> None:
    async with (
        open_house(tmp_path) as running,
        playing(running, tmp_path) as bystander,
        connected(running, small_buffer=True) as frozen,
    ):
        await frozen.open(DOOR, AGENT)
        hub, player = running.house.hub, Player(running.http, headers={"X-Real-IP": "192.0.2.2"})
        filler = {"type": "FILLER", "filler": "x" * 16_000}
        published = 0
        while hub.count > 1:
            assert published < 2000, "It read after all."
            hub.publish(filler)
            published += 1
            await bystander.hears("FILLER", published)
            if published % 8 == 0:
                await player.win()
        await player.win()


@pytest.mark.parametrize("stray", [b"\0", b"x", b"\r\n", b"GET / HTTP/1.1\r\n\r\n"])
@pytest.mark.parametrize("path", [DOOR, "/", "/api/puzzle"])
async def test_a_stray_byte_after_an_upgrade_ends_one_connection(tmp_path: Path, path: str, stray: bytes) -> None:
    async with open_house(tmp_path) as running, playing(running, tmp_path):
        async with connected(running) as peer:
            await peer.send(upgrade(path, AGENT) + stray)
            if path != DOOR:
                assert not (await peer.head()).startswith(b"HTTP/1.1 101 ")
        async with connected(running) as peer:  # and hung up at once, without reading
            await peer.send(upgrade(path, AGENT) + stray)


async def test_a_compression_bomb_finds_no_decompression(tmp_path: Path) -> None:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = deflate.compress(bytes(3_000_000)) + deflate.flush(zlib.Z_SYNC_FLUSH)[:-4]
    assert len(bomb) < 4096
    offer = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
    async with open_house(tmp_path) as running, playing(running, tmp_path), connected(running) as peer:
        await peer.send(upgrade(DOOR, AGENT, offer))
        head = await peer.head()
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"sec-websocket-extensions" not in head.lower()
        await peer.send(frame(1, bomb, rsv=4))
        code, _ = await peer.close_code()
        assert code == 1002


async def test_what_is_no_number_does_not_count_as_a_hash_rate(tmp_path: Path) -> None:
    rates = ["Infinity", "-Infinity", "NaN", "1e999", "-1", "1e10", "true", "null", '"9"', "[]", "{}"]
    async with (
        open_house(tmp_path, HASHPASS_HASHRATE_INTERVAL="0.1") as running,
        playing(running, tmp_path) as bystander,
    ):
        await bystander.peer.send(text('{"type":"mining_start"}'))
        await bystander.peer.send(text('{"type":"hashrate","payload":{"rate":12.5}}'))
        for rate in rates:
            async with connected(running) as peer:
                await peer.open(DOOR, AGENT)
                await peer.send(text('{"type":"mining_start"}'))
                await peer.send(text(f'{{"type":"hashrate","payload":{{"rate":{rate}}}}}'))
                while json.loads(answer := await peer.text())["type"] != "ERROR":
                    pass
                assert json.loads(answer)["detail"]
        count = bystander.heard["NETWORK_HASHRATE"]
        await bystander.hears("NETWORK_HASHRATE", count + 2)
        assert {rate["total_hashrate"] for rate in bystander.rates} <= {0, 12.5}
        assert bystander.rates[-1]["total_hashrate"] == 12.5


@define
class HeldUp:
    """A hash function that, once told so, waits to be released. It runs on threads."""

    hold: bool = False
    begun: threading.Semaphore = field(factory=lambda: threading.Semaphore(0))
    released: threading.Event = field(factory=threading.Event)

    def __call__(self, work: Work) -> bytes:
        if self.hold:
            self.begun.release()
            self.released.wait(10)
        return Arena().hash(work.password, work.salt, work.params)


async def test_who_hangs_up_while_the_answer_is_checked_still_wins_and_can_fetch_the_code(tmp_path: Path) -> None:
    hasher = HeldUp()
    addresses = ["198.51.100.1", "198.51.100.2"]
    async with (
        open_house(tmp_path, verifier=Verifier(threads=2, hasher=hasher)) as running,
        playing(running, tmp_path) as bystander,
        contestants(running.url, addresses) as [gone, waiting],
        trio.open_nursery() as nursery,
    ):
        puzzle = await gone.look()
        hasher.hold = True
        await gone.stream.send_all(gone.solve(puzzle, Arena()))
        assert await trio.to_thread.run_sync(partial(hasher.begun.acquire, timeout=10))
        await trio.aclose_forcefully(gone.stream)

        verdicts = []

        async def come_second() -> None:
            verdicts.append(await waiting.send(waiting.solve(puzzle, Arena())))

        nursery.start_soon(come_second)
        assert await trio.to_thread.run_sync(partial(hasher.begun.acquire, timeout=10))
        pings = bystander.heard["PONG"]
        await bystander.hears("PONG", pings + 2)  # a check that lasts is no reason for silence
        hasher.hold = False
        hasher.released.set()
        await bystander.hears("PUZZLE_RESET", 2)
        assert bystander.resets[-1]["reason"] == "solved"

        async with connected(running) as peer:
            status, body = await evolve(gone, stream=peer.stream).call("GET", "/api/code")
        [prize] = json.loads(body)["codes"]
        record = json.loads(await trio.Path(tmp_path / "verify.json").read_bytes())[-1]
        assert status == 200
        assert record["invite_code"] == prize["invite_code"]
        assert (record["visitor_id"], record["session"]) == (gone.visitor, gone.session)
    assert [status for status, _ in verdicts] == [409]
