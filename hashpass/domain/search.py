"""The miner's side of the game: one job, many threads, and no stale answer."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import define, field, frozen

from hashpass.domain import proof
from hashpass.domain.values import MAX_NONCE, Argon2Params, Variant

HashFunction = Callable[[bytes, bytes, Argon2Params], bytes]

VARIANTS: Final[Mapping[str, Variant]] = {"argon2d": "d", "argon2id": "id"}


@frozen(eq=False)
class Job:
    """One puzzle with one trace. A new trace makes a new job; only answers to the newest object are submitted."""

    round: int
    seed: str
    target: int
    params: Argon2Params
    visitor_id: str
    trace: str = field(repr=False)

    @classmethod
    def parse(cls, puzzle: Mapping[str, Any], visitor_id: str, trace: str) -> Job:
        """Read the answer of `/api/puzzle` or a `PUZZLE_RESET`. ValueError if this is not a puzzle we know."""
        try:
            params = Argon2Params(
                variant=VARIANTS[puzzle["algorithm"]],
                time_cost=int(puzzle["time_cost"]),
                memory_cost=int(puzzle["memory_cost"]),
                parallelism=int(puzzle["parallelism"]),
            )
            seed = str(puzzle["seed"])
            return cls(int(puzzle["round"]), seed, int(puzzle["target"], 16), params, visitor_id, trace)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"This server's puzzle cannot be read ({error!r}).") from None

    @property
    def salt(self) -> bytes:
        return proof.salt(self.seed, self.visitor_id, self.trace)

    @property
    def bits(self) -> float:
        """The difficulty, with its fraction: on average 2 to this power hashes are needed."""
        return 256 - math.log2(max(1, self.target))


@frozen(eq=False)
class Answer:
    """A nonce and its hash."""

    job: Job = field(repr=False)
    nonce: int
    digest: bytes

    @property
    def wins(self) -> bool:
        return proof.wins(self.digest, self.job.target)

    @property
    def body(self) -> dict[str, Any]:
        """What `/api/verify` and `/api/submit` want to know."""
        return {
            "visitorId": self.job.visitor_id,
            "nonce": self.nonce,
            "submittedSeed": self.job.seed,
            "traceData": self.job.trace,
            "hash": self.digest.hex(),
        }


@frozen
class Burst:
    """What one thread did: `tried` hashes, the best of them, and where to go on."""

    tried: int
    best: Answer | None
    next_nonce: int


def search(job: Job, start: int, stride: int, hash_: HashFunction, stop: Callable[[], bool]) -> Burst:
    """Try every `stride`-th nonce until one wins or `stop` says so. Small nonces first: large ones look dishonest."""
    salt, tried, nonce = job.salt, 0, start
    best: Answer | None = None
    while nonce <= MAX_NONCE and not stop():
        digest = hash_(proof.password(nonce), salt, job.params)
        tried += 1
        if best is None or digest < best.digest:
            best = Answer(job, nonce, digest)
        nonce += stride
        if best.wins:
            break
    return Burst(tried, best, nonce)


@define
class Search:
    """The one job that all threads work on, and the best answer to it so far."""

    job: Job | None = None
    best: Answer | None = None
    resting: bool = False
    """A winning answer is out and waits for its verdict."""

    def begin(self, job: Job) -> None:
        self.job, self.best, self.resting = job, None, False

    def end(self) -> Answer | None:
        """Drop the job. Its best answer may still be handed in if nobody won."""
        best = self.best
        self.job, self.best, self.resting = None, None, False
        return best

    def wants(self, job: Job) -> bool:
        return self.job is job and not self.resting

    def note(self, answer: Answer | None) -> Answer | None:
        """Take in a thread's best, and return it if it is to be submitted. An answer to an older job never is."""
        if answer is None or not self.wants(answer.job):
            return None
        if self.best is None or answer.digest < self.best.digest:
            self.best = answer
        self.resting = answer.wins
        return answer if answer.wins else None


class Meter:
    """Hashes a second over the last few seconds."""

    def __init__(self, now: float, window: float = 10.0) -> None:
        self._since = now
        self._window = window
        self._bursts: deque[tuple[float, int]] = deque()

    def add(self, tried: int, now: float) -> None:
        self._bursts.append((now, tried))

    def rate(self, now: float) -> float:
        while self._bursts and self._bursts[0][0] <= now - self._window:
            self._bursts.popleft()
        return sum(tried for _, tried in self._bursts) / max(1.0, min(self._window, now - self._since))


def progress(job: Job, rate: float, best: Answer | None, miners: int) -> str:
    """Where a search stands, in one line for people."""
    expected = in_words(2**job.bits / rate) if rate > 0 else "unknown"
    bits = proof.leading_zero_bits(best.digest) if best is not None else 0
    return (
        f"Round {job.round}: {rate:.1f} hashes/s, expected time {expected}, difficulty {job.bits:.1f} bits, "
        f"best so far {bits} bits, {miners} mining"
    )


def in_words(seconds: float) -> str:
    """A time as people say it."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
