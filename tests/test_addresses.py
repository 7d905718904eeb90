from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.addresses import AddressReader
from hashpass.domain.errors import AddressUnknown
from hashpass.domain.values import Address

LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]
PROXIES = [*LOOPBACK, ip_network("10.0.0.0/8")]


class Lines:
    """Headers as a list of lines, the way they came."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        self._lines = lines

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self._lines if key.lower() == name.lower()]


REAL = "X-Real-IP"
XFF = "X-Forwarded-For"
CF = "CF-Connecting-IP"


def read(peer: str | None, *lines: tuple[str, str], header: str | None = None) -> str:
    return str(AddressReader(PROXIES, header).read(peer, Lines(*lines)))


def test_without_a_header_the_peer_stands() -> None:
    assert read("203.0.113.7") == "203.0.113.7"
    assert read("127.0.0.1") == "127.0.0.1"
    assert read("2001:db8::1") == "2001:db8::1"


def test_a_mapped_peer_is_ipv4_and_trusted_as_such() -> None:
    assert read("::ffff:203.0.113.7") == "203.0.113.7"
    assert read("::ffff:127.0.0.1", (REAL, "203.0.113.7")) == "203.0.113.7"


@pytest.mark.parametrize("header", [None, REAL, XFF, CF])
def test_headers_of_an_untrusted_peer_are_ignored_even_garbage(header: str | None) -> None:
    lines = ((REAL, "1.1.1.1"), (XFF, "evil"), (CF, "2.2.2.2"))
    assert read("203.0.113.7", *lines, header=header) == "203.0.113.7"


def test_a_unix_socket_is_trusted_and_needs_a_header() -> None:
    assert read(None, (REAL, "203.0.113.7")) == "203.0.113.7"
    assert read(None, (XFF, "8.8.8.8, 203.0.113.7")) == "203.0.113.7"
    for header in (None, REAL, CF):
        with pytest.raises(AddressUnknown, match="HASHPASS_IP_HEADER"):
            read(None, header=header)


@pytest.mark.parametrize(
    ("value", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("8.8.8.8, 203.0.113.7", "203.0.113.7"),
        ("8.8.8.8,203.0.113.7 , 10.1.2.3, 127.0.0.1", "203.0.113.7"),
        ("evil, unknown, 203.0.113.7", "203.0.113.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("10.0.0.9, 10.1.2.3", "10.0.0.9"),
    ],
)
def test_of_a_forwarded_list_the_right_most_untrusted_counts(value: str, client: str) -> None:
    assert read("127.0.0.1", (XFF, value)) == client
    assert read("127.0.0.1", (XFF, value), header="x-forwarded-for") == client
    assert read("127.0.0.1", *((XFF, part) for part in value.split(","))) == client


@pytest.mark.parametrize(
    "value", ["1.2.3.4:5555", "evil", "", " ", "1.2.3.4,", "[2001:db8::1]", "1.2.3.4 5.6.7.8", "01.2.3.4"]
)
@pytest.mark.parametrize(("name", "header"), [(REAL, None), (XFF, None), (REAL, REAL), (XFF, XFF), (CF, CF)])
def test_what_is_no_address_is_refused_with_the_setting_named(value: str, name: str, header: str | None) -> None:
    with pytest.raises(AddressUnknown, match="HASHPASS_IP_HEADER") as refusal:
        read("127.0.0.1", (name, value), header=header)
    assert "evil" not in refusal.value.detail


def test_two_headers_must_agree_unless_one_is_named() -> None:
    assert read("127.0.0.1", (REAL, "203.0.113.7"), (XFF, "8.8.8.8, 203.0.113.7")) == "203.0.113.7"
    assert read("127.0.0.1", (REAL, "::ffff:203.0.113.7"), (XFF, "203.0.113.7")) == "203.0.113.7"
    contradiction = ((REAL, "203.0.113.7"), (XFF, "8.8.8.8"))
    with pytest.raises(AddressUnknown, match="HASHPASS_IP_HEADER"):
        read("127.0.0.1", *contradiction)
    assert read("127.0.0.1", *contradiction, header=REAL) == "203.0.113.7"
    assert read("127.0.0.1", *contradiction, header=XFF) == "8.8.8.8"


def test_a_header_that_came_twice_is_a_list_and_so_no_address() -> None:
    with pytest.raises(AddressUnknown):
        read("127.0.0.1", (REAL, "203.0.113.7"), (REAL, "203.0.113.8"))


def test_cloudflares_header_counts_only_when_named() -> None:
    lines = ((CF, "8.8.8.8"), (REAL, "203.0.113.7"))
    assert read("127.0.0.1", *lines) == "203.0.113.7"
    assert read("127.0.0.1", (CF, "8.8.8.8")) == "127.0.0.1"
    assert read("127.0.0.1", *lines, header="cf-connecting-ip") == "8.8.8.8"


def test_a_named_header_that_is_missing_leaves_the_peer() -> None:
    assert read("127.0.0.1", (REAL, "203.0.113.7"), header=CF) == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "header", "lines", "vouched"),
    [
        ("127.0.0.1", CF, [(CF, "1.1.1.1")], True),
        (None, CF, [(CF, "1.1.1.1")], True),
        ("127.0.0.1", "cf-connecting-ip", [(CF, "1.1.1.1")], True),
        ("127.0.0.1", CF, [], False),
        ("127.0.0.1", None, [(CF, "1.1.1.1")], False),
        ("127.0.0.1", REAL, [(CF, "1.1.1.1")], False),
        ("203.0.113.7", CF, [(CF, "1.1.1.1")], False),
    ],
)
def test_cloudflare_vouches_when_named_present_and_trusted(
    peer: str | None, header: str | None, lines: list[tuple[str, str]], vouched: bool
) -> None:
    assert AddressReader(PROXIES, header).by_cloudflare(peer, Lines(*lines)) is vouched


GARBAGE = st.text(alphabet="0123456789abcdef.:,%[] \t", max_size=60) | st.text(max_size=60)


@given(
    peer=st.sampled_from([None, "127.0.0.1", "10.9.9.9", "203.0.113.7", "fe80::1%eth0"]),
    lines=st.lists(st.tuples(st.sampled_from([REAL, XFF, CF, "Forwarded"]), GARBAGE), max_size=4),
    header=st.sampled_from([None, REAL, XFF, CF]),
)
def test_garbage_is_refused_or_an_address(peer: str | None, lines: list[tuple[str, str]], header: str | None) -> None:
    try:
        address = AddressReader(PROXIES, header).read(peer, Lines(*lines))
    except AddressUnknown:
        assert peer not in {"203.0.113.7", "fe80::1%eth0"}
    else:
        assert address == Address.parse(str(address))
