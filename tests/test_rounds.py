"""`rounds.json`: written before the next puzzle is told, and gone on from whatever a kill has left."""

from __future__ import annotations

import json
import signal
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from hashpass.directory import DirectoryError
from hashpass.domain.seeds import RoundCheck, Seeds
from hashpass.rounds import Rounds
from tests.house import BROWSER, Player, open_house
from tests.process import Program, serving

KEY = b"k" * 32


def written(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "rounds.json").read_text().splitlines()]


def faults(directory: Path) -> list[str]:
    check = RoundCheck()
    return [fault for record in written(directory) if (fault := check.take(record)) is not None]


async def test_it_starts_empty_and_remembers_its_newest_round(tmp_path: Path, nursery: trio.Nursery) -> None:
    rounds = await Rounds.open(tmp_path, KEY)
    assert await rounds.last() is None
    await nursery.start(rounds.run)
    seeds = Seeds(KEY)
    for number in (1, 2):
        end = seeds.end(number, seeds.origin(number).seed, "timeout", None, "2027-01-31T18:00:00.000Z")
        await rounds.append(end)
    assert await rounds.close() == 0
    again = await Rounds.open(tmp_path, KEY)
    assert await again.last() == end


async def test_the_newest_round_is_found_when_the_file_has_just_been_moved(
    tmp_path: Path, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hashpass.rounds.ROUNDS_A_FILE", 2)
    rounds = await Rounds.open(tmp_path, KEY)
    await nursery.start(rounds.run)
    seeds = Seeds(KEY)
    for number in (1, 2):
        await rounds.append(seeds.end(number, seeds.origin(number).seed, "admin", None, "2027-01-31T18:00:00.000Z"))
    await rounds.close()
    assert written(tmp_path) == []
    assert await (await Rounds.open(tmp_path, KEY)).last() == seeds.last


async def test_a_line_that_was_changed_stops_the_start(tmp_path: Path) -> None:
    async with open_house(tmp_path) as running:
        await Player(running.http).win()
    path = tmp_path / "rounds.json"
    path.write_text(path.read_text().replace('"solved"', '"timeout"'))
    with pytest.raises(DirectoryError, match="rounds"):
        await Rounds.open(tmp_path, KEY)


async def test_what_was_announced_is_what_comes(tmp_path: Path) -> None:
    """The whole promise, as a player can check it: with nothing but two puzzles and one winning hash."""
    with trio.fail_after(30):
        async with open_house(tmp_path) as running:
            player = await (await Player(running.http).enter()).look()
            announced = player.puzzle["commitment"]
            answer = next(player.answers())
            assert (await player.submit(answer)).status_code == 200
            after = (await player.look()).puzzle
            secret = bytes.fromhex(after["secret"])
            assert announced == digest(secret)
            assert after["proof"] == answer["hash"]
            assert after["seed"] == digest(secret + bytes.fromhex(answer["hash"]))


def digest(data: bytes) -> str:
    return sha256(data).hexdigest()


async def test_a_restart_ends_the_open_round_and_changes_its_seed(tmp_path: Path) -> None:
    with trio.fail_after(60):
        seen = []
        for _ in range(3):
            async with open_house(tmp_path) as running:
                player = await (await Player(running.http).enter()).look()
                seen.append(player.puzzle)
        assert [puzzle["round"] for puzzle in seen] == [1, 2, 3]
        assert len({puzzle["seed"] for puzzle in seen}) == 3
        assert [record["ended"] for record in written(tmp_path)] == ["restart", "restart"]
        assert [puzzle["seed"] for puzzle in seen][:2] == [record["seed"] for record in written(tmp_path)]
        assert faults(tmp_path) == []


async def win(server: Program) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=server.url, headers={"User-Agent": BROWSER}, timeout=30) as http:
        player = Player(http)
        await player.win()
        return player.puzzle


async def test_a_killed_server_goes_on_with_the_round_it_had_announced(tmp_path: Path) -> None:
    with trio.fail_after(60):
        for _ in range(5):
            async with serving(tmp_path) as server:
                await win(server)
                await server.end(signal.SIGKILL)
        async with serving(tmp_path) as server:
            await win(server)
            assert await server.end(signal.SIGTERM) == 0
        records = written(tmp_path)
        assert [record["round"] for record in records] == list(range(1, len(records) + 1))
        assert faults(tmp_path) == []
        codes = json.loads((tmp_path / "verify.json").read_text())
        won = {record["round"]: record["winning_hash"] for record in records if record["ended"] == "solved"}
        assert won == {code["round"]: code["hash"] for code in codes}


async def test_a_win_that_was_logged_while_its_round_was_not_is_made_up_for(tmp_path: Path) -> None:
    """As if the process had been killed between the two writings."""
    with trio.fail_after(60):
        async with open_house(tmp_path) as running:
            player = await (await Player(running.http).enter()).look()
            names = ("rounds.json", "rounds.head", "state.json")
            before = {name: (tmp_path / name).read_bytes() for name in names}
            answer = next(player.answers())
            assert (await player.submit(answer)).status_code == 200
        for name, content in before.items():
            (tmp_path / name).write_bytes(content)
        async with open_house(tmp_path) as running:
            await Player(running.http).win()
        first, second = written(tmp_path)
        assert (first["round"], first["ended"], first["winning_hash"]) == (1, "solved", answer["hash"])
        assert (second["round"], second["ended"]) == (2, "solved")
        assert faults(tmp_path) == []


async def test_a_lost_state_opens_no_round_again_and_makes_no_stock_larger(tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with open_house(tmp_path, HASHPASS_CODE_LIMIT="3") as running:
            await Player(running.http).win()
            player = await (await Player(running.http, visitor="one more").enter()).look()
            before = player.puzzle
        (tmp_path / "state.json").unlink()
        async with open_house(tmp_path, HASHPASS_CODE_LIMIT="3") as running:
            after = (await (await Player(running.http).enter()).look()).puzzle
            assert after["round"] == before["round"] + 1
            assert after["seed"] != before["seed"]
            assert (await running.http.get("/api/drop")).json()["remaining"] == 2
        assert faults(tmp_path) == []
