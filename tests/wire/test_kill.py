"""The server is killed, as a power cut or the kernel would kill it: what it has answered stays."""

from __future__ import annotations

import json
import signal
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import httpx
import trio

from hashpass.argon import Arena
from scripts.load.contestants import Contestant, contestants
from tests.house import BROWSER, Player
from tests.process import Program, run, serving

AFTER_AN_ANSWER = 50
AT_RANDOM = 12
ADDRESSES = [f"198.51.100.{number}" for number in range(1, 5)]


def client(server: Program) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, headers={"User-Agent": BROWSER}, timeout=10)


def read_log(directory: Path) -> list[dict[str, Any]]:
    """All records, the archives' too, oldest first."""
    archives = sorted(directory.glob("verify_*.json"))
    return [record for path in (*archives, directory / "verify.json") for record in json.loads(path.read_bytes())]


async def prove(directory: Path, codes: list[str]) -> None:
    """The log is sound, whether a server has repaired it since or not, and has all of these codes."""
    done = await run(directory, "audit", "verify")
    assert done.code == 0, done.out
    log = read_log(directory)
    assert set(codes) <= {record["invite_code"] for record in log}
    assert len({record["round"] for record in log}) == len({record["invite_code"] for record in log}) == len(log)


async def kill_after_each_answer(directory: Path, times: int) -> None:
    codes: list[str] = []
    winners: list[tuple[Player, str]] = []
    await trio.Path(directory).mkdir()
    for number in range(1, times + 1):
        async with serving(directory) as server, client(server) as http:
            player = Player(http, f"visitor {number}")
            codes.append(await player.win())
            assert await server.end(signal.SIGKILL) == -signal.SIGKILL
            winners.append((player, codes[-1]))
        if number % 5 == 0:
            await prove(directory, codes)
    async with serving(directory) as server, client(server) as http:
        for player, code in winners:
            answer = await http.get("/api/code", headers=player.headers)
            assert [prize["invite_code"] for prize in answer.json()["codes"]] == [code]
        assert await server.end(signal.SIGTERM) == 0
    await prove(directory, codes)
    assert [record["invite_code"] for record in read_log(directory)] == codes


async def test_killed_right_after_an_answer_fifty_times_it_has_all_codes(tmp_path: Path) -> None:
    with trio.fail_after(180):
        async with trio.open_nursery() as nursery:
            for name in ("one", "two"):  # side by side; most of the time goes by in starting
                nursery.start_soon(kill_after_each_answer, tmp_path / name, AFTER_AN_ANSWER // 2)


async def test_killed_at_any_moment_of_a_stream_of_wins_it_has_all_codes_that_were_answered(tmp_path: Path) -> None:
    random = Random(7)
    codes: list[str] = []

    async def win_on_and_on(entrant: Contestant, arena: Arena) -> None:
        with suppress(EOFError, trio.BrokenResourceError):  # that is the end of the server
            while True:
                status, body = await entrant.send(entrant.solve(await entrant.look(), arena))
                assert status in {200, 409}
                if status == 200:
                    codes.append(json.loads(body)["invite_code"])

    with trio.fail_after(180):
        for number in range(1, AT_RANDOM + 1):
            async with (
                serving(tmp_path) as server,
                contestants(server.url, ADDRESSES) as entrants,
                trio.open_nursery() as nursery,
            ):
                for entrant in entrants:
                    nursery.start_soon(win_on_and_on, entrant, Arena())
                await trio.sleep(random.uniform(0.01, 0.3))
                server.process.send_signal(signal.SIGKILL)
            if number % 4 == 0:
                await prove(tmp_path, codes)
    assert len(codes) > AT_RANDOM
    async with serving(tmp_path) as server:
        assert await server.end(signal.SIGTERM) == 0
    await prove(tmp_path, codes)
