"""Two miners and a server, each a process of its own, as people run them."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import httpx
import trio

from tests.house import BROWSER, Player
from tests.process import Program, running, serving

RULES = {
    "HASHPASS_ARGON2_MEMORY_COST": "256",
    "HASHPASS_MIN_DIFFICULTY": "6",
    "HASHPASS_DIFFICULTY": "8",
    "HASHPASS_MAX_DIFFICULTY": "11",
    "HASHPASS_TARGET_TIME": "0.5",
    "HASHPASS_TARGET_TIMEOUT": "30",
}
"""Rounds of tenths of a second, so that the difficulty moves, and both miners get their share of them."""
ROUNDS = 10
WON = re.compile(r"Round (\d+) is won\. The code:")


def read_log(directory: Path) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = json.loads((directory / "verify.json").read_bytes())
    return records


def won(miner: Program) -> dict[int, str]:
    """Round and code of all that a miner says it has won."""
    found = {}
    for line, following in zip(miner.lines, miner.lines[1:], strict=False):
        if match := WON.search(line):
            found[int(match[1])] = following
    return found


async def both_win(miners: list[Program], times: int) -> None:
    """A miner that was not told that a round was over, or did not go on, would never win again."""
    before = [len(won(miner)) for miner in miners]
    for miner, count in zip(miners, before, strict=True):
        await miner.says(" is won. The code:", times=count + times)


async def test_each_round_has_one_winner_and_a_restart_changes_the_seed_and_nothing_else(tmp_path: Path) -> None:
    with trio.fail_after(120):
        async with serving(tmp_path, **RULES) as server:
            url = server.url
            async with httpx.AsyncClient(base_url=url, headers={"User-Agent": BROWSER}) as http:
                player = Player(http)
                early = await player.win()
            async with (
                running(tmp_path, "mine", url, "--threads", "1", "--visitor", "one") as one,
                running(tmp_path, "mine", url, "--threads", "1", "--visitor", "two") as two,
            ):
                await both_win([one, two], ROUNDS // 2)
                assert await server.end(signal.SIGTERM) == 0
                records = read_log(tmp_path)
                state = json.loads((tmp_path / "state.json").read_bytes())
                async with serving(tmp_path, **RULES, PORT=url.rpartition(":")[2]) as again:
                    assert again.url == url
                    async with httpx.AsyncClient(base_url=url, headers={"User-Agent": BROWSER}) as http:
                        kept = await http.get("/api/code", headers=player.headers)
                        assert [code["invite_code"] for code in kept.json()["codes"]] == [early]
                    await both_win([one, two], ROUNDS // 2)
                    assert [await miner.end(signal.SIGTERM) for miner in (one, two)] == [0, 0]
                    assert await again.end(signal.SIGTERM) == 0

    log = read_log(tmp_path)
    assert log[: len(records)] == records
    first = log[len(records)]
    assert first["round"] == state["round"] + 1
    assert first["seed"] not in {record["seed"] for record in records}
    assert int(first["target"], 16) == int(state["target"], 16)
    for name in ("algorithm", "time_cost", "memory_cost", "parallelism", "key_id"):
        assert first[name] == records[-1][name]
    assert len({record["difficulty"] for record in log}) > 1  # or "as before" would say little

    by_visitor: dict[str, dict[int, str]] = {"one": {}, "two": {}, player.visitor: {}}
    for record in log:
        by_visitor[record["visitor_id"]][record["round"]] = record["invite_code"]
    assert sum(len(rounds) for rounds in by_visitor.values()) == len(log)
    assert len({record["round"] for record in log}) == len({record["invite_code"] for record in log}) == len(log)
    # A code that was won in the very moment in which one of the two ended may be known to the log alone.
    for miner, visitor in ((one, "one"), (two, "two")):
        told = won(miner)
        assert len(told) >= ROUNDS
        assert told.items() <= by_visitor[visitor].items()
        assert len(by_visitor[visitor]) - len(told) <= 2
        assert not any("false" in line or "Traceback" in line for line in miner.lines)
