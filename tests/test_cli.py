"""The commands, run as an operator runs them: what they print, what they touch, and with which code they end."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import httpx
import pytest
import trio

from hashpass import settings
from tests.house import BROWSER, Player
from tests.process import Done, Program, run, running, serving

HOOK = {"WEBHOOK_URL": "http://127.0.0.1:9/hook", "WEBHOOK_SECRET": "a secret of a test"}


async def win(server: Program, visitor: str = "visitor") -> str:
    async with httpx.AsyncClient(base_url=server.url, headers={"User-Agent": BROWSER}) as http:
        return await Player(http, visitor).win()


async def leave_a_log(directory: Path, wins: int = 2) -> list[str]:
    """A directory in which a server has run and been closed; the codes it gave out."""
    with trio.fail_after(60):
        async with serving(directory) as server:
            codes = [await win(server, f"visitor {number}") for number in range(wins)]
            assert await server.end(signal.SIGTERM) == 0
    return codes


def contents(directory: Path) -> dict[str, bytes]:
    """Every file but the log, which may tell what happened, and the lock, which is empty."""
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def assert_one_sentence(done: Done) -> None:
    assert "Traceback" not in done.err
    assert len([line for line in done.err.splitlines() if "WARNING" not in line]) == 1, done.err


# Settings


async def test_every_wrong_setting_is_reported_at_once(tmp_path: Path) -> None:
    wrong = {
        "PORT": "http",
        "HASHPASS_DIFFICULTY": "65",
        "HASHPASS_GATE": "moat",
        "HASHPASS_TARGET_TIME": "Infinity",
        "HASHPASS_VERIFY_THREADS": "0",
        "ADMIN_TOKEN": "short-secret",
    }
    (tmp_path / ".env").write_text("HASHPASS_TRACE=perhaps\n")
    for command in ("serve", "check"):
        done = await run(tmp_path, command, **wrong)
        assert done.code == 2
        lines = done.err.splitlines()
        assert sorted(line.split(" is ")[0] for line in lines) == sorted([*wrong, "HASHPASS_TRACE"])
        assert all("; it must be " in line for line in lines)
        assert "short-secret" not in done.err + done.out
    assert list(contents(tmp_path)) == [".env"]


async def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HASHPASS_DIFFICULTY=9\nHASHPASS_WORKER_COUNT=7\n")
    done = await run(tmp_path, "check", HASHPASS_DIFFICULTY="6", HASHPASS_MAX_DIFFICULTY="6")
    assert done.code == 0
    assert "HASHPASS_DIFFICULTY=6\n" in done.out
    assert "HASHPASS_WORKER_COUNT=7\n" in done.out


async def test_check_shows_dots_for_secrets_and_measures_a_hash(tmp_path: Path) -> None:
    secrets = settings.fresh_secrets()
    done = await run(tmp_path, "check", **secrets)
    assert done.code == 0, done.err
    for name, value in secrets.items():
        assert f"{name}=........\n" in done.out
        assert value not in done.out + done.err
    assert re.search(r"^One hash takes \d+ ms here and 0\.007812 MiB\.$", done.out, re.MULTILINE)
    assert "- HASHPASS_GATE is open: " in done.out


async def test_fresh_secrets_are_such_as_the_settings_accept(tmp_path: Path) -> None:
    first, second = [await run(tmp_path, "secrets") for _ in range(2)]
    assert (first.code, second.code) == (0, 0)
    assert not set(first.out.splitlines()) & set(second.out.splitlines())
    (tmp_path / ".env").write_text(first.out)
    check = await run(tmp_path, "check", **HOOK | {"WEBHOOK_SECRET": ""})
    assert check.code == 0, check.err
    for line in first.out.splitlines():
        assert line.partition("=")[0] + "=........" in check.out


@pytest.mark.parametrize("arguments", [[], ["serv"], ["mine"], ["mine", "u", "--threads", "0"], ["audit", "burn"]])
async def test_a_command_that_makes_no_sense_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    done = await run(tmp_path, *arguments)
    assert done.code == 2
    assert "usage: hashpass" in done.err


async def test_what_is_no_address_cannot_be_mined_at(tmp_path: Path) -> None:
    done = await run(tmp_path, "mine", "ftp://race.example")
    assert done.code == 2
    assert "is not the address of a server" in done.out


# The start


async def test_a_second_server_on_one_directory_ends_with_2_and_a_sentence(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        before = contents(tmp_path)
        done = await run(tmp_path, "serve")
        assert done.code == 2
        assert_one_sentence(done)
        assert f"Another HashPass is using {tmp_path}" in done.err
        assert contents(tmp_path) == before
        assert await win(server)


async def test_a_port_in_use_ends_with_2_and_a_sentence(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    async with serving(tmp_path / "one") as server:
        port = server.url.rpartition(":")[2]
        done = await run(tmp_path / "two", "serve", PORT=port)
        assert done.code == 2
        assert "Traceback" not in done.err
        assert port in done.err.splitlines()[-1]
        assert "did not start" in done.err.splitlines()[-1]
        assert await win(server)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("state.json", b'{"round": 1'),
        ("state.json", b"[]"),
        ("state.json", b"{}"),
        ("state.json", b'{"round": 1}'),
        ("verify.json", b"["),
        ("verify.json", b"{}"),
        ("verify.json", b""),
        ("keys.json", b"\xff"),
        ("keys.json", b'{"audit": "12"}'),
        ("blacklist.json", b'{"banned_ips": ["somewhere"]}'),
        ("blacklist.json", b"["),
        ("webhooks.json", b"["),
        ("webhooks.json", b'[{"id": 1}]'),
    ],
)
async def test_a_file_that_cannot_be_read_stops_the_start_and_is_left_alone(
    tmp_path: Path, name: str, damage: bytes
) -> None:
    await leave_a_log(tmp_path, wins=1)
    (tmp_path / name).write_bytes(damage)
    before = contents(tmp_path)
    done = await run(tmp_path, "serve", **HOOK)
    assert done.code == 2
    assert_one_sentence(done)
    assert name in done.err.splitlines()[-1]
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["state.json", "verify.json", "keys.json", "blacklist.json", "webhooks.json"])
async def test_a_directory_in_the_place_of_a_file_stops_the_start(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    done = await run(tmp_path, "serve", **HOOK)
    assert done.code == 2
    assert_one_sentence(done)
    assert f"{tmp_path / name} cannot be" in done.err.splitlines()[-1]


async def test_other_keys_than_the_logs_stop_the_start(tmp_path: Path) -> None:
    await leave_a_log(tmp_path, wins=1)
    (tmp_path / "keys.json").unlink()
    done = await run(tmp_path, "serve")
    assert done.code == 2
    assert_one_sentence(done)
    assert "verify.head" in done.err


# The audit log


async def test_an_honest_log_is_proved(tmp_path: Path) -> None:
    codes = await leave_a_log(tmp_path, wins=3)
    done = await run(tmp_path, "audit", "verify")
    assert done.code == 0, done.out
    assert done.out.startswith("3 records of codes in 1 file: 3 codes proved, 0 not provable")
    assert [record["invite_code"] for record in json.loads((tmp_path / "verify.json").read_bytes())] == codes
    assert (await run(tmp_path, "audit", "verify", "--hashes")).code == 0


@pytest.mark.parametrize("change", ["edited", "dropped", "cut"])
async def test_a_log_that_was_tampered_with_is_named_and_stops_the_start(tmp_path: Path, change: str) -> None:
    codes = await leave_a_log(tmp_path, wins=3)
    path = tmp_path / "verify.json"
    text = path.read_text()
    if change == "edited":
        text = text.replace(codes[1], codes[1][:-1] + "x")
    else:
        lines = text.splitlines(keepends=True)
        victim = next(n for n, line in enumerate(lines) if codes[1 if change == "dropped" else 2] in line)
        if change == "cut":
            lines[victim - 1] = lines[victim - 1].rstrip().rstrip(",") + "\n"
        text = "".join(lines[:victim] + lines[victim + 1 :])
        json.loads(text)  # still an array to look at
    assert text != path.read_text()
    path.write_text(text)
    before = contents(tmp_path)

    proved = await run(tmp_path, "audit", "verify")
    assert proved.code == 1
    assert re.search(r"^verify\.(json|head): ", proved.out), proved.out
    done = await run(tmp_path, "serve")
    assert done.code == 2
    assert_one_sentence(done)
    assert "verify.json" in done.err or "verify.head" in done.err
    assert contents(tmp_path) == before


async def test_erasing_needs_the_server_stopped_and_leaves_a_log_that_is_proved(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        await win(server, "an erased one")
        await win(server, "a kept one")
        before = contents(tmp_path)
        done = await run(tmp_path, "audit", "erase", "--visitor", "an erased one")
        assert done.code == 2
        assert_one_sentence(done)
        assert "Another HashPass is using" in done.err
        assert contents(tmp_path) == before
        assert (await run(tmp_path, "audit", "verify")).code == 0
        assert await server.end(signal.SIGTERM) == 0
    done = await run(tmp_path, "audit", "erase", "--visitor", "an erased one")
    assert (done.code, done.out) == (0, "Who won them has been erased from 1 records.\n")
    text = (tmp_path / "verify.json").read_text()
    assert "an erased one" not in text
    assert "a kept one" in text
    proved = await run(tmp_path, "audit", "verify")
    assert proved.code == 0
    assert "1 codes proved, 1 not provable (1 of them erased)" in proved.out
    async with serving(tmp_path):
        pass


async def test_audit_without_a_log_says_so_and_makes_no_files(tmp_path: Path) -> None:
    for action in ("verify", "erase"):
        done = await run(tmp_path, "audit", action)
        assert done.code == 2
        assert_one_sentence(done)
    assert not contents(tmp_path)


async def test_erasing_nobody_in_particular_ends_with_2(tmp_path: Path) -> None:
    await leave_a_log(tmp_path, wins=1)
    before = contents(tmp_path)
    done = await run(tmp_path, "audit", "erase")
    assert done.code == 2
    assert "Say whom to erase" in done.err
    assert contents(tmp_path) == before


# The end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_closes_the_server_with_0(tmp_path: Path, number: signal.Signals) -> None:
    async with serving(tmp_path) as server:
        code = await win(server)
        assert await server.end(number) == 0
        await server.says("Closed.")
    assert code in (tmp_path / "verify.json").read_text()


async def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """A body that never comes holds the first one up for as long as the server waits for it."""
    with trio.fail_after(60):
        async with serving(tmp_path) as server:
            host, port = server.url.removeprefix("http://").split(":")
            async with await trio.open_tcp_stream(host, int(port)) as stream:
                await stream.send_all(
                    b"POST /api/session HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/5.0\r\nContent-Length: 10\r\n\r\n{"
                )
                await trio.sleep(0.2)
                server.process.send_signal(signal.SIGTERM)
                await server.says("Closing. Another signal ends it at once.")
                with trio.move_on_after(0.5) as patience:
                    await server.process.wait()
                assert patience.cancelled_caught, "There was nothing to wait for; this test shows nothing."
                began = trio.current_time()
                assert await server.end(signal.SIGTERM) == 1
                assert trio.current_time() - began < 1


async def test_a_miner_leaves_with_0_when_asked(tmp_path: Path) -> None:
    async with running(tmp_path, "mine", "http://127.0.0.1:9", "--threads", "1") as miner:
        await miner.says("Not connected: ")
        assert await miner.end(signal.SIGTERM) == 0
        await miner.says("Leaving.")
