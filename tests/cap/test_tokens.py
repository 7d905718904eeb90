"""The signed lines, byte for byte, and what is not taken for one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.cap.tokens import Challenge, Tokens, Verification
from tests.cap.vectors import FAR, SECRET, SIGNED, SMALL, VERIFICATION

PLAIN = Tokens(SECRET, labelled=False)
LABELLED = Tokens(SECRET, labelled=True)
NONCE = "5a" * 25

ALL = {
    "plain challenge": PLAIN.challenge(NONCE, 1, FAR, "4:32:4"),
    "plain verification": PLAIN.verification(NONCE, 1, FAR),
    "labelled challenge": LABELLED.challenge(NONCE, 1, FAR, "4:32:4"),
    "labelled verification": LABELLED.verification(NONCE, 1, FAR),
}


def test_plain_tokens_are_those_of_capjs_server_to_the_byte() -> None:
    assert PLAIN.challenge("00112233445566778899aabbccddeeff00112233445566778899", 0, FAR, "4:32:4") == SIGNED.token
    assert PLAIN.challenge("aa" * 25, 0, FAR, "3:8:2") == SMALL.token
    assert PLAIN.verification("0123456789abcdef0123456789abcd", 0, FAR) == VERIFICATION


def test_what_was_written_is_read() -> None:
    assert PLAIN.read_challenge(SMALL.token) == Challenge("aa" * 25, None, FAR, 3, 8, 2)
    assert PLAIN.read_verification(VERIFICATION) == Verification("0123456789abcdef0123456789abcd", None, FAR)
    assert LABELLED.read_challenge(ALL["labelled challenge"]) == Challenge(NONCE, 1, FAR, 4, 32, 4)
    assert LABELLED.read_verification(ALL["labelled verification"]) == Verification(NONCE, 1, FAR)


@pytest.mark.parametrize("reader", ALL)
@pytest.mark.parametrize("token", ALL)
def test_no_kind_of_token_passes_for_another(reader: str, token: str) -> None:
    layout = PLAIN if reader.startswith("plain") else LABELLED
    read = layout.read_challenge if reader.endswith("challenge") else layout.read_verification
    assert (read(ALL[token]) is not None) == (reader == token)


def test_the_labels_differ_under_the_signature_itself() -> None:
    """Not only do the fields differ in number: over the same text the four signatures would differ, too."""
    signatures = {LABELLED._challenge.of("x"), LABELLED._verification.of("x"), PLAIN._challenge.of("x")}
    assert len(signatures) == 3


def test_a_token_of_another_secret_is_refused() -> None:
    other = Tokens(SECRET + "!", labelled=True)
    assert other.read_challenge(ALL["labelled challenge"]) is None
    assert other.read_verification(ALL["labelled verification"]) is None


def test_changing_any_one_character_breaks_the_token() -> None:
    for (name, token), layout in zip(ALL.items(), [PLAIN, PLAIN, LABELLED, LABELLED], strict=True):
        for at, put in itertools.product(range(len(token)), "0:fA"):
            changed = token[:at] + put + token[at + 1 :]
            if changed != token:
                assert layout.read_challenge(changed) is None, name
                assert layout.read_verification(changed) is None, name


@pytest.mark.parametrize("name", ALL)
def test_the_same_token_in_other_clothes_is_refused(name: str) -> None:
    token = ALL[name]
    head, _, signature = token.rpartition(":")
    disguised = [
        f"{head}:{signature.upper()}",
        f"{head}:{signature}\n",
        f" {token}",
        f"{token}:",
        f"{head}::{signature}",
        f"{head}:{signature[:-1]}",
        f"{head}:{signature}0",
        f"{head}:é{signature[1:]}",
        f"{head}:{signature[:-1]}\ud800",
        token.replace("4102444800000", "４102444800000"),
        token * 100,
    ]
    assert all(layout.read_challenge(text) is None for layout in (PLAIN, LABELLED) for text in disguised)
    assert all(layout.read_verification(text) is None for layout in (PLAIN, LABELLED) for text in disguised)


@pytest.mark.parametrize("value", [None, 5, 5.0, True, b"a:b", ["x"], {"x": 1}, object()])
def test_what_is_not_text_is_no_token(value: object) -> None:
    assert PLAIN.read_challenge(value) is None
    assert LABELLED.read_verification(value) is None


@given(st.one_of(st.text(), st.text("0123456789abcdef:", max_size=300), st.from_regex(r"[0-9a-f]+(:[0-9]+){1,6}:.*")))
def test_garbage_is_no_token(text: str) -> None:
    for layout in (PLAIN, LABELLED):
        assert layout.read_challenge(text) is None
        assert layout.read_verification(text) is None
