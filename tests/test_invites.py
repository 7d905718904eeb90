"""Codes from their making to their redemption. The audit log is played by a dictionary, all else is real."""

from __future__ import annotations

import hmac
import itertools
import unicodedata
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from hashpass.directory import KeyFile, KeyRing
from hashpass.domain.chain import Record
from hashpass.domain.codes import code_seed, derive_code
from hashpass.domain.errors import (
    CodeExpired,
    CodeRedeemed,
    CodeRevoked,
    CodeUnknown,
    HashPassError,
    StoreUnavailable,
)
from hashpass.domain.records import stamp
from hashpass.domain.values import Proof
from hashpass.generators.mnemonic import LANGUAGES
from hashpass.generators.table import PRIZES, prize
from hashpass.invites import LONGEST, CodeStatus, Invites, derive_again, derive_prize, style_name, tidy
from hashpass.redemptions import RedeemedFile, RedeemedInStore, open_redemptions
from hashpass.storage.sqlite import SqliteStore

KEY = bytes(range(32))
PREFIX = "HASHPASS-"
STYLES = [("code", "english"), *((style, "english") for style in PRIZES if style != "mnemonic")]
STYLES += [("mnemonic", language) for language in LANGUAGES]


def proof(nonce: int = 1, visitor: str = "visitor") -> Proof:
    return Proof(visitor, nonce, "ab" * 32, "trace", bytes(32))


@define
class Desk:
    """Invites over a directory, and what they have given out."""

    directory: Path
    redemptions: RedeemedFile | RedeemedInStore
    style: str = "code"
    language: str = "english"
    ttl: float = 0
    now: float = 1_790_000_000.0
    records: dict[str, Record] = field(factory=dict)
    invites: Invites = field(init=False)
    numbers: itertools.count[int] = field(factory=itertools.count)

    def __attrs_post_init__(self) -> None:
        file = KeyFile(self.directory / "keys.json")
        self.invites = Invites(
            KeyRing(file, file.load()),
            self.redemptions,
            self.find,
            prefix=PREFIX,
            style=self.style,
            language=self.language,
            ttl=self.ttl,
            wall=lambda: self.now,
        )

    async def find(self, code: str) -> Record | None:
        await trio.lowlevel.checkpoint()
        return self.records.get(code)

    def give(self, visitor: str = "visitor") -> str:
        won = proof(next(self.numbers), visitor)
        code, key_id = self.invites.make(won)
        self.records[code] = {
            "invite_code": code,
            "timestamp": stamp(self.now),
            "visitor_id": won.visitor_id,
            "nonce": won.nonce,
            "seed": won.seed,
            "round": 7,
            "key_id": key_id,
            "style": self.invites.style,
            "salts": {"visitor_id": "00", "real_ip": "00", "trace_data": "00"},
        }
        return code


async def open_desk(directory: Path, *, style: str = "code", language: str = "english", ttl: float = 0) -> Desk:
    return Desk(directory, await open_redemptions(directory, None), style, language, ttl)


# Making


@pytest.mark.parametrize(("style", "language"), STYLES)
async def test_a_prize_of_each_style_follows_from_its_record_and_can_be_redeemed(
    tmp_path: Path, style: str, language: str
) -> None:
    desk = await open_desk(tmp_path, style=style, language=language)
    code = desk.give()
    (key,) = KeyFile(tmp_path / "keys.json").read().code_keys.values()
    assert derive_again(key, desk.records[code], prefix=PREFIX) == code
    assert derive_again(KEY, desk.records[code], prefix=PREFIX) != code
    assert code.startswith(PREFIX) == (style == "code")
    assert tidy(code) == code
    assert (await desk.invites.redeem(code)).status == "redeemed"


def test_a_prize_is_spelled_from_the_mac_of_the_answer() -> None:
    seed = hmac.digest(KEY, b"visitor:1:" + b"ab" * 32, "sha256")
    assert code_seed(KEY, "visitor", 1, "ab" * 32) == seed
    for style in PRIZES:
        name = style_name(style, "spanish")
        assert derive_prize(KEY, "visitor", 1, "ab" * 32, style=name, prefix=PREFIX) == prize(style, seed, "spanish")


def test_a_record_without_a_style_is_of_the_short_code() -> None:
    record: Record = {"visitor_id": "visitor", "nonce": 1, "seed": "ab" * 32}
    assert derive_again(KEY, record, prefix=PREFIX) == derive_code(KEY, "visitor", 1, "ab" * 32, prefix=PREFIX)


@pytest.mark.parametrize(
    "style", ["", "Code", "code:", "hash:english", "mnemonic", "mnemonic:", "mnemonic:klingon", "custom", ":", "\ud800"]
)
def test_an_unknown_style_is_an_error_and_not_another_prize(style: str) -> None:
    with pytest.raises(ValueError, match="no style"):
        derive_prize(KEY, "visitor", 1, "ab" * 32, style=style, prefix=PREFIX)


@given(st.text(max_size=30))
def test_any_style_makes_a_prize_or_an_error(style: str) -> None:
    try:
        made = derive_prize(KEY, "visitor", 1, "ab" * 32, style=style, prefix=PREFIX)
    except ValueError:
        return
    assert made == tidy(made)


# Looking


async def test_what_is_known_of_a_code(tmp_path: Path) -> None:
    desk = await open_desk(tmp_path)
    code = desk.give("someone")
    issued = "2026-09-21T14:13:20.000Z"
    status = await desk.invites.check(code)
    assert status == CodeStatus("issued", issued, "someone", 7, None)
    assert status.as_json() == {
        "valid": True,
        "status": "issued",
        "issued_at": issued,
        "visitor_id": "someone",
        "round": 7,
        "redeemed_at": None,
    }
    desk.now += 60
    redeemed = await desk.invites.redeem(code)
    assert redeemed == CodeStatus("redeemed", issued, "someone", 7, "2026-09-21T14:14:20.000Z")
    desk.now += 60
    assert await desk.invites.check(code) == redeemed
    assert not redeemed.valid


async def test_of_an_erased_visitor_nothing_is_shown_and_the_code_still_counts(tmp_path: Path) -> None:
    desk = await open_desk(tmp_path)
    code = desk.give()
    desk.records[code] |= {"visitor_id": "digest", "salts": {}}
    assert (await desk.invites.check(code)).visitor_id is None
    assert (await desk.invites.redeem(code)).status == "redeemed"


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        " ",
        "\n\t",
        "HASHPASS-",
        "HASHPASS-0000000000000000",
        "a" * 100_000,
        "\u0301" * (LONGEST + 1),
        "\ufdfa" * LONGEST,
        "\ud800",
        "HASHPASS-\ud800",
        "\0",
        "' OR 1=1 --",
        "密码",
        "../../keys.json",
    ],
)
async def test_garbage_is_unknown(tmp_path: Path, garbage: str) -> None:
    desk = await open_desk(tmp_path)
    desk.give()
    assert await desk.invites.check(garbage) == CodeStatus("unknown")
    with pytest.raises(CodeUnknown):
        await desk.invites.redeem(garbage)
    assert not (tmp_path / "redeemed.json").exists()


@given(st.text(st.characters(), max_size=60))
def test_what_is_tidied_is_tidy(code: str) -> None:
    once = tidy(code)
    if once is not None:
        assert tidy(once) == once
        once.encode()


@pytest.mark.parametrize("language", ["spanish", "japanese", "korean", "czech"])
async def test_a_phrase_is_known_however_it_was_typed(tmp_path: Path, language: str) -> None:
    desk = await open_desk(tmp_path, style="mnemonic", language=language)
    code = desk.give()
    typed = "  " + unicodedata.normalize("NFC", code).replace(" ", " \u3000\n") + " "
    assert (await desk.invites.check(typed)).status == "issued"
    await desk.invites.redeem(typed)
    with pytest.raises(CodeRedeemed):
        await desk.invites.redeem(code)


async def test_a_code_in_another_case_is_another_code(tmp_path: Path) -> None:
    desk = await open_desk(tmp_path)
    assert (await desk.invites.check(desk.give().swapcase())).status == "unknown"


# Expiry and revocation


async def test_a_code_expires_by_its_age_and_what_was_redeemed_stays_so(tmp_path: Path) -> None:
    desk = await open_desk(tmp_path, ttl=100)
    first, second = desk.give(), desk.give()
    desk.now += 99
    await desk.invites.redeem(first)
    assert (await desk.invites.check(second)).valid
    desk.now += 1
    assert (await desk.invites.check(first)).status == "redeemed"
    assert (await desk.invites.check(second)).status == "expired"
    with pytest.raises(CodeExpired):
        await desk.invites.redeem(second)
    with pytest.raises(CodeRedeemed):
        await desk.invites.redeem(first)


async def test_a_new_key_revokes_what_the_old_one_made(tmp_path: Path) -> None:
    desk = await open_desk(tmp_path, ttl=100)
    redeemed, revoked = desk.give(), desk.give()
    await desk.invites.redeem(redeemed)
    old = desk.records[revoked]["key_id"]
    new = await desk.invites.renew(bytes(32))
    fresh = desk.give()
    assert desk.records[fresh]["key_id"] == new != old
    assert (await desk.invites.check(fresh)).valid
    assert (await desk.invites.check(redeemed)).status == "redeemed"
    desk.now += 200
    assert (await desk.invites.check(revoked)).status == "revoked"
    with pytest.raises(CodeRevoked):
        await desk.invites.redeem(revoked)
    keys = KeyFile(tmp_path / "keys.json").read()
    assert derive_again(keys.code_keys[old], desk.records[revoked], prefix=PREFIX) == revoked


async def test_a_key_that_was_used_before_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    desk = await open_desk(tmp_path)
    code = desk.give()
    first = await desk.invites.renew(bytes(32))
    second = await desk.invites.renew(None)
    assert first != second
    with pytest.raises(ValueError, match="used before"):
        await desk.invites.renew(bytes(32))
    assert KeyFile(tmp_path / "keys.json").read().code.id == second
    assert (await desk.invites.check(code)).status == "revoked"


async def test_a_key_that_cannot_be_saved_revokes_nothing(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    desk = await open_desk(tmp_path / "here")
    code = desk.give()
    (tmp_path / "here").rename(tmp_path / "gone")
    with pytest.raises(StoreUnavailable, match=r"keys\.json"):
        await desk.invites.renew(None)
    assert (await desk.invites.check(code)).valid


# Redeeming


async def race(callers: int, redeem: Callable[[int], Awaitable[CodeStatus]]) -> list[str]:
    """How each of them fared."""
    answers: list[str] = []

    async def ask(number: int) -> None:
        try:
            answers.append((await redeem(number)).status)
        except HashPassError as error:
            answers.append(error.code)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for number in range(callers):
                nursery.start_soon(ask, number)
    return sorted(answers)


@pytest.mark.parametrize("kept", ["file", "sqlite"])
async def test_of_fifty_who_redeem_one_code_at_once_one_succeeds(tmp_path: Path, kept: str) -> None:
    store = await SqliteStore.open(tmp_path / "store.sqlite") if kept == "sqlite" else None
    desk = Desk(tmp_path, await open_redemptions(tmp_path, store))
    code = desk.give()
    assert await race(50, lambda _: desk.invites.redeem(code)) == ["code_redeemed"] * 49 + ["redeemed"]
    again = Desk(tmp_path, await open_redemptions(tmp_path, store), records=desk.records)
    assert (await again.invites.check(code)).redeemed_at == stamp(desk.now)
    if store is not None:
        await store.aclose()


async def test_a_hanging_caller_takes_nothing_with_him(tmp_path: Path) -> None:
    """Whether he hangs up before or after, the code is redeemed once and for good, or not at all."""
    desk = await open_desk(tmp_path)
    for patience in (0, 0.0005, 0.001, 0.002, 0.01):
        code = desk.give()
        with trio.move_on_after(patience):
            await desk.invites.redeem(code)
        known = (await desk.invites.check(code)).status
        again = await open_redemptions(tmp_path, None)
        assert known in ("issued", "redeemed")
        assert (await again.when(code) is not None) == (known == "redeemed")
        assert await race(3, lambda _: desk.invites.redeem(code)) == (  # noqa: B023 - awaited in this turn
            ["code_redeemed"] * (3 if known == "redeemed" else 2) + ["redeemed"] * (known == "issued")
        )
