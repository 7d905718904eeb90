"""Play the difficulty policies against simulated networks and print what becomes of them.

The policies are those of the server; only the miners are simulated. A hash wins by chance, so a solve time is
exponential, and the best of n hashes is 1/n of all hashes in the mean. Everything follows from the seed.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from attrs import define, field, frozen

from hashpass.domain.difficulty import (
    HASHES,
    DifficultyPolicy,
    Estimate,
    Evidence,
    Outcome,
    Solved,
    SteadyPolicy,
    StepPolicy,
    TimedOut,
    shown_bits,
    target_for,
)
from hashpass.domain.values import Rules

POLICIES: dict[str, DifficultyPolicy] = {"step": StepPolicy(), "steady": SteadyPolicy()}
EVIDENCE_DELAY = 12.0
"""When, after a time-out, the best hash has been found and checked; the next puzzle may even be solved by then."""
Timing = Literal["clock", "unannounced", "hidden"]
"""Whether the round's clock ran, or nobody had started it, or the winner fetched the puzzle only when it had won."""
SETTLE_WATCH = 40
"""For how many rounds after a change the error is watched."""


def make_rules(target_time: float = 75.0, timeout: float = 300.0) -> Rules:
    return Rules(target_low=0.4 * target_time, target_high=1.6 * target_time, target_timeout=timeout)


@frozen
class Round:
    """What one round was: its difficulty beside the right one, and what it cost."""

    error: float
    seconds: float
    solved: bool


@define
class Game:
    """One network and one policy, round after round."""

    policy: DifficultyPolicy
    rules: Rules
    chance: random.Random
    rate: float
    """Hashes a second, by all miners together."""
    target: int = field(init=False)
    estimate: Estimate = field(factory=Estimate)
    rounds: list[Round] = field(factory=list)
    late: Evidence | None = None
    now: float = 0.0

    def __attrs_post_init__(self) -> None:
        self.target = target_for(round(self.right_bits) if isinstance(self.policy, StepPolicy) else self.right_bits)

    @property
    def right_bits(self) -> float:
        return math.log2(self.rate * self.rules.target_time)

    @property
    def error(self) -> float:
        return shown_bits(self.target) - self.right_bits

    def mine(self, *, after: float = 0.0, timing: Timing = "clock", honest: bool = True) -> Round:
        """A round in which everybody mines.

        `after` seconds pass first, in which the clock runs and nobody works. The honest hand in their best hash.
        """
        need = self.chance.expovariate(self.rate * self.target / HASHES)
        worked = self.rules.target_timeout - after
        if timing == "clock" and need >= worked:
            best = self.target + int(self.chance.expovariate(self.rate * worked) * HASHES)
            return self.time_out(best if honest else None)
        if after + need >= EVIDENCE_DELAY:
            self._deliver()
        played = Round(self.error, after + need, True)
        self._adjust(Solved(0.0 if timing == "hidden" else after + need, measured=timing == "clock"))
        self._deliver()
        return self._note(played)

    def time_out(self, best: int | None) -> Round:
        """A round that only the clock ended; `best` is the best hash that somebody hands in, if anybody does."""
        self._deliver()
        dead, seconds = self.target, self.rules.target_timeout
        played = Round(self.error, seconds, False)
        self._adjust(TimedOut(seconds))
        if best is not None:
            self.late = Evidence(min(best, HASHES - 1), dead, seconds)
        return self._note(played)

    def _note(self, played: Round) -> Round:
        self.now += played.seconds
        self.rounds.append(played)
        return played

    def _deliver(self) -> None:
        if self.late is not None:
            evidence, self.late = self.late, None
            before = self.target
            self._adjust(evidence)
            assert self.target == before, "evidence must not touch the open puzzle"

    def _adjust(self, outcome: Outcome) -> None:
        result = self.policy.adjust(self.target, self.estimate, outcome, self.rules, self.now)
        self.target, self.estimate = result.target, result.estimate


def new_game(policy: str, rules: Rules, chance: random.Random, warm: int = 40) -> Game:
    """A network of 1,000 to 2,000 hashes a second (a fraction of a bit, so that whole bits are not favoured)."""
    game = Game(POLICIES[policy], rules, chance, 1000 * 2 ** chance.random())
    for _ in range(warm):
        game.mine()
    game.rounds.clear()
    return game


# Honest networks


@frozen
class Steadiness:
    seconds_per_code: float
    """All mining time over all codes."""
    round_time: float
    """The mean round, time-outs included."""
    solve_time: float
    """The mean round that was solved; less than the target by itself, as the slowest are cut off."""
    timeouts: float
    rms: float
    bias: float


def measure_constant(policy: str, rules: Rules, chance: random.Random, rounds: int, games: int) -> Steadiness:
    played = []
    for _ in range(games):
        game = new_game(policy, rules, chance)
        for _ in range(rounds):
            game.mine()
        played += game.rounds
    solved = [r.seconds for r in played if r.solved]
    return Steadiness(
        seconds_per_code=sum(r.seconds for r in played) / len(solved),
        round_time=statistics.fmean(r.seconds for r in played),
        solve_time=statistics.fmean(solved),
        timeouts=1 - len(solved) / len(played),
        rms=math.sqrt(statistics.fmean(r.error**2 for r in played)),
        bias=statistics.fmean(r.error for r in played),
    )


@frozen
class Settling:
    """How a change of the hash rate was followed."""

    first: float
    """The median number of rounds until the error is at most one bit for the first time."""
    settled: int | None
    """The rounds after which, and from then on, 9 games of 10 are within one bit and their mean within 1/4 bit."""
    seconds: float
    """The median mining time until the error is at most one bit for the first time."""
    timeouts: float
    """The mean number of time-outs in the first 12 rounds."""


def measure_change(
    policy: str, rules: Rules, chance: random.Random, factor: float, games: int, *, honest: bool = True
) -> Settling:
    errors, firsts, waits, timeouts = [], [], [], []
    for _ in range(games):
        game = new_game(policy, rules, chance)
        game.rate *= factor
        for _ in range(SETTLE_WATCH):
            game.mine(honest=honest)
        errors.append([r.error for r in game.rounds])
        first = next((i for i, r in enumerate(game.rounds) if abs(r.error) <= 1), SETTLE_WATCH)
        firsts.append(first)
        waits.append(sum(r.seconds for r in game.rounds[:first]))
        timeouts.append(sum(not r.solved for r in game.rounds[:12]))
    means = [statistics.fmean(column) for column in zip(*errors, strict=True)]
    shares = [statistics.fmean(abs(e) <= 1 for e in column) for column in zip(*errors, strict=True)]
    bad = [i for i in range(SETTLE_WATCH) if shares[i] < 0.9 or abs(means[i]) > 0.25]
    settled = bad[-1] + 1 if bad else 0
    return Settling(
        first=statistics.median(firsts),
        settled=settled if settled <= SETTLE_WATCH - 10 else None,
        seconds=statistics.median(waits),
        timeouts=statistics.fmean(timeouts),
    )


def measure_start(policy: str, rules: Rules, chance: random.Random, games: int) -> float:
    """The median number of rounds that a new server with the default difficulty gives away before it is right."""
    counts = []
    for _ in range(games):
        game = new_game(policy, rules, chance, warm=0)
        game.target = target_for(3)
        while abs(game.error) > 1 and len(game.rounds) < SETTLE_WATCH:
            game.mine()
        counts.append(len(game.rounds))
    return statistics.median(counts)


# Adversaries


def measure_idle(policy: str, rules: Rules, chance: random.Random, games: int, minutes: float = 60.0) -> float:
    """Bits in ten minutes by which somebody who only says `mining_start` lowers the difficulty."""
    falls = []
    for _ in range(games):
        game = new_game(policy, rules, chance)
        before = game.target
        rounds = int(minutes * 60 / rules.target_timeout)
        for _ in range(rounds):
            game.time_out(None)
        falls.append((shown_bits(before) - shown_bits(game.target)) * 600 / (rounds * rules.target_timeout))
    return statistics.fmean(falls)


def measure_stretching(policy: str, rules: Rules, chance: random.Random, games: int) -> float:
    """The same when an idle clock has always run for half the time-out before anybody begins to work."""
    falls = []
    for _ in range(games):
        game = new_game(policy, rules, chance)
        before, start = game.target, game.now
        for _ in range(30):
            game.mine(after=rules.target_timeout / 2)
        falls.append((shown_bits(before) - shown_bits(game.target)) * 600 / (game.now - start))
    return statistics.fmean(falls)


def measure_lying(
    policy: str, rules: Rules, chance: random.Random, games: int, idle_rounds: int
) -> tuple[float, float]:
    """Bits lost by time-outs with a best hash that is only one hash's work, and the codes an hour this earns.

    The liar is the whole network. It idles, then mines until the difficulty is back, and so on; honest mining would
    earn one code per target time.
    """
    falls, codes, seconds = [], 0, 0.0
    for _ in range(games):
        game = new_game(policy, rules, chance)
        for _ in range(3):
            before = game.target
            for _ in range(idle_rounds):
                game.time_out(chance.randrange(game.target, HASHES))
            falls.append(shown_bits(before) - shown_bits(game.target))
            while game.error < -0.2:
                game.mine()
        codes += sum(r.solved for r in game.rounds)
        seconds += sum(r.seconds for r in game.rounds)
    return statistics.fmean(falls), codes * 3600 / seconds


def measure_silence(policy: str, rules: Rules, chance: random.Random, games: int, timing: Timing) -> float:
    """How many bits too high the difficulty is after an hour in which nobody announced mining."""
    errors = []
    for _ in range(games):
        game = new_game(policy, rules, chance)
        while sum(r.seconds for r in game.rounds) < 3600:
            game.mine(timing=timing)
        errors.append(game.error)
    return statistics.fmean(errors)


# The table


def print_table(policies: Sequence[str], rules: Rules, seed: int, rounds: int, games: int) -> None:
    target, timeout = rules.target_time, rules.target_timeout
    print(f"\nTarget {target:g} s, time-out {timeout:g} s; {games} games, seed {seed}.")
    rows: list[tuple[str, list[str]]] = []

    def row(name: str, show: Callable[[str, random.Random], str]) -> None:
        rows.append((name, [show(policy, random.Random(f"{seed} {name}")) for policy in policies]))

    constant = {p: measure_constant(p, rules, random.Random(seed), rounds, games) for p in policies}
    row("constant: mining time per code", lambda p, _: f"{constant[p].seconds_per_code:.1f} s")
    row("constant: mean round, time-outs included", lambda p, _: f"{constant[p].round_time:.1f} s")
    row("constant: mean time of solved rounds", lambda p, _: f"{constant[p].solve_time:.1f} s")
    row("constant: time-outs", lambda p, _: f"{constant[p].timeouts:.1%}")
    row("constant: RMS error", lambda p, _: f"{constant[p].rms:.2f} bits")
    row("constant: mean error", lambda p, _: f"{constant[p].bias:+.2f} bits")

    def change(factor: float, *, honest: bool = True) -> Callable[[str, random.Random], str]:
        def show(policy: str, chance: random.Random) -> str:
            s = measure_change(policy, rules, chance, factor, games, honest=honest)
            settled = "never" if s.settled is None else str(s.settled)
            return f"{s.first:g} / {settled} ({s.seconds / 60:.0f} min, {s.timeouts:.1f} time-outs)"

        return show

    row("step up x16: rounds to 1 bit / settled", change(16))
    row("step down /16: rounds to 1 bit / settled", change(1 / 16))
    row("step down /16, nobody hands in a hash", change(1 / 16, honest=False))
    row("night, to 1/190 of the hash rate", change(1 / 190))
    row("cold start: rounds from 3 bits to within 1", lambda p, c: f"{measure_start(p, rules, c, games):g}")
    row("idle miner: bits lower in 10 minutes", lambda p, c: f"{measure_idle(p, rules, c, games):.2f}")
    row("idle half the time-out, then work: the same", lambda p, c: f"{measure_stretching(p, rules, c, games):.2f}")

    def lying(idle: int) -> Callable[[str, random.Random], str]:
        def show(policy: str, chance: random.Random) -> str:
            fall, codes = measure_lying(policy, rules, chance, games // 4, idle)
            return f"{fall:.1f} bits, {codes:.0f} codes/h"

        return show

    for idle in (1, 2, 4):
        row(f"lying miner, {idle} idle round{'s' * (idle > 1)} a time (honest: {3600 / target:.0f}/h)", lying(idle))
    row(
        "an hour unannounced: error",
        lambda p, c: f"{measure_silence(p, rules, c, games // 4, 'unannounced'):+.2f} bits",
    )
    row(
        "an hour of hidden times: error", lambda p, c: f"{measure_silence(p, rules, c, games // 4, 'hidden'):+.2f} bits"
    )

    width = max(len(name) for name, _ in rows)
    columns = [max(len(p), *(len(cells[i]) for _, cells in rows)) for i, p in enumerate(policies)]
    print(f"| {'':{width}} | " + " | ".join(f"{p:{w}}" for p, w in zip(policies, columns, strict=True)) + " |")
    print(f"| {'-' * width} | " + " | ".join("-" * w for w in columns) + " |")
    for name, cells in rows:
        print(f"| {name:{width}} | " + " | ".join(f"{c:{w}}" for c, w in zip(cells, columns, strict=True)) + " |")


def draw(path: Path, policies: Sequence[str], rules: Rules, seed: int, games: int) -> None:
    """One game's difficulty under three changes, and the mean over many games with its middle 80 %."""
    import matplotlib as mpl  # noqa: PLC0415 - wanted for the picture alone

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend was chosen

    cases = [("constant", 1.0), ("16 times the hash rate", 16.0), ("a 16th of the hash rate", 1 / 16)]
    figure, axes = plt.subplots(
        len(policies), len(cases), figsize=(13, 3.6 * len(policies)), squeeze=False, sharey=True
    )
    for line, policy in zip(axes, policies, strict=True):
        for axis, (name, factor) in zip(line, cases, strict=True):
            chance = random.Random(f"{seed} {name}")
            runs = []
            for _ in range(games):
                game = new_game(policy, rules, chance)
                for _ in range(10):
                    game.mine()
                game.rate *= factor
                for _ in range(SETTLE_WATCH):
                    game.mine()
                runs.append([r.error for r in game.rounds])
            columns = [sorted(column) for column in zip(*runs, strict=True)]
            x = range(-10, SETTLE_WATCH)
            low = [c[len(c) // 10] for c in columns]
            high = [c[-1 - len(c) // 10] for c in columns]
            axis.fill_between(x, low, high, alpha=0.25, label="8 games of 10")
            axis.plot(x, [statistics.fmean(c) for c in columns], label="mean")
            axis.plot(x, runs[0], linewidth=0.8, color="black", label="one game")
            axis.axhline(0, linewidth=0.8, color="grey")
            axis.set_title(f"{policy}: {name}")
            axis.set_xlabel("rounds")
            axis.set_ylim(-5, 6)
    axes[0][0].set_ylabel("bits too hard")
    axes[0][0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    print(f"Drawn: {path}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Simulate the difficulty policies.")
    parser.add_argument("--policy", choices=[*POLICIES, "both"], default="both")
    parser.add_argument("--rounds", type=int, default=200, help="rounds of each game at constant hash rate")
    parser.add_argument("--games", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target-time", type=float, action="append", help="may be given again; default 75 and 60")
    parser.add_argument("--timeout", type=float, default=300.0)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a picture (needs matplotlib)")
    options = parser.parse_args(arguments)
    policies = list(POLICIES) if options.policy == "both" else [options.policy]
    for target_time in options.target_time or [75.0, 60.0]:
        rules = make_rules(target_time, options.timeout)
        print_table(policies, rules, options.seed, options.rounds, options.games)
    if options.plot:
        draw(options.plot, policies, make_rules(), options.seed, options.games)


if __name__ == "__main__":
    main()
