"""The number behind an address, against the published vectors; and which addresses are any."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from hashpass.domain.errors import BadRequest, QueueFull
from hashpass.identity.derive import (
    Derivation,
    deliverable,
    derive_user_id,
    mailbox_of,
    normalise_email,
    username_of,
)
from tests.identity.desk import SALT


def test_the_digest_of_the_vector() -> None:
    digest = hashlib.sha3_256(normalise_email("  User@Example.COM ").encode()).hexdigest()
    assert digest == "02b701531e690961b9d02612c74367bf4e32abfd4a22d4cd86827d517e02cc72"


@pytest.mark.parametrize(
    ("email", "user_id", "username"),
    [
        (
            "  User@Example.COM ",
            "69d8663955b9cf2aae7f6eed4ee5b4cd3717ff45ff02c11edd1744e6c81e7daf",
            "88BCBxoAm61vEn7Dy162LoU6Pd4gaz9w5SNEuGid2vsY",
        ),
        (
            "temp@example.com",
            "d5864ccb392aeceb553f852208f2feefd71dc124214e3a17afce33ccd87b1535",
            "FNWcgYRjpGN2raotXKzY2EooWm8voED1DGQcNn9E6Gtt",
        ),
    ],
)
def test_user_ids_and_names_of_the_vectors(email: str, user_id: str, username: str) -> None:
    derived = derive_user_id(email, SALT)
    assert derived.hex() == user_id
    assert username_of(derived) == username


async def test_a_crowd_is_told_to_come_back_and_the_loop_stays_free() -> None:
    go_on = threading.Event()

    def derive(email: str, salt: bytes) -> bytes:
        assert go_on.wait(10)
        return email.encode() + salt

    derivation = Derivation(b"salt", derive=derive)
    derived: list[bytes] = []
    refused: list[QueueFull] = []

    async def ask(number: int) -> None:
        try:
            derived.append(await derivation(str(number)))
        except QueueFull as error:
            refused.append(error)

    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for number in range(12):
                nursery.start_soon(ask, number)
            while len(refused) < 3:  # noqa: ASYNC110 - nobody sets an event for a test
                await trio.sleep(0.002)
            assert derived == []
            go_on.set()
    assert len(set(derived)) == 9  # one at work and eight in the queue
    assert all(error.retry_after for error in refused)


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("a@b", "a@b"),
        (" User+Tag@Example.COM ", "user+tag@example.com"),
        ("o'neil!#$%&*/=?^_`{|}~-@example.org", "o'neil!#$%&*/=?^_`{|}~-@example.org"),
        ("名字@example.org", "名字@example.org"),
        ("a@bücher.example", "a@bücher.example"),
        ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
    ],
)
def test_what_is_an_address(text: str, email: str) -> None:
    assert normalise_email(text) == email


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "@",
        "a@",
        "@b",
        "nobody",
        "a@b@c",
        "a b@c.example",
        "a@b.example, c@d.example",
        "a@b.example;c@d.example",
        "A <a@b.example>",
        "a@b.example\nBcc: c@d.example",
        "a@b.example\r",
        "a\x00@b.example",
        '"a b"@c.example',
        "a@[127.0.0.1]",
        "a@b.example.",
        "a@b..example",
        "a@ｅｘａｍｐｌｅ.org",
        "a@straße.example",
        "a@" + "b" * 64 + ".example",
        "a" * 65 + "@b.example",
        "a@" + ".".join(["b" * 60] * 5),
        "\ud800@b.example",
        "a\u2028@b.example",
        None,
        7,
        ["a@b.example"],
    ],
)
def test_what_is_none(text: Any) -> None:
    with pytest.raises(BadRequest, match=r"^Invalid email address$"):
        normalise_email(text)


@given(st.text(max_size=80) | st.emails())
def test_whatever_is_taken_can_be_written_to_and_counted(text: str) -> None:
    try:
        email = normalise_email(text)
    except BadRequest:
        return
    assert normalise_email(email) == email
    for address in (deliverable(email), mailbox_of(email)):
        assert address.count("@") == 1
        assert not any(char.isspace() or char in ",;<>" for char in address)


def test_a_tag_or_another_spelling_of_the_domain_is_the_same_mailbox() -> None:
    same = {
        mailbox_of(normalise_email(text))
        for text in ("a@bücher.example", "A+1@xn--bcher-kva.example", "a+@BÜCHER.example")
    }
    assert same == {"a@xn--bcher-kva.example"}
