from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.domain.errors import BadRequest
from hashpass.domain.values import MAX_NONCE, Address, Proof, parse_visitor_id

GOOD: dict[str, Any] = {
    "visitorId": "v",
    "nonce": 7,
    "submittedSeed": "ab" * 32,
    "traceData": "ip=192.0.2.1\n",
    "hash": "00" * 32,
}


def test_a_submission_is_read_as_it_is() -> None:
    assert Proof.parse({**GOOD, "unknown": 1}) == Proof("v", 7, "ab" * 32, "ip=192.0.2.1\n", bytes(32))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nonce", -1),
        ("nonce", MAX_NONCE + 1),
        ("nonce", True),
        ("nonce", 1.0),
        ("nonce", "7"),
        ("nonce", None),
        ("submittedSeed", "AB" * 32),
        ("submittedSeed", "ab" * 31),
        ("submittedSeed", "ab" * 32 + "\n"),
        ("submittedSeed", 5),
        ("hash", "zz" * 32),
        ("hash", ["00" * 32]),
        ("traceData", None),
        ("traceData", "x" * 2049),
        ("traceData", "\ud800"),
        ("visitorId", ""),
        ("visitorId", "x" * 129),
        ("visitorId", "a\nb"),
        ("visitorId", "a\x85b"),
        ("visitorId", "\udfff"),
        ("visitorId", 7),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(BadRequest) as refused:
        Proof.parse({**GOOD, field: value})
    assert refused.value.field == field


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD, json_values)))
def test_garbage_is_a_bad_request_and_nothing_else(body: dict[str, Any]) -> None:
    try:
        proof = Proof.parse(body)
    except BadRequest as error:
        refused = error.field
    else:
        assert 0 <= proof.nonce <= MAX_NONCE
        assert len(proof.hash) == 32
        return
    assert refused in GOOD


@pytest.mark.parametrize("text", ["x", "x" * 128, "访客", "<script>", "🙂"])
def test_visitor_ids_are_any_text_of_a_line(text: str) -> None:
    assert parse_visitor_id(text) == text


@pytest.mark.parametrize(
    ("text", "shown", "key", "prefix"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.0/24"),
        ("2001:DB8:1:2:3::4", "2001:db8:1:2:3::4", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::1", "fe80::/64", "fe80::/48"),
    ],
)
def test_an_address_knows_its_key_and_its_prefix(text: str, shown: str, key: str, prefix: str) -> None:
    address = Address.parse(text)
    assert (str(address), address.key, address.prefix) == (shown, key, prefix)


@given(st.text())
def test_what_is_no_address_is_a_value_error(text: str) -> None:
    with suppress(ValueError):
        Address.parse(text)
