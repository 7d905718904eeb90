"""Receipts, checked as somebody else would: with the public keys, and with no other part of ours."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import example, given
from hypothesis import strategies as st

from hashpass.directory import KeyFile, KeyRing, write_json
from hashpass.domain.errors import StoreUnavailable
from hashpass.domain.records import read_stamp, stamp
from hashpass.receipts import Receipts

WON_AT = 1_790_000_000.123456
ISSUER = "https://race.example"


def build(directory: Path, issuer: str = ISSUER) -> Receipts:
    file = KeyFile(directory / "keys.json")
    return Receipts(KeyRing(file, file.load()), issuer=issuer)


def read(receipt: str, jwks: dict[str, Any]) -> dict[str, Any]:
    """What PyJWT makes of it, given the published keys as JSON."""
    keys = jwt.PyJWKSet.from_json(json.dumps(jwks))
    key = keys[jwt.get_unverified_header(receipt)["kid"]]
    claims: dict[str, Any] = jwt.decode(receipt, key.key, algorithms=["EdDSA"], options={"verify_iat": False})
    return claims


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_receipt_says_what_was_won_and_pyjwt_believes_it(tmp_path: Path) -> None:
    receipts = build(tmp_path)
    receipt = receipts.sign("HASHPASS-abc", 7, WON_AT)
    jwks = receipts.jwks()
    assert read(receipt, jwks) == {"iss": ISSUER, "code": "HASHPASS-abc", "round": 7, "iat": 1_790_000_000}
    header = jwt.get_unverified_header(receipt)
    assert header == {"alg": "EdDSA", "typ": "hashpass-receipt+jwt", "kid": jwks["keys"][0]["kid"]}


def test_the_signature_holds_by_the_algorithm_alone(tmp_path: Path) -> None:
    receipts = build(tmp_path)
    signed, _, signature = receipts.sign("HASHPASS-abc", 7, WON_AT).rpartition(".")
    (key,) = receipts.jwks()["keys"]
    assert (key["kty"], key["crv"], key["use"], key["alg"]) == ("OKP", "Ed25519", "sig", "EdDSA")
    public = Ed25519PublicKey.from_public_bytes(decode(key["x"]))
    public.verify(decode(signature), signed.encode())
    with pytest.raises(InvalidSignature):
        public.verify(decode(signature), signed.encode() + b"A")


def test_no_private_half_is_published(tmp_path: Path) -> None:
    receipts = build(tmp_path)
    assert all("d" not in key for key in receipts.jwks()["keys"])
    seed = json.loads((tmp_path / "keys.json").read_text())["receipts"][0]["key"]
    text = json.dumps(receipts.jwks())
    assert seed not in text
    assert base64.urlsafe_b64encode(bytes.fromhex(seed)).rstrip(b"=").decode() not in text


@given(st.floats(0, 4e9), st.text(max_size=40))
@example(1.9999999, "rounded up on its way into the log")
def test_the_same_win_has_the_same_receipt(tmp_path_factory: pytest.TempPathFactory, won_at: float, code: str) -> None:
    """Also when its time comes back from the log, which keeps milliseconds."""
    receipts = build(tmp_path_factory.getbasetemp())
    first = receipts.sign(code, 1, won_at)
    assert receipts.sign(code, 1, read_stamp(stamp(won_at))) == first
    assert build(tmp_path_factory.getbasetemp()).sign(code, 1, won_at) == first
    assert read(first, receipts.jwks())["code"] == code


async def test_after_a_rotation_both_keys_are_published_and_the_new_one_signs(tmp_path: Path) -> None:
    receipts = build(tmp_path)
    old = receipts.sign("HASHPASS-old", 1, WON_AT)
    kid = await receipts.rotate()
    new = receipts.sign("HASHPASS-new", 2, WON_AT)
    assert jwt.get_unverified_header(new)["kid"] == kid
    assert jwt.get_unverified_header(old)["kid"] != kid
    assert [key["kid"] for key in receipts.jwks()["keys"]] == [kid, jwt.get_unverified_header(old)["kid"]]
    again = build(tmp_path)
    assert again.jwks() == receipts.jwks()
    assert again.sign("HASHPASS-new", 2, WON_AT) == new
    assert read(old, again.jwks())["code"] == "HASHPASS-old"
    assert read(new, again.jwks())["code"] == "HASHPASS-new"


async def test_a_key_that_cannot_be_saved_does_not_sign(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    receipts = build(tmp_path / "here")
    before, jwks = receipts.sign("c", 1, WON_AT), receipts.jwks()
    (tmp_path / "here").rename(tmp_path / "gone")
    with pytest.raises(StoreUnavailable, match=r"keys\.json"):
        await receipts.rotate()
    assert receipts.sign("c", 1, WON_AT) == before
    assert receipts.jwks() == jwks


def test_a_receipt_of_the_first_version_of_the_key_file_still_holds(tmp_path: Path) -> None:
    write_json(tmp_path / "keys.json", {"receipt": "11" * 32})
    receipts = build(tmp_path)
    seeds = [entry["key"] for entry in json.loads((tmp_path / "keys.json").read_text())["receipts"]]
    assert seeds == ["11" * 32]
    assert read(receipts.sign("c", 1, WON_AT), receipts.jwks())["code"] == "c"


@pytest.mark.parametrize("place", range(3))
def test_a_changed_receipt_is_refused(tmp_path: Path, place: int) -> None:
    receipts = build(tmp_path)
    other = build(tmp_path, issuer="https://other.example").sign("HASHPASS-abc", 7, WON_AT).split(".")
    parts = receipts.sign("HASHPASS-abc", 7, WON_AT).split(".")
    if place == 0:
        parts[0] = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT","kid":"x"}').rstrip(b"=").decode()
    else:
        parts[place] = other[place]
    with pytest.raises((jwt.InvalidTokenError, KeyError)):
        read(".".join(parts), receipts.jwks())
