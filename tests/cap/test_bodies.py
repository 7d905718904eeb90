"""Reading what is posted to the redeem address."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.cap.bodies import MAX_BODY, RedeemBody
from hashpass.cap.errors import Malformed
from hashpass.domain.errors import BadRequest


def test_a_body_is_a_token_and_solutions_and_what_else_the_widget_adds() -> None:
    body = RedeemBody.parse_json(b'{"token": "a:b", "solutions": [0, 9007199254740991], "instr": {"i": 1}}')
    assert body == RedeemBody("a:b", [0, 2**53 - 1])


MALFORMED = [
    b"",
    b"\xff\xfe",
    b"[]",
    b"null",
    b'"x"',
    b"5",
    b"{}",
    b"token=a&solutions=1",
    b'{"token": "x"}',
    b'{"solutions": []}',
    b'{"token": null, "solutions": []}',
    b'{"token": 5, "solutions": []}',
    b'{"token": "x", "solutions": null}',
    b'{"token": "x", "solutions": 5}',
    b'{"token": "x", "solutions": {"0": 1}}',
    b'{"token": "x", "solutions": [true]}',
    b'{"token": "x", "solutions": [-1]}',
    b'{"token": "x", "solutions": [1.0]}',
    b'{"token": "x", "solutions": ["1"]}',
    b'{"token": "x", "solutions": [9007199254740992]}',
    b'{"token": "x", "solutions": [NaN, Infinity]}',
    b'{"token": "x", "solutions": [' + b"9" * 5000 + b"]}",
    b"[" * 100_000,
    b'{"token": "x", "solutions": ' + b"[" * 100_000,
]


@pytest.mark.parametrize("data", MALFORMED, ids=lambda data: repr(data[:40]))
def test_anything_else_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        RedeemBody.parse_json(data)
    assert isinstance(caught.value, BadRequest)
    assert 0 < len(caught.value.detail) < 80


@given(st.binary() | st.text().map(str.encode) | st.builds(lambda value: json.dumps(value).encode(), st.floats()))
def test_garbage_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        RedeemBody.parse_json(data)


def test_the_largest_challenge_fits_the_limit() -> None:
    body = json.dumps({"token": "x" * 300, "solutions": [2**53 - 1] * 1000}).encode()
    assert len(body) < MAX_BODY
    assert len(RedeemBody.parse_json(body).solutions) == 1000
