"""A running server meets requests and messages that nobody would send on purpose."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import schemathesis
import trio
from attrs import define, field
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hashpass import __version__
from hashpass.web.errors import PROBLEM_JSON
from hashpass.web.openapi import document
from tests.house import BROWSER, open_house
from tests.wire.peers import Peer, frame, text

EXAMPLES = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
FIT = [status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]
REFUSAL_CODES = {1002, 1007, 1008, 1009}

api = schemathesis.openapi.from_dict(document(__version__))


@define
class Target:
    """A server on another thread, where no test's event loop is in its way."""

    url: str
    http: httpx.Client
    _numbers: Iterator[int] = field(factory=count)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def stranger(self) -> dict[str, str]:
        """Headers of a browser at an address of its own, whom no limit has met yet."""
        number = next(self._numbers)
        return {"User-Agent": BROWSER, "X-Real-IP": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}

    def player(self) -> dict[str, str]:
        """A stranger's headers with a session."""
        headers = self.stranger()
        token = self.http.post("/api/session", json={"token": ""}, headers=headers).json()["session_token"]
        return {**headers, "Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    opened: queue.Queue[tuple[str, trio.lowlevel.TrioToken, trio.Event]] = queue.Queue()

    async def serve() -> None:
        directory = tmp_path_factory.mktemp("fuzz")
        async with open_house(directory, HASHPASS_HASHRATE_INTERVAL="0.1") as running:
            done = trio.Event()
            opened.put((running.url, trio.lowlevel.current_trio_token(), done))
            await done.wait()

    thread = threading.Thread(target=trio.run, args=(serve,), name="the server")
    thread.start()
    url, token, done = opened.get(timeout=10)
    # A connection each: what one request leaves behind must not be mistaken for the next one's answer.
    alone = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=url, timeout=10, limits=alone, headers={"User-Agent": BROWSER}) as http:
        yield Target(url, http)
    trio.from_thread.run_sync(done.set, trio_token=token)
    thread.join(20)
    assert not thread.is_alive()


def assert_refused_or_done(response: httpx.Response) -> None:
    """Never a server's mistake; every refusal in the one form."""
    if response.status_code == 503:
        assert int(response.headers["Retry-After"]) >= 1
    else:
        assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert response.headers["Content-Type"] == PROBLEM_JSON
        assert response.json()["status"] == response.status_code
    assert response.headers["X-Content-Type-Options"] == "nosniff"


# HTTP


@pytest.mark.parametrize("entered", [False, True], ids=["stranger", "player"])
@api.parametrize()
@EXAMPLES
def test_whatever_is_asked_the_answer_is_as_documented(
    case: schemathesis.Case[Any], target: Target, entered: bool
) -> None:
    headers = target.player() if entered else target.stranger()
    response = case.call(base_url=target.url, headers=headers, timeout=10)
    case.validate_response(response, checks=FIT)
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert response.headers["content-type"] == [PROBLEM_JSON]
        assert response.json()["status"] == response.status_code


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("visitorId", "nonce", "submittedSeed", "traceData", "hash", "token", "extra")


@given(path=st.sampled_from(["/api/session", "/api/puzzle", "/api/verify", "/api/submit"]), data=st.data())
@EXAMPLES
def test_a_nearly_right_body_is_answered_or_refused(target: Target, path: str, data: st.DataObject) -> None:
    headers = target.player()
    seed = target.http.get("/api/puzzle", headers=headers).json()["seed"]
    trace = target.http.get("/api/trace", headers=headers).text
    body = {"token": "", "visitorId": "v", "nonce": 0, "submittedSeed": seed, "traceData": trace, "hash": "0" * 64}
    body |= data.draw(st.dictionaries(st.sampled_from(FIELDS), anything, max_size=3))
    assert_refused_or_done(target.http.post(path, content=json.dumps(body), headers=headers))


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"]),
    path=st.text(max_size=40).map(lambda tail: "/" + tail) | st.sampled_from(sorted(document("")["paths"])),
    content=st.binary(max_size=200) | st.just(b"[" * 10_000) | st.just(b'{"token":' + b"9" * 5000 + b"}"),
    bearer=st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), max_size=60),
)
@EXAMPLES
def test_any_call_of_any_path_is_answered_in_the_one_form(
    target: Target, method: str, path: str, content: bytes, bearer: str
) -> None:
    headers = httpx.Headers([(b"Authorization", b"Bearer hps_" + bearer.encode("latin-1").strip())])
    headers.update(target.stranger())
    url = httpx.URL(target.url, path=quote(path))
    response = target.http.request(method, url, content=content, headers=headers)
    if method == "HEAD" or response.status_code < 400:
        assert response.status_code < 500
    else:
        assert_refused_or_done(response)


async def send(target: Target, request: bytes) -> bytes:
    """All that is answered to these bytes."""
    with trio.fail_after(10):
        async with await trio.open_tcp_stream("127.0.0.1", target.port) as stream:
            answer = b""
            try:
                await stream.send_all(request)
                await stream.send_eof()
                async for chunk in stream:
                    answer += chunk
            except trio.BrokenResourceError:
                pass  # a reset says no as well
            return answer


@given(
    request=st.binary(max_size=300)
    | st.builds(
        lambda line, lines, body: b"\r\n".join([line, *lines, b"", body]),
        st.sampled_from([b"GET /api/health HTTP/1.1", b"POST /api/session HTTP/1.1", b"GET /api/ws HTTP/1.1"]),
        st.lists(
            st.sampled_from(
                [
                    *(b"Host: x", b"Host: y", b"Content-Length: 2", b"Content-Length: 3", b"Content-Length: -1"),
                    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Expect: 100-continue"),
                    *(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13", b"X: \x00"),
                    *(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Upgrade: h2c", b"X-Real-IP: \xff", b" folded"),
                ]
            ),
            max_size=8,
        ),
        st.binary(max_size=60),
    )
)
@EXAMPLES
def test_bytes_that_are_hardly_http_get_no_answer_but_a_refusal(target: Target, request: bytes) -> None:
    note(repr(request))
    answer = trio.run(send, target, request)
    # 501 and 505 are HTTP's own words for a coding and a version that a server does not speak.
    assert not answer or answer.split(b" ")[1] < b"500" or answer.split(b" ")[1] in {b"501", b"505"}
    assert target.http.get("/api/health").status_code == 200


@pytest.mark.parametrize("path", [b"?", b"?x=1", b"http://[", b"http://[/api/health", b"http://%5B/"])
def test_a_target_without_a_path_is_the_clients_mistake(target: Target, path: bytes) -> None:
    answer = trio.run(send, target, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")


# WebSocket


def read(payload: bytes) -> dict[str, Any]:
    """A server's message, read as strictly as a browser reads it."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    message: dict[str, Any] = json.loads(payload, parse_constant=refuse)
    return message


class Tab(Peer):
    @classmethod
    async def open_at(cls, target: Target) -> Tab:
        tab = cls(await trio.open_tcp_stream("127.0.0.1", target.port))
        await tab.open("/api/ws?token=x", *(f"{name}: {value}".encode() for name, value in target.stranger().items()))
        assert (await tab.hear())["type"] == "SESSION_TOKEN"
        return tab

    async def hear(self, *kinds: str) -> dict[str, Any]:
        """The next message of one of these types; `{"code": …}` at the close."""
        while True:
            opcode, payload = await self.frame()
            if opcode == 8:
                return {"type": "close", "code": int.from_bytes(payload[:2], "big")}
            if opcode == 1 and (not kinds or read(payload)["type"] in kinds):
                return read(payload)

    async def hear_all(self) -> list[dict[str, Any]]:
        """Everything until the goodbye, or the end without one."""
        heard: list[dict[str, Any]] = []
        try:
            while not heard or heard[-1]["type"] != "close":
                heard.append(await self.hear())
        except (EOFError, trio.BrokenResourceError):
            pass
        return heard


async def talk(target: Target, frames: list[bytes]) -> list[dict[str, Any]]:
    """Say all this while another tab is open, and hear what the server has to say to it."""
    with trio.fail_after(10):
        bystander, tab = await Tab.open_at(target), await Tab.open_at(target)
        async with bystander.stream, tab.stream:
            try:
                for each in frames:
                    await tab.send(each)
                await tab.send(text('{"type": "ping", "last": true}'))
                await tab.stream.send_eof()  # type: ignore[attr-defined]  # a TCP stream can be closed by halves
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # shown out before it was done
            heard = await tab.hear_all()
            await bystander.send(text('{"type": "ping"}'))
            assert (await bystander.hear("PONG", "close"))["type"] == "PONG"
            return heard


def assert_civil(heard: list[dict[str, Any]]) -> None:
    assert {message["type"] for message in heard} <= {"RACE", "PONG", "ERROR", "NETWORK_HASHRATE", "close"}
    assert all(isinstance(message["detail"], str) for message in heard if message["type"] == "ERROR")
    assert all(message["code"] in REFUSAL_CODES for message in heard if message["type"] == "close")


TYPES = ["ping", "mining_start", "mining_stop", "hashrate", "PING", "SESSION_TOKEN", ""]
near = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES) | anything},
    optional={"payload": anything | st.fixed_dictionaries({"rate": anything}), "token": anything},
)
messages = (
    st.one_of(near, anything).map(lambda value: text(json.dumps(value)))
    | st.text(max_size=200).map(text)
    | st.binary(max_size=200).map(lambda payload: frame(2, payload))
    | st.binary(max_size=200).map(lambda payload: frame(1, payload))
    | st.sampled_from(
        [
            text("[" * 4096),
            text('{"a":' * 800),
            text("1" * 4096),
            text("9" * 4097),
            text('{"type": "hashrate", "payload": {"rate": ' + "9" * 4000 + "}}"),
            *(
                text('{"type": "hashrate", "payload": {"rate": ' + rate + "}}")
                for rate in ("1e308", "1e309", "-1", "Infinity", "-Infinity", "NaN", "1e-400", "true")
            ),
            text('{"type": "\\ud800", "payload": "\\udfff\\ud800"}'),
            text('{"type": "ping", "type": "nothing"}'),
            text("\ufeff{}"),
            frame(1, b"\xed\xa0\x80"),
            frame(9, b"ping"),
            frame(10, b""),
            frame(9, b"x" * 126),
            frame(0, b"a continuation of nothing"),
            frame(1, b"half", fin=False),
        ]
    )
)


@given(frames=st.lists(messages, min_size=1, max_size=8))
@example(frames=[text('{"type": "hashrate", "payload": {"rate": 1e308}}')] * 4)
@example(frames=[text("[" * 4096)] * 6)
@settings(EXAMPLES, max_examples=300)
def test_any_message_gets_an_error_or_the_door_and_the_neighbour_notices_nothing(
    target: Target, frames: list[bytes]
) -> None:
    heard = trio.run(talk, target, frames)
    assert_civil(heard)
    errors = sum(message["type"] == "ERROR" for message in heard)
    assert errors <= 5
    if errors == 5:
        assert heard[-1] == {"type": "close", "code": 1008}
    assert {"PONG", "close"} & {message["type"] for message in heard}


@given(garbage=st.binary(min_size=1, max_size=400))
@settings(EXAMPLES, max_examples=150)
def test_bytes_that_are_no_frames_end_one_socket_and_no_other(target: Target, garbage: bytes) -> None:
    heard = trio.run(talk, target, [garbage])
    assert all(message.get("code") != 1011 for message in heard)


def test_after_all_that_the_server_is_well_and_the_sum_of_the_rates_is_zero(target: Target) -> None:
    health = target.http.get("/api/health").json()
    assert health["status"] == "ok"
    assert {task["crashes"] for task in health["tasks"].values()} == {0}
    metrics = target.http.get("/metrics").text
    assert "hashpass_network_hash_rate 0.0" in metrics


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /api/health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"no http at all\r\n\r\n", 400),
    ],
)
async def test_what_is_refused_before_the_app_is_asked_has_the_form_of_all_answers(
    tmp_path: Path, raw: bytes, status: int
) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            host, port = running.url.removeprefix("http://").split(":")
            async with await trio.open_tcp_stream(host, int(port)) as stream:
                await stream.send_all(raw)
                answer = b"".join([chunk async for chunk in stream])
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/problem+json" in head
    assert b"content-security-policy: default-src 'none'" in head
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["detail"]
