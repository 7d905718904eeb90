"""Turnstile against a small siteverify of our own, over real sockets."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import h11
import httpx
import pytest
import trio
from attrs import define, field, frozen

from hashpass.domain.errors import GateRefused, GateTokenUsed, GateUnavailable
from hashpass.domain.values import Address
from hashpass.gates import turnstile
from hashpass.gates.base import Gate, Gatekeeper, Sources
from hashpass.gates.turnstile import Turnstile
from hashpass.storage.memory import MemoryStore

HOME = Address.parse("203.0.113.7")
SECRET = "0xSECRETSECRETSECRET"


@frozen
class Reply:
    body: bytes = b'{"success": true, "error-codes": [], "hostname": "pass.example", "action": "enter"}'
    status: int = 200
    hang: bool = False
    hang_up: bool = False
    drip: bool = False


YES = Reply()


def no(*codes: str) -> Reply:
    return Reply(json.dumps({"success": False, "error-codes": codes}).encode())


@define
class Siteverify:
    """Answers with `replies` in turn, the last one for ever; keeps what it was asked."""

    replies: list[Reply] = field(factory=lambda: [YES])
    asked: list[dict[str, str]] = field(factory=list)
    url: str = ""

    async def serve(self, stream: trio.abc.Stream) -> None:
        wire = h11.Connection(h11.SERVER)
        content = b""
        try:
            while True:
                event = wire.next_event()
                if event is h11.NEED_DATA:
                    wire.receive_data(bytes(await stream.receive_some()))
                elif isinstance(event, h11.Data):
                    content += event.data
                elif isinstance(event, h11.EndOfMessage):
                    await self._reply(wire, stream, content)
                    content = b""
                    wire.start_next_cycle()
                elif isinstance(event, h11.ConnectionClosed):
                    return
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
            return  # a client that gave up, which some tests are about
        finally:
            await trio.aclose_forcefully(stream)

    async def _reply(self, wire: h11.Connection, stream: trio.abc.Stream, content: bytes) -> None:
        self.asked.append({key: values[0] for key, values in parse_qs(content.decode()).items()})
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if reply.hang:
            await trio.sleep_forever()
        if reply.hang_up:
            raise trio.BrokenResourceError
        headers = [("Content-Length", str(len(reply.body))), ("Location", "http://127.0.0.1:1/")]
        sent = b""
        for event in (
            h11.Response(status_code=reply.status, headers=headers),
            h11.Data(data=reply.body),
            h11.EndOfMessage(),
        ):
            sent += wire.send(event) or b""
        step = 1 if reply.drip else len(sent)
        for start in range(0, len(sent), step):
            await stream.send_all(sent[start : start + step])
            if reply.drip:
                await trio.sleep(0.05)


@asynccontextmanager
async def serving(site: Siteverify) -> AsyncIterator[Siteverify]:
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        await nursery.start(trio.serve_listeners, site.serve, [listener])
        site.url = f"http://127.0.0.1:{port}/turnstile/v0/siteverify"
        yield site
        nursery.cancel_scope.cancel()


@pytest.fixture
async def site() -> AsyncIterator[Siteverify]:
    async with serving(Siteverify()) as opened:
        yield opened


Build = Callable[..., Turnstile]


@pytest.fixture
async def build(site: Siteverify) -> AsyncIterator[Build]:
    built: list[Turnstile] = []

    def build(**options: object) -> Turnstile:
        client = httpx.AsyncClient(trust_env=False)
        gate = Turnstile(site_key="0xSITE", secret=SECRET, url=site.url, client=client, **options)  # type: ignore[arg-type]  # each test gives what fits
        built.append(gate)
        return gate

    yield build
    for gate in built:
        await gate.aclose()


async def test_a_good_token_passes_and_the_question_holds_what_it_must(site: Siteverify, build: Build) -> None:
    await build(new_key=lambda: "key-1").check("token", HOME)
    assert site.asked == [
        {"secret": SECRET, "response": "token", "remoteip": "203.0.113.7", "idempotency_key": "key-1"}
    ]


async def test_each_question_has_its_own_idempotency_key(site: Siteverify, build: Build) -> None:
    gate = build()
    await gate.check("token", HOME)
    await gate.check("token", HOME)
    assert site.asked[0]["idempotency_key"] != site.asked[1]["idempotency_key"]


@pytest.mark.parametrize(
    ("codes", "refusal"),
    [
        ([], GateRefused),
        (["invalid-input-response"], GateRefused),
        (["missing-input-response"], GateRefused),
        (["bad-request"], GateRefused),
        (["timeout-or-duplicate"], GateTokenUsed),
        (["invalid-input-secret"], GateUnavailable),
        (["missing-input-secret"], GateUnavailable),
        (["something new"], GateRefused),
    ],
)
async def test_what_each_error_code_means(
    site: Siteverify, build: Build, codes: list[str], refusal: type[Exception]
) -> None:
    site.replies = [no(*codes)]
    with pytest.raises(refusal):
        await build().check("token", HOME)
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    "bad",
    [
        Reply(status=500),
        Reply(status=503, body=b"<html>"),
        Reply(status=302),
        Reply(b"<html>all is well</html>"),
        Reply(b""),
        Reply(b"[]"),
        Reply(b"true"),
        Reply(b'{"success": "true"}'),
        Reply(b'{"success": 1}'),
        Reply(b"[" * 60_000),
        Reply(b" " * 70_000 + b'{"success": true}'),
        Reply(b"\xff\xfe"),
        Reply(hang_up=True),
        no("internal-error"),
    ],
)
async def test_an_unclear_answer_is_asked_for_once_more_and_is_never_a_pass(
    site: Siteverify, build: Build, bad: Reply
) -> None:
    gate = build()
    site.replies = [bad]
    with pytest.raises(GateUnavailable):
        await gate.check("token", HOME)
    assert len(site.asked) == 2
    assert site.asked[0] == site.asked[1]  # the same idempotency key, too
    site.replies = [bad, YES]
    await gate.check("token", HOME)


@pytest.mark.parametrize("reply", [Reply(hang=True), Reply(drip=True)])
async def test_a_service_that_hangs_or_drips_is_given_up_twice(
    site: Siteverify, build: Build, reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turnstile, "TRY_SECONDS", 0.2)
    site.replies = [reply]
    started = trio.current_time()
    with pytest.raises(GateUnavailable):
        await build().check("token", HOME)
    assert 0.3 < trio.current_time() - started < 2
    assert len(site.asked) == 2


async def test_nobody_at_the_address_is_unavailable() -> None:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    await listener.aclose()
    client = httpx.AsyncClient(trust_env=False)
    gate = Turnstile(secret=SECRET, url=f"http://127.0.0.1:{port}/", client=client)
    with trio.fail_after(10), pytest.raises(GateUnavailable):
        await gate.check("token", HOME)
    await gate.aclose()


async def test_the_hostname_is_compared_where_configured(site: Siteverify, build: Build) -> None:
    await build(hostnames=["other.example", "PASS.example"]).check("token", HOME)
    gate = build(hostnames=["other.example"])
    with pytest.raises(GateRefused, match="another site"):
        await gate.check("token", HOME)
    site.replies = [Reply(b'{"success": true}')]
    with pytest.raises(GateRefused):
        await gate.check("token", HOME)


async def test_the_action_is_compared_where_configured(site: Siteverify, build: Build) -> None:
    await build(action="enter").check("token", HOME)
    with pytest.raises(GateRefused, match="another purpose"):
        await build(action="login").check("token", HOME)


async def test_behind_the_keeper_a_token_works_once_and_an_outage_spends_nothing(
    site: Siteverify, build: Build
) -> None:
    keeper = Gatekeeper(build(), MemoryStore())
    site.replies = [Reply(status=500), Reply(status=500), YES]
    with pytest.raises(GateUnavailable):
        await keeper.admit("token", HOME)
    await keeper.admit("token", HOME)
    with pytest.raises(GateTokenUsed):
        await keeper.admit("token", HOME)
    assert len(site.asked) == 3


async def test_in_test_mode_everything_passes_and_nothing_is_asked_or_remembered() -> None:
    gate: Gate = Turnstile(test_mode=True, url="http://127.0.0.1:1/")
    keeper = Gatekeeper(gate, MemoryStore(max_entries=0))
    for token in ("", "XXXX.DUMMY.TOKEN.XXXX", "XXXX.DUMMY.TOKEN.XXXX"):
        await keeper.admit(token, HOME)
    assert gate.public() == {"site_key": "1x00000000000000000000AA", "test_mode": True}
    assert gate.csp == Sources()


async def test_the_page_is_told_the_action_that_will_be_compared(build: Build) -> None:
    assert build(action="race").public() == {"site_key": "0xSITE", "test_mode": False, "action": "race"}


async def test_the_page_gets_the_site_key_and_the_sources(build: Build) -> None:
    gate: Gate = build()
    assert gate.public() == {"site_key": "0xSITE", "test_mode": False}
    assert gate.csp.script == gate.csp.frame == ("https://challenges.cloudflare.com",)
    assert gate.remembers


async def test_the_secret_and_the_token_are_in_no_repr_log_or_error(
    site: Siteverify, build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    gate = build()
    seen = repr(gate)
    for reply in (Reply(status=500), no("invalid-input-secret"), no()):
        site.replies = [reply]
        with pytest.raises((GateRefused, GateUnavailable)) as refusal:
            await gate.check("tokentokentoken", HOME)
        seen += repr(refusal.value) + refusal.value.detail
    seen += caplog.text
    assert SECRET not in seen
    assert "tokentokentoken" not in seen
