"""The token in a link, bit for bit, and where a link may lead."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hashpass.domain.codes import base58
from hashpass.domain.errors import BadRequest, NotReady
from hashpass.generators.seeds import decode_base58
from hashpass.identity.links import EXPIRED, FALSE, Destination, Link, Origins, make_token, parse_form, read_token
from tests.identity.desk import LINK_KEY

USER = bytes.fromhex("69d8663955b9cf2aae7f6eed4ee5b4cd3717ff45ff02c11edd1744e6c81e7daf")
END = 1756771200
TOKEN = "2ZcbRoprQQRCdPUJkSwn9rcYN9zFHEGAEuJBPdCCtePuwgFzZe1XgGsAfCsUNzoNkZLe9sEjeNmvXZJSA9rDwmCB1YyJyGni3T4"
MAC = "7c8409d09c6656c62fac46f10f447bc4ec13bdfea2039ba6ef291eb224bbaf47"
FORM = "3FTYu8SWm4oR6tfvDLLJW4TXtQeLRmy9t6CN6C36TybPkfeVubxCaaPLfap7KHXiqYMinmK1e"


def encode(value: object) -> str:
    return base58(value if isinstance(value, bytes) else json.dumps(value).encode())


def test_the_token_of_the_vector() -> None:
    assert make_token(LINK_KEY, Link(USER, END)) == TOKEN
    token = decode_base58(TOKEN)
    assert len(token) == 72
    assert (token[:32], int.from_bytes(token[32:40], "big"), token[40:].hex()) == (USER, END, MAC)
    assert read_token(LINK_KEY, TOKEN, END) == Link(USER, END)


def test_a_link_is_good_in_its_last_second_and_not_after_it() -> None:
    read_token(LINK_KEY, TOKEN, END)
    with pytest.raises(BadRequest, match=f"^{EXPIRED}$"):
        read_token(LINK_KEY, TOKEN, END + 0.001)


def test_every_flipped_bit_is_seen() -> None:
    token = decode_base58(TOKEN)
    for position in range(72):
        changed = bytearray(token)
        changed[position] ^= 1
        with pytest.raises(BadRequest, match=f"^{FALSE}$"):
            read_token(LINK_KEY, base58(bytes(changed)), 0)
    with pytest.raises(BadRequest, match=f"^{FALSE}$"):
        read_token(bytes(32), TOKEN, 0)


@given(st.text(max_size=200) | st.binary(max_size=120).map(base58))
@example("1" * 72)
@example(TOKEN + "1")
@example("1" + TOKEN)
@example("2" * 200_000)
def test_garbage_is_no_token(text: str) -> None:
    with pytest.raises(BadRequest, match=f"^{FALSE}$"):
        read_token(LINK_KEY, text, 0)


def test_the_form_of_the_vector() -> None:
    assert parse_form(FORM) == FORM
    assert json.loads(decode_base58(FORM)) == {"endpoint": "custom", "length": 21, "alphabet": "base58"}
    assert Destination("https://a.example", FORM).url("T") == f"https://a.example/?magiclink=T&next={FORM}"
    assert Destination("https://a.example").url("T") == "https://a.example/?magiclink=T"


def test_a_form_may_hold_every_parameter_and_may_be_missing() -> None:
    form = encode({"endpoint": "mnemonic", "language": "japanese", "words": 24, "seed": None, "raw": True})
    assert parse_form(form) == form
    assert parse_form(None) is None
    assert parse_form("") is None


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example",
        "//evil.example",
        "/result",
        "javascript:alert(1)",
        FORM + "&x=1",
        FORM + "0",
        encode(b"https://evil.example"),
        encode(b"\xff\xfe"),
        encode("https://evil.example"),
        encode(["custom"]),
        encode({}),
        encode({"endpoint": "https://evil.example"}),
        encode({"endpoint": ["custom"]}),
        encode({"endpoint": "custom", "more": {"a": 1}}),
        encode(b"[" * 1200),
        encode({"endpoint": "custom", "prefix": "x" * 2000}),
        7,
        {"endpoint": "custom"},
        True,
    ],
)
def test_anything_else_is_no_form(text: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_form(text)
    assert refused.value.field == "next"


@given(st.text(max_size=100) | st.binary(max_size=100).map(base58))
def test_no_garbage_passes_for_a_form(text: str) -> None:
    try:
        form = parse_form(text)
    except BadRequest:
        return
    assert form is None or json.loads(decode_base58(form))["endpoint"]


OURS = Origins.of("https://hashpass.example", ["http://192.0.2.7:5173"])


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        (None, "https://hashpass.example"),
        ("", "https://hashpass.example"),
        ("https://hashpass.example", "https://hashpass.example"),
        ("https://hashpass.example//", "https://hashpass.example"),
        ("HTTPS://HashPass.Example:443/", "https://hashpass.example"),
        ("http://192.0.2.7:5173", "http://192.0.2.7:5173"),
    ],
)
def test_a_link_leads_to_one_of_our_own_pages(asked: Any, chosen: str) -> None:
    assert OURS.choose(asked) == chosen


@pytest.mark.parametrize(
    "asked",
    [
        "https://evil.example",
        "http://hashpass.example",
        "https://hashpass.example:8443",
        "https://hashpass.example.evil.example",
        "https://evil.example/https://hashpass.example",
        "https://hashpass.example@evil.example",
        "https://evil.example#https://hashpass.example",
        "https://evil.example?https://hashpass.example",
        "https://hashpass.example/path",
        "https://hashpass.example\\.evil.example",
        "https://hashpass.example\n.evil.example",
        "https://hashpass.example:x",
        "https://hashpass.example:99999",
        "https://[hashpass.example",
        "https://ｈashpass.example",
        "hashpass.example",
        "//hashpass.example",
        "javascript:alert(1)",
        " https://hashpass.example",
        7,
        ["https://hashpass.example"],
    ],
)
def test_a_link_never_leads_elsewhere(asked: Any) -> None:
    with pytest.raises(BadRequest) as refused:
        OURS.choose(asked)
    assert refused.value.field == "ui_host"


@given(st.text(max_size=60))
def test_no_garbage_is_an_origin_of_ours(asked: str) -> None:
    with suppress(BadRequest):
        assert OURS.choose(asked) in OURS.allowed


def test_with_nothing_set_only_this_machine_has_names() -> None:
    local = Origins.of(None, [], local_port=8000)
    assert local.choose(None) == "http://localhost:8000"
    assert local.choose("http://127.0.0.1:8000/") == "http://127.0.0.1:8000"
    with pytest.raises(NotReady, match="HASHPASS_PUBLIC_URL"):
        Origins.of(None, []).choose("http://localhost:8000")
    assert Origins.of(None, ["https://a.example"], local_port=8000).allowed == ("https://a.example",)
    assert Origins.of("https://a.example", ["https://a.example"]).allowed == ("https://a.example",)
