"""What a log of codes adds up to. Each part of it is counted once, and the parts are added."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import blake2b
from typing import Any, TypeGuard

from attrs import define, field

from hashpass.domain.chain import Record
from hashpass.domain.records import read_stamp, stamp

HOUR = 3600
HOURS_SHOWN = 48
MOST_POINTS = 200
EDGES = (0, *(2**n for n in range(13)))
"""Seconds at which the bars of the histogram begin; solve times are spread over powers of ten, not evenly."""


@define
class _Curve:
    """Points that lie at least so many records apart; twice as many when there are too many points."""

    stride: int = 1
    points: list[tuple[int, str, float]] = field(factory=list)
    """The number of a record, its time and its difficulty."""

    def mark(self, number: int, moment: str, bits: float) -> None:
        if not self.points or number >= self.points[-1][0] + self.stride:
            self.points.append((number, moment, bits))
        if len(self.points) > MOST_POINTS:
            points, self.points = self.points, []
            self.stride *= 2
            for point in points:
                self.mark(*point)

    def followed_by(self, later: _Curve, start: int) -> _Curve:
        """One curve of both, where the other begins at so many records."""
        joined = _Curve(self.stride, self.points.copy())
        for number, moment, bits in later.points:
            joined.mark(start + number, moment, bits)
        return joined


@define
class Tally:
    """Sums over records in the order they were written. A record that lacks something counts where it can."""

    key: bytes = field(repr=False)
    """Visitors are known by digests under it, so that what is kept here names nobody once their data is erased."""
    codes: int = 0
    visitors: set[bytes] = field(factory=set, repr=False)
    solve_times: list[float] = field(factory=list, repr=False)
    """Of the solves alone: a consolation took as long as the time-out."""
    difficulties: Counter[int] = field(factory=Counter)
    """By the whole bits that surely suffice."""
    hours: Counter[int] = field(factory=Counter, repr=False)
    """By hours since 1970; one entry for each in which something was won."""
    curve: _Curve = field(factory=_Curve, repr=False)

    def count(self, records: Iterable[Record]) -> None:
        for record in records:
            self._count_one(record)

    def _count_one(self, record: Record) -> None:
        moment, visitor = record.get("timestamp"), record.get("visitor_id")
        seconds, bits = record.get("solve_time"), record.get("difficulty")
        if isinstance(visitor, str) and record.get("salts") != {}:  # a digest names nobody, and is never the same twice
            self.visitors.add(blake2b(visitor.encode(errors="replace"), key=self.key, digest_size=8).digest())
        if _is_number(seconds) and record.get("reason") == "solved":
            self.solve_times.append(seconds)
        if _is_number(bits):
            self.difficulties[math.ceil(bits)] += 1
        if isinstance(moment, str):
            with suppress(ValueError, OverflowError):
                self.hours[int(read_stamp(moment) // HOUR)] += 1
                if _is_number(bits):
                    self.curve.mark(self.codes, moment, bits)
        self.codes += 1

    def add(self, later: Tally) -> None:
        """Add what was counted in the records that follow."""
        self.visitors |= later.visitors
        self.solve_times += later.solve_times
        self.difficulties.update(later.difficulties)
        self.hours.update(later.hours)
        self.curve = self.curve.followed_by(later.curve, self.codes)
        self.codes += later.codes

    def summary(self, newest: Tally) -> dict[str, Any]:
        """All figures, with those of the newest records put to ours. `hours` has still to be laid out for a moment."""
        times = sorted([*self.solve_times, *newest.solve_times])
        difficulties = self.difficulties + newest.difficulties
        curve = self.curve.followed_by(newest.curve, self.codes)
        return {
            "total_codes": self.codes + newest.codes,
            "unique_visitors": len(self.visitors) + len(newest.visitors - self.visitors),
            "avg_solve_time": round(math.fsum(times) / len(times), 3) if times else None,
            "median_solve_time": round((times[len(times) // 2] + times[~(len(times) // 2)]) / 2, 3) if times else None,
            "difficulty_distribution": {str(bits): difficulties[bits] for bits in sorted(difficulties)},
            "solve_time_histogram": _bars(times),
            "difficulty_history": [{"timestamp": moment, "difficulty": bits} for _, moment, bits in curve.points],
        }


def codes_per_hour(hours: Mapping[int, int], now: float) -> list[dict[str, Any]]:
    """The last two days by the hour, oldest first; the hour that runs is the last."""
    last = int(now // HOUR)
    return [
        {"hour": stamp(hour * HOUR), "codes": hours.get(hour, 0)} for hour in range(last - HOURS_SHOWN + 1, last + 1)
    ]


def _bars(times: Iterable[float]) -> list[dict[str, Any]]:
    # The bar of t is the one of the largest power of two up to t, and the first one is for less than a second.
    bars = Counter(min(max(math.frexp(seconds)[1], 0), len(EDGES) - 1) for seconds in times)
    ends = (*EDGES[1:], None)
    return [{"from": low, "to": high, "codes": bars[n]} for n, (low, high) in enumerate(zip(EDGES, ends, strict=True))]


def _is_number(value: object) -> TypeGuard[float]:
    """Whether it is one that a record can hold; a single absurd one would spoil every sum."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9
