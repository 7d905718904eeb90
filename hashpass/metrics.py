"""What the server counts, as Prometheus text. No label ever holds anything that a client chose."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from hashpass.domain.errors import HashPassError

CONTENT_TYPE = CONTENT_TYPE_LATEST

OTHER = "other"
ROUND_ENDS = ("solved", "timeout", "admin", "opened", "closed")
CAP_OUTCOMES = ("issued", "redeemed", "invalid", "expired", "wrong", "used", "malformed", "refused")
GATE_OUTCOMES = ("passed", "refused", "used", "unavailable")
MAX_TASKS = 32
"""Task names are ours and few; the bound is for the day somebody puts a number into one."""

GAUGES = {
    "verify_queue": "Answers waiting for their hash or being hashed.",
    "connections": "Open WebSocket connections.",
    "miners": "Connections that are mining.",
    "network_hash_rate": "Hashes a second, as the miners report them.",
    "difficulty_bits": "Difficulty of the open puzzle in leading zero bits, with its fraction.",
    "sessions": "Living sessions.",
    "webhooks_pending": "Webhook notifications still to be delivered.",
    "webhooks_failed": "Webhook notifications given up after the last try.",
    "audit_pending": "Audit records waiting in memory for the disk.",
    "log_records_dropped": "Log records dropped because the log could not keep up.",
    "degraded": "1 while health says degraded, else 0.",
}
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """One server's counters on a registry of their own. Gauges are read when somebody asks; see `watch`."""

    def __init__(self, version: str = "") -> None:
        self._registry = CollectorRegistry()
        self._submission_outcomes = frozenset({"won", "lost", *_error_codes(HashPassError)})
        self._tasks: set[str] = set()
        self._watched: set[str] = set()
        self._submissions = Counter(
            "hashpass_submissions", "Submissions by outcome.", ["outcome"], registry=self._registry
        )
        self._rounds = Counter("hashpass_rounds", "Rounds by how they ended.", ["end"], registry=self._registry)
        self._hashes = Counter("hashpass_hashes_verified", "Hashes computed to check answers.", registry=self._registry)
        self._seconds = Histogram(
            "hashpass_verify_seconds",
            "Seconds that one check took on its thread.",
            buckets=SECONDS,
            registry=self._registry,
        )
        self._gate = Counter("hashpass_gate_results", "Gate tokens by outcome.", ["outcome"], registry=self._registry)
        self._captchas = Counter(
            "hashpass_captchas",
            "Captchas by what became of them.",
            ["outcome"],
            registry=self._registry,
        )
        self._crashes = Counter(
            "hashpass_task_crashes", "Crashes of supervised tasks.", ["task"], registry=self._registry
        )
        self._slow_readers = Counter(
            "hashpass_slow_readers_dropped", "Connections closed because they did not read.", registry=self._registry
        )
        info = Gauge("hashpass_info", "Always 1; the label tells the version.", ["version"], registry=self._registry)
        info.labels(version).set(1)
        ProcessCollector(registry=self._registry)
        for outcome in ("won", "lost"):
            self._submissions.labels(outcome)
        for end in ROUND_ENDS:
            self._rounds.labels(end)
        for outcome in GATE_OUTCOMES:
            self._gate.labels(outcome)
        for outcome in CAP_OUTCOMES:
            self._captchas.labels(outcome)

    def submission(self, outcome: str) -> None:
        """Count a submission as `won`, `lost`, or by the code of the error that refused it."""
        self._submissions.labels(_fold(outcome, self._submission_outcomes)).inc()

    def round_ended(self, end: str) -> None:
        self._rounds.labels(_fold(end, ROUND_ENDS)).inc()

    def hash_verified(self, seconds: float) -> None:
        self._hashes.inc()
        self._seconds.observe(seconds)

    def gate_answered(self, outcome: str) -> None:
        """Count a gate token as `passed`, `refused`, `used` or `unavailable`."""
        self._gate.labels(_fold(outcome, GATE_OUTCOMES)).inc()

    def captcha(self, outcome: str) -> None:
        self._captchas.labels(_fold(outcome, CAP_OUTCOMES)).inc()

    def task_crashed(self, name: str) -> None:
        if len(self._tasks) < MAX_TASKS:
            self._tasks.add(name)
        self._crashes.labels(_fold(name, self._tasks)).inc()

    def slow_reader_dropped(self) -> None:
        self._slow_readers.inc()

    def watch(self, name: str, read: Callable[[], float]) -> None:
        """Show the gauge of this name, one of GAUGES, with what `read` returns at the moment of asking.

        A gauge that nobody watches is left out rather than shown as a zero that means nothing.
        """
        if name not in GAUGES:
            raise ValueError(f"There is no gauge named {name}.")
        if name in self._watched:
            raise ValueError(f"The gauge {name} is watched already.")
        self._watched.add(name)
        Gauge(f"hashpass_{name}", GAUGES[name], registry=self._registry).set_function(read)

    def render(self) -> bytes:
        """All of it as text of type CONTENT_TYPE."""
        return generate_latest(self._registry)


def _fold(value: str, known: Collection[str]) -> str:
    return value if value in known else OTHER


def _error_codes(kind: type[HashPassError]) -> Iterator[str]:
    yield kind.code
    for child in kind.__subclasses__():
        yield from _error_codes(child)
