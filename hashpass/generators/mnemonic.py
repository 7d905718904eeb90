"""BIP39 phrases in ten languages. The seed is the entropy itself: a phrase of 24 words is the seed, spelled out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

from mnemonic import Mnemonic

from hashpass.domain.errors import BadRequest

WORD_COUNTS: Final = (12, 24)

LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "english": "english",
        "spanish": "spanish",
        "french": "french",
        "portuguese": "portuguese",
        "japanese": "japanese",
        "chinese": "chinese_simplified",
        "chinese-traditional": "chinese_traditional",
        "italian": "italian",
        "korean": "korean",
        "czech": "czech",
    }
)
"""Our names, in the order in which a refusal lists them, and the package's."""

_OTHER_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "en": "english",
        "es": "spanish",
        "fr": "french",
        "pt": "portuguese",
        "ja": "japanese",
        "zh": "chinese",
        "chinese-simplified": "chinese",
        "zh-tw": "chinese-traditional",
        "it": "italian",
        "ko": "korean",
        "cs": "czech",
    }
)


def find_language(text: str) -> str:
    """The name of a language from its name or code, in any case."""
    lower = text.lower()
    name = _OTHER_NAMES.get(lower, lower)
    if name not in LANGUAGES:
        raise BadRequest(f"Unsupported language: {text}. Supported: {', '.join(LANGUAGES)}", field="language")
    return name


def phrase(seed: bytes, language: str, words: int) -> str:
    """Joined by an ASCII space in Japanese too, and left as the word lists have them, in NFD."""
    listed = _word_list(LANGUAGES[language])
    entropy = seed[: words * 4 // 3]
    return listed.to_mnemonic(entropy).replace(listed.delimiter, " ")


@cache
def _word_list(name: str) -> Mnemonic:
    """Read once; it never changes."""
    return Mnemonic(name)
