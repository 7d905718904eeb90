"""From an e-mail address to the number that stands for it everywhere else."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final

import trio

from hashpass.domain.codes import base58
from hashpass.domain.errors import BadRequest, QueueFull

ROUNDS: Final = 600_000
USER_ID_BYTES: Final = 32
MAX_EMAIL: Final = 254
MAX_LOCAL: Final = 64
MAX_WAITING: Final = 8
"""Derivations waiting for a thread, at some 0.4 s each."""

_PLAIN = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
"""What either half of an address is made of. Quoted local parts are given up, for nothing else can then be smuggled
into a header or a second recipient into the first."""


def normalise_email(text: object) -> str:
    """The one spelling of an address, which is also the one that is written to: else two mailboxes that differ in
    case could be one person. BadRequest if it is none."""
    if not isinstance(text, str) or not text.isprintable():
        raise BadRequest("Invalid email address", field="email")
    email = text.strip().lower()
    local, _, domain = email.rpartition("@")
    if len(email.encode()) > MAX_EMAIL or not 1 <= len(local.encode()) <= MAX_LOCAL:
        raise BadRequest("Invalid email address", field="email")
    if _PLAIN.fullmatch(local) is None or not _is_domain(domain):
        raise BadRequest("Invalid email address", field="email")
    return email


def deliverable(email: str) -> str:
    """A normalised address with its domain as the mail system writes it."""
    local, _, domain = email.rpartition("@")
    return f"{local}@{domain.encode('idna').decode()}"


def mailbox_of(email: str) -> str:
    """The address without a tag (`name+tag@`), for limits: however it is tagged, it fills one mailbox."""
    local, _, domain = deliverable(email).rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def _is_domain(domain: str) -> bool:
    """Refused is also what the mail system would take for another domain: spelt wide, with a dot at the end."""
    if _PLAIN.fullmatch(domain) is None or domain.endswith("."):
        return False
    try:
        written = domain.encode("idna").decode()
        return domain.isascii() or written.encode().decode("idna") == domain
    except UnicodeError:
        return False


def derive_user_id(email: str, salt: bytes) -> bytes:
    """Slow on purpose: whoever has the salt can still try addresses, but not many of them."""
    digest = hashlib.sha3_256(email.strip().lower().encode()).digest()
    return hashlib.pbkdf2_hmac("sha3_256", digest, salt, ROUNDS, USER_ID_BYTES)


def username_of(user_id: bytes) -> str:
    return base58(user_id)


class Derivation:
    """Derives on a thread of its own, so that neither the loop nor those who check answers wait for it."""

    def __init__(
        self, salt: bytes, *, threads: int = 1, derive: Callable[[str, bytes], bytes] = derive_user_id
    ) -> None:
        self._salt = salt
        self._derive = derive
        self._limiter = trio.CapacityLimiter(threads)

    async def __call__(self, email: str) -> bytes:
        if self._limiter.statistics().tasks_waiting >= MAX_WAITING:
            raise QueueFull("Many people are signing in at this moment. Try again soon.", retry_after=5)
        return await trio.to_thread.run_sync(self._derive, email, self._salt, limiter=self._limiter)
