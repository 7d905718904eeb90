"""Addresses and networks that may not come in, kept in `blacklist.json`."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network

import trio

from hashpass.domain.errors import BadRequest, StoreFull, StoreUnavailable
from hashpass.domain.values import Address

Network = IPv4Network | IPv6Network

WIDEST = {4: 8, 6: 32}


class BansUnreadable(Exception):
    """The file of bans is not what this server writes. Starting without it would let everybody in."""


def parse_ban(text: str) -> Network:
    """The network that a ban of this text covers: an IPv4 address, the /64 of an IPv6 one, or a CIDR.

    So that an operator may first ask whether he is in it himself. BadRequest says what is wrong.
    """
    try:
        network = ip_network(text if "/" in text else Address.parse(text).key, strict=False)
    except ValueError:
        raise BadRequest("ip must be an address or a network such as 203.0.113.0/24.", field="ip") from None
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is not None and network.prefixlen >= 96:
        network = ip_network((mapped, network.prefixlen - 96))
    if network.prefixlen < WIDEST[network.version]:
        raise BadRequest("A ban may be no wider than /8 of IPv4 or /32 of IPv6.", field="ip")
    if isinstance(network, IPv6Network) and network.prefixlen > 64:
        network = network.supernet(new_prefix=64)
    return network


class Bans:
    """Asked by every request, so the answer is a few look-ups however many bans there are."""

    def __init__(
        self,
        *,
        save: Callable[[bytes], Awaitable[None]],
        load: Callable[[], Awaitable[bytes | None]],
        name: str = "blacklist.json",
        max_bans: int = 100_000,
    ) -> None:
        self._save = save
        self._load = load
        self._name = name
        self._max_bans = max_bans
        self._lock = trio.Lock()  # one change at a time, so that each save holds all those before it
        self._networks: frozenset[Network] = frozenset()
        self._numbers: dict[tuple[int, int], set[int]] = {}
        """By version and shift: the network addresses, shifted right by their host bits."""

    def __len__(self) -> int:
        return len(self._networks)

    async def load(self) -> None:
        """Read back what was saved. BansUnreadable names the file; nothing is overwritten."""
        content = await self._load()
        if content is None:
            return
        try:
            networks = [parse_ban(text) for text in json.loads(content)["banned_ips"]]
        except (BadRequest, ValueError, KeyError, TypeError) as error:
            raise BansUnreadable(f"{self._name} is not what this server wrote. Repair it or move it away.") from error
        self._install(networks)

    async def ban(self, text: str) -> str:
        """Ban, and once that is on disk, answer with what exactly is banned now."""
        network = parse_ban(text)
        async with self._lock:
            if network not in self._networks:
                if len(self._networks) >= self._max_bans:
                    raise StoreFull("The list of bans is full. Ban a wider network, or lift some bans.")
                await self._change(self._networks | {network})
        return _show(network)

    async def unban(self, text: str) -> bool:
        """Lift exactly this ban; False if there is none. A wider one that covers it stays."""
        network = parse_ban(text)
        async with self._lock:
            if network not in self._networks:
                return False
            await self._change(self._networks - {network})
        return True

    def covers(self, address: Address) -> bool:
        number, version = int(address.ip), address.ip.version
        return any(
            number >> shift in numbers for (family, shift), numbers in self._numbers.items() if family == version
        )

    def listing(self) -> list[str]:
        """All bans, IPv4 first, in order."""
        return [_show(network) for network in _sorted(self._networks)]

    async def _change(self, networks: frozenset[Network]) -> None:
        content = json.dumps({"banned_ips": [_show(network) for network in _sorted(networks)]}, indent=1).encode()
        try:
            # Shielded, lest a caller who hangs up leaves file and memory at odds.
            with trio.fail_after(30, shield=True):
                await self._save(content)
        except trio.TooSlowError:
            raise StoreUnavailable(f"{self._name} could not be written in time.") from None
        self._install(networks)

    def _install(self, networks: Iterable[Network]) -> None:
        numbers: dict[tuple[int, int], set[int]] = {}
        for network in networks:
            shift = network.max_prefixlen - network.prefixlen
            numbers.setdefault((network.version, shift), set()).add(int(network.network_address) >> shift)
        self._networks, self._numbers = frozenset(networks), numbers


def _sorted(networks: Iterable[Network]) -> list[Network]:
    return sorted(networks, key=lambda network: (network.version, int(network.network_address), network.prefixlen))


def _show(network: Network) -> str:
    return str(network.network_address) if network.prefixlen == 32 and network.version == 4 else str(network)
