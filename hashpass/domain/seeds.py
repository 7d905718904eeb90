"""Where seeds come from, so that anybody can check afterwards that nobody chose one.

Each round has a secret. Its hash, the commitment, is in the puzzle before it; the secret itself is shown with the
puzzle whose seed it made. That seed also depends on the answer that won the round before, which the operator could not
know when he committed himself, and the winner did not know the secret.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Any, Final, Literal, get_args

from attrs import asdict, frozen

from hashpass.domain.chain import ZERO

Ending = Literal["solved", "timeout", "admin", "closed", "restart"]
"""How a round ended."""

ENDINGS: Final = frozenset(get_args(Ending))


@frozen
class Origin:
    """What a puzzle's seed was made of, and what the next one's will be."""

    seed: str
    secret: str
    proof: str | None
    """The hash that won the round before; None where nobody did, and the operator could have known this seed."""
    commitment: str
    """The hash of the next round's secret."""


@frozen
class RoundRecord:
    """A round that is over, as `rounds.json` tells of it."""

    timestamp: str
    round: int
    commitment: str
    """What the puzzle before had announced: the hash of `secret`."""
    secret: str
    seed: str
    foreseeable: bool
    """No winning hash went into the seed, so the operator could have known it."""
    ended: Ending
    winning_hash: str | None
    next_commitment: str
    """What this round's puzzle announced."""

    def as_record(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> RoundRecord:
        """Read it back; LookupError, TypeError or ValueError if it is none."""
        texts = {name: str(record[name]) for name in ("timestamp", "commitment", "secret", "seed", "next_commitment")}
        number, ended, won, foreseeable = (record[name] for name in ("round", "ended", "winning_hash", "foreseeable"))
        if ended not in ENDINGS or type(number) is not int or type(foreseeable) is not bool:
            raise ValueError("this is no record of a round")
        if not isinstance(won, str | None) or (won is not None) != (ended == "solved"):
            raise ValueError("this is no record of a round")
        for text in (texts["secret"], texts["seed"], won or ""):
            bytes.fromhex(text)
        return cls(round=number, ended=ended, winning_hash=won, foreseeable=foreseeable, **texts)


def commitment_of(secret: bytes) -> str:
    return sha256(secret).hexdigest()


def seed_of(secret: bytes, number: int, before: RoundRecord | None) -> str:
    """The seed of a round from its secret and the end of the round before."""
    if before is not None and before.winning_hash is not None:
        return sha256(secret + bytes.fromhex(before.winning_hash)).hexdigest()
    dead, cause = (ZERO, "first") if before is None else (before.seed, before.ended)
    return sha256(secret + f"{dead}:{cause}:{number}".encode()).hexdigest()


class Seeds:
    """Makes one seed after another. The secrets follow from one key on disk, so that none is ever lost or made late."""

    def __init__(self, key: bytes, last: RoundRecord | None = None) -> None:
        self._key = key
        self._last = last

    @property
    def last(self) -> RoundRecord | None:
        """The newest round that is over."""
        return self._last

    def origin(self, number: int) -> Origin:
        """What the puzzle of this round is made of, once the one before is over."""
        secret, before = self._secret(number), self._before(number)
        return Origin(
            seed=seed_of(secret, number, before),
            secret=secret.hex(),
            proof=None if before is None else before.winning_hash,
            commitment=commitment_of(self._secret(number + 1)),
        )

    def end(self, number: int, seed: str, ended: Ending, winning_hash: str | None, timestamp: str) -> RoundRecord:
        """A round is over; from here on the next one's seed is fixed."""
        secret, before = self._secret(number), self._before(number)
        self._last = RoundRecord(
            timestamp=timestamp,
            round=number,
            commitment=commitment_of(secret),
            secret=secret.hex(),
            seed=seed,
            foreseeable=before is None or before.winning_hash is None,
            ended=ended,
            winning_hash=winning_hash,
            next_commitment=commitment_of(self._secret(number + 1)),
        )
        return self._last

    def _before(self, number: int) -> RoundRecord | None:
        """The round before; None for the first, and where its end was never written."""
        return self._last if self._last is not None and self._last.round == number - 1 else None

    def _secret(self, number: int) -> bytes:
        return hmac.digest(self._key, f"round {number}".encode(), "sha256")


class RoundCheck:
    """Goes through the rounds from the first to the newest and says what does not follow."""

    def __init__(self) -> None:
        self._before: RoundRecord | None = None
        self.rounds = 0
        self.missing = 0
        """Rounds of which nothing was written, as happens only while the disk refuses."""

    def take(self, record: dict[str, Any]) -> str | None:
        """A sentence about what is wrong with this record, or None."""
        try:
            now = RoundRecord.from_record(record)
        except (LookupError, TypeError, ValueError):
            return "it is not the record of a round"
        before, self._before = self._before, now
        self.rounds += 1
        secret = bytes.fromhex(now.secret)
        if now.commitment != commitment_of(secret):
            return "its secret is not the one that was announced"
        if before is not None and now.round <= before.round:
            return f"round {now.round} comes after round {before.round}"
        if before is not None and now.round > before.round + 1:
            self.missing += now.round - before.round - 1
            return None
        if before is not None and before.next_commitment != now.commitment:
            return "the round before had announced another secret"
        if now.seed != seed_of(secret, now.round, before):
            return "its seed does not follow from its secret and the round before"
        if now.foreseeable != (before is None or before.winning_hash is None):
            return "it is not marked as what it is, foreseeable or not"
        return None
