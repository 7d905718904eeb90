"""How many texts one core makes a second, by generator: the text alone, and the whole answer of the API.

The kinds take turns within each round, and the least, the median and the most of the rounds are shown. If these lie
far apart, something else was running.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial

from hashpass.generators.table import GENERATORS, answer

PARAMETERS: Mapping[str, Mapping[str, object]] = {
    "password": {},
    "password 44": {"length": 44},
    "api-key": {},
    "custom": {},
    "custom 128": {"length": 128},
    "custom, no way out": {"alphabet": "full-with-symbols", "length": 128, "prefix": "--"},
    "mnemonic 12": {},
    "mnemonic 24": {"words": 24},
}
"""`no way out` is the most costly request there is: all fifty neighbours of the seed have a pair."""


def seconds(make: Callable[[bytes], object], texts: int, start: int) -> float:
    """Seconds of this thread's processor time for so many texts, each from a seed of its own."""
    seeds = [hashlib.sha256(str(n).encode()).digest() for n in range(start, start + texts)]
    started = time.thread_time()
    for seed in seeds:
        make(seed)
    return time.thread_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=int, default=200, help="of each kind in each round")
    chosen = parser.parse_args()
    kinds: dict[str, Callable[[bytes], object]] = {}
    for kind, parameters in PARAMETERS.items():
        generator = GENERATORS[kind.split(" ")[0].rstrip(",")]
        kinds[kind] = partial(generator.make, parameters=parameters)
        kinds[f"{kind}, whole answer"] = partial(answer, generator, parameters=parameters, now=0.0)
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(chosen.rounds + 1):
        for kind, make in kinds.items():
            rate = chosen.texts / seconds(make, chosen.texts, number * chosen.texts)
            if number:  # the first round reads the word lists
                rates[kind].append(rate)
    print(f"Python {platform.python_version()}, {chosen.rounds} rounds of {chosen.texts} texts, texts a second\n")
    print(f"{'':36}{'least':>10}{'median':>10}{'most':>10}")
    for kind, measured in rates.items():
        print(f"{kind:36}{min(measured):10,.0f}{statistics.median(measured):10,.0f}{max(measured):10,.0f}")


if __name__ == "__main__":
    main()
