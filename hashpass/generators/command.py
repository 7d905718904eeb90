"""`python -m hashpass generate`: the generators without a server."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Final, TextIO

from hashpass.domain.errors import BadRequest
from hashpass.generators.alphabets import ALPHABETS
from hashpass.generators.mnemonic import LANGUAGES, WORD_COUNTS
from hashpass.generators.seeds import parse_seed
from hashpass.generators.table import GENERATORS, answer, from_text

OPTIONS: Final = ("length", "alphabet", "prefix", "suffix", "language", "words")
UNFIT: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("generator", choices=list(GENERATORS))
    parser.add_argument("--seed", metavar="SEED", help="make the same again; - reads the seed from standard input")
    parser.add_argument("--length", metavar="N", help="characters, without a prefix, a suffix and the ak_ of a key")
    parser.add_argument("--alphabet", choices=list(ALPHABETS))
    parser.add_argument("--prefix", metavar="TEXT", help="custom: what comes before")
    parser.add_argument("--suffix", metavar="TEXT", help="custom: what comes after")
    parser.add_argument("--language", metavar="NAME", help=f"mnemonic: {', '.join(LANGUAGES)}")
    parser.add_argument("--words", metavar="N", help=f"mnemonic: {' or '.join(map(str, WORD_COUNTS))}")
    parser.add_argument("--json", action="store_true", help="print the seed, the one-time code and the time as well")


def generate_from_arguments(
    chosen: argparse.Namespace,
    *,
    new_seed: Callable[[], bytes],
    wall: Callable[[], float],
    stdin: TextIO,
    stdout: TextIO,
    stderr: TextIO,
) -> int:
    """Print one text and return the exit code: 0, or 2 with a sentence."""
    generator = GENERATORS[chosen.generator]
    given = {name: value for name in OPTIONS if (value := getattr(chosen, name)) is not None}
    for name in given:
        # The API ignores what it does not know; a person at a keyboard meant something by it.
        if name not in generator.parameters:
            print(f"{generator.name} takes no --{name}.", file=stderr)
            return UNFIT
    try:
        if chosen.seed is None:
            seed = new_seed()
        else:
            seed = parse_seed(stdin.readline().strip() if chosen.seed == "-" else chosen.seed)
        made = answer(generator, seed, from_text(given), wall())
    except BadRequest as error:
        print(error.detail, file=stderr)
        return UNFIT
    print(json.dumps(made, ensure_ascii=False) if chosen.json else made["hash"], file=stdout)
    return 0
