"""Phrases in ten languages, byte for byte."""

from __future__ import annotations

import hashlib
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mnemonic import Mnemonic

from hashpass.domain.errors import BadRequest
from hashpass.generators.mnemonic import LANGUAGES, find_language, phrase
from hashpass.generators.seeds import parse_seed

A = parse_seed("2R7KDyMvBTv3WLAY8AAiBNFgBkv7zHvjpTp6U2eWMGfR")
R = bytes(range(32))
T = bytes([0x2A] * 32)
F = bytes([0xFF] * 32)
Z = bytes(32)
A_IN_24_WORDS = (
    "bench economy address garbage faint material token usage runway under uncover very "
    "bunker giant south thing ridge blade gas impulse grace exercise little ankle"
)


@pytest.mark.parametrize(
    ("seed", "code", "words", "text"),
    [
        (A, "en", 12, "bench economy address garbage faint material token usage runway under uncover version"),
        (A, "en", 24, A_IN_24_WORDS),
        (A, "pt", 12, "arara debulhar acetona evacuar duplo jogador sulfato trancar piscar tolice tolerar tulipa"),
        (A, "it", 12, "attivare energia affabile globulo filo nervo tecnico uffa ruga triturato tristezza utensile"),
        (A, "cs", 12, "cholera kapka babka limetka kotel olejnina videohra vyznat sirotek vynechat vymyslet zahynout"),
        (A, "zh", 12, "月 言 地 久 端 堆 杰 腹 恐 萧 饰 诬"),
        (A, "zh-tw", 12, "月 言 地 久 端 堆 傑 腹 恐 蕭 飾 誣"),
        (F, "en", 12, "zoo " * 11 + "wrong"),
        (F, "en", 24, "zoo " * 23 + "vote"),
        (Z, "en", 12, "abandon " * 11 + "about"),
        (Z, "en", 24, "abandon " * 23 + "art"),
        (R, "en", 12, "abandon amount liar amount expire adjust cage candy arch gather drum buyer"),
        (T, "cs", 12, "fantazie koruna opice kreveta poskok cholera pronikat kamna fantazie koruna opice kronika"),
    ],
)
def test_phrases(seed: bytes, code: str, words: int, text: str) -> None:
    assert phrase(seed, find_language(code), words) == text


@pytest.mark.parametrize(
    ("language", "digest"),
    [
        ("spanish", "63ec4f386c4d060d"),
        ("french", "743a955f76c477cb"),
        ("japanese", "71b193c9436d8a84"),
        ("korean", "40cac6417fc3c65f"),
    ],
)
def test_accents_and_syllables_stay_decomposed(language: str, digest: str) -> None:
    text = phrase(A, language, 12)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest
    assert text == unicodedata.normalize("NFD", text) != unicodedata.normalize("NFC", text)


@given(st.binary(min_size=32, max_size=32), st.sampled_from(list(LANGUAGES)))
@settings(deadline=None)  # the first use of a language reads its words
def test_a_phrase_of_24_words_is_the_seed(seed: bytes, language: str) -> None:
    words = phrase(seed, language, 24).split(" ")
    assert len(words) == 24
    assert Mnemonic(LANGUAGES[language]).to_entropy(words) == seed
    assert phrase(seed, language, 12).split(" ")[:11] == words[:11]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("en", "english"),
        ("ES", "spanish"),
        ("French", "french"),
        ("pt", "portuguese"),
        ("JAPANESE", "japanese"),
        ("zh", "chinese"),
        ("Chinese-Simplified", "chinese"),
        ("chinese", "chinese"),
        ("zh-TW", "chinese-traditional"),
        ("it", "italian"),
        ("ko", "korean"),
        ("cs", "czech"),
    ],
)
def test_a_language_goes_by_its_name_or_its_code_in_any_case(text: str, name: str) -> None:
    assert find_language(text) == name


@pytest.mark.parametrize("text", ["", "russian", "turkish", "chinese_simplified", "../english", "en "])
def test_another_language_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        find_language(text)
    assert caught.value.detail == (
        f"Unsupported language: {text}. Supported: english, spanish, french, portuguese, japanese, chinese, "
        "chinese-traditional, italian, korean, czech"
    )
