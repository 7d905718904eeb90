"""`python -m hashpass audit verify` over a directory in which everything has happened once."""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path
from random import Random

import pytest
import trio
from mnemonic import Mnemonic

from hashpass import audit_command
from hashpass.audit_command import Place
from hashpass.directory import KeyFile
from hashpass.domain.drop import DropRules
from tests.house import Player, open_house

EDITS = 100
TOKEN = "an operator's token of this test"


def verify(directory: Path, *arguments: str) -> tuple[int, str]:
    parser = argparse.ArgumentParser()
    audit_command.add_arguments(parser)
    place = Place(directory, KeyFile(directory / "keys.json").read(), "HASHPASS-")
    out = io.StringIO()
    return audit_command.run(parser.parse_args(["verify", *arguments]), place, stdout=out, stderr=out), out.getvalue()


async def live(directory: Path, style: str = "code", language: str = "english") -> list[str]:
    """Two wins, a reset, a closing, a restart and some operator's doings."""
    codes = []
    with trio.fail_after(60):
        for opening in range(2):
            async with open_house(
                directory, ADMIN_TOKEN=TOKEN, HASHPASS_CODE_STYLE=style, HASHPASS_CODE_LANGUAGE=language
            ) as running:
                codes.append(await Player(running.http, visitor=f"visitor {opening}").win())
                headers = {"Authorization": f"Bearer {TOKEN}"}
                reset = await running.http.post("/api/admin/reset-puzzle", json={}, headers=headers)
                assert reset.status_code == 200
                await running.house.arbiter.set_drop(DropRules(code_limit=1))
                await running.house.arbiter.set_drop(DropRules())
    return codes


async def test_a_directory_with_everything_in_it_is_proved(tmp_path: Path) -> None:
    await live(tmp_path)
    code, said = verify(tmp_path, "--hashes")
    assert code == 0, said
    assert "2 codes proved" in said
    assert "5 rounds" in said
    assert "2 records of what operators did" in said


@pytest.mark.parametrize(
    ("style", "language"),
    [("hash", "english"), ("password", "english"), ("api-key", "english"), ("mnemonic", "spanish")],
)
async def test_every_style_of_prize_is_derived_again(tmp_path: Path, style: str, language: str) -> None:
    codes = await live(tmp_path, style, language)
    code, said = verify(tmp_path)
    assert code == 0, said
    assert "2 codes proved" in said
    assert len(set(codes)) == 2
    assert not any(won.startswith("HASHPASS-") for won in codes)
    if style == "mnemonic":
        assert all(Mnemonic(language).check(won) for won in codes)
        assert all(len(won.split(" ")) == 12 for won in codes)


def logs_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name.startswith(("verify", "rounds", "admin")))


async def test_a_hundred_random_edits_of_one_byte_all_show(tmp_path: Path) -> None:
    await live(tmp_path)
    random = Random(20261121)
    logs = logs_in(tmp_path)
    assert len(logs) == 6
    where = [(name, place) for name in logs for place in range((tmp_path / name).stat().st_size)]
    unseen = []
    for name, place in random.sample(where, EDITS):
        edited = tmp_path / "edited"
        edited.mkdir()
        for other in (*logs, "keys.json"):
            shutil.copy(tmp_path / other, edited / other)
        content = bytearray((edited / name).read_bytes())
        content[place] ^= random.randrange(1, 256)
        (edited / name).write_bytes(content)
        if verify(edited)[0] != 1:
            unseen.append((name, place, bytes(content[place - 20 : place + 20])))
        shutil.rmtree(edited)
    assert unseen == []


async def test_a_round_that_tells_of_another_winner_than_the_code_does_shows(tmp_path: Path) -> None:
    """Each log holds by itself; only side by side can it be seen that one of them is of another directory."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    await live(one)
    shutil.copy(one / "keys.json", other / "keys.json")
    await live(other)
    for path in one.glob("rounds*"):
        shutil.copy(path, other / path.name)
    code, said = verify(other)
    assert code == 1
    assert "round 1" in said
