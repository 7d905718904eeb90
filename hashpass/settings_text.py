"""How one setting is written: the parsers of the table in `settings.py`, and what of a value may be shown.

Each parser answers the value, or raises ValueError with the end of the sentence "it must be ..."."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar
from unicodedata import category
from urllib.parse import SplitResult, urlsplit

from attrs import field, frozen

from hashpass.domain.errors import BadRequest
from hashpass.domain.records import read_stamp, stamp
from hashpass.generators.mnemonic import LANGUAGES, find_language
from hashpass.identity.mail.message import Sender
from hashpass.identity.mail.smtp import Server

T = TypeVar("T")
Parser = Callable[[str], T]
Network = IPv4Network | IPv6Network

PLACEHOLDERS = ("change-me", "changeme", "your_", "your-", "你的")
"""How the secrets of `.env.example` and of every README so far begin."""
SAMPLES = frozenset(
    {
        "e6024c8eada7b42bee415ef56eb597c62c170681f1946a8cb899fc5c102e2c11",
        "464c57289ac9f1a0a93c98ebe1ced0c31ac777798b9ce55cd67a358db5931b26",
        "637de2cf5c738c757fb4e663685721bf3dca002da5168626dbe07f1b9907e1e3",
    }
)
"""The secrets that HashRand's documentation prints: all the world has them."""
DOTS = "........"
UNSET = "(not set)"


def whole(low: int, high: int) -> Parser[int]:
    def parse(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,12}", text) and low <= int(text) <= high:
            return int(text)
        raise ValueError(f"a whole number from {low} to {high}")

    return parse


def decimal(low: float, high: float) -> Parser[float]:
    def parse(text: str) -> float:
        if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", text) and low <= float(text) <= high:
            return float(text)
        raise ValueError(f"a number from {low:g} to {high:.0f}")

    return parse


def one_of(*words: T) -> Parser[T]:
    by_name = {str(word).casefold(): word for word in words}

    def parse(text: str) -> T:
        if (word := by_name.get(text.casefold())) is None:
            raise ValueError(f"one of {', '.join(str(word) for word in words)}")
        return word

    return parse


def flag(text: str) -> bool:
    flags = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if (value := flags.get(text.casefold())) is None:
        raise ValueError("true or false")
    return value


def matching(pattern: str, must: str) -> Parser[str]:
    def parse(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(must)
        return text

    return parse


def secret(text: str) -> str:
    if text.casefold().startswith(PLACEHOLDERS):
        raise ValueError("a value of your own, not the one of .env.example or a README (see `hashpass secrets`)")
    if not 16 <= len(text) <= 1024:
        raise ValueError("16 to 1024 characters long")
    return text


def hex_text(text: str) -> str:
    if re.fullmatch(r"[0-9a-fA-F]{64}", secret(text)) is None:
        raise ValueError("64 hex digits (see `hashpass secrets`)")
    if text.lower() in SAMPLES:
        raise ValueError("a value of your own, not the one of a README (see `hashpass secrets`)")
    return text


def hex_secret(text: str) -> bytes:
    return bytes.fromhex(hex_text(text))


def signing_secret(text: str) -> str:
    encoded = secret(text).removeprefix("whsec_")
    try:
        base64.b64decode(encoded, validate=True)
    except ValueError:
        if encoded != text:
            raise ValueError("base64 after whsec_ (see `hashpass secrets`)") from None
    return text


def host(text: str) -> str:
    name = text.removeprefix("[").removesuffix("]")
    if not (_is_address(name) if ":" in name else re.fullmatch(r"[A-Za-z0-9._-]{1,253}", name)):
        raise ValueError("an address or a host name")
    return name


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def binds(text: str) -> tuple[str, ...]:
    parts = tuple(part.strip() for part in text.split(","))
    if not all(map(_is_bind, parts)):
        raise ValueError("host:port, [IPv6]:port or unix:path, or several with commas between")
    return parts


def _is_bind(text: str) -> bool:
    if text.startswith("unix:"):
        return text != "unix:"
    address, _, port = text.rpartition(":")
    try:
        whole(0, 65535)(port)
        return address.startswith("[") == (":" in host(address)) == address.endswith("]")
    except ValueError:
        return False


def file(text: str) -> Path:
    if not Path(text).is_file():
        raise ValueError("a file that exists")
    return Path(text)


def networks(text: str) -> tuple[Network, ...]:
    if text.casefold() == "none":
        return ()
    try:
        return tuple(_network(part.strip()) for part in text.split(","))
    except ValueError:
        raise ValueError("addresses or networks like 10.0.0.0/8 with commas between, or none") from None


def _network(text: str) -> Network:
    """A network; peers are compared after mapped IPv4 has become IPv4 again, so the network becomes that too."""
    network = ip_network(text, strict=False)
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - 96))
    return network


def _web_address(text: str) -> SplitResult:
    parts = urlsplit(text)  # raises ValueError itself, as `port` and `host` do
    host(parts.hostname or "")
    if parts.scheme not in {"http", "https"} or "@" in parts.netloc or parts.port == 0 or " " in text:
        raise ValueError
    return parts


def url(text: str) -> str:
    try:
        _web_address(text)
    except ValueError:
        raise ValueError("an http:// or https:// address without a user name") from None
    return text


def origin(text: str) -> str:
    """As a browser writes it: lower case, no default port, no slash."""
    try:
        parts = _web_address(text)
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if not parts.scheme or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("an origin like https://example.org")
    default = ":443" if parts.scheme == "https" else ":80"
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(default)}"


def origins(text: str) -> tuple[str, ...]:
    try:
        return tuple(origin(part.strip()) for part in text.split(","))
    except ValueError:
        raise ValueError("origins like https://example.org with commas between") from None


def instant(text: str) -> float:
    """In Unix seconds."""
    try:
        seconds = read_stamp(text)
    except (ValueError, OverflowError):
        seconds = -1.0
    if seconds < 0:
        raise ValueError("a date and time with its zone, like 2027-01-31T18:00:00Z")
    return seconds


def shown_instant(value: object) -> str:
    return stamp(value) if isinstance(value, float) else plain(value)


def phrase_language(text: str) -> str:
    try:
        return find_language(text)
    except BadRequest:
        raise ValueError(f"one of {', '.join(LANGUAGES)}") from None


def store(text: str) -> str:
    if text.casefold() == "memory":
        return "memory"
    path = text.removeprefix("sqlite:///")
    if path == text or not path or path.endswith("/") or re.search(r"[?#:]", path):
        raise ValueError("memory, or sqlite:/// and a file's path")
    return text


def mail_server(text: str) -> str:
    Server.parse(text)
    return text


def sender(text: str) -> str:
    Sender.parse(text)
    return text


def cores() -> int:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, 64)


def dots(_: object) -> str:
    return DOTS


def plain(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(item) for item in value) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def host_only(value: object) -> str:
    """Addresses of hooks and stores often carry a password or a key."""
    scheme, mark, rest = str(value).partition("://")
    place = "" if "@" in rest else re.split(r"[/?#]", rest)[0]
    return scheme + mark + place + ("" if place == rest else "/...")


def store_place(value: object) -> str:
    return str(value) if str(value).startswith("sqlite:///") else host_only(value)


def mail_host(value: object) -> str:
    """The password may be anywhere in what is no address."""
    try:
        server = Server.parse(str(value))
    except ValueError:
        return DOTS
    return f"{'smtps' if server.tls else 'smtp'}://{server.host}:{server.port}"


@frozen
class Setting:
    """A row of the table."""

    name: str
    default: Any
    parse: Parser[Any]
    purpose: str
    secret: bool = False
    show: Callable[[object], str] = plain
    aliases: tuple[str, ...] = ()
    """Other names that it has had; its own wins over them."""

    @property
    def names(self) -> tuple[str, ...]:
        return self.name, *self.aliases

    @property
    def attribute(self) -> str:
        return self.name.removeprefix("HASHPASS_").lower()

    def read(self, text: str) -> Any:
        if any(category(letter) in {"Cc", "Cs"} for letter in text):
            raise ValueError("readable text on one line")
        return self.parse(text)

    def quote(self, text: str) -> str:
        """A wrong value, as far as it may be shown."""
        shown = self.show(text)
        return shown if self.secret else ascii(shown if len(shown) <= 80 else shown[:77] + "...")


def setting(
    name: str,
    default: T,
    parse: Parser[T],
    purpose: str,
    *,
    secret: bool = False,
    show: Callable[[object], str] = plain,
    aliases: tuple[str, ...] = (),
) -> T:
    row = Setting(name, default, parse, purpose, secret, dots if secret else show, aliases)
    given: Any = field(default=default, repr=show is plain and not secret, metadata={"setting": row})
    return given  # type: ignore[no-any-return]  # attrs's own trick: the field stands where its value will be
