"""docs/api.md is true: curl and HTTPie do what it says, and its receipt is checked as it says."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest
import trio

from hashpass.web.openapi import admin
from tests.house import Player
from tests.web.office import TOKEN, Office, open_office

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```bash\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
PROGRAMS = Path(sys.executable).parent
"""Where HTTPie is, when the tests run in an environment of their own."""


def commands() -> list[str]:
    return [line for block in BLOCKS[1:] for line in block.splitlines()]


def environment(directory: Path, office: Office | None = None) -> dict[str, str]:
    """Both programs told to fail when the server refuses, and to look at nobody's own settings."""
    (directory / ".curlrc").write_text("silent\nshow-error\nfail-with-body\nmax-time = 60\n")
    options = ["--check-status", "--ignore-stdin", "--timeout=60"]
    (directory / "config.json").write_text(json.dumps({"default_options": options, "disable_update_warnings": True}))
    server = {} if office is None else {"HASHPASS": office.running.url, "ADMIN_TOKEN": TOKEN}
    return {
        **server,
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(directory),
        "CURL_HOME": str(directory),
        "HTTPIE_CONFIG_DIR": str(directory),
        "PYTHON": sys.executable,
    }


async def run(command: str, cwd: Path, env: dict[str, str]) -> str:
    done = await trio.run_process(
        ["bash", "-euc", command], cwd=cwd, env=env, capture_stdout=True, capture_stderr=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout.decode()}\n{done.stderr.decode()}"
    return done.stdout.decode()


def test_the_first_block_is_where_an_operator_puts_his_own() -> None:
    exports = [line.partition("=")[0] for line in BLOCKS[0].splitlines()]
    assert exports == ["export HASHPASS", "export ADMIN_TOKEN", "export CODE"]
    assert all(line.startswith(("curl ", "http ")) for line in commands())


def test_every_call_is_there_with_curl_and_with_httpie() -> None:
    for path, methods in admin.paths().items():
        for program in ("curl", "http"):
            shown = [line for line in commands() if re.search(rf'{re.escape(path)}["?]', line)]
            assert any(line.startswith(program + " ") for line in shown), f"{program} for {path} is missing"
            posts = "post" in methods
            assert all(
                posts == (" POST " in line or "-d " in line or re.search(r'" \w+:?=(?!=)', line) is not None)
                for line in shown
            ), shown


async def test_every_command_does_what_it_says(tmp_path: Path) -> None:
    data, desk = tmp_path / "data", tmp_path / "desk"
    data.mkdir()
    desk.mkdir()
    with trio.fail_after(120):
        async with open_office(data, HASHPASS_MAX_DIFFICULTY="32", HASHPASS_TARGET_TIMEOUT="300") as office:
            env = environment(desk, office)
            codes = [await Player(office.running.http).win() for _ in range(commands_with("$CODE"))]
            for command in commands():
                await office.change("/kick", {"ip": "203.0.113.7"})
                code = codes.pop() if "$CODE" in command else ""
                printed = await run(command, desk, {**env, "CODE": code})
                if " -o " not in command and "csv" not in command:
                    assert isinstance(json.loads(printed), dict), command
            assert len(json.loads((desk / "codes.json").read_bytes())) == 4
            assert (desk / "codes.csv").read_text().startswith("timestamp,")
            assert json.loads((desk / "jwks.json").read_bytes())["keys"]
            said = {name for name, _ in office.deeds()}
            assert said >= {path.removeprefix("/api/admin/") for path, methods in changing()}


def commands_with(variable: str) -> int:
    return sum(variable in command for command in commands())


def changing() -> list[tuple[str, Any]]:
    quiet = {"/api/admin/ws-ticket", "/api/admin/codes/check"}
    return [(path, methods) for path, methods in admin.paths().items() if "post" in methods and path not in quiet]


async def test_a_receipt_is_checked_offline_as_it_is_shown(tmp_path: Path) -> None:
    [example] = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(example, "docs/api.md", "exec"), names)
    check = names["check_receipt"]
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            player = await (await Player(office.running.http).enter()).look()
            won = (await player.submit(next(player.answers()))).json()
            old = (await office.running.http.get("/.well-known/jwks.json")).json()
            await office.change("/receipt-key")
            keys = (await office.running.http.get("/.well-known/jwks.json")).json()
            for known in (old, keys):
                claims = check(won["receipt"], known, "hashpass")
                assert (claims["code"], claims["round"]) == (won["invite_code"], player.puzzle["round"])
            head, body, signature = won["receipt"].split(".")
            with pytest.raises(jwt.PyJWTError):
                check(f"{head}.{body[:-2]}xx.{signature}", keys, "hashpass")
            with pytest.raises(jwt.PyJWTError):
                check(won["receipt"], keys, "somebody else")


async def test_the_tour_goes_its_whole_way_with_a_server_of_its_own(tmp_path: Path) -> None:
    with trio.fail_after(120):
        printed = await run(str(ROOT / "scripts" / "tour.sh"), tmp_path, environment(tmp_path))
    assert "\n== The end\n" in printed
    assert sorted(os.listdir(tmp_path)) == [".curlrc", "config.json"]  # noqa: PTH208 - names are wanted, not paths


async def test_the_tour_can_be_taken_with_ours(tmp_path: Path) -> None:
    data, desk = tmp_path / "data", tmp_path / "desk"
    data.mkdir()
    desk.mkdir()
    with trio.fail_after(120):
        async with open_office(data) as office:
            printed = await run(str(ROOT / "scripts" / "tour.sh"), desk, environment(desk, office))
            assert "\n== The end\n" in printed
            assert (await office.status())["drop"]["reason"] == "used_up"
