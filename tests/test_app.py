"""The whole server, in process, on a real socket."""

from __future__ import annotations

import json
from pathlib import Path

import trio

from tests.house import Player, open_house


async def test_a_player_wins_a_code_and_the_same_answer_gets_the_same_code_again(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await (await Player(running.http).enter()).look()
            answer = next(player.answers())
            first = await player.submit(answer)
            again = await player.submit(answer)
            assert (first.status_code, again.status_code) == (200, 200)
            assert first.json() == again.json()
            assert json.loads((tmp_path / "verify.json").read_bytes())[0]["invite_code"] == first.json()["invite_code"]


async def test_a_restart_keeps_difficulty_round_and_codes_and_changes_the_seed(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with open_house(tmp_path, HASHPASS_MAX_DIFFICULTY="8") as running:
            player = Player(running.http)
            code = await player.win()
            await player.look()
            before = player.puzzle
        async with open_house(tmp_path, HASHPASS_MAX_DIFFICULTY="8") as running:
            newcomer = await (await Player(running.http).enter()).look()
            after = newcomer.puzzle
            player.http = running.http
            kept = await running.http.get("/api/code", headers=player.headers)
            assert [one["invite_code"] for one in kept.json()["codes"]] == [code]
            assert after["seed"] != before["seed"]
            assert after["round"] == before["round"] + 1
            for name in ("difficulty", "target", "last_solve_time", "average_solve_time", "memory_cost"):
                assert after[name] == before[name]


async def test_two_servers_share_nothing(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path / "one") as one, open_house(tmp_path / "two") as two:
            player = await Player(one.http).enter()
            refused = await two.http.get("/api/puzzle", headers=player.headers)
            assert refused.status_code == 401
            seeds = [(await each.http.get("/api/health")).json()["current_seed"] for each in (one, two)]
            assert seeds[0] != seeds[1]
