"""The nouns of the game: small frozen values, parsed once at the edge and trusted afterwards."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Literal

from attrs import field, frozen

from hashpass.domain.errors import BadRequest
from hashpass.domain.seeds import Origin

Variant = Literal["d", "id"]

MAX_NONCE = 2**53 - 1
"""The largest whole number a browser holds exactly."""
MAX_VISITOR_ID = 128
MAX_TRACE = 2048
HEX_64 = re.compile(r"[0-9a-f]{64}")


@frozen
class Address:
    """A client's address. Limits, bans and queues count by `key`, sessions are bound by `prefix`."""

    ip: IPv4Address | IPv6Address

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address; IPv4 mapped into IPv6 becomes IPv4 again, a zone is dropped. ValueError if it is none."""
        ip = ip_address(text.partition("%")[0])
        if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        return cls(ip)

    @property
    def key(self) -> str:
        """The address itself, or the /64 of an IPv6 address: whoever holds one of those holds them all."""
        return str(self.ip) if self.ip.version == 4 else self._network(64)

    @property
    def prefix(self) -> str:
        """The /24 or /48 inside which a phone keeps moving."""
        return self._network(24 if self.ip.version == 4 else 48)

    def _network(self, bits: int) -> str:
        return str(ip_network((self.ip, bits), strict=False))

    def __str__(self) -> str:
        return str(self.ip)


@frozen
class Argon2Params:
    """What one hash costs."""

    variant: Variant = "d"
    time_cost: int = 3
    memory_cost: int = 65536
    """In KiB."""
    parallelism: int = 1

    @property
    def algorithm(self) -> str:
        return f"argon2{self.variant}"


@frozen
class Rules:
    """What an operator decides. A puzzle is opened under one value of this and keeps it to its end."""

    argon2: Argon2Params = field(factory=Argon2Params)
    min_difficulty: int = 1
    max_difficulty: int = 32
    target_low: float = 24.0
    target_high: float = 96.0
    target_timeout: float = 300.0
    worker_count: int = 4
    max_nonce_speed: float = 0.0
    """Nonces a second above which an answer is refused; 0 is off."""
    timeout_award: bool = False

    @property
    def target_time(self) -> float:
        return (self.target_low + self.target_high) / 2


@frozen
class Puzzle:
    """What everybody is searching, until somebody has found it."""

    round: int
    seed: str
    target: int
    rules: Rules
    opened_at: float
    """On the monotonic clock; `started_at` is the same instant for people."""
    started_at: float
    origin: Origin | None = None

    @property
    def target_hex(self) -> str:
        return f"{self.target:064x}"


@frozen
class Proof:
    """One claimed answer, in shape but not yet believed."""

    visitor_id: str
    nonce: int
    seed: str
    trace_data: str
    hash: bytes

    @property
    def claimed(self) -> int:
        return int.from_bytes(self.hash, "big")

    @classmethod
    def parse(cls, body: dict[str, Any]) -> Proof:
        """Read the body of a submission; BadRequest names the field that is wrong."""
        nonce = body.get("nonce")
        if not isinstance(nonce, int) or isinstance(nonce, bool) or not 0 <= nonce <= MAX_NONCE:
            raise BadRequest(f"nonce must be a whole number from 0 to {MAX_NONCE}.", field="nonce")
        trace = body.get("traceData")
        if not isinstance(trace, str) or len(trace) > MAX_TRACE or not _encodable(trace):
            raise BadRequest(
                f"traceData must be the text of the trace endpoint, at most {MAX_TRACE} characters.", field="traceData"
            )
        return cls(
            visitor_id=parse_visitor_id(body.get("visitorId")),
            nonce=nonce,
            seed=_parse_hex(body, "submittedSeed"),
            trace_data=trace,
            hash=bytes.fromhex(_parse_hex(body, "hash")),
        )


def parse_visitor_id(value: object) -> str:
    """A visitor id: 1 to 128 characters that any log, mail or page can carry."""
    if (
        not isinstance(value, str)
        or not 1 <= len(value) <= MAX_VISITOR_ID
        or not _encodable(value)
        or any(ord(c) < 32 or 127 <= ord(c) < 160 for c in value)
    ):
        raise BadRequest(
            f"visitorId must be text of 1 to {MAX_VISITOR_ID} characters without control characters.", field="visitorId"
        )
    return value


def _parse_hex(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or HEX_64.fullmatch(value) is None:
        raise BadRequest(f"{name} must be 64 lower-case hex digits.", field=name)
    return value


def _encodable(text: str) -> bool:
    """Whether the text is free of lone surrogates, which no encoder takes."""
    return not any("\ud800" <= c <= "\udfff" for c in text)
