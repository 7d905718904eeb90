"""`python -m hashpass audit`: prove the three logs of a directory, and erase people's data from the log of codes."""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path
from typing import Final, TextIO

from attrs import define, field, frozen

from hashpass import audit
from hashpass.argon import Arena
from hashpass.audit import Report, verify_directory, verify_log
from hashpass.directory import Keys
from hashpass.domain import proof as proofs
from hashpass.domain.chain import ARRAY, LINES, Record
from hashpass.domain.seeds import RoundCheck
from hashpass.domain.values import Argon2Params
from hashpass.invites import derive_again
from hashpass.rounds import rounds_chain
from hashpass.trail import trail_chain

FAILED: Final = 1
UNFIT: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["verify", "erase"])
    parser.add_argument("--hashes", action="store_true", help="verify: compute every hash again, which takes long")
    parser.add_argument("--visitor", metavar="ID", help="erase: records of this visitor")
    parser.add_argument("--days", type=_count, metavar="N", help="erase: records older than so many days")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


@frozen
class Place:
    """Where a server keeps its logs, and what they were written with."""

    directory: Path
    keys: Keys
    prefix: str


def run(chosen: argparse.Namespace, place: Place, *, stdout: TextIO, stderr: TextIO) -> int:
    """Do what was chosen and return the exit code: 0, 1 for a log that does not hold, 2 for what must be put right."""
    if chosen.action == "erase":
        return _erase(chosen, place, stdout, stderr)
    return _verify(place, Arena() if chosen.hashes else None, stdout)


def _erase(chosen: argparse.Namespace, place: Place, stdout: TextIO, stderr: TextIO) -> int:
    if chosen.visitor is None and chosen.days is None:
        print("Say whom to erase: --visitor ID, or --days N for all that is older.", file=stderr)
        return UNFIT
    older_than = None if chosen.days is None else time.time() - chosen.days * audit.DAY
    count = audit.erase_records(place.directory, place.keys.audit, visitor_id=chosen.visitor, older_than=older_than)
    print(f"Who won them has been erased from {count} records.", file=stdout)
    return 0


def _verify(place: Place, arena: Arena | None, stdout: TextIO) -> int:
    # The codes last: by then the rounds that they ended are known.
    walk = _RoundsWalk()
    rounds = verify_log(place.directory, rounds_chain(place.keys.audit), layout=LINES, visit=walk.visit)
    trail = verify_log(place.directory, trail_chain(place.keys.audit), layout=ARRAY)
    codes = verify_directory(
        place.directory,
        place.keys.audit,
        code_keys=place.keys.code_keys,
        derive_code=partial(derive_again, prefix=place.prefix),
        check_record=lambda record: _check_proof(arena, record) or walk.check(record),
    )
    for fault in (*codes.faults, *rounds.faults, *trail.faults):
        print(fault, file=stdout)
    print(
        f"{codes.records} records of codes in {codes.files} {'file' if codes.files == 1 else 'files'}: "
        f"{codes.codes} codes proved, {codes.unproved} not provable ({codes.erased} of them erased)."
        + (f" Newest: {codes.newest_hash}" if codes.ok else ""),
        file=stdout,
    )
    missing = f", {walk.found.missing} never written" if walk.found.missing else ""
    print(f"{rounds.records} rounds: each seed follows from its secret and the round before{missing}.", file=stdout)
    print(f"{trail.records} records of what operators did.", file=stdout)
    return 0 if codes.ok and rounds.ok and trail.ok else FAILED


@define
class _RoundsWalk:
    """What a walk over `rounds.json` has found, for the walk over the codes."""

    found: RoundCheck = field(factory=RoundCheck)
    _report: Report | None = None
    _ends: dict[int, tuple[str, str | None]] = field(factory=dict)
    """Seed and winning hash of each round."""

    def visit(self, report: Report, record: Record) -> str | None:
        if report is not self._report:  # the walk has begun anew, for the file had changed
            self._report, self.found, self._ends = report, RoundCheck(), {}
        wrong = self.found.take(record)
        if wrong is None:
            self._ends[record["round"]] = (record["seed"], record["winning_hash"])
        return wrong

    def check(self, code: Record) -> str | None:
        """Whether a code's record tells of its round what the round's own record does."""
        end = self._ends.get(code["round"])
        if end is None:
            return None
        if code["seed"] != end[0]:
            return f"it names another seed than round {code['round']} had"
        if code["reason"] == "solved" and code["hash"] != end[1]:
            return f"it names another hash than the one that won round {code['round']}"
        return None


def _check_proof(arena: Arena | None, record: Record) -> str | None:
    """Whether the hash wins, and with an arena also whether it is the hash of the answer."""
    if record["reason"] == "solved" and not proofs.wins(bytes.fromhex(record["hash"]), int(record["target"], 16)):
        return "its hash does not reach the target"
    if arena is None or not record["salts"]:  # of an erased winner nothing is left to hash
        return None
    params = Argon2Params(
        variant="id" if record["algorithm"] == "argon2id" else "d",
        time_cost=record["time_cost"],
        memory_cost=record["memory_cost"],
        parallelism=record["parallelism"],
    )
    salt = proofs.salt(record["seed"], record["visitor_id"], record["trace_data"])
    if arena.hash(proofs.password(record["nonce"]), salt, params).hex() != record["hash"]:
        return "its hash is not the hash of its answer"
    return None
