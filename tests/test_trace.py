from __future__ import annotations

from contextlib import suppress

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from hashpass.domain.errors import TraceRefused
from hashpass.domain.values import Address
from hashpass.trace import Binding, TraceCheck, TraceMode, TraceSigner

KEY = b"k" * 32
HOME = Address.parse("203.0.113.7")
NEXT_DOOR = Address.parse("203.0.113.200")
ELSEWHERE = Address.parse("198.51.100.7")
HOME6 = Address.parse("2001:db8:1:2::7")
AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"


@define
class Clock:
    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signer(clock: Clock) -> TraceSigner:
    return TraceSigner(KEY, wall=clock)


def judge(
    signer: TraceSigner,
    text: str,
    address: Address = HOME,
    *,
    prefixes: tuple[str, ...] = (HOME.prefix,),
    mode: TraceMode = "auto",
    binding: Binding = "prefix",
    cloudflare: bool = False,
) -> None:
    TraceCheck(signer, mode=mode, binding=binding, target_timeout=lambda: 300.0).check(
        text, prefixes, address, cloudflare=cloudflare
    )


def test_a_trace_has_the_lines_that_cloudflares_has_and_a_signature(signer: TraceSigner) -> None:
    text = signer.make(HOME, user_agent=AGENT, scheme="https", host="pass.example")
    lines = dict(line.split("=", 1) for line in text.splitlines())
    assert list(lines) == ["fl", "h", "ip", "ts", "visit_scheme", "uag", "sig"]
    assert lines["ip"] == "203.0.113.7"
    assert lines["h"] == "pass.example"
    assert lines["uag"] == AGENT
    assert lines["ts"] == "1700000000.000"
    judge(signer, text)


def test_the_last_line_end_may_be_lost_on_the_way(signer: TraceSigner) -> None:
    judge(signer, signer.make(HOME).rstrip("\n"))


def test_it_is_valid_for_ten_minutes_and_a_time_out(clock: Clock, signer: TraceSigner) -> None:
    text = signer.make(HOME)
    clock.now += 900
    judge(signer, text)
    clock.now += 1
    with pytest.raises(TraceRefused, match="expired"):
        judge(signer, text)
    clock.now -= 901 + 61
    with pytest.raises(TraceRefused):
        judge(signer, text)


def test_a_raised_time_out_holds_for_traces_already_given(clock: Clock, signer: TraceSigner) -> None:
    timeout = [300.0]
    check = TraceCheck(signer, target_timeout=lambda: timeout[0])
    text = signer.make(HOME)
    clock.now += 1000
    timeout[0] = 600.0
    check.check(text, [HOME.prefix], HOME, cloudflare=False)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("203.0.113.7", "203.0.113.8"),
        lambda text: text.replace("ts=17", "ts=18"),
        lambda text: text[: text.index("sig=")],
        lambda text: text.replace("sig=", "sig="[:3] + "=0"),
        lambda text: text + "more=1\n",
        lambda text: "more=1\n" + text,
        lambda text: text + "\n",
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n")[:-1] + "é",
        lambda text: text.rstrip("\n")[:-1] + "\ud800",
        lambda text: "ip=203.0.113.7",
    ],
)
def test_what_we_did_not_write_is_refused(signer: TraceSigner, change: object) -> None:
    assert callable(change)
    text = change(signer.make(HOME, user_agent=AGENT))
    with pytest.raises(TraceRefused):
        judge(signer, text)


def test_another_servers_signature_is_none(signer: TraceSigner) -> None:
    with pytest.raises(TraceRefused):
        judge(TraceSigner(b"x" * 32), signer.make(HOME))


@pytest.mark.parametrize(
    ("binding", "traced", "prefixes", "allowed"),
    [
        ("prefix", HOME, (HOME.prefix,), True),
        ("prefix", NEXT_DOOR, (HOME.prefix,), True),
        ("prefix", ELSEWHERE, (HOME.prefix,), False),
        ("prefix", HOME6, (HOME.prefix,), False),
        ("prefix", HOME6, (HOME.prefix, HOME6.prefix), True),
        ("prefix", HOME, (), False),
        ("strict", HOME, (), True),
        ("strict", NEXT_DOOR, (HOME.prefix,), False),
        ("off", ELSEWHERE, (), True),
    ],
)
def test_whose_address_it_may_name(
    signer: TraceSigner, binding: Binding, traced: Address, prefixes: tuple[str, ...], allowed: bool
) -> None:
    text = signer.make(traced)
    if allowed:
        judge(signer, text, prefixes=prefixes, binding=binding)
    else:
        with pytest.raises(TraceRefused):
            judge(signer, text, prefixes=prefixes, binding=binding)


def test_it_is_compared_as_an_address(signer: TraceSigner) -> None:
    spelt_out = Address.parse("2001:0db8:0001:0002:0000:0000:0000:0007")
    judge(signer, "ip=2001:0DB8:1:2::0007", spelt_out, mode="any", binding="strict")
    judge(signer, "ip=::ffff:203.0.113.7", HOME, mode="any", binding="strict")


@pytest.mark.parametrize(
    ("mode", "cloudflare", "allowed"),
    [
        ("auto", False, False),
        ("auto", True, True),
        ("signed", False, False),
        ("signed", True, False),
        ("any", False, True),
        ("any", True, True),
    ],
)
def test_who_needs_no_signature(signer: TraceSigner, mode: TraceMode, cloudflare: bool, allowed: bool) -> None:
    text = "fl=123f1\nh=pass.example\nip=203.0.113.7\nts=1.0\nvisit_scheme=https\nuag=x\ncolo=FRA\n"
    if allowed:
        judge(signer, text, mode=mode, cloudflare=cloudflare)
    else:
        with pytest.raises(TraceRefused):
            judge(signer, text, mode=mode, cloudflare=cloudflare)


@pytest.mark.parametrize("binding", ["prefix", "strict", "off"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "ts=1\n",
        "ip=203.0.113.7\nip=203.0.113.7\n",
        "ip=203.0.113.7\rip=198.51.100.7",
        "ip=203.0.113.7\u2028ip=198.51.100.7",
        "uag=x\u2028ip=198.51.100.7\nip=203.0.113.7",
        "uag=x\rip=198.51.100.7\nip=203.0.113.7",
        "ip=",
        "ip=1.2.3.4:80",
        "xip=203.0.113.7",
        " ip=203.0.113.7",
        "ip=203.0.113.7\n" + "a" * 2048,
    ],
)
def test_exactly_one_address_is_named_in_bounded_text(signer: TraceSigner, binding: Binding, text: str) -> None:
    with pytest.raises(TraceRefused):
        judge(signer, text, mode="any", binding=binding)


def test_the_page_is_told_which_trace_to_fetch(signer: TraceSigner) -> None:
    for mode in ("auto", "any"):
        assert TraceCheck(signer, mode=mode).url(cloudflare=True) == "/cdn-cgi/trace"
    assert TraceCheck(signer, mode="signed").url(cloudflare=True) == "/api/trace"
    assert TraceCheck(signer).url(cloudflare=False) == "/api/trace"


ANYTHING = st.text(st.characters(), max_size=3000)


@given(agent=ANYTHING, host=ANYTHING, scheme=ANYTHING)
def test_whatever_the_client_says_of_itself_the_trace_stays_whole(agent: str, host: str, scheme: str) -> None:
    signer = TraceSigner(KEY, wall=Clock())
    text = signer.make(
        HOME6, user_agent=agent + "\nip=1.1.1.1\r\u2028ip=1.1.1.1", scheme=scheme, host=host + "\nip=2.2.2.2"
    )
    assert len(text) <= 2048
    assert len(text.splitlines()) == 7
    text.encode()
    judge(signer, text, HOME6, binding="strict")


@given(
    st.one_of(
        ANYTHING,
        st.lists(
            st.sampled_from(["ip=203.0.113.7", "ip=x", "ts=", "ts=nan", "sig=", "sig=00", "\n", "\r", "=", "\udcff"]),
            max_size=12,
        ).map("\n".join),
    ),
    st.sampled_from(["auto", "signed", "any"]),
)
def test_garbage_is_refused_or_without_effect(text: str, mode: TraceMode) -> None:
    with suppress(TraceRefused):
        judge(TraceSigner(KEY, wall=Clock()), text, mode=mode)
        assert mode == "any"
