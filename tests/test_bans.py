from __future__ import annotations

import json
import time
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
import trio
import trio.testing
from attrs import define
from hypothesis import given, settings
from hypothesis import strategies as st

from hashpass.bans import Bans, BansUnreadable, parse_ban
from hashpass.domain.errors import BadRequest, StoreFull
from hashpass.domain.values import Address


@define
class File:
    """A file that may refuse to be written."""

    content: bytes | None = None
    broken: bool = False
    may_write: trio.Event | None = None

    async def save(self, content: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if self.may_write is not None:
            await self.may_write.wait()
        if self.broken:
            raise OSError("disk full")
        self.content = content

    async def load(self) -> bytes | None:
        await trio.lowlevel.checkpoint()
        return self.content


def build(file: File, max_bans: int = 1000) -> Bans:
    return Bans(save=file.save, load=file.load, max_bans=max_bans)


def covers(bans: Bans, text: str) -> bool:
    return bans.covers(Address.parse(text))


@pytest.mark.parametrize(
    ("text", "shown", "inside", "outside"),
    [
        ("203.0.113.7", "203.0.113.7", "203.0.113.7", "203.0.113.8"),
        ("203.0.113.7/32", "203.0.113.7", "203.0.113.7", "203.0.113.6"),
        ("203.0.113.7/24", "203.0.113.0/24", "203.0.113.255", "203.0.114.0"),
        ("10.0.0.0/8", "10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
        ("::ffff:203.0.113.7", "203.0.113.7", "203.0.113.7", "::1"),
        ("::ffff:203.0.113.0/120", "203.0.113.0/24", "203.0.113.9", "::1"),
        ("2001:db8::1", "2001:db8::/64", "2001:db8::ffff:0:0:9", "2001:db8:0:1::1"),
        ("2001:db8::1/128", "2001:db8::/64", "2001:db8::2", "2001:db8:0:1::1"),
        ("2001:db8::/32", "2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
        ("::/32", "::/32", "::1", "0.0.0.1"),
    ],
)
async def test_what_a_ban_covers(text: str, shown: str, inside: str, outside: str) -> None:
    bans = build(File())
    assert await bans.ban(text) == shown
    assert covers(bans, inside)
    assert not covers(bans, outside)
    assert bans.listing() == [shown]
    assert await bans.unban(shown)
    assert not covers(bans, inside)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1.2.3.4:5555",
        "1.2.3.4/7",
        "0.0.0.0/0",
        "::/31",
        "2000::/3",
        "1.2.3.4/33",
        "1.2.3.4/",
        "/8",
        "1.2.3.4/24/1",
        "1.2.3",
        "1.2.3.4/-1",
        " 1.2.3.4",
        "1');alert(1)//",
        "a" * 10_000,
        "1.2.3.4/" + "9" * 5000,
        "\ud800",
        "::ffff:0.0.0.0/97",
    ],
)
async def test_what_is_no_ban_is_refused(text: str) -> None:
    file = File()
    bans = build(file)
    for change in (bans.ban, bans.unban):
        with pytest.raises(BadRequest) as refusal:
            await change(text)
        assert refusal.value.field == "ip"
    assert file.content is None


async def test_an_address_inside_a_banned_network_is_not_lifted_alone() -> None:
    bans = build(File())
    await bans.ban("203.0.113.0/24")
    assert not await bans.unban("203.0.113.7")
    assert covers(bans, "203.0.113.7")


async def test_bans_survive_a_restart() -> None:
    file = File()
    bans = build(file)
    for text in ("203.0.113.7", "10.0.0.0/8", "2001:db8::1"):
        await bans.ban(text)
    await bans.ban("203.0.113.7")
    again = build(file)
    await again.load()
    assert again.listing() == bans.listing() == ["10.0.0.0/8", "203.0.113.7", "2001:db8::/64"]
    assert covers(again, "2001:db8::99")
    assert len(again) == 3


async def test_no_file_is_no_bans() -> None:
    bans = build(File())
    await bans.load()
    assert bans.listing() == []


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"{}", b"[]", b"null", b'{"banned_ips": 5}', b'{"banned_ips": [5]}', b'{"banned_ips": ["x"]}'],
)
async def test_an_unreadable_file_is_named_and_left_alone(content: bytes) -> None:
    file = File(content)
    with pytest.raises(BansUnreadable, match=r"blacklist\.json"):
        await build(file).load()
    assert file.content == content


async def test_a_failed_save_changes_nothing() -> None:
    file = File()
    bans = build(file)
    await bans.ban("203.0.113.7")
    file.broken = True
    with pytest.raises(OSError, match="disk full"):
        await bans.ban("203.0.113.8")
    with pytest.raises(OSError, match="disk full"):
        await bans.unban("203.0.113.7")
    assert bans.listing() == ["203.0.113.7"]
    assert not covers(bans, "203.0.113.8")


async def test_bans_made_at_once_are_all_in_the_file() -> None:
    file = File()
    bans = build(file)
    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(bans.ban, f"203.0.113.{number}")
    assert file.content is not None
    assert json.loads(file.content)["banned_ips"] == bans.listing()
    assert len(bans) == 10


async def test_a_caller_who_hangs_up_leaves_file_and_memory_alike() -> None:
    file = File(may_write=trio.Event())
    bans = build(file)

    hung_up = trio.Event()

    async def hang_up_while_it_is_written() -> None:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(bans.ban, "203.0.113.7")
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
                hung_up.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hang_up_while_it_is_written)
        await hung_up.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert file.may_write is not None
        file.may_write.set()
    assert file.content is not None
    assert covers(bans, "203.0.113.7")


async def test_the_list_is_bounded() -> None:
    bans = build(File(), max_bans=2)
    await bans.ban("203.0.113.1")
    await bans.ban("203.0.113.2")
    with pytest.raises(StoreFull):
        await bans.ban("203.0.113.3")
    assert await bans.ban("203.0.113.2") == "203.0.113.2"


async def test_asking_does_not_grow_with_the_list() -> None:
    texts = [str(IPv4Address(0xCB000000 + 7 * n)) for n in range(5000)]
    texts += [str(IPv6Network(((0x20010DB8 << 96) + (n << 64), 64))) for n in range(5000)]
    bans = build(File(json.dumps({"banned_ips": texts}).encode()), max_bans=20_000)
    await bans.load()
    asked = [Address.parse("198.51.100.1"), Address.parse("2001:db8:ffff::1"), Address(IPv4Address(0xCB000000 + 7))]
    started = time.perf_counter()
    for _ in range(2000):
        answers = [bans.covers(address) for address in asked]
    assert time.perf_counter() - started < 0.5
    assert answers == [False, False, True]


ADDRESSES = st.one_of(
    st.integers(0, 2**12).map(lambda n: IPv4Address(0xCB007000 + n)),
    st.integers(0, 2**12).map(lambda n: IPv6Address((0x20010DB8 << 96) + (n << 60))),
)
TEXTS = ADDRESSES.flatmap(
    lambda ip: st.one_of(
        st.just(str(ip)), st.integers(8 if ip.version == 4 else 32, ip.max_prefixlen).map(lambda n: f"{ip}/{n}")
    )
)


async def compare(changes: list[tuple[bool, str]], asked: list[IPv4Address | IPv6Address]) -> None:
    bans = build(File())
    model: set[IPv4Network | IPv6Network] = set()
    for add, text in changes:
        network = parse_ban(text)
        if add:
            await bans.ban(text)
            model.add(network)
        else:
            assert await bans.unban(text) == (network in model)
            model.discard(network)
    for ip in asked:
        assert bans.covers(Address(ip)) == any(ip in network for network in model)
    assert {ip_network(text) for text in bans.listing()} == model


@settings(deadline=None)
@given(
    changes=st.lists(st.tuples(st.sampled_from([True, True, False]), TEXTS), max_size=15),
    asked=st.lists(ADDRESSES, max_size=15),
)
def test_answers_are_those_of_looking_through_all_networks(
    changes: list[tuple[bool, str]], asked: list[IPv4Address | IPv6Address]
) -> None:
    trio.run(compare, changes, asked)


@given(st.text(alphabet="0123456789abcdef.:/%x ", max_size=40) | st.text(max_size=40))
def test_garbage_is_refused_or_a_network_of_lawful_width(text: str) -> None:
    try:
        network = parse_ban(text)
    except BadRequest:
        return
    assert network.prefixlen >= (8 if network.version == 4 else 32)
    assert network.version == 4 or network.prefixlen <= 64
