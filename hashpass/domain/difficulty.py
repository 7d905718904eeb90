"""How hard the next puzzle is: targets and bits, and the two policies that move them (`docs/difficulty.md`)."""

from __future__ import annotations

import math
from typing import Any, Protocol

from attrs import Attribute, evolve, field, frozen

from hashpass.domain.values import Rules

HASHES = 2**256
"""How many hashes there are; a target is how many of them win."""

# Step
MAX_STEP = 4
TIMEOUT_STEP = 2

# Steady. The numbers were chosen with scripts/simulate_difficulty.py.
MAX_SAMPLES = 40
FORGETTING = 0.95
"""What a sample weighs beside the next newer one."""
SURPRISE = 5.0
"""The gain in log-likelihood at which two hash rates explain the samples better than one."""
SURPRISE_AT_FIRST = 2.0
"""The same with hardly any samples: what was learnt from few is given up sooner."""
SURPRISE_PER_SAMPLE = 0.25
MAX_RECENT = 8
"""How many of the newest samples may be told apart from the rest."""
MAX_OUTLIER_SLOW = 3.5
MAX_OUTLIER_FAST = 5.0
"""How far, in bits, one sample may lie from the estimate; whatever lies further is taken as that far."""
MAX_RAISE = 4.0
MAX_RAISE_UNMEASURED = 1.0
MAX_FALL_BY_EVIDENCE = 2.0
SECONDS_PER_BIT = 600.0
"""The clock, which clients start, lowers the difficulty by at most one bit in this time."""
MARGIN = 4.0
"""How far, in bits, the estimate may lie outside what the difficulty's bounds can serve."""


def target_for(bits: float) -> int:
    """2^(256 - bits), exact where `bits` is whole and rounded down otherwise."""
    if not 0 <= bits <= 256:
        raise ValueError("A difficulty has 0 to 256 bits.")
    whole = math.ceil(bits)
    return int(math.ldexp(math.exp2(whole - bits), 52)) << (256 - whole) >> 52


def bits_for(target: int) -> int:
    """How many leading zero bits surely suffice."""
    if not 1 <= target <= HASHES:
        raise ValueError("A target is a number from 1 to 2^256.")
    return 257 - target.bit_length()


def shown_bits(target: int) -> float:
    """The difficulty with its fraction. The target is what counts; this is only shown."""
    return 256.0 - math.log2(target)


# How a round ended


def _seconds(instance: object, attribute: Attribute[float], value: float) -> None:
    if not 0 <= value < math.inf:
        raise ValueError(f"{attribute.name} is a number of seconds.")


def _number_of_hashes(instance: object, attribute: Attribute[int], value: int) -> None:
    if not 0 <= value <= HASHES:
        raise ValueError(f"{attribute.name} is a number from 0 to 2^256.")


@frozen
class Solved:
    """A round with a winner."""

    time: float = field(validator=_seconds)
    measured: bool = True
    """False if nobody had announced mining: such a time may raise the difficulty, never lower it."""


@frozen
class TimedOut:
    """A round that nobody solved in its mining time."""

    mining_time: float = field(validator=_seconds)


@frozen
class Evidence:
    """The verified best hash of a puzzle that timed out. It counts from the puzzle after the one now open."""

    best: int = field(validator=_number_of_hashes)
    target: int = field(validator=_number_of_hashes)
    mining_time: float = field(validator=_seconds)


Outcome = Solved | TimedOut | Evidence


# What is known


@frozen
class Pending:
    """A time-out that still waits for its evidence, and what it did to the estimate until then."""

    target: int
    mining_time: float
    bits: float
    newer: int = 0
    """How many samples came after it."""


@frozen
class Estimate:
    """What the steady policy knows of the network. It holds no dates, so it means the same after a restart."""

    samples: tuple[float, ...] = ()
    """One a round, newest last: the seconds it took times the chance of one hash, so the seconds a hash took."""
    pending: Pending | None = None
    credit: float = 0.0
    """By how many bits evidence that has come in allows the next change to lower the difficulty."""

    @property
    def rate(self) -> float | None:
        """Hashes a second, by the whole network; None while nothing is known."""
        return _rate(self.samples) if self.samples else None

    def to_json(self) -> dict[str, Any]:
        pending = self.pending and {
            "target": f"{self.pending.target:x}",
            "mining_time": self.pending.mining_time,
            "bits": self.pending.bits,
            "newer": self.pending.newer,
        }
        return {"samples": list(self.samples), "pending": pending, "credit": self.credit}

    @classmethod
    def from_json(cls, value: object) -> Estimate:
        """Read what `to_json` wrote; ValueError if it is anything else."""
        try:
            return cls._parse(value)
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
            raise ValueError("This is no difficulty estimate.") from error

    @classmethod
    def _parse(cls, value: Any) -> Estimate:
        samples = tuple(_number(s, 1e-100, 1e100) for s in value["samples"])
        if len(samples) > MAX_SAMPLES:
            raise ValueError("A difficulty estimate has too many samples.")
        pending = None
        if (p := value["pending"]) is not None:
            pending = Pending(
                target=int(p["target"], 16),
                mining_time=_number(p["mining_time"], 0, math.inf),
                bits=_number(p["bits"], 0, 256),
                newer=int(_number(p["newer"], 0, MAX_SAMPLES)),
            )
            bits_for(pending.target)
        return cls(samples, pending, _number(value["credit"], 0, MAX_FALL_BY_EVIDENCE))


@frozen
class Adjustment:
    """What a policy decided, and one sentence that says why."""

    target: int
    estimate: Estimate
    reason: str


class DifficultyPolicy(Protocol):
    def adjust(self, target: int, estimate: Estimate, outcome: Outcome, rules: Rules, now: float) -> Adjustment:
        """The next puzzle's target, after a puzzle with `target` ended so. Evidence changes the estimate alone."""
        ...


class StepPolicy:
    """Whole bits, by how far the last solve time lay outside the window. Simple, and it swings."""

    def adjust(self, target: int, estimate: Estimate, outcome: Outcome, rules: Rules, now: float) -> Adjustment:
        if isinstance(outcome, Evidence):
            return Adjustment(target, estimate, "The best hash of a timed-out puzzle does not count for steps.")
        steps = _steps(outcome, rules)
        # A fractional target (the policy was changed) becomes whole, and never by less than the step.
        bits = shown_bits(target)
        whole = math.ceil(bits) if steps > 0 else math.floor(bits) if steps < 0 else round(bits)
        new = _bounded(float(whole + steps), rules)
        return Adjustment(new, estimate, f"{_story(outcome, rules)}: {_change(target, new, rules)}.")


class SteadyPolicy:
    """A fractional difficulty from an estimate of the hash rate, which only verified work and slow time can move."""

    def adjust(self, target: int, estimate: Estimate, outcome: Outcome, rules: Rules, now: float) -> Adjustment:
        if not estimate.samples:
            # Nothing is known, so the difficulty as it stands is taken for right, as one round would have told.
            estimate = evolve(estimate, samples=(_bounded_sample(rules.target_time * target / HASHES, rules),))
        match outcome:
            case Evidence():
                return self._learn(target, estimate, outcome, rules)
            case TimedOut():
                return self._fall(target, estimate, outcome, rules)
            case Solved():
                return self._follow(target, estimate, outcome, rules)

    def _follow(self, target: int, estimate: Estimate, outcome: Solved, rules: Rules) -> Adjustment:
        sample = outcome.time * target / HASHES
        if outcome.measured:
            fall = outcome.time / min(SECONDS_PER_BIT, 8 * rules.target_time) + estimate.credit
            rise, credit = MAX_RAISE, 0.0
        else:
            sample = min(sample, 1 / _rate(estimate.samples))
            fall, rise, credit = 0.0, MAX_RAISE_UNMEASURED, estimate.credit
        estimate = evolve(_with_sample(estimate, sample, 0, rules), credit=credit)
        if (waiting := estimate.pending) is not None:
            # Evidence comes within seconds, so a time-out that many rounds ago waits no longer.
            newer = waiting.newer + 1
            estimate = evolve(estimate, pending=evolve(waiting, newer=newer) if newer < MAX_RECENT else None)
        new = _aim(target, estimate, rules, fall, rise)
        rounds = len(estimate.samples)
        shown = "last round shows" if rounds == 1 else f"last {rounds} rounds show"
        reason = (
            f"Solved in {outcome.time:.1f} s, and the {shown} about {_rate(estimate.samples):.3g} hashes a second:"
            f" {_change(target, new, rules)}."
        )
        return Adjustment(new, estimate, reason)

    def _fall(self, target: int, estimate: Estimate, outcome: TimedOut, rules: Rules) -> Adjustment:
        """Nobody need have worked at all: until there is evidence, only time counts, and it counts slowly."""
        seconds = min(outcome.mining_time, 1e9)
        by_time = seconds / SECONDS_PER_BIT
        fall = by_time + estimate.credit
        # What a round without a solve says by itself, were it believed.
        _, known = _sums(estimate.samples)
        bits = min(by_time, math.log2(1 + seconds * target / HASHES / known))
        estimate = Estimate(_slower(estimate.samples, bits, rules), Pending(target, outcome.mining_time, bits))
        new = _aim(target, estimate, rules, fall, 0.0)
        reason = f"Nobody solved it in {outcome.mining_time:.0f} s of mining: {_change(target, new, rules)}."
        return Adjustment(new, estimate, reason)

    def _learn(self, target: int, estimate: Estimate, outcome: Evidence, rules: Rules) -> Adjustment:
        """The best of n hashes tells n as a solve time tells the hash rate, so it is a sample like any other."""
        waiting = estimate.pending
        if waiting is None or (waiting.target, waiting.mining_time) != (outcome.target, outcome.mining_time):
            return Adjustment(target, estimate, "The best hash belongs to no puzzle that just timed out: no change.")
        cut = max(0, len(estimate.samples) - waiting.newer)
        # The sample takes the place of what the clock alone had said.
        restored = _slower(estimate.samples[:cut], -waiting.bits, rules) + estimate.samples[cut:]
        sample = outcome.mining_time * outcome.best / HASHES
        estimate = _with_sample(Estimate(restored), sample, waiting.newer, rules)
        # One hash is evidence too, of very little work, so what it may do is bounded by the time that passed.
        estimate = evolve(estimate, credit=min(MAX_FALL_BY_EVIDENCE, outcome.mining_time / (2 * rules.target_time)))
        reason = (
            f"The best hash of the timed-out puzzle is that of about {HASHES / max(1, outcome.best):.3g} hashes;"
            " it counts from the next puzzle."
        )
        return Adjustment(target, estimate, reason)


# Steps


def _steps(outcome: Solved | TimedOut, rules: Rules) -> int:
    middle = rules.target_time
    if isinstance(outcome, TimedOut):
        return -max(TIMEOUT_STEP, _whole_log2(outcome.mining_time, middle))
    if outcome.time < rules.target_low:
        return _whole_log2(middle, outcome.time)
    if outcome.time > rules.target_high and outcome.measured:
        return -_whole_log2(outcome.time, middle)
    return 0


def _whole_log2(larger: float, smaller: float) -> int:
    """floor(log2(larger / smaller)), kept within one step; nothing is divided, so nothing overflows."""
    return next((n for n in range(MAX_STEP, 1, -1) if larger >= math.ldexp(smaller, n)), 1)


# The estimate


def _sums(samples: tuple[float, ...]) -> tuple[float, float]:
    """How many rounds the samples are worth, and the weighted sum of them."""
    weight = seconds = 0.0
    for sample in samples:
        weight = weight * FORGETTING + 1
        seconds = seconds * FORGETTING + sample
    return weight, seconds


def _rate(samples: tuple[float, ...]) -> float:
    """Hashes a second. The mean of log(weight / seconds) is too high, and half a round less makes up for it."""
    weight, seconds = _sums(samples)
    return (weight - 0.5) / seconds


def _with_sample(estimate: Estimate, sample: float, newer: int, rules: Rules) -> Estimate:
    """Add a sample, the `newer` newest staying behind it, and forget what it shows to be out of date."""
    expected = 1 / _rate(estimate.samples)
    sample = min(max(sample, expected * math.exp2(-MAX_OUTLIER_FAST)), expected * math.exp2(MAX_OUTLIER_SLOW))
    cut = max(0, len(estimate.samples) - newer)
    samples = (*estimate.samples[:cut], _bounded_sample(sample, rules), *estimate.samples[cut:])
    return evolve(estimate, samples=_current(samples[-MAX_SAMPLES:]))


def _current(samples: tuple[float, ...]) -> tuple[float, ...]:
    """The newest samples alone if they and the older ones come from two hash rates, by a likelihood ratio; else all.

    This is why the memory can be long, and the difficulty calm, and yet a change be followed within a few rounds.
    """
    weight, seconds = _sums(samples)
    together = weight * math.log(weight / seconds)
    keep, most = len(samples), min(SURPRISE, SURPRISE_AT_FIRST + SURPRISE_PER_SAMPLE * len(samples))
    new_weight = new_seconds = 0.0
    for age in range(min(MAX_RECENT, len(samples) - 1)):
        share = FORGETTING**age
        new_weight += share
        new_seconds += share * samples[-1 - age]
        old_weight, old_seconds = _sums(samples[: -1 - age])
        apart = new_weight * math.log(new_weight / new_seconds)
        apart += (weight - new_weight) * math.log(old_weight / old_seconds)
        if apart - together > most:
            keep, most = age + 1, apart - together
    return samples[-keep:]


def _slower(samples: tuple[float, ...], bits: float, rules: Rules) -> tuple[float, ...]:
    """The samples of a network slower by so many bits."""
    return tuple(_bounded_sample(sample * math.exp2(bits), rules) for sample in samples)


def _bounded_sample(sample: float, rules: Rules) -> float:
    """A hash rate that no allowed difficulty fits need not be known more exactly than that."""
    least = rules.target_time * math.exp2(-(rules.max_difficulty + MARGIN))
    most = rules.target_time * math.exp2(-(rules.min_difficulty - MARGIN))
    return min(max(sample, least), most)


# The next target


def _aim(target: int, estimate: Estimate, rules: Rules, fall: float, rise: float) -> int:
    """The target at which the estimated network needs the target time, no further off than `fall` and `rise` bits."""
    bits = shown_bits(target)
    wanted = math.log2(_rate(estimate.samples) * rules.target_time)
    shift = min(max(wanted - bits, -fall), rise)
    if abs(shift) < 1e-9:
        # Not through the logarithm, whose rounding could move it the wrong way.
        return min(max(target, target_for(rules.max_difficulty)), target_for(rules.min_difficulty))
    return _bounded(bits + shift, rules)


def _bounded(bits: float, rules: Rules) -> int:
    return target_for(min(max(bits, float(rules.min_difficulty)), float(rules.max_difficulty)))


# Reasons


def _story(outcome: Solved | TimedOut, rules: Rules) -> str:
    if isinstance(outcome, TimedOut):
        return f"Nobody solved it in {outcome.mining_time:.0f} s of mining"
    window = f"{rules.target_low:g} s to {rules.target_high:g} s"
    if outcome.time < rules.target_low:
        return f"Solved in {outcome.time:.1f} s, faster than {window}"
    if outcome.time <= rules.target_high:
        return f"Solved in {outcome.time:.1f} s, within {window}"
    if outcome.measured:
        return f"Solved in {outcome.time:.1f} s, slower than {window}"
    return f"Solved in {outcome.time:.1f} s, slower than {window}, but nobody had announced mining"


def _change(old: int, new: int, rules: Rules) -> str:
    bits = shown_bits(new) - shown_bits(old)
    if abs(bits) < 0.005:
        limit = bits_for(new) if new in (target_for(rules.min_difficulty), target_for(rules.max_difficulty)) else None
        return "no change" if limit is None else f"no change, at the limit of {_bits(limit)}"
    return f"{_bits(round(abs(bits), 2))} {'harder' if bits > 0 else 'easier'}"


def _bits(number: float) -> str:
    return f"{number:g} bit{'' if number == 1 else 's'}"


def _number(value: object, least: float, most: float) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most or value == math.inf:
        raise ValueError("A number in a difficulty estimate is out of range.")
    return float(value)
