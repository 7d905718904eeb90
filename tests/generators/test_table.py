"""The four generators: every vector, every limit, every refusal."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hashpass import generators
from hashpass.domain.errors import BadRequest
from hashpass.generators.seeds import format_seed, parse_seed
from hashpass.generators.table import GENERATORS, PRIZES, answer, from_text, prize
from hashpass.generators.text import otp

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "hashrand.json").read_text(encoding="utf-8"))
README = parse_seed("CZer2Wi2kKJFBXLxn5ZJFVtLo65S8EV2offwhJd7WV5H")
"""The seed that the outputs printed in HashRand's README belong to."""
A = parse_seed("2R7KDyMvBTv3WLAY8AAiBNFgBkv7zHvjpTp6U2eWMGfR")
SEEDS = st.binary(min_size=32, max_size=32)


def make(name: str, seed: bytes = A, /, **parameters: Any) -> str:
    return GENERATORS[name].make(seed, parameters)


def refusal(name: str, **parameters: Any) -> tuple[str, str | None]:
    with pytest.raises(BadRequest) as caught:
        make(name, **parameters)
    return caught.value.detail, caught.value.field


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_vector(vector: dict[str, Any]) -> None:
    seed = parse_seed(vector["seed"])
    assert seed.hex() == vector["seed_hex"]
    assert format_seed(seed) == vector["seed"]
    assert otp(seed) == vector["otp"]
    for case in vector["cases"]:
        assert make(case["endpoint"], seed, **case["body"]) == case["hash"], case


def test_the_vectors_are_all_there() -> None:
    assert len(VECTORS) == 6
    assert sum(len(vector["cases"]) for vector in VECTORS) == 372


def test_the_readme_s_outputs() -> None:
    assert make("password", README, length=25, alphabet="full-with-symbols") == "xxFu2q4H4al2vNkW7r*uJoe!C"
    assert make("api-key", README, length=50) == "ak_T4sHeyqXb1on6mAHwhLo9Nl0HZFc0dDR91qitMPziLJwQghFqq"
    key = make("custom", README, length=16, alphabet="full", prefix="app_", suffix="_key")
    assert key == "app_T4sHeyqXb1on6mAH_key"


def test_a_password_of_any_alphabet_comes_from_a_neighbour_of_the_seed() -> None:
    assert make("password", alphabet="base58") == "WwX3rLRvXC9LDY5WPA3he"
    assert make("custom", alphabet="base58") == "DXv7N5MHF5zUHzSRBTFi3"


def test_a_short_seed_is_a_seed() -> None:
    assert make("custom", parse_seed("e5FaMMJRbNmNqLYGmvrM7jPegTHVBjgiRzNNCTkHxUP")) == "4c3a59RPaajvD91MEuUUN"


LIMITS = [
    ("custom", "base58", 2, 128, "Length must be between 2 and 128"),
    ("custom", "no-look-alike", 2, 128, "Length must be between 2 and 128"),
    ("password", "full-with-symbols", 21, 44, "Password length must be between 21 and 44"),
    ("password", "nonsense", 21, 44, "Password length must be between 21 and 44"),
    ("password", "no-look-alike", 24, 44, "Password length must be between 24 and 44"),
    ("api-key", "full", 44, 64, "API key length must be between 44 and 64"),
    ("api-key", "no-look-alike", 47, 64, "API key length must be between 47 and 64"),
]


@pytest.mark.parametrize(("name", "alphabet", "shortest", "longest", "sentence"), LIMITS)
def test_lengths(name: str, alphabet: str, shortest: int, longest: int, sentence: str) -> None:
    lead = "ak_" if name == "api-key" else ""
    for length in (shortest, longest):
        assert len(make(name, alphabet=alphabet, length=length)) == len(lead) + length
    if name != "custom":
        assert len(make(name, alphabet=alphabet)) == len(lead) + shortest
    wrongs: tuple[object, ...] = (shortest - 1, longest + 1, -1, 10**400, 21.0, "21", "abc", "", None, True, [], {})
    for wrong in wrongs:
        assert refusal(name, alphabet=alphabet, length=wrong) == (sentence, "length")


def test_an_unknown_alphabet_is_base58_even_where_that_is_not_the_default() -> None:
    for name in ("custom", "password", "api-key"):
        assert make(name, alphabet="Full") == make(name, alphabet="base58")


@pytest.mark.parametrize("name", ["prefix", "suffix"])
def test_an_affix_has_32_bytes_at_most(name: str) -> None:
    for fits in ("x" * 32, "ä" * 16, "", " \n"):
        assert fits in make("custom", **{name: fits})
    for wrong in ("x" * 33, "ä" * 17):
        assert refusal("custom", **{name: wrong}) == ("Prefix and suffix must be 32 characters or less", name)


def test_affixes_are_for_custom_alone() -> None:
    assert make("password", prefix="x" * 99, suffix=7) == make("password")
    assert make("api-key", prefix="x", suffix="y") == make("api-key")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (0, "Invalid words parameter: 0. Only 12 and 24 are supported."),
        (15, "Invalid words parameter: 15. Only 12 and 24 are supported."),
        *((wrong, "Invalid words parameter. Must be 12 or 24.") for wrong in ("abc", "", -1, 12.0, True, None, 2**64)),
    ],
)
def test_another_number_of_words_is_refused(words: object, sentence: str) -> None:
    assert refusal("mnemonic", words=words) == (sentence, "words")


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("custom", "alphabet"),
        ("custom", "prefix"),
        ("custom", "suffix"),
        ("password", "alphabet"),
        ("mnemonic", "language"),
    ],
)
def test_text_must_be_text_that_can_be_written(name: str, field: str) -> None:
    wrongs: tuple[object, ...] = (7, None, ["full"], {}, "\ud800", "a\udfff")
    for wrong in wrongs:
        assert refusal(name, **{field: wrong}) == (f"{field} must be text.", field)


def test_what_a_generator_does_not_know_it_ignores() -> None:
    assert make("custom", raw="maybe", words=7, language=5, colour="red") == make("custom")
    assert make("mnemonic", raw=False, length=-1, alphabet=9) == make("mnemonic")


def test_numbers_are_read_from_text_where_they_can_be() -> None:
    read = from_text({"length": "021", "words": "24", "prefix": "12", "raw": "1"})
    assert read == {"length": 21, "words": 24, "prefix": "12", "raw": "1"}
    for text in ("", "-1", "+1", " 1", "1.0", "1_0", "٣", "²", "9" * 20, "0x10"):
        assert from_text({"length": text}) == {"length": text}


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.lists(st.integers())
NAMES = st.sampled_from(["length", "alphabet", "prefix", "suffix", "language", "words", "raw"]) | st.text(max_size=5)


@given(st.sampled_from(sorted(GENERATORS)), SEEDS, st.dictionaries(NAMES, VALUES))
@settings(deadline=None)  # the first use of a language reads its words
def test_garbage_is_made_or_refused(name: str, seed: bytes, parameters: dict[str, object]) -> None:
    try:
        text = GENERATORS[name].make(seed, parameters)
    except BadRequest:
        return
    assert text.encode()
    assert text == GENERATORS[name].make(seed, parameters)


def test_an_answer_has_its_keys_in_order() -> None:
    made = answer(GENERATORS["custom"], A, {}, 1756771200.9)
    assert list(made.items()) == [
        ("hash", "DXv7N5MHF5zUHzSRBTFi3"),
        ("seed", "2R7KDyMvBTv3WLAY8AAiBNFgBkv7zHvjpTp6U2eWMGfR"),
        ("otp", "546799639"),
        ("timestamp", 1756771200),
    ]


@given(SEEDS)
@settings(deadline=None)
def test_a_prize_is_what_the_generator_makes_by_itself(seed: bytes) -> None:
    assert set(PRIZES) == {"hash", "password", "api-key", "mnemonic"}
    for style, name in PRIZES.items():
        assert prize(style, seed) == GENERATORS[name].make(seed, {})
    assert prize("mnemonic", seed, "korean") == GENERATORS["mnemonic"].make(seed, {"language": "ko", "words": 12})


def test_the_generators_know_no_clock_no_chance_and_no_other_room() -> None:
    allowed = set(sys.stdlib_module_names) | {"hashpass", "mnemonic"}
    forbidden = {"time", "datetime", "random", "secrets", "os", "uuid", "threading", "socket", "asyncio"}
    for path in Path(generators.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        tops = {name.split(".")[0] for name in names}
        assert tops <= allowed, path
        assert not tops & forbidden, path
        ours = {name for name in names if name.startswith("hashpass")}
        assert all(name.startswith(("hashpass.domain.", "hashpass.generators.")) for name in ours), path
        assert not any(isinstance(node, ast.Await | ast.AsyncFunctionDef) for node in ast.walk(tree)), path
