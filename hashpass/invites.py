"""Invite codes: made of the answer that won, looked up in the audit log, redeemed once."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol

import trio
from attrs import asdict, evolve, frozen

from hashpass.directory import KeyRing
from hashpass.domain.chain import Record
from hashpass.domain.codes import code_seed, derive_code
from hashpass.domain.errors import (
    BadRequest,
    CodeExpired,
    CodeRedeemed,
    CodeRevoked,
    CodeUnknown,
    HashPassError,
    StoreUnavailable,
)
from hashpass.domain.records import read_stamp, stamp
from hashpass.domain.values import Proof
from hashpass.generators.table import PRIZES, prize

CODE: Final = "code"
"""The style of the short code. Records from before there were others have none written in them."""
PHRASE: Final = "mnemonic"
LONGEST: Final = 512
"""Characters; no prize is as long."""

State = Literal["issued", "redeemed", "expired", "revoked", "unknown"]


class Redemptions(Protocol):
    async def when(self, code: str) -> str | None: ...

    async def add(self, code: str, moment: str) -> bool:
        """True, once it is kept, for exactly one of any number of racing callers."""
        ...


@frozen
class CodeStatus:
    """What is known of a code. Instants are stamps."""

    status: State
    issued_at: str | None = None
    visitor_id: str | None = None
    """None also when the winner's data was erased."""
    round: int | None = None
    redeemed_at: str | None = None

    @property
    def valid(self) -> bool:
        """Whether it could be redeemed now."""
        return self.status == "issued"

    def as_json(self) -> dict[str, Any]:
        return {"valid": self.valid, **asdict(self)}


UNKNOWN: Final = CodeStatus("unknown")

REFUSALS: Final[Mapping[str, type[HashPassError]]] = MappingProxyType(
    {"unknown": CodeUnknown, "redeemed": CodeRedeemed, "expired": CodeExpired, "revoked": CodeRevoked}
)


def style_name(style: str, language: str) -> str:
    """A style as records have it, with all that is needed to make the same prize again."""
    return f"{PHRASE}:{language}" if style == PHRASE else style


def derive_prize(key: bytes, visitor_id: str, nonce: int, seed: str, *, style: str, prefix: str) -> str:
    """What the winner with this answer is given. ValueError if there is no such style."""
    if style == CODE:
        return derive_code(key, visitor_id, nonce, seed, prefix=prefix)
    kind, _, language = style.partition(":")
    if kind not in PRIZES or bool(language) != (kind == PHRASE):
        raise ValueError(f"there is no style {style!r}")
    try:
        return prize(kind, code_seed(key, visitor_id, nonce, seed), language)
    except BadRequest as error:
        raise ValueError(f"there is no style {style!r}") from error


def derive_again(key: bytes, record: Record, *, prefix: str) -> str:
    """The code that an audit record must hold, unless its person is erased. ValueError if its style is unknown."""
    style = str(record.get("style", CODE))
    return derive_prize(key, record["visitor_id"], record["nonce"], record["seed"], style=style, prefix=prefix)


def tidy(code: str) -> str | None:
    """A code as it was given out, from what a person typed or pasted; None for what can be no code.

    Phrases are given out in NFD, and keyboards write NFC. No code has a space in it that is not a single one.
    """
    if len(code) > LONGEST or any("\ud800" <= char <= "\udfff" for char in code):
        return None
    return " ".join(unicodedata.normalize("NFD", code).split()) or None


def judge(record: Record, redeemed_at: str | None, *, current_key: str, ttl: float, now: float) -> CodeStatus:
    """The status of the code of an audit record. Once redeemed it stays so, whatever happens to its key."""
    state: State = "issued"
    if redeemed_at is not None:
        state = "redeemed"
    elif record["key_id"] != current_key:
        state = "revoked"
    elif ttl and read_stamp(record["timestamp"]) + ttl <= now:
        state = "expired"
    return CodeStatus(
        status=state,
        issued_at=record["timestamp"],
        visitor_id=record["visitor_id"] if "visitor_id" in record.get("salts", {}) else None,
        round=record["round"],
        redeemed_at=redeemed_at,
    )


class Invites:
    """The codes of one server."""

    def __init__(
        self,
        ring: KeyRing,
        redemptions: Redemptions,
        find: Callable[[str], Awaitable[Record | None]],
        *,
        prefix: str,
        style: str = CODE,
        language: str = "english",
        ttl: float = 0,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._ring = ring
        self._redemptions = redemptions
        self._find = find
        """The audit record of a code, also while it waits for the disk."""
        self._prefix = prefix
        self._ttl = ttl
        self._wall = wall
        self.style = style_name(style, language)
        """For the record of each code."""

    def make(self, proof: Proof) -> tuple[str, str]:
        """The code for an answer, and the id of the key that it was made with."""
        key = self._ring.keys.code
        code = derive_prize(
            key.secret, proof.visitor_id, proof.nonce, proof.seed, style=self.style, prefix=self._prefix
        )
        return code, key.id

    async def check(self, code: str) -> CodeStatus:
        return (await self._look(code))[1]

    async def redeem(self, code: str) -> CodeStatus:
        """Once, and when this returns it is kept. CodeUnknown, CodeRedeemed, CodeExpired and CodeRevoked say why not;
        with StoreUnavailable it was not redeemed and may be tried again.
        """
        known, status = await self._look(code)
        if not status.valid:
            raise REFUSALS[status.status]
        moment = stamp(self._wall())
        if not await self._redemptions.add(known, moment):
            raise CodeRedeemed
        return evolve(status, status="redeemed", redeemed_at=moment)

    async def renew(self, secret: bytes | None = None) -> str:
        """Make codes with a new key, whose id this is; those of the old one are revoked. ValueError if the given one
        was used before.
        """
        try:
            key = await trio.to_thread.run_sync(self._ring.renew_code, secret)
        except OSError as error:
            raise StoreUnavailable(f"keys.json cannot be written: {error.strerror}.") from error
        return key.id

    async def _look(self, code: str) -> tuple[str, CodeStatus]:
        known = tidy(code)
        record = None if known is None else await self._find(known)
        if known is None or record is None:
            return "", UNKNOWN
        redeemed_at = await self._redemptions.when(known)
        current = self._ring.keys.code.id
        return known, judge(record, redeemed_at, current_key=current, ttl=self._ttl, now=self._wall())
