"""The chain of a log: what is hashed, what is signed, and why both still hold when a person's data is erased."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any

from attrs import field, frozen

Record = dict[str, Any]

ZERO = "0" * 64
"""Stands for the hash of the record before the first."""
SALT_BYTES = 16
SLOT = 256
"""Bytes of one signed head."""
ERASED = b'"salts":{}'
"""In the line of a record whose personal values are gone. Inside a text the quotes would be escaped."""

_OWN = ("prev", "mac", "salts")
_SALT = re.compile(r"[0-9a-f]{32}")


class BrokenRecord(Exception):
    """A record that is not the one written here. The text says what does not hold."""


def canonical(value: object) -> bytes:
    """The one spelling of a JSON value: keys sorted, no spaces, UTF-8. ValueError if it has none."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def parse(line: bytes) -> Record:
    """Read the line of a record, and refuse every spelling but the canonical one."""
    try:
        record = json.loads(line.decode())
        exact = isinstance(record, dict) and canonical(record) == line
    except (ValueError, RecursionError):
        exact = False
    if not exact:
        raise BrokenRecord("it is not written as a record is")
    return dict(record)


@frozen
class Sealed:
    """A record that has its place in the chain; `index` records stand before it."""

    index: int
    line: bytes
    hash: str


@frozen
class Head:
    """How long a chain is, and the hash of its newest record."""

    count: int
    hash: str


@frozen
class Chain:
    """Links and signs the records of one log. The values of the `personal` fields enter it as salted digests only."""

    name: str
    key: bytes = field(repr=False)
    personal: tuple[str, ...] = ()

    def seal(self, record: Record, head: Head, random: Callable[[int], bytes]) -> Sealed:
        """Link a new record to the newest one. ValueError if it cannot be written as JSON."""
        if clash := [name for name in _OWN if name in record]:
            raise ValueError(f"the field {clash[0]} belongs to the chain")
        whole = {**record, "prev": head.hash}
        if self.personal:
            present = [name for name in self.personal if record.get(name) is not None]
            whole["salts"] = {name: random(SALT_BYTES).hex() for name in present}
        form = self._form(whole)
        whole["mac"] = form["mac"] = self._sign(form)
        return Sealed(index=head.count, line=canonical(whole), hash=_hash(form))

    def check(self, line: bytes, prev: str | None) -> tuple[Record, str]:
        """The record of a line and its hash. BrokenRecord unless it is exact, signed and follows `prev`."""
        record = parse(line)
        if ("salts" in record) != bool(self.personal):
            raise BrokenRecord("its salts are not as they were written")
        form = self._form(record)
        if prev is not None and record.get("prev") != prev:
            raise BrokenRecord("it does not follow the record before it")
        mac = form.pop("mac", None)
        if not isinstance(mac, str) or not hmac.compare_digest(mac.encode(), self._sign(form).encode()):
            raise BrokenRecord("its mac does not hold")
        return record, _hash({**form, "mac": mac})

    def erase(self, record: Record) -> Record:
        """The same link without the person: digests take the place of the values, and their salts go."""
        return {**self._form(record), "salts": {}}

    def sign_head(self, head: Head) -> bytes:
        value: dict[str, object] = {"count": head.count, "hash": head.hash, "log": self.name}
        return canonical({**value, "mac": self._sign(value)}).ljust(SLOT - 1) + b"\n"

    def read_head(self, slot: bytes) -> Head | None:
        """What a slot says, or None if this chain did not write it."""
        try:
            value = json.loads(slot.decode())
            head = Head(value["count"], value["hash"])
            return head if hmac.compare_digest(self.sign_head(head), slot) else None
        except (ValueError, RecursionError, LookupError, TypeError):
            return None

    def _form(self, record: Record) -> Record:
        """What is hashed and signed: the record with digests for the personal values, and without the salts."""
        salts = record.get("salts", {})
        if not isinstance(salts, dict):
            raise BrokenRecord("its salts are not as they were written")
        form = {name: value for name, value in record.items() if name != "salts"}
        for name, salt in salts.items():
            value = record.get(name)
            known = name in self.personal and isinstance(salt, str) and _SALT.fullmatch(salt) is not None
            if not known or not isinstance(value, str):
                raise BrokenRecord("its salts are not as they were written")
            form[name] = sha256(bytes.fromhex(salt) + value.encode()).hexdigest()
        return form

    def _sign(self, form: Record) -> str:
        return hmac.digest(self.key, canonical(form), "sha256").hex()


def _hash(form: Record) -> str:
    return sha256(canonical(form)).hexdigest()


@frozen
class Layout:
    """The bytes around the records. An append overwrites `closing` by separator, record and `closing`."""

    empty: bytes
    opening: bytes
    separator: bytes
    closing: bytes

    def join(self, lines: Sequence[bytes]) -> bytes:
        return self.opening + self.separator.join(lines) + self.closing if lines else self.empty

    def split(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        """What stands where records should, each with the offset of its end. Stops where the layout does."""
        at = len(self.opening)
        if data == self.empty or not data.startswith(self.opening):
            return
        while True:
            stop = data.find(b"\n", at)
            line = data[at : len(data) if stop < 0 else stop].removesuffix(self.separator[:-1])
            at += len(line)
            yield line, at
            if self.ends(data, at) or not data.startswith(self.separator, at):
                return
            at += len(self.separator)

    def ends(self, data: bytes, at: int) -> bool:
        return len(data) == at + len(self.closing) and data.endswith(self.closing)


ARRAY = Layout(empty=b"[]\n", opening=b"[\n", separator=b",\n", closing=b"\n]\n")
"""A JSON array, one record a line."""
LINES = Layout(empty=b"", opening=b"", separator=b"\n", closing=b"\n")
"""One JSON object a line."""


@frozen
class Walk:
    """How far a file holds: records and bytes up to the first fault, if there is one."""

    count: int
    end: int
    hash: str
    fault: str | None
    marked: str | None
    """The hash of the record that was asked for, if the walk came by it."""


def walk(
    chain: Chain,
    layout: Layout,
    data: bytes,
    prev: str | None,
    *,
    mark: int = 0,
    visit: Callable[[int, Record], None] | None = None,
) -> Walk:
    """Check each record from the start; `mark` and the numbers given to `visit` count from 1."""
    count, end, hash_, fault, marked = 0, 0, prev or ZERO, None, None
    for line, at in layout.split(data):
        try:
            record, hash_ = chain.check(line, prev)
        except BrokenRecord as error:
            fault = str(error)
            break
        prev, end, count = hash_, at, count + 1
        if count == mark:
            marked = hash_
        if visit is not None:
            visit(count, record)
    if fault is None and not (layout.ends(data, end) if count else data == layout.empty):
        fault = "what follows is not written as a log is"
    return Walk(count, end, hash_, fault, marked)
