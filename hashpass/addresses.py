"""Where a request comes from: the peer's address, or what a trusted proxy in front says it is."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from hashpass.domain.errors import AddressUnknown
from hashpass.domain.values import Address

REAL_IP = "X-Real-IP"
FORWARDED_FOR = "X-Forwarded-For"
CLOUDFLARE = "CF-Connecting-IP"

SET_IT = "Set HASHPASS_IP_HEADER to the one header that the proxy in front of this server sets itself."


class HeaderLines(Protocol):
    """A request's headers; every line of one name, in order, whatever the case of the name."""

    def get_all(self, name: str) -> list[str]: ...


class AddressReader:
    """Reads a client's address, believing headers only from trusted proxies and only as far as they are theirs.

    `header` is the operator's HASHPASS_IP_HEADER, None where not set. A peer of None is a Unix socket, which is
    trusted: only something on this machine can have opened it.
    """

    def __init__(self, trusted: Iterable[IPv4Network | IPv6Network], header: str | None = None) -> None:
        self._trusted = tuple(trusted)
        self._header = header

    def read(self, peer: str | None, headers: HeaderLines) -> Address:
        """The client's address; AddressUnknown (with what to do about it) where nobody can tell."""
        own = None if peer is None else _parse(peer, "The connection's own address")
        if own is not None and not self._trusts(own):
            return own
        said = self._named(headers) if self._header is not None else self._usual(headers)
        if said is not None:
            return said
        if own is None:
            raise AddressUnknown(f"This Unix socket's proxy sends no header with the client's address. {SET_IT}")
        return own

    def by_cloudflare(self, peer: str | None, headers: HeaderLines) -> bool:
        """Whether Cloudflare vouches for this request, so that its own trace may be believed unsigned."""
        if self._header is None or self._header.lower() != CLOUDFLARE.lower() or not headers.get_all(CLOUDFLARE):
            return False
        return peer is None or self._trusts(_parse(peer, "The connection's own address"))

    def _trusts(self, address: Address) -> bool:
        return any(address.ip in network for network in self._trusted)

    def _named(self, headers: HeaderLines) -> Address | None:
        assert self._header is not None  # noqa: S101 - for the type checker; read() has looked
        value = _join(headers, self._header)
        if value is None:
            return None
        if self._header.lower() == FORWARDED_FOR.lower():
            return self._nearest_untrusted(value)
        return _parse(value, self._header)

    def _usual(self, headers: HeaderLines) -> Address | None:
        """Without a named header, the two that proxies commonly set must not contradict each other."""
        real, forwarded = _join(headers, REAL_IP), _join(headers, FORWARDED_FOR)
        one = None if real is None else _parse(real, REAL_IP)
        other = None if forwarded is None else self._nearest_untrusted(forwarded)
        if one is not None and other is not None and one != other:
            raise AddressUnknown(f"{REAL_IP} and {FORWARDED_FOR} name different clients. {SET_IT}")
        return one or other

    def _nearest_untrusted(self, value: str) -> Address:
        """From the right, over the proxies we trust, to the first address that one of them did not make up.

        What stands further left came from the client and is not even looked at.
        """
        address = None
        for text in reversed(value.split(",")):
            address = _parse(text, FORWARDED_FOR)
            if not self._trusts(address):
                break
        assert address is not None  # noqa: S101 - split() never gives an empty list
        return address


def _join(headers: HeaderLines, name: str) -> str | None:
    """Several lines of one name are one list, as HTTP has it."""
    lines = headers.get_all(name)
    return ",".join(lines) if lines else None


def _parse(text: str, source: str) -> Address:
    try:
        return Address.parse(text.strip())
    except ValueError:
        raise AddressUnknown(f"{source} is not an address. {SET_IT}") from None
