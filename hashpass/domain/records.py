"""What the audit log says about one code, and how instants are written."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from attrs import asdict, fields, frozen

from hashpass.domain.chain import Record
from hashpass.domain.difficulty import bits_for
from hashpass.domain.drop import Win
from hashpass.domain.prizes import Award, Prize, WinReason
from hashpass.domain.values import Address

PERSONAL = ("real_ip", "visitor_id", "trace_data")
"""The fields of an audit record that tell of a person, and can be erased."""


def stamp(seconds: float) -> str:
    """An instant of the wall clock as people and logs read it: UTC, milliseconds, Z."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_stamp(text: str) -> float:
    """The seconds of a stamp; ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the time has no zone")
    return moment.timestamp()


@frozen
class AuditRecord:
    """Enough to prove a code to the holder of the key, and its hash to anyone."""

    timestamp: str
    invite_code: str
    visitor_id: str
    nonce: int
    hash: str
    seed: str
    real_ip: str
    trace_data: str
    difficulty: float
    solve_time: float
    new_difficulty: float
    adjustment_reason: str
    round: int
    reason: WinReason
    target: str
    algorithm: str
    time_cost: int
    memory_cost: int
    parallelism: int
    key_id: str
    session: str
    """A digest of the winner's session token, by which it finds its code again."""
    style: str = "code"
    """What kind of prize it is, in words that say how to derive it again."""

    @classmethod
    def of(cls, award: Award, style: str = "code") -> AuditRecord:
        proof, puzzle = award.proof, award.puzzle
        argon2 = puzzle.rules.argon2
        return cls(
            timestamp=stamp(award.won_at),
            invite_code=award.invite_code,
            visitor_id=proof.visitor_id,
            nonce=proof.nonce,
            hash=proof.hash.hex(),
            seed=proof.seed,
            real_ip=str(award.address),
            trace_data=proof.trace_data,
            difficulty=bits_for(puzzle.target),
            solve_time=round(award.solve_time, 3),
            new_difficulty=bits_for(award.adjustment.target),
            adjustment_reason=award.adjustment.reason,
            round=puzzle.round,
            reason=award.reason,
            target=puzzle.target_hex,
            algorithm=argon2.algorithm,
            time_cost=argon2.time_cost,
            memory_cost=argon2.memory_cost,
            parallelism=argon2.parallelism,
            key_id=award.key_id,
            session=award.session,
            style=style,
        )

    @property
    def prize(self) -> Prize:
        """What its winner may ask for again. Where the person was erased, nobody's prefix is the right one."""
        prefix = ""
        with suppress(ValueError):
            prefix = Address.parse(self.real_ip).prefix
        return Prize(
            invite_code=self.invite_code,
            won_at=read_stamp(self.timestamp),
            reason=self.reason,
            session=self.session,
            prefix=prefix,
            visitor_id=self.visitor_id,
            nonce=self.nonce,
            seed=self.seed,
            round=self.round,
        )

    @property
    def win(self) -> Win:
        """What it counts for a drop."""
        key = ""
        with suppress(ValueError):
            key = Address.parse(self.real_ip).key
        return Win(self.visitor_id, key, read_stamp(self.timestamp))

    def as_record(self) -> Record:
        return asdict(self)

    @classmethod
    def from_record(cls, record: Record) -> AuditRecord:
        """Read it back, without the chain's own fields. KeyError if one is missing."""
        values = {each.name: record[each.name] for each in fields(cls) if each.name != "style"}
        return cls(**values, style=record.get("style", "code"))
