"""Two miners at a server as it comes, with the captcha at its gate, each a process of its own."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import httpx
import trio

from tests.house import BROWSER
from tests.process import Program, running, serving

RULES = {
    "HASHPASS_GATE": "",
    "HASHPASS_CAP_COUNT": "3",
    "HASHPASS_CAP_DIFFICULTY": "2",
    "HASHPASS_ARGON2_MEMORY_COST": "64",
    "HASHPASS_MIN_DIFFICULTY": "6",
    "HASHPASS_DIFFICULTY": "8",
    "HASHPASS_MAX_DIFFICULTY": "8",
    "HASHPASS_TARGET_TIMEOUT": "30",
}
ROUNDS = 3


def rounds(miner: Program) -> dict[int, bool]:
    """Each round that ended while it mined, and whether it has won it."""
    return {
        int(match[1]): match[2] == " is won"
        for line in miner.lines
        if (match := re.search(r"Round (\d+)( is won|: Someone)", line))
    }


async def test_both_solve_the_captcha_and_race_and_no_round_has_two_winners(tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with serving(tmp_path, **RULES) as server:
            arguments = ("mine", server.url, "--threads", "1", "--rounds", str(ROUNDS))
            async with (
                running(tmp_path, *arguments, "--visitor", "one") as one,
                running(tmp_path, *arguments, "--visitor", "two") as two,
            ):
                miners = (one, two)
                assert [await miner.end() for miner in miners] == [0, 0]
            async with httpx.AsyncClient(base_url=server.url, headers={"User-Agent": BROWSER}) as http:
                metrics = (await http.get("/metrics")).text
    for miner in miners:
        assert sum("Solving the captcha." in line for line in miner.lines) == 1
        assert not any("Traceback" in line or "refused" in line for line in miner.lines)
    won = [number for miner in miners for number, mine in rounds(miner).items() if mine]
    assert len(won) >= ROUNDS
    assert len(set(won)) == len(won)
    for line in ('captchas_total{outcome="redeemed"} 2.0', 'gate_results_total{outcome="passed"} 2.0'):
        assert f"hashpass_{line}" in metrics


async def test_a_new_session_after_a_restart_costs_a_new_captcha(tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with (
            serving(tmp_path, **RULES) as server,
            running(tmp_path, "mine", server.url, "--threads", "1") as miner,
        ):
            await miner.says(" is won. The code:")
            assert await server.end(signal.SIGTERM) == 0
            before = sum(" is won. The code:" in line for line in miner.lines)
            async with serving(tmp_path, **RULES, PORT=server.url.rpartition(":")[2]):
                await miner.says("Solving the captcha.", times=2)
                await miner.says(" is won. The code:", times=before + 1)
                assert await miner.end(signal.SIGTERM) == 0
    assert not any("Traceback" in line for line in miner.lines)
