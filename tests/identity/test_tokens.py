"""Our JSON Web Tokens, against the vectors and against another reader."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.identity.tokens import Claims, TokenRefused, Tokens
from tests.identity.desk import JWT_SECRET, HandClock

SUB = "88BCBxoAm61vEn7Dy162LoU6Pd4gaz9w5SNEuGid2vsY"
NOW = 1756771200
SOMEBODY = Claims(SUB, 7)


def make() -> tuple[Tokens, HandClock]:
    clock = HandClock(NOW)
    return Tokens(JWT_SECRET, clock), clock


def refusal(tokens: Tokens, text: str, kind: Any = "access") -> str:
    with pytest.raises(TokenRefused) as refused:
        tokens.read(text, kind)
    return refused.value.reason


def test_the_tokens_of_the_vectors() -> None:
    tokens, _ = make()
    access = tokens.encode({"sub": SUB, "exp": NOW + 180, "iat": NOW, "token_type": "access"})
    assert access.endswith(".LPzDXktv9A9DkNAeqpEPY14yIFCiwEzlkCGhv9hjNGc")
    claims = {"sub": SUB, "exp": NOW + 900, "iat": NOW, "token_type": "refresh", "session_id": 1}
    assert tokens.encode(claims).endswith(".68rei8qWod_7ZxQ6TK91Jt5gNJbeSuhtYJX6-DEWu90")
    header = access.partition(".")[0]
    assert base64.urlsafe_b64decode(header + "==") == b'{"typ":"JWT","alg":"HS256"}'


def test_another_reader_reads_the_claims_in_their_order() -> None:
    tokens, _ = make()
    options: Any = {"verify_exp": False, "verify_iat": False}
    access = jwt.decode(tokens.access(SOMEBODY), JWT_SECRET, algorithms=["HS256"], options=options)
    assert list(access.items()) == [
        ("sub", SUB),
        ("exp", NOW + 900),
        ("iat", NOW),
        ("token_type", "access"),
        ("session_id", 7),
    ]
    refresh = jwt.decode(tokens.refresh(SOMEBODY), JWT_SECRET, algorithms=["HS256"], options=options)
    assert refresh.pop("jti")
    assert refresh == access | {"exp": NOW + 604_800, "token_type": "refresh"}


def test_two_refresh_tokens_of_one_second_differ() -> None:
    tokens, _ = make()
    assert tokens.refresh(SOMEBODY) != tokens.refresh(SOMEBODY)


def test_a_token_lives_its_time_and_is_of_one_kind() -> None:
    tokens, clock = make()
    access, refresh = tokens.access(SOMEBODY), tokens.refresh(SOMEBODY)
    assert tokens.read(access, "access") == tokens.read(refresh, "refresh") == SOMEBODY
    assert refusal(tokens, refresh, "access") == refusal(tokens, access, "refresh") == "Invalid token type"
    clock.now += 899.9
    tokens.read(access, "access")
    clock.now += 0.1
    assert refusal(tokens, access) == "ExpiredSignature"
    assert tokens.read(access, "access", even_expired=True) == SOMEBODY
    clock.now = NOW + 604_800
    assert refusal(tokens, refresh, "refresh") == "ExpiredSignature"


def test_what_somebody_else_signed_is_none() -> None:
    tokens, _ = make()
    claims = {"sub": SUB, "exp": NOW + 900, "iat": NOW, "token_type": "access", "session_id": 7}
    hexed = jwt.encode(claims, bytes.fromhex(JWT_SECRET), "HS256")  # the digits are the key, not what they stand for
    assert refusal(tokens, hexed) == "InvalidSignature"
    for algorithm, key in (("HS512", JWT_SECRET), ("none", "")):
        assert refusal(tokens, jwt.encode(claims, key, algorithm)) == "InvalidToken"
    head, body, mac = tokens.access(SOMEBODY).split(".")
    forged = base64.urlsafe_b64encode(json.dumps(claims | {"session_id": 8}).encode()).decode().rstrip("=")
    assert refusal(tokens, f"{head}.{forged}.{mac}") == "InvalidSignature"
    assert refusal(tokens, f"{head}.{body}.") == "InvalidSignature"


@pytest.mark.parametrize("wrong", [{"sub": 7}, {"session_id": "7"}, {"session_id": 7.0}, {"exp": "x"}, {"exp": 1.5}])
def test_claims_of_another_make_are_refused(wrong: dict[str, Any]) -> None:
    tokens, _ = make()
    claims = {"sub": SUB, "exp": NOW + 900, "iat": NOW, "token_type": "access", "session_id": 7}
    assert refusal(tokens, jwt.encode(claims | wrong, JWT_SECRET, "HS256")) == "InvalidToken"
    del claims[next(iter(wrong))]
    assert refusal(tokens, tokens.encode(claims)) == "InvalidToken"


@given(
    st.text(max_size=300)
    | st.lists(st.binary(max_size=60), min_size=3, max_size=3).map(
        lambda parts: ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    )
)
def test_garbage_is_no_token(text: str) -> None:
    tokens, _ = make()
    assert refusal(tokens, text) in {"InvalidToken", "InvalidSignature"}


def test_nothing_deep_or_long_hurts() -> None:
    tokens, _ = make()
    for depth in (500, 100_000):
        nested = base64.urlsafe_b64encode(b"[" * depth).decode().rstrip("=")
        assert refusal(tokens, f"{nested}.{nested}.{nested}") == "InvalidToken"


def test_the_key_is_not_shown() -> None:
    tokens, _ = make()
    assert JWT_SECRET not in repr(tokens)
