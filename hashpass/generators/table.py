"""The four generators as one table: what each takes, within which limits, and what it says to anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Protocol

from hashpass.domain.errors import BadRequest
from hashpass.generators.alphabets import ALPHABETS, NO_LOOK_ALIKE, find_alphabet
from hashpass.generators.mnemonic import WORD_COUNTS, find_language, phrase
from hashpass.generators.seeds import format_seed
from hashpass.generators.text import otp, spell, spell_without_pairs

Parameters = Mapping[str, object]
"""By name, as JSON has them: numbers are numbers. What a generator does not know it ignores."""

MAX_AFFIX: Final = 32
"""Bytes in UTF-8."""
NUMBERS: Final = frozenset({"length", "words"})
COUNTABLE: Final = 2**64
"""From here on a number is no count of anything."""


class Generator(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> tuple[str, ...]: ...
    def make(self, seed: bytes, parameters: Parameters) -> str:
        """The text of 32 seed bytes, or BadRequest naming the parameter that is wrong."""


@dataclass(frozen=True)
class TextGenerator:
    """Text of a chosen length in a chosen alphabet."""

    name: str
    alphabet: str
    """The default. An unknown name is base58 all the same."""
    shortest: int
    shortest_without_look_alikes: int
    """An alphabet of fewer characters needs more of them to be as hard to guess."""
    longest: int
    refusal: str
    length: int | None = None
    """The default; None is the shortest that the alphabet allows."""
    without_pairs: frozenset[str] = frozenset()
    """The alphabets in which `--` and `__` are avoided."""
    lead: str = ""
    parameters: tuple[str, ...] = ("length", "alphabet")

    def make(self, seed: bytes, parameters: Parameters) -> str:
        alphabet = find_alphabet(_text(parameters, "alphabet", self.alphabet))
        shortest = self.shortest_without_look_alikes if alphabet is NO_LOOK_ALIKE else self.shortest
        length = _count(parameters, "length", self.length or shortest)
        if length is None or not shortest <= length <= self.longest:
            raise BadRequest(self.refusal.format(shortest=shortest, longest=self.longest), field="length")
        prefix, suffix = self._affix(parameters, "prefix"), self._affix(parameters, "suffix")
        if alphabet.name in self.without_pairs:
            return spell_without_pairs(seed, length, alphabet, self.lead + prefix, suffix)
        return self.lead + prefix + spell(seed, length, alphabet) + suffix

    def _affix(self, parameters: Parameters, name: str) -> str:
        if name not in self.parameters:
            return ""
        affix = _text(parameters, name, "")
        if len(affix.encode()) > MAX_AFFIX:
            raise BadRequest(f"Prefix and suffix must be {MAX_AFFIX} characters or less", field=name)
        return affix


@dataclass(frozen=True)
class PhraseGenerator:
    """A BIP39 phrase."""

    name: str
    parameters: tuple[str, ...] = ("language", "words")

    def make(self, seed: bytes, parameters: Parameters) -> str:
        language = find_language(_text(parameters, "language", "english"))
        words = _count(parameters, "words", 12)
        if words is None:
            raise BadRequest("Invalid words parameter. Must be 12 or 24.", field="words")
        if words not in WORD_COUNTS:
            raise BadRequest(f"Invalid words parameter: {words}. Only 12 and 24 are supported.", field="words")
        return phrase(seed, language, words)


_TABLE: Final[tuple[Generator, ...]] = (
    TextGenerator(
        "custom",
        alphabet="base58",
        shortest=2,
        shortest_without_look_alikes=2,
        longest=128,
        refusal="Length must be between {shortest} and {longest}",
        length=21,
        without_pairs=frozenset({"full-with-symbols"}),
        parameters=("length", "alphabet", "prefix", "suffix"),
    ),
    TextGenerator(
        "password",
        alphabet="full-with-symbols",
        shortest=21,
        shortest_without_look_alikes=24,
        longest=44,
        refusal="Password length must be between {shortest} and {longest}",
        without_pairs=frozenset(ALPHABETS),
    ),
    TextGenerator(
        "api-key",
        alphabet="full",
        shortest=44,
        shortest_without_look_alikes=47,
        longest=64,
        refusal="API key length must be between {shortest} and {longest}",
        lead="ak_",
    ),
    PhraseGenerator("mnemonic"),
)

GENERATORS: Final[Mapping[str, Generator]] = MappingProxyType({generator.name: generator for generator in _TABLE})

PRIZES: Final[Mapping[str, str]] = MappingProxyType(
    {"hash": "custom", "password": "password", "api-key": "api-key", "mnemonic": "mnemonic"}
)
"""Which generator makes a prize of which style."""


def prize(style: str, seed: bytes, language: str = "english") -> str:
    """What a winner is given, made with the generator's defaults; whoever has the 32 bytes can make it again."""
    return GENERATORS[PRIZES[style]].make(seed, {"language": language})


def answer(generator: Generator, seed: bytes, parameters: Parameters, now: float) -> dict[str, Any]:
    """The text with what it was made from. The seed makes it again, so it is as secret as the text."""
    return {
        "hash": generator.make(seed, parameters),
        "seed": format_seed(seed),
        "otp": otp(seed),
        "timestamp": int(now),
    }


def from_text(parameters: Mapping[str, str]) -> dict[str, object]:
    """Parameters from where everything is text, such as a query: what is to be a number becomes one if it can."""
    return {
        name: int(text) if name in NUMBERS and re.fullmatch(r"[0-9]{1,19}", text) else text
        for name, text in parameters.items()
    }


def _count(parameters: Parameters, name: str, default: int) -> int | None:
    """A whole number, zero or more; None if it is anything else."""
    value = parameters.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < COUNTABLE:
        return None
    return value


def _text(parameters: Parameters, name: str, default: str) -> str:
    value = parameters.get(name, default)
    if not isinstance(value, str) or any("\ud800" <= char <= "\udfff" for char in value):
        raise BadRequest(f"{name} must be text.", field=name)
    return value
