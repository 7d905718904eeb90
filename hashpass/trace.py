"""The trace: a short text about the asker that goes into the salt, so that a proof made elsewhere does not fit."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Collection
from typing import Literal

from hashpass.domain.errors import TraceRefused
from hashpass.domain.values import MAX_TRACE, Address

TraceMode = Literal["auto", "signed", "any"]
Binding = Literal["prefix", "strict", "off"]

PURPOSE = b"hashpass trace 1\n"
MAX_AGENT = 512
MAX_HOST = 255
LIFE = 600.0
AHEAD = 60.0
"""Seconds by which the clock that wrote a trace may be ahead of the one that checks it."""

OWN_URL = "/api/trace"
CLOUDFLARE_URL = "/cdn-cgi/trace"


class TraceSigner:
    """Writes traces in the form of Cloudflare's `/cdn-cgi/trace`, with one line more, the signature."""

    def __init__(self, key: bytes, *, wall: Callable[[], float] = time.time) -> None:
        self._key = key
        self._wall = wall

    def make(self, address: Address, *, user_agent: str = "", scheme: str = "https", host: str = "") -> str:
        lines = [
            "fl=hashpass",
            f"h={_clean(host, MAX_HOST)}",
            f"ip={address}",
            f"ts={self._wall():.3f}",
            f"visit_scheme={_clean(scheme, 8)}",
            f"uag={_clean(user_agent, MAX_AGENT)}",
        ]
        body = "\n".join(lines)
        return f"{body}\nsig={self._sign(body)}\n"

    def age(self, text: str) -> float | None:
        """Seconds since we wrote this text; None if we did not. The last line end may be missing."""
        body, _, signature = text.removesuffix("\n").rpartition("\nsig=")
        if not hmac.compare_digest(signature.encode(errors="replace"), self._sign(body).encode()):
            return None
        written = next(line for line in body.split("\n") if line.startswith("ts="))
        return self._wall() - float(written[3:])

    def _sign(self, body: str) -> str:
        return hmac.new(self._key, PURPOSE + body.encode(errors="replace"), hashlib.sha256).hexdigest()


class TraceCheck:
    """Decides whether a submitted trace may have come from this session."""

    def __init__(
        self,
        signer: TraceSigner,
        *,
        mode: TraceMode = "auto",
        binding: Binding = "prefix",
        target_timeout: Callable[[], float] = lambda: 300.0,
    ) -> None:
        self._signer = signer
        self._mode = mode
        self._binding = binding
        self._target_timeout = target_timeout

    def check(self, text: str, prefixes: Collection[str], address: Address, *, cloudflare: bool) -> None:
        """Raise TraceRefused unless the trace is ours (or Cloudflare's), fresh, and of the session's own address.

        `prefixes` are those that the session's requests have bound; a trace never adds one. `cloudflare` says that
        the request came through Cloudflare, see `AddressReader.by_cloudflare`.
        """
        if len(text) > MAX_TRACE:
            raise TraceRefused(f"The trace is longer than {MAX_TRACE} characters.")
        traced = _traced_address(text)
        if self._needs_signature(cloudflare):
            self._check_signature(text)
        if self._binding == "strict" and traced != address:
            raise TraceRefused("The trace names another address than this request's. Fetch a new one.")
        if self._binding == "prefix" and traced.prefix not in prefixes:
            raise TraceRefused("The trace names an address that this session has not used. Fetch a new one.")

    def url(self, *, cloudflare: bool) -> str:
        """Where the page is to fetch its traces."""
        return CLOUDFLARE_URL if cloudflare and self._mode != "signed" else OWN_URL

    def _needs_signature(self, cloudflare: bool) -> bool:
        return self._mode == "signed" or (self._mode == "auto" and not cloudflare)

    def _check_signature(self, text: str) -> None:
        age = self._signer.age(text)
        if age is None:
            raise TraceRefused(f"The trace was not signed by this server. Use the exact text of GET {OWN_URL}.")
        if not -AHEAD <= age <= LIFE + self._target_timeout():
            raise TraceRefused("The trace has expired. Fetch a new one with every puzzle.")


def _traced_address(text: str) -> Address:
    # splitlines() knows more line ends than we write; so a second `ip=` cannot hide behind a rare one.
    named = [line[3:] for line in text.splitlines() if line.startswith("ip=")]
    if len(named) != 1:
        raise TraceRefused("The trace must have exactly one line that starts with ip=.")
    try:
        return Address.parse(named[0])
    except ValueError:
        raise TraceRefused("The trace's ip= line is not an address.") from None


def _clean(text: str, most: int) -> str:
    """What fits on one line and can be encoded."""
    return "".join(c for c in text[:most] if c.isprintable())
