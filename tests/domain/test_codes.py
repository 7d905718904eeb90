from __future__ import annotations

import hashlib
import hmac

import base58 as peer
from hypothesis import given
from hypothesis import strategies as st

from hashpass.domain.codes import base58, derive_code

KEY = bytes(range(32))


@given(st.binary(max_size=40))
def test_base58_is_the_same_as_everybody_elses(data: bytes) -> None:
    assert base58(data) == peer.b58encode(data).decode()


def test_a_code_is_the_first_sixteen_characters_of_the_mac_of_the_answer() -> None:
    mac = hmac.new(KEY, b"visitor:42:" + b"ab" * 32, hashlib.sha256).digest()
    code = derive_code(KEY, "visitor", 42, "ab" * 32, prefix="HASHPASS-")
    assert code == "HASHPASS-" + peer.b58encode(mac).decode()[:16]
    assert len(code) == 25


def test_codes_of_other_answers_and_other_keys_differ() -> None:
    codes = {
        derive_code(KEY, "v", 1, "s", prefix=""),
        derive_code(KEY, "v", 2, "s", prefix=""),
        derive_code(KEY, "w", 1, "s", prefix=""),
        derive_code(KEY, "v", 1, "t", prefix=""),
        derive_code(bytes(32), "v", 1, "s", prefix=""),
    }
    assert len(codes) == 5
