"""The five alphabets. Their order counts: it is what a seed is spelled in."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Alphabet:
    name: str
    characters: str

    @cached_property
    def table(self) -> bytes:
        """For each byte its character: the byte modulo their number, so that the first ones come a little oftener."""
        ascii_bytes = self.characters.encode("ascii")
        return bytes(ascii_bytes[byte % len(ascii_bytes)] for byte in range(256))


_FULL: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase

BASE58: Final = Alphabet("base58", "".join(c for c in _FULL if c not in "0OIl"))
NO_LOOK_ALIKE: Final = Alphabet("no-look-alike", "346789ABCDEFGHJKLMNPQRTUVWXYabcdefghijkmnpqrtwxyz")
FULL: Final = Alphabet("full", _FULL)
FULL_WITH_SYMBOLS: Final = Alphabet("full-with-symbols", _FULL + "-_*^@#+!?$%")
NUMERIC: Final = Alphabet("numeric", string.digits)

ALPHABETS: Final[Mapping[str, Alphabet]] = MappingProxyType(
    {alphabet.name: alphabet for alphabet in (BASE58, NO_LOOK_ALIKE, FULL, FULL_WITH_SYMBOLS, NUMERIC)}
)


def find_alphabet(name: str) -> Alphabet:
    """The alphabet of this name; an unknown name is base58, also where that is not the default."""
    return ALPHABETS.get(name, BASE58)
