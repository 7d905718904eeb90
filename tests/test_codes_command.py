"""`python -m hashpass codes`, run as an operator runs it, beside a server and without one."""

from __future__ import annotations

import argparse
import csv
import io
import json
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from hashpass import codes_command, settings
from hashpass.audit import audit_file
from hashpass.codes_command import LogReader, Place
from hashpass.directory import DirectoryError, FileUnreadable, KeyFile
from hashpass.domain.chain import Head, Record
from hashpass.domain.codes import derive_code
from hashpass.parts import open_store
from hashpass.redemptions import FILE, open_redemptions
from tests.house import BROWSER, Player
from tests.process import PROGRAM, Done, environment, run, serving

KEY = bytes(range(32))
PREFIX = "HASHPASS-"


def record(number: int, code_key: bytes, key_id: str, **changes: Any) -> Record:
    visitor, seed = f"visitor {number}", f"{number:064x}"
    return {
        "timestamp": f"2026-09-21T14:{number // 60:02d}:{number % 60:02d}.000Z",
        "invite_code": derive_code(code_key, visitor, number, seed, prefix=PREFIX),
        "visitor_id": visitor,
        "nonce": number,
        "hash": "00" * 32,
        "seed": seed,
        "real_ip": "203.0.113.7",
        "trace_data": "ip=203.0.113.7",
        "difficulty": 1.0,
        "solve_time": 1.5,
        "new_difficulty": 1.0,
        "adjustment_reason": "unchanged",
        "round": number,
        "reason": "solved",
        "target": "ff" * 32,
        "algorithm": "argon2d",
        "time_cost": 1,
        "memory_cost": 8,
        "parallelism": 1,
        "key_id": key_id,
        "session": "",
        **changes,
    }


def write_log(directory: Path, count: int, *, rotate_at: int = 1000, **changes: Any) -> list[str]:
    """What a server would have left that gave out so many codes."""
    keys = KeyFile(directory / "keys.json").load()
    file = audit_file(directory, keys.audit, rotate_at=rotate_at)
    file.open()
    codes = []
    for number in range(count):
        whole = record(number, keys.code.secret, keys.code.id, **changes)
        codes.append(whole["invite_code"])
        file.write([file.chain.seal(whole, Head(file.head.count, file.head.hash), bytes)])
    file.close()
    return codes


def call(directory: Path, *arguments: str, ttl: float = 0, code_secret: bytes | None = None, typed: str = "") -> Done:
    """The command in this process, with a directory that needs no other settings."""

    async def no_store() -> None:
        await trio.lowlevel.checkpoint()

    parser = argparse.ArgumentParser()
    codes_command.add_arguments(parser)
    place = Place(directory, KeyFile(directory / "keys.json", code_secret=code_secret), ttl, no_store, time.time)
    out, err = io.StringIO(), io.StringIO()
    code = codes_command.run(parser.parse_args(arguments), place, stdin=io.StringIO(typed), stdout=out, stderr=err)
    return Done(code, out.getvalue(), err.getvalue())


def answer(done: Done) -> dict[str, Any]:
    value = json.loads(done.out)
    assert isinstance(value, dict)
    return value


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def assert_one_sentence(done: Done) -> None:
    assert "Traceback" not in done.err
    assert len(done.err.splitlines()) == 1, done.err


# Check and redeem


async def test_a_code_is_checked_redeemed_once_and_stays_redeemed(tmp_path: Path) -> None:
    code, other = write_log(tmp_path, 2)
    before = contents(tmp_path)
    checked = await run(tmp_path, "codes", "check", code)
    assert checked.code == 0, checked.err
    assert answer(checked) == {
        "valid": True,
        "status": "issued",
        "issued_at": "2026-09-21T14:00:00.000Z",
        "visitor_id": "visitor 0",
        "round": 0,
        "redeemed_at": None,
    }
    assert contents(tmp_path) == before

    redeemed = await run(tmp_path, "codes", "redeem", code)
    assert redeemed.code == 0, redeemed.err
    assert answer(redeemed)["status"] == "redeemed"
    again = await run(tmp_path, "codes", "redeem", code)
    assert (again.code, again.out, again.err) == (1, "", "This code has been redeemed.\n")
    checked = await run(tmp_path, "codes", "check", code)
    assert (checked.code, answer(checked)) == (1, answer(redeemed))
    assert answer(await run(tmp_path, "codes", "check", other))["valid"]


def test_a_code_may_come_from_standard_input(tmp_path: Path) -> None:
    (code,) = write_log(tmp_path, 1)
    assert answer(call(tmp_path, "check", "-", typed=code + "\r\n"))["valid"]
    assert call(tmp_path, "redeem", "-", typed=code).code == 0
    assert answer(call(tmp_path, "check", "-"))["status"] == "unknown"


@pytest.mark.parametrize("garbage", ["HASHPASS-0000000000000000", "", " ", "密码", "a" * 5000, "--", "$(id)"])
def test_garbage_is_unknown(tmp_path: Path, garbage: str) -> None:
    write_log(tmp_path, 1)
    checked = call(tmp_path, "check", "--", garbage)
    assert (checked.code, answer(checked)["status"]) == (1, "unknown")
    redeemed = call(tmp_path, "redeem", "--", garbage)
    assert (redeemed.code, redeemed.err) == (1, "No such code was given out here.\n")
    assert not (tmp_path / FILE).exists()


def test_an_expired_and_a_revoked_code_say_so(tmp_path: Path) -> None:
    (code,) = write_log(tmp_path, 1, timestamp="2020-01-01T00:00:00.000Z")
    expired = call(tmp_path, "check", code, ttl=60)
    assert (expired.code, answer(expired)["status"]) == (1, "expired")
    assert call(tmp_path, "redeem", code, ttl=60).code == 1
    file = KeyFile(tmp_path / "keys.json")
    file.renew_code(file.load())
    revoked = call(tmp_path, "check", code)
    assert (revoked.code, answer(revoked)["status"]) == (1, "revoked")
    assert "has been replaced" in call(tmp_path, "redeem", code).err


def test_a_code_in_an_archive_is_found(tmp_path: Path) -> None:
    codes = write_log(tmp_path, 25, rotate_at=10)
    for number in (0, 9, 10, 24):
        assert answer(call(tmp_path, "check", codes[number]))["round"] == number


async def test_where_no_server_has_been_nothing_is_made(tmp_path: Path) -> None:
    for arguments in (["check", "x"], ["redeem", "x"], ["export"], ["rotate-receipt-key"]):
        done = await run(tmp_path, "codes", *arguments)
        assert done.code == 2
        assert_one_sentence(done)
        assert "keys.json" in done.err
    assert not contents(tmp_path)


def test_with_other_settings_than_the_servers_nothing_is_said_and_nothing_changed(tmp_path: Path) -> None:
    (code,) = write_log(tmp_path, 1)
    before = contents(tmp_path)
    for arguments in (["check", code], ["redeem", code], ["export"], ["rotate-receipt-key"]):
        with pytest.raises(DirectoryError, match="HASHPASS_HMAC_SECRET"):
            call(tmp_path, *arguments, code_secret=KEY)
    assert contents(tmp_path) == before


def test_a_list_of_redeemed_codes_that_cannot_be_read_redeems_none(tmp_path: Path) -> None:
    (code,) = write_log(tmp_path, 1)
    (tmp_path / FILE).write_text("[")
    for action in ("check", "redeem"):
        with pytest.raises(FileUnreadable, match=r"redeemed\.json"):
            call(tmp_path, action, code)
    assert (tmp_path / FILE).read_text() == "["


@pytest.mark.parametrize("arguments", [[], ["burn"], ["check"], ["export", "--format", "xml"]])
async def test_a_command_that_makes_no_sense_ends_with_2(tmp_path: Path, arguments: list[str]) -> None:
    done = await run(tmp_path, "codes", *arguments)
    assert done.code == 2
    assert "usage: hashpass codes" in done.err


async def test_with_a_store_the_redemption_is_in_the_store(tmp_path: Path) -> None:
    (code,) = write_log(tmp_path, 1)
    env = {"HASHPASS_STORE": "sqlite:///store.sqlite", "PBKDF2_SALT": KEY.hex()}
    assert answer(await run(tmp_path, "codes", "check", code, **env))["valid"]
    assert not (tmp_path / "store.sqlite").exists()  # looking makes nothing
    wanted = settings.load({"HASHPASS_DATA_DIR": str(tmp_path), **env})
    store = await open_store(wanted, lambda: 0.0)
    await store.aclose()
    assert (await run(tmp_path, "codes", "redeem", code, **env)).code == 0
    assert (await run(tmp_path, "codes", "redeem", code, **env)).code == 1
    assert not (tmp_path / FILE).exists()
    store = await open_store(wanted, lambda: 0.0)
    assert await (await open_redemptions(tmp_path, store)).when(code) is not None
    await store.aclose()
    (row,) = json.loads((await run(tmp_path, "codes", "export", **env)).out)
    assert row["status"] == "redeemed"


# Beside a server


async def test_beside_a_server_codes_are_looked_at_but_not_redeemed(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        async with httpx.AsyncClient(base_url=server.url, headers={"User-Agent": BROWSER}) as http:
            code = await Player(http).win()
        assert answer(await run(tmp_path, "codes", "check", code))["valid"]
        exported = await run(tmp_path, "codes", "export")
        assert [row["invite_code"] for row in json.loads(exported.out)] == [code]
        before = contents(tmp_path)
        for arguments, hint in (
            (["redeem", code], "POST /api/admin/codes/redeem"),
            (["rotate-receipt-key"], "POST /api/admin/receipt-key"),
        ):
            done = await run(tmp_path, "codes", *arguments)
            assert done.code == 2
            assert_one_sentence(done)
            assert hint in done.err
        assert contents(tmp_path) == before
        assert await server.end(signal.SIGTERM) == 0
    assert (await run(tmp_path, "codes", "redeem", code)).code == 0
    async with serving(tmp_path):
        assert answer(await run(tmp_path, "codes", "check", code))["status"] == "redeemed"


def test_the_receipt_key_is_changed_and_the_old_one_kept(tmp_path: Path) -> None:
    write_log(tmp_path, 1)
    before = KeyFile(tmp_path / "keys.json").read()
    done = call(tmp_path, "rotate-receipt-key")
    assert done.code == 0, done.err
    after = KeyFile(tmp_path / "keys.json").read()
    assert after.receipts[:-1] == before.receipts
    assert done.out == after.receipts[-1].kid + "\n"
    assert (after.code, after.audit) == (before.code, before.audit)


# Export


def test_an_export_has_every_code_oldest_first_with_its_status(tmp_path: Path) -> None:
    codes = write_log(tmp_path, 25, rotate_at=10)
    call(tmp_path, "redeem", codes[3])
    before = contents(tmp_path)
    as_json = call(tmp_path, "export")
    assert (as_json.code, as_json.err) == (0, "")
    rows = json.loads(as_json.out)
    assert [row["invite_code"] for row in rows] == codes
    assert [row["status"] for row in rows] == ["issued"] * 3 + ["redeemed"] + ["issued"] * 21
    assert [bool(row["redeemed_at"]) for row in rows] == [False] * 3 + [True] + [False] * 21
    assert rows[0]["visitor_id"] == "visitor 0"
    assert not rows[0].keys() & {"session", "mac", "prev", "salts"}

    as_csv = call(tmp_path, "export", "--format", "csv")
    assert (as_csv.code, as_csv.err) == (0, "")
    table = list(csv.DictReader(io.StringIO(as_csv.out)))
    assert [row["invite_code"] for row in table] == codes
    assert [row["status"] for row in table] == [row["status"] for row in rows]
    assert list(table[0]) == list(rows[0])
    assert contents(tmp_path) == before


def test_an_export_of_nothing_is_empty(tmp_path: Path) -> None:
    write_log(tmp_path, 0)
    assert json.loads(call(tmp_path, "export").out) == []
    assert len(call(tmp_path, "export", "--format", "csv").out.splitlines()) == 1


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t"])
def test_no_cell_is_a_formula(tmp_path: Path, first: str) -> None:
    evil = first + 'HYPERLINK("http://evil.example","x")\n\''
    write_log(tmp_path, 1, visitor_id=evil, trace_data=evil, invite_code=evil)
    done = call(tmp_path, "export", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(done.out, newline=""))
    assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert row["visitor_id"].startswith("'" + first)
    assert json.loads(call(tmp_path, "export").out)[0]["visitor_id"] == evil


async def test_an_erased_person_is_not_in_an_export(tmp_path: Path) -> None:
    write_log(tmp_path, 2)
    assert (await run(tmp_path, "audit", "erase", "--visitor", "visitor 0")).code == 0
    erased, kept = json.loads((await run(tmp_path, "codes", "export")).out)
    assert (erased["visitor_id"], erased["real_ip"], erased["trace_data"]) == (None, None, None)
    assert kept["visitor_id"] == "visitor 1"
    assert answer(await run(tmp_path, "codes", "check", erased["invite_code"]))["visitor_id"] is None


@pytest.mark.parametrize("damage", [b"\n]\n", b'{"invite_code":1}\n]\n', b"[[[[\n", b"\0\0\0"])
def test_a_damaged_log_is_exported_as_far_as_it_goes_and_is_no_success(tmp_path: Path, damage: bytes) -> None:
    codes = write_log(tmp_path, 25, rotate_at=10)
    archive = min(tmp_path.glob("verify_*.json"))
    lines = archive.read_bytes().splitlines(keepends=True)
    archive.write_bytes(b"".join(lines[:5]) + damage)
    done = call(tmp_path, "export")
    assert done.code == 1
    assert_one_sentence(done)
    assert f"{archive.name}: " in done.err
    left = [row["invite_code"] for row in json.loads(done.out)]
    assert left == codes[:4] + codes[10:]


async def test_whoever_reads_only_the_beginning_causes_no_traceback(tmp_path: Path) -> None:
    write_log(tmp_path, 400, trace_data="x" * 2000)
    command = f"{' '.join(PROGRAM)} codes export | head -c 100"
    with trio.fail_after(60):
        done = await trio.run_process(
            ["sh", "-c", command],
            env=environment(tmp_path, {}),
            cwd=tmp_path,
            capture_stdout=True,
            capture_stderr=True,
        )
    assert len(done.stdout) == 100
    assert done.stderr == b""


def test_nothing_is_lost_or_doubled_while_a_server_writes_and_rotates(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json").load()
    writer = audit_file(tmp_path, keys.audit, rotate_at=7)
    writer.open()
    written = 0

    def write_some() -> None:
        nonlocal written
        for _ in range(3):
            whole = record(written, keys.code.secret, keys.code.id)
            writer.write([writer.chain.seal(whole, Head(writer.head.count, writer.head.hash), bytes)])
            written += 1

    class Busy(LogReader):
        """At each look at the disk the server has written a little more."""

        def _list(self) -> list[str]:
            if written < 200:
                write_some()
            return super()._list()

        def _read(self, name: str) -> bytes:
            if written < 200:
                write_some()
            return super()._read(name)

    write_some()
    rounds = [row["round"] for row in Busy(tmp_path, pause=lambda: None).oldest_first()]
    assert rounds == list(range(len(rounds)))
    assert len(rounds) >= 3
    writer.close()
