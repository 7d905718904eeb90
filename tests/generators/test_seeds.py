"""Seeds as text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.domain.errors import BadRequest
from hashpass.generators.seeds import decode_base58, format_seed, parse_seed


@given(st.binary(min_size=32, max_size=32))
def test_a_seed_is_read_as_it_was_written(seed: bytes) -> None:
    text = format_seed(seed)
    assert len(text) <= 44
    assert parse_seed(text) == seed


@given(st.binary(max_size=600) | st.binary(max_size=40).map(lambda data: bytes(40) + data))
def test_base58_is_read_whatever_its_length(data: bytes) -> None:
    assert decode_base58(format_seed(data)) == data


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Seed must be exactly 32 bytes, got 0 bytes"),
        ("1" * 31, "Seed must be exactly 32 bytes, got 31 bytes"),
        ("1" * 33, "Seed must be exactly 32 bytes, got 33 bytes"),
        ("abc0", "Invalid base58 string: provided string contained invalid character '0' at byte 3"),
        ("abc def", "Invalid base58 string: provided string contained invalid character ' ' at byte 3"),
        ("lI", "Invalid base58 string: provided string contained invalid character 'l' at byte 0"),
        ("aä0", "Invalid base58 string: provided string contained non-ascii character starting at byte 1"),
    ],
)
def test_what_is_no_seed_is_told_why(text: str, reason: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_seed(text)
    assert caught.value.detail == f"Invalid seed: {reason}"
    assert caught.value.field == "seed"


@given(st.text(max_size=80) | st.text(alphabet="123456789ABCDEFGHJKLMNPQRSTUVWXYZ", max_size=80))
def test_garbage_is_a_seed_or_a_bad_request(text: str) -> None:
    try:
        seed = parse_seed(text)
    except BadRequest:
        return
    assert format_seed(seed) == text


def test_a_body_full_of_digits_does_not_hold_up_the_server() -> None:
    started = time.perf_counter()
    with pytest.raises(BadRequest, match="got 11936 bytes"):
        parse_seed("z" * 16_300)
    assert time.perf_counter() - started < 0.5
