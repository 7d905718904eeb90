"""Drops from outside: a stock, an opening, a closing, and who may win."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import trio

from hashpass.domain.drop import DropRules
from hashpass.domain.records import read_stamp, stamp
from hashpass.settings import SettingsError
from tests.house import BROWSER, Player, Running, open_house
from tests.wire.peers import Peer


async def ask(running: Running) -> dict[str, Any]:
    answer = await running.http.get("/api/drop", headers={"User-Agent": "curl/8"})
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


async def other(running: Running, number: int) -> Player:
    """A player from an address of his own."""
    player = Player(running.http, visitor=f"visitor {number}", headers={"X-Real-IP": f"203.0.113.{number}"})
    return await player.enter()


async def test_without_a_drop_the_race_is_open_and_says_so(tmp_path: Path) -> None:
    async with open_house(tmp_path) as running:
        assert await ask(running) == {
            "open": True,
            "reason": None,
            "opens_at": None,
            "closes_at": None,
            "remaining": None,
        }


async def test_a_stock_goes_down_with_each_code_and_closes_the_race_with_the_last(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with open_house(tmp_path, HASHPASS_CODE_LIMIT="2") as running:
            assert (await ask(running))["remaining"] == 2
            await Player(running.http).win()
            assert (await ask(running))["remaining"] == 1
            late = await (await other(running, 9)).look()
            await Player(running.http).win()
            assert await ask(running) | {"opens_at": 0, "closes_at": 0} == {
                "open": False,
                "reason": "used_up",
                "opens_at": 0,
                "closes_at": 0,
                "remaining": 0,
            }
            refusals = [
                await running.http.get("/api/puzzle", headers=late.headers),
                await late.submit(next(late.answers())),
                await late.submit(next(late.answers()), "/api/submit"),
            ]
            for refusal in refusals:
                assert refusal.status_code == 403
                assert refusal.json()["type"] == "urn:hashpass:error:race_closed"
                assert "Retry-After" not in refusal.headers
            assert running.house.audit.count == 2


async def test_a_winner_finds_his_code_after_the_race_has_closed(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with open_house(tmp_path, HASHPASS_CODE_LIMIT="1") as running:
            player = Player(running.http)
            code = await player.win()
            answer = await running.http.get("/api/code", headers=player.headers)
            assert [won["invite_code"] for won in answer.json()["codes"]] == [code]


@pytest.mark.parametrize("same", ["visitor", "address"])
async def test_a_visitor_and_an_address_win_only_so_often(tmp_path: Path, same: str) -> None:
    with trio.fail_after(30):
        async with open_house(tmp_path, HASHPASS_WINS_PER_VISITOR="1") as running:
            await (await other(running, 1)).win()
            again = await other(running, 2 if same == "visitor" else 1)
            again.visitor = "visitor 1" if same == "visitor" else "visitor 2"
            refusal = await (await again.look()).submit(next(again.answers()))
            assert refusal.status_code == 403
            assert refusal.json()["type"] == "urn:hashpass:error:visitor_done"
            await (await other(running, 3)).win()


async def test_a_winner_waits_and_is_told_how_long(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with open_house(tmp_path, HASHPASS_WIN_COOLDOWN="120") as running:
            player = await other(running, 1)
            await player.win()
            refusal = await (await player.look()).submit(next(player.answers()))
            assert refusal.json()["type"] == "urn:hashpass:error:cooling_down"
            assert 100 < int(refusal.headers["Retry-After"]) <= 120


async def test_the_winning_answer_sent_again_is_answered_whatever_the_drop_says(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with open_house(tmp_path, HASHPASS_CODE_LIMIT="1") as running:
            player = await (await other(running, 1)).look()
            answer = next(player.answers())
            first, second = [(await player.submit(answer)).json() for _ in range(2)]
            assert first == second
            assert first["receipt"].count(".") == 2


async def test_a_restart_keeps_stock_wins_and_rules(tmp_path: Path) -> None:
    with trio.fail_after(30):
        once = "1"
        async with open_house(tmp_path, HASHPASS_CODE_LIMIT="3", HASHPASS_WINS_PER_VISITOR=once) as running:
            await (await other(running, 1)).win()
            await running.house.arbiter.set_drop(DropRules(code_limit=3, wins_per_visitor=1, win_cooldown=5))
        async with open_house(tmp_path, HASHPASS_CODE_LIMIT="3", HASHPASS_WINS_PER_VISITOR=once) as running:
            assert (await ask(running))["remaining"] == 2
            assert running.house.arbiter.drop.win_cooldown == 5
            player = await (await other(running, 1)).look()
            assert (await player.submit(next(player.answers()))).status_code == 403
        async with open_house(tmp_path, HASHPASS_CODE_LIMIT="1", HASHPASS_WINS_PER_VISITOR=once) as running:
            assert (await ask(running))["remaining"] == 1  # another stock, counted from its first code
            await (await other(running, 4)).win()


async def test_rules_that_come_later_count_the_wins_before(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with open_house(tmp_path) as running:
            await (await other(running, 1)).win()
            await running.house.arbiter.set_drop(DropRules(wins_per_visitor=1))
            player = await (await other(running, 1)).look()
            assert (await player.submit(next(player.answers()))).status_code == 403


# Opening and closing


async def listen(running: Running, opened: list[tuple[float, dict[str, Any]]], ready: trio.Event) -> None:
    """A page that waits for the opening; writes down the job that it is pushed, and when."""
    stream = await trio.open_tcp_stream("127.0.0.1", int(running.url.rpartition(":")[2]))
    async with stream:
        peer = Peer(stream)
        await peer.open("/api/ws?token=", f"User-Agent: {BROWSER}".encode())
        while True:
            message = json.loads(await peer.text())
            if message["type"] == "RACE":
                ready.set()
            if message["type"] == "PUZZLE_RESET":
                opened.append((trio.current_time(), message))
                return


async def test_everybody_starts_at_the_opening_on_the_same_pushed_job(tmp_path: Path) -> None:
    with trio.fail_after(30):
        opens_at = time.time() + 1.5
        async with open_house(tmp_path, HASHPASS_OPENS_AT=stamp(opens_at)) as running:
            told = await ask(running)
            assert (told["open"], told["reason"]) == (False, "not_open_yet")
            assert abs(read_stamp(told["opens_at"]) - opens_at) < 0.002
            early = await Player(running.http).enter()
            refusal = await running.http.get("/api/puzzle", headers=early.headers)
            assert refusal.status_code == 403
            assert 1 <= int(refusal.headers["Retry-After"]) <= 2
            health = await running.http.get("/api/health")
            assert (health.status_code, health.json()["current_seed"]) == (200, None)
            opened: list[tuple[float, dict[str, Any]]] = []
            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    ready = trio.Event()
                    nursery.start_soon(listen, running, opened, ready)
                    await ready.wait()
                assert time.time() < opens_at, "the machine is too slow for this test"
            assert time.time() >= opens_at
            assert len({message["seed"] for _, message in opened}) == 1
            assert {message["reason"] for _, message in opened} == {"opened"}
            moments = [moment for moment, _ in opened]
            assert max(moments) - min(moments) < 1
            await early.look()
            assert early.puzzle["seed"] == opened[0][1]["seed"]
            assert (await ask(running))["open"] is True


async def test_a_closing_ends_the_round_and_says_so(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with open_house(tmp_path, HASHPASS_CLOSES_AT=stamp(time.time() + 1)) as running:
            closed: list[tuple[float, dict[str, Any]]] = []
            await listen(running, closed, trio.Event())
            assert closed[0][1] == {
                "type": "PUZZLE_RESET",
                "seed": None,
                "reason": "closed",
                "is_timeout": False,
                "solve_time": None,
            }
            assert (await ask(running))["reason"] == "ended"
            last = await running.house.rounds.last()
            assert last is not None
            assert last.ended == "closed"


async def test_an_operator_reopens_what_was_closed(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with open_house(tmp_path, HASHPASS_CODE_LIMIT="1") as running:
            await Player(running.http).win()
            assert (await ask(running))["open"] is False
            await running.house.arbiter.set_drop(DropRules(code_limit=5))
            assert (await ask(running))["remaining"] == 5
            await Player(running.http, visitor="another").win()


async def test_a_time_out_of_order_is_refused_at_the_start(tmp_path: Path) -> None:
    late, early = "2027-01-31T18:00:00Z", "2027-01-31T17:00:00Z"
    with pytest.raises(SettingsError, match="HASHPASS_CLOSES_AT"):
        async with open_house(tmp_path, HASHPASS_OPENS_AT=late, HASHPASS_CLOSES_AT=early):
            pass
