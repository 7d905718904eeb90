"""`python -m hashpass codes`: check, redeem and export codes, and change the key of receipts, without a server."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TextIO

import trio
from attrs import frozen

from hashpass import export
from hashpass.audit import audit_file
from hashpass.directory import DirectoryInUse, DirectoryLock, FileUnreadable, KeyFile, KeyRing
from hashpass.domain.chain import ARRAY, BrokenRecord, Record, parse
from hashpass.domain.errors import HashPassError
from hashpass.domain.records import PERSONAL
from hashpass.invites import CodeStatus, Invites, judge
from hashpass.receipts import Receipts
from hashpass.redemptions import digest, open_redemptions
from hashpass.storage.base import Store

FAILED: Final = 1
UNFIT: Final = 2
HEADER: Final = "status,redeemed_at," + export.CSV_HEADER
NEEDED: Final = {"invite_code", "key_id", "timestamp", "round", "salts", *PERSONAL}
LOOKS: Final = 5
"""How often a file is read again that seems broken, for a server may be writing it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def action(name: str, text: str) -> argparse.ArgumentParser:
        return actions.add_parser(name, help=text, description=text)

    for name, text in (
        ("check", "Say what is known of a code."),
        ("redeem", "Redeem a code, once. With a server running, use POST /api/admin/codes/redeem."),
    ):
        one = action(name, text)
        one.add_argument("code", help="- reads it from standard input, and so keeps it out of the shell's history")
    table = action("export", "Print every code with its record and status, oldest first.")
    table.add_argument("--format", choices=["json", "csv"], default="json", help="default: json")
    action("rotate-receipt-key", "Sign receipts with a new key. Those that were signed before can still be checked.")


@frozen
class Place:
    """Where a server keeps its files, and what it was told."""

    directory: Path
    keys: KeyFile
    ttl: float
    open_store: Callable[[], Awaitable[Store | None]]
    """None where the redeemed codes are in a file."""
    wall: Callable[[], float]


def run(chosen: argparse.Namespace, place: Place, *, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    """Do what was chosen and return the exit code: 0, 1 for a refusal, or 2 for what must be put right first."""
    try:
        match chosen.action:
            case "export":
                code = _export(chosen.format, place, stdout, stderr)
            case "rotate-receipt-key":
                print(_rotate(place), file=stdout)
                code = 0
            case _:
                code = _ask(chosen, place, stdin, stdout, stderr)
        stdout.flush()
    except HashPassError as error:
        print(error.detail, file=stderr)
        return FAILED
    except DirectoryInUse:
        call = "codes/redeem" if chosen.action == "redeem" else "receipt-key"
        print(
            f"A server is using {place.directory.resolve()}. Ask it with POST /api/admin/{call}, or stop it.",
            file=stderr,
        )
        return UNFIT
    except BrokenPipeError:
        # Whoever was reading has had enough. What Python still holds for him must not fail once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
        return FAILED
    return code


def _ask(chosen: argparse.Namespace, place: Place, stdin: TextIO, stdout: TextIO, stderr: TextIO) -> int:
    code = stdin.readline().rstrip("\r\n") if chosen.code == "-" else chosen.code
    place.keys.read()  # before a lock file is made where there is nothing to be locked
    log = LogReader(place.directory)
    try:
        if chosen.action == "check":
            status = trio.run(_with_invites, place, log, lambda invites: invites.check(code))
        else:
            with DirectoryLock(place.directory):
                status = trio.run(_with_invites, place, log, lambda invites: invites.redeem(code))
    finally:
        for sentence in log.faults:  # the code may have been in there
            print(sentence, file=stderr)
    print(json.dumps(status.as_json(), ensure_ascii=False), file=stdout)
    return 0 if status.valid or chosen.action == "redeem" else FAILED


async def _with_invites(place: Place, log: LogReader, ask: Callable[[Invites], Awaitable[CodeStatus]]) -> CodeStatus:
    async def find(code: str) -> Record | None:
        return log.find(code)

    store = await place.open_store()
    try:
        redemptions = await open_redemptions(place.directory, store)
        ring = KeyRing(place.keys, place.keys.read())
        return await ask(Invites(ring, redemptions, find, prefix="", ttl=place.ttl, wall=place.wall))
    finally:
        if store is not None:
            await store.aclose()


def _rotate(place: Place) -> str:
    place.keys.read()
    with DirectoryLock(place.directory):
        return trio.run(Receipts(KeyRing(place.keys, place.keys.read()), issuer="").rotate)


def _export(form: str, place: Place, stdout: TextIO, stderr: TextIO) -> int:
    current_key = place.keys.read().code.id
    redeemed = trio.run(_all_redeemed, place)
    log = LogReader(place.directory)
    rows = (_row(record, redeemed, current_key, place) for record in log.oldest_first())
    if form == "csv":
        stdout.write(HEADER)
        stdout.writelines(f"{row['status']},{row['redeemed_at'] or ''},{export.csv_line(row)}" for row in rows)
    else:
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        stdout.write("[\n" + next(lines, ""))
        stdout.writelines(",\n" + line for line in lines)
        stdout.write("\n]\n")
    for sentence in log.faults:
        print(sentence, file=stderr)
    return FAILED if log.faults else 0


async def _all_redeemed(place: Place) -> Mapping[str, str]:
    store = await place.open_store()
    try:
        return await (await open_redemptions(place.directory, store)).listing()
    finally:
        if store is not None:
            await store.aclose()


def _row(record: Record, redeemed: Mapping[str, str], current_key: str, place: Place) -> dict[str, Any]:
    """A record as people read it, with its code's status. Of a person who was erased there is nothing to read."""
    redeemed_at = redeemed.get(digest(record["invite_code"]))
    status = judge(record, redeemed_at, current_key=current_key, ttl=place.ttl, now=place.wall())
    shown = {name: record.get(name) for name in export.COLUMNS}
    erased = {name: None for name in PERSONAL if name not in record["salts"]}
    return {"status": status.status, "redeemed_at": redeemed_at, **shown, **erased}


class LogReader:
    """The audit log as it stands on the disk. A server may be writing it meanwhile."""

    def __init__(self, directory: Path, *, pause: Callable[[], None] = lambda: time.sleep(0.1)) -> None:
        self._directory = directory
        self._names = audit_file(directory, b"").files
        self._pause = pause
        self._faults: dict[str, str] = {}

    @property
    def faults(self) -> list[str]:
        """What could not be read, as sentences."""
        return [f"{name}: {fault}. See `hashpass audit verify`." for name, fault in self._faults.items()]

    def oldest_first(self) -> Iterator[Record]:
        """All records, of which one file is in memory at a time."""
        done: set[str] = set()
        while True:
            archives, newest = self._look()
            if not (rest := [name for name in archives if name not in done]):  # nothing was moved since
                break
            for name in rest:
                yield from self._records(name, self._read(name))
                done.add(name)
        yield from newest

    def find(self, code: str) -> Record | None:
        """The newest record of a code."""
        archives, newest = self._look()
        found = [record for record in newest if record["invite_code"] == code]
        needle = json.dumps(code, ensure_ascii=False).encode()
        for name in reversed(archives):
            if found:
                break
            data = self._read(name)
            if needle in data:
                found = [record for record in self._records(name, data) if record["invite_code"] == code]
        return found[-1] if found else None

    def _look(self) -> tuple[list[str], list[Record]]:
        """The names of the archives, and the records of the newest file, seen at one moment."""
        for _ in range(LOOKS):
            *archives, current = self._list()
            newest = self._records(current, self._read(current))
            if current not in self._faults and self._list()[:-1] == archives:
                break
            self._pause()
        return archives, newest

    def _list(self) -> list[str]:
        try:
            return self._names()
        except OSError as error:
            raise FileUnreadable(f"{self._directory} cannot be read: {error.strerror}.") from error

    def _read(self, name: str) -> bytes:
        try:
            return (self._directory / name).read_bytes()
        except FileNotFoundError:  # it is being moved, or there is no log yet
            return ARRAY.empty
        except OSError as error:
            raise FileUnreadable(f"{self._directory / name} cannot be read: {error.strerror}.") from error

    def _records(self, name: str, data: bytes) -> list[Record]:
        """Those up to the first fault, if there is one."""
        self._faults.pop(name, None)
        found: list[Record] = []
        end = 0
        try:
            for line, end in ARRAY.split(data):  # noqa: B007 - where the last one ended
                found.append(_parse(line))
        except BrokenRecord as error:
            self._faults[name] = f"record {len(found) + 1}: {error}"
        else:
            if data != ARRAY.empty and not ARRAY.ends(data, end):
                self._faults[name] = f"what follows record {len(found)} is not written as a log is"
        return found


def _parse(line: bytes) -> Record:
    record = parse(line)
    if not record.keys() >= NEEDED:
        raise BrokenRecord("it is not written as a record is")
    return record
