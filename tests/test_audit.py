from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from attrs import evolve

from hashpass.audit import (
    Audit,
    Report,
    audit_file,
    before,
    erase_records,
    of_visitor,
    verify_directory,
    verify_log,
)
from hashpass.directory import DirectoryInUse, DirectoryLock, RealDisk
from hashpass.domain.chain import ARRAY, LINES, Chain, Layout, Record, canonical
from hashpass.domain.codes import derive_code
from hashpass.domain.records import AuditRecord, read_stamp, stamp
from hashpass.logfile import LogFile, Tampered
from tests.faults.disk import SimulatedDisk

AUDIT_KEY = bytes(32)
CODE_KEY = b"k" * 32
NOW = 1_750_000_000.0
HOUR = 3600.0
HERE = Path("/data")


def derive(key: bytes, record: Record) -> str:
    return derive_code(key, record["visitor_id"], record["nonce"], record["seed"], prefix="HASHPASS-")


def record(number: int, *, visitor: str = "ann", at: float = NOW) -> AuditRecord:
    seed = f"{number:064x}"
    return AuditRecord(
        timestamp=stamp(at),
        invite_code=derive_code(CODE_KEY, visitor, number, seed, prefix="HASHPASS-"),
        visitor_id=visitor,
        nonce=number,
        hash="00" * 32,
        seed=seed,
        real_ip="192.0.2.7",
        trace_data="ip=192.0.2.7\nuag=Ünïcode\u2028\n",
        difficulty=3,
        solve_time=12.5,
        new_difficulty=4,
        adjustment_reason="Faster than the window.",
        round=number,
        reason="solved",
        target="2" + "0" * 63,
        algorithm="argon2d",
        time_cost=3,
        memory_cost=65536,
        parallelism=1,
        key_id="k1",
        session="5e" * 32,
    )


@asynccontextmanager
async def running(directory: Path, **options: Any) -> AsyncIterator[Audit]:
    audit = await Audit.open(directory, AUDIT_KEY, wall=lambda: NOW, **options)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            await nursery.start(audit.run)
            yield audit
            assert await audit.close() == 0


def write(directory: Path, records: list[AuditRecord], rotate_at: int = 1000) -> None:
    file = audit_file(directory, AUDIT_KEY, rotate_at=rotate_at)
    file.open()
    for each in records:
        file.write([file.chain.seal(each.as_record(), file.head, bytes)])
    file.close()


def verify(directory: Path) -> Report:
    return verify_directory(directory, AUDIT_KEY, code_keys={"k1": CODE_KEY}, derive_code=derive)


def contents(directory: Path) -> str:
    return "".join(path.read_text() for path in directory.glob("verify*"))


def quick(directory: Path) -> Report:
    return verify_log(directory, audit_file(directory, AUDIT_KEY).chain, pause=lambda: None)


# Writing and reading


async def test_a_record_carries_every_field_of_the_contract(tmp_path: Path) -> None:
    async with running(tmp_path) as audit:
        await audit.append(record(1))
        assert audit.count == 1
        newest = audit.newest_hash
    (found,) = json.loads((tmp_path / "verify.json").read_bytes())
    assert AuditRecord.from_record(found) == record(1)
    assert set(found) == {*record(1).as_record(), "prev", "mac", "salts"}
    assert set(found["salts"]) == {"real_ip", "visitor_id", "trace_data"}
    assert found["timestamp"] == "2025-06-15T15:06:40.000Z"
    assert verify(tmp_path).newest_hash == newest


def test_a_stamp_is_read_as_it_was_written() -> None:
    for seconds in (0.0, NOW, NOW + 0.001, NOW + 0.999):
        assert abs(read_stamp(stamp(seconds)) - seconds) < 0.001
    for wrong in ("", "yesterday", "2025-06-15T14:26:40", "2025-13-01T00:00:00Z"):
        with pytest.raises(ValueError, match=r".+"):
            read_stamp(wrong)


async def test_recent_records_come_back_after_a_restart_from_all_files(tmp_path: Path) -> None:
    write(tmp_path, [record(n, at=NOW - (20 - n) * 2 * HOUR) for n in range(20)], rotate_at=6)
    async with running(tmp_path, rotate_at=6) as audit:
        found = await audit.recent(24 * HOUR)
        assert [each.nonce for each in found] == [*range(8, 20)]
        assert found[0].prize.prefix == "192.0.2.0/24"
        assert await audit.recent(0) == []


async def test_the_prize_of_an_erased_winner_is_for_no_address(tmp_path: Path) -> None:
    async with running(tmp_path) as audit:
        await audit.append(record(1))
        assert await audit.erase_visitor("ann") == 1
        (found,) = await audit.recent(HOUR)
    assert found.prize.prefix == ""
    assert found.prize.invite_code == record(1).invite_code


async def test_all_records_can_be_gone_through_from_the_newest(tmp_path: Path) -> None:
    write(tmp_path, [record(n) for n in range(10)], rotate_at=4)
    async with running(tmp_path, rotate_at=4) as audit:
        assert [each["nonce"] async for each in audit.newest_first()] == [*range(9, -1, -1)]
        assert (await audit.files())[0] == "verify.json"
        assert len(await audit.files()) == 3
        async with aclosing(audit.newest_first()) as some:
            assert (await anext(some))["nonce"] == 9


# Erasing


async def test_retention_erases_old_winners_and_no_others(tmp_path: Path) -> None:
    days = 24 * HOUR
    write(tmp_path, [record(n, visitor=f"v{n}", at=NOW - (10 - n) * days) for n in range(10)], rotate_at=3)
    async with running(tmp_path, rotate_at=3, retention_days=4.5) as audit:
        with trio.fail_after(5):
            while '"v5"' in contents(tmp_path):  # noqa: ASYNC110 - it is another thread's work
                await trio.sleep(0.01)
        await audit.append(record(10, visitor="v10"))
    text = contents(tmp_path)
    assert [f'"v{n}"' in text for n in range(11)] == [False] * 6 + [True] * 5
    report = verify(tmp_path)
    assert (report.ok, report.records, report.erased, report.codes, report.unproved) == (True, 11, 6, 5, 6)


async def test_without_retention_all_is_kept(tmp_path: Path) -> None:
    write(tmp_path, [record(1, at=0.0)])
    async with running(tmp_path):
        await trio.sleep(0.05)
    assert '"ann"' in contents(tmp_path)


def test_the_command_erases_by_visitor_or_by_age(tmp_path: Path) -> None:
    write(tmp_path, [record(n, visitor=f"v{n % 3}", at=NOW + n) for n in range(9)], rotate_at=4)
    assert erase_records(tmp_path, AUDIT_KEY, visitor_id="v1") == 3
    assert erase_records(tmp_path, AUDIT_KEY, older_than=NOW + 2) == 1
    assert erase_records(tmp_path, AUDIT_KEY) == 0
    text = contents(tmp_path)
    assert '"v1"' not in text
    assert verify(tmp_path).erased == 4
    assert verify(tmp_path).ok


def test_the_command_waits_for_no_running_server(tmp_path: Path) -> None:
    write(tmp_path, [record(1)])
    with DirectoryLock(tmp_path), pytest.raises(DirectoryInUse):
        erase_records(tmp_path, AUDIT_KEY, visitor_id="ann")
    assert '"ann"' in contents(tmp_path)


def test_an_erased_record_is_not_an_edited_one(tmp_path: Path) -> None:
    write(tmp_path, [record(1), record(2)])
    assert erase_records(tmp_path, AUDIT_KEY, visitor_id="ann") == 2
    assert verify(tmp_path).ok
    path = tmp_path / "verify.json"
    line = json.loads(path.read_bytes())[0]
    path.write_bytes(path.read_bytes().replace(line["visitor_id"].encode(), b"0" * 64))
    assert not verify(tmp_path).ok


def test_a_record_without_a_time_is_a_fault_not_a_crash() -> None:
    for wrong in ({}, {"timestamp": 1}, {"timestamp": "never"}):
        with pytest.raises(Tampered):
            before(NOW)(wrong)
    assert not of_visitor("ann")({})


# Checking


def log_in_memory(chain: Chain, layout: Layout = ARRAY) -> SimulatedDisk:
    disk = SimulatedDisk()
    file = LogFile(HERE, chain, layout=layout, rotate_at=2, disk=disk)
    file.open()
    for number in range(3):
        file.write([chain.seal({"n": number, "visitor_id": "\u00e4\u2028"}, file.head, bytes)])
    return disk


def test_every_change_of_any_byte_is_found() -> None:
    chain = Chain("verify", AUDIT_KEY, ("visitor_id",))
    disk = log_in_memory(chain)
    chance = Random(7)
    assert verify_log(HERE, chain, disk=disk).ok
    for path in disk.paths():
        whole = disk.content(path)
        for at, old in enumerate(whole):
            new = chance.choice([old ^ 0x20, old ^ 1, old ^ chance.randrange(1, 256)])
            disk.put(path, whole[:at] + bytes([new]) + whole[at + 1 :])
            assert not verify_log(HERE, chain, disk=disk, pause=lambda: None).ok, (path.name, at, old, new)
        disk.put(path, whole)


@pytest.mark.parametrize("layout", [ARRAY, LINES], ids=["array", "lines"])
def test_bytes_added_or_taken_anywhere_are_found(layout: Layout) -> None:
    chain = Chain("verify", AUDIT_KEY)
    disk = log_in_memory(chain, layout)
    for path in disk.paths():
        whole = disk.content(path)
        for at in range(len(whole) + 1):
            for changed in {
                whole[:at] + b" " + whole[at:],
                whole[:at] + b"\n" + whole[at:],
                whole[:at] + whole[at + 1 :],
            }:
                if changed != whole:
                    disk.put(path, changed)
                    assert not verify_log(HERE, chain, layout=layout, disk=disk, pause=lambda: None).ok, (at, changed)
        disk.put(path, whole)


def test_what_is_wrong_is_said_with_its_place(tmp_path: Path) -> None:
    write(tmp_path, [record(n) for n in range(5)], rotate_at=2)
    newest = tmp_path / "verify.json"
    archive = min(tmp_path.glob("verify_*.json"))

    whole = archive.read_bytes()
    archive.write_bytes(whole.replace(b'"nonce":1,', b'"nonce":9,'))
    assert f"{archive.name}: record 2: its mac does not hold" in map(str, quick(tmp_path).faults)
    archive.unlink()
    assert "verify.head: it names 5 records, but 1 are good" in map(str, quick(tmp_path).faults)
    archive.write_bytes(whole)

    last = newest.read_bytes()
    newest.write_bytes(b"[]\n")
    assert [*map(str, quick(tmp_path).faults)] == ["verify.head: it names 5 records, but 4 are good"]
    newest.write_bytes(last)

    (tmp_path / "verify.head").unlink()
    assert [*map(str, quick(tmp_path).faults)] == ["verify.head: it is missing or damaged"]


def test_a_lagging_head_is_no_fault(tmp_path: Path) -> None:
    write(tmp_path, [record(0)])
    head = (tmp_path / "verify.head").read_bytes()
    write(tmp_path, [record(1), record(2)])
    (tmp_path / "verify.head").write_bytes(head)
    report = quick(tmp_path)
    assert (report.ok, report.ahead) == (True, 2)


def test_a_code_that_does_not_follow_from_its_proof_is_found(tmp_path: Path) -> None:
    forged = evolve(record(1), invite_code="HASHPASS-1111111111111111")
    write(tmp_path, [record(0), forged, evolve(record(2), key_id="gone")])
    report = verify(tmp_path)
    assert [*map(str, report.faults)] == ["verify.json: record 2: its code does not follow from its proof"]
    assert (report.codes, report.unproved) == (1, 1)


def test_whatever_else_the_caller_checks_is_reported(tmp_path: Path) -> None:
    write(tmp_path, [record(0), record(1)])
    report = verify_directory(
        tmp_path, AUDIT_KEY, check_record=lambda each: "its hash is too large" if each["nonce"] else None
    )
    assert [*map(str, report.faults)] == ["verify.json: record 2: its hash is too large"]


def test_the_log_of_another_key_is_not_believed(tmp_path: Path) -> None:
    write(tmp_path, [record(0)])
    assert not verify_directory(tmp_path, b"x" * 32).ok


def test_a_record_from_elsewhere_is_found(tmp_path: Path) -> None:
    write(tmp_path, [record(0), record(1)])
    path = tmp_path / "verify.json"
    lines = [canonical(each) for each in json.loads(path.read_bytes())]
    path.write_bytes(ARRAY.join([*lines, lines[0]]))
    assert any("does not follow" in str(fault) for fault in quick(tmp_path).faults)


def test_checking_beside_a_busy_server_finds_no_fault(tmp_path: Path) -> None:
    # Reads see half of a write now and then; more often when the disk yields in its middle.
    class Slow(RealDisk):
        def write(self, fd: int, data: bytes, offset: int) -> int:
            half = len(data) // 2
            super().write(fd, data[:half], offset)
            stop.wait(0.0005)
            return half + super().write(fd, data[half:], offset + half)

    stop = threading.Event()
    file = LogFile(tmp_path, audit_file(tmp_path, AUDIT_KEY).chain, rotate_at=5, disk=Slow())
    file.open()

    def work() -> None:
        while not stop.is_set():
            file.write([file.chain.seal(record(file.head.count).as_record(), file.head, bytes)])
            stop.wait(0.01)

    writer = threading.Thread(target=work)
    writer.start()
    try:
        for _ in range(40):
            report = verify_log(tmp_path, audit_file(tmp_path, AUDIT_KEY).chain)
            assert report.ok, [*map(str, report.faults)]
    finally:
        stop.set()
        writer.join()
