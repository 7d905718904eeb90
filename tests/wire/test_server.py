"""Hypercorn behind its guards, over real sockets: what hostile and broken clients do, and that the others live on."""

from __future__ import annotations

import logging
import resource
import ssl
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
import trustme
from quart_trio import QuartTrio
from trio_websocket import ConnectionClosed, wrap_client_stream

from hashpass.connection import ServerLimits
from hashpass.lane import Handshake, Lane
from hashpass.server import serve
from hashpass.sockets import Socket, SocketLimits
from tests.wire.peers import House, Listeners, Peer, closing, frame, house, text, tiny_app, upgrade

GET = b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"


async def echo(handshake: Handshake, socket: Socket) -> None:
    async for message in socket:
        socket.send(message if isinstance(message, str) else f"binary {len(message)}")


ECHO = {"/api/ws": echo}
QUICK = ServerLimits(head=0.4, body=0.4, send=0.5, keep_alive=0.8, silence=0.6, ping=0.2, drain=0.5, pause=0.05)


async def alive(home: House) -> None:
    assert await home.get() == (200, b"hello")


async def late(home: House, *extra: bytes) -> Peer:
    """A WebSocket opened by the second request of its connection."""
    peer = await home.connect()
    await peer.send(GET)
    assert await peer.answer() == (200, b"hello")
    await peer.open("/api/ws?token=t", *extra)
    return peer


# Serving


async def test_pages_are_served_and_kept_alive_without_a_word_about_the_software() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        for _ in range(3):
            await peer.send(GET)
            head = await peer.head()
            assert head.startswith(b"HTTP/1.1 200 ")
            assert b"\r\nserver:" not in head.lower()
            assert b"hypercorn" not in head.lower()
            assert await peer.exactly(5) == b"hello"


@pytest.mark.parametrize("request_line", [b"GET / HTTP/1.1\r\nConnection: close", b"GET / HTTP/1.0"])
async def test_a_connection_that_is_not_to_be_kept_ends_with_its_answer(request_line: bytes) -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.send(request_line + b"\r\nHost: example.org\r\n\r\n")
        assert await peer.answer() == (200, b"hello")
        with trio.fail_after(1):
            assert await peer.at_end()


async def test_an_answer_that_does_not_wait_for_the_body_says_that_the_connection_ends() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.send(b"POST /nowhere HTTP/1.1\r\nHost: example.org\r\nContent-Length: 10\r\n\r\nhalf")
        head = (await peer.head()).lower()
        assert head.startswith(b"http/1.1 404 ")
        assert b"\r\nconnection: close" in head


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.send(GET * 3)
        for _ in range(3):
            assert await peer.answer() == (200, b"hello")


async def test_a_request_may_come_byte_by_byte() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        for byte in GET:
            await peer.send(bytes([byte]))
        assert await peer.answer() == (200, b"hello")


async def test_tls_serves_pages_and_sockets(tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    key.write_bytes(certificate.private_key_pem.bytes())
    client = ssl.create_default_context()
    authority.configure_trust(client)
    client.set_alpn_protocols(["h2", "http/1.1"])
    listeners = Listeners()
    secure: list[bool] = []

    async def door(handshake: Handshake, socket: Socket) -> None:
        secure.append(handshake.secure)
        await listeners(handshake, socket)

    async with house({"/api/ws": door}, tls=(str(chain), str(key))) as home:
        stream = await trio.open_ssl_over_tcp_stream("127.0.0.1", home.port, ssl_context=client)
        home.guest(stream.transport_stream)
        peer = Peer(stream)
        await peer.send(GET)
        assert await peer.answer() == (200, b"hello")
        assert stream.selected_alpn_protocol() == "http/1.1"
        transport = await trio.open_tcp_stream("127.0.0.1", home.port)
        home.guest(transport)
        wrapped = trio.SSLStream(transport, client, server_hostname="127.0.0.1")
        async with trio.open_nursery() as nursery:
            websocket = await wrap_client_stream(nursery, wrapped, "127.0.0.1", "/api/ws")
            socket = await listeners.next()
            for number in range(500):
                socket.send(f"{number}")
            for number in range(500):
                assert await websocket.get_message() == f"{number}"
            socket.close(4000, "enough")
            with pytest.raises(ConnectionClosed, match="4000"):
                await websocket.get_message()
        assert secure == [True]


async def test_a_client_that_speaks_plainly_to_tls_or_says_nothing_is_cut_off(tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("127.0.0.1")
    pem = tmp_path / "both.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(str(pem))
    async with house(ECHO, tls=(str(pem), str(pem)), limits=QUICK) as home:
        plain, silent = await home.connect(), await home.connect()
        await plain.send(GET)
        while not await plain.at_end():
            plain.buffer = b""
        assert await silent.at_end()


async def test_a_unix_socket_replaces_a_dead_one_and_goes_with_the_server(tmp_path: Path) -> None:
    path = tmp_path / "hashpass.sock"
    seen: list[str | None] = []

    async def door(handshake: Handshake, socket: Socket) -> None:
        seen.append(handshake.peer)

    for _ in range(2):
        async with house({"/api/ws": door}, bind=f"unix:{path}") as home:
            assert home.address == f"unix:{path}"
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            await alive(home)
            peer = await home.connect()
            await peer.open()
            assert await peer.close_code() == (1000, "")
        assert not path.exists()
        with trio.socket.socket(trio.socket.AF_UNIX) as dead:
            await dead.bind(str(path))
    assert seen == [None, None]


async def test_a_unix_socket_of_a_living_server_or_another_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "hashpass.sock"
    async with house(ECHO, bind=f"unix:{path}") as home:
        with pytest.raises(OSError, match="Another server"):
            await serve(tiny_app(), binds=[f"unix:{path}"], lane=Lane({}), closing=trio.Event())
        await alive(home)
    path.write_text("precious")
    with pytest.raises(OSError, match="in use"):
        await serve(tiny_app(), binds=[f"unix:{path}"], lane=Lane({}), closing=trio.Event())
    assert path.read_text() == "precious"


@pytest.mark.parametrize("bind", ["8080", "host:", "host:http", ":80"])
async def test_a_bind_that_makes_no_sense_is_refused(bind: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        await serve(tiny_app(), binds=[bind], lane=Lane({}), closing=trio.Event())


# Hostile clients


@pytest.mark.parametrize("stray", [b"x", text("early"), b"\r\n", b"\0" * 5000, frame(8) + b"more"])
@pytest.mark.parametrize("path", ["/api/ws", "/", "/nowhere"])
async def test_bytes_after_a_late_upgrade_end_that_connection_at_most(
    stray: bytes, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(ECHO) as home:
        other = await home.connect()
        await other.open()
        peer = await home.connect()
        await peer.send(GET + upgrade(path) + stray)
        assert await peer.answer() == (200, b"hello")
        assert (b" 101 " in await peer.head()) == (path == "/api/ws")
        if path == "/api/ws" and stray == text("early"):
            assert await peer.text() == "early"
        await alive(home)
        await other.send(text("here"))
        assert await other.text() == "here"
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_frame_that_hypercorn_trips_over_ends_that_connection_only(caplog: pytest.LogCaptureFixture) -> None:
    async with house(ECHO) as home:
        peer = await late(home)
        await peer.send(frame(1, b"x", rsv=7))
        with pytest.raises(EOFError):
            await peer.exactly(100)
        await alive(home)
    assert not [record for record in caplog.records if record.exc_info]


async def test_a_client_that_stops_reading_is_cut_off() -> None:
    async with house(ECHO, limits=QUICK) as home:
        peer = await home.connect(small_buffer=True)
        await peer.send(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        await alive(home)
        await trio.sleep(1.2)
        with pytest.raises((EOFError, trio.BrokenResourceError)):
            await peer.exactly(32 * 1024 * 1024)


async def test_a_slow_reader_that_does_read_gets_it_all() -> None:
    async with house(ECHO, limits=QUICK) as home:
        peer = await home.connect()
        await peer.send(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        await peer.head()
        left = 32 * 1024 * 1024 - len(peer.buffer)
        peer.buffer = b""
        for step in range(10_000):
            if step < 12:
                await trio.sleep(0.1)  # longer in all than the limit for one piece
            left -= len(await peer.stream.receive_some(1024 * 1024))
            if not left:
                break
        assert left == 0


async def test_a_reader_frozen_in_an_answer_does_not_hold_up_the_shutdown() -> None:
    async with house(ECHO, limits=ServerLimits(drain=0.3)) as home:
        peer = await home.connect(small_buffer=True)
        await peer.send(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        await peer.head()
        home.closing.set()
        with trio.fail_after(2):
            await home.finished.wait()


@pytest.mark.parametrize(
    "part",
    [
        b"",
        b"G",
        b"GET /ap",
        b"GET /api/ws HTTP/1.1\r\nHost: x\r\n",
        b"POST /echo HTTP/1.1\r\nHost: x",
        GET + b"GET / HT",
        GET + upgrade()[:60],
    ],
)
async def test_a_head_that_does_not_come_is_not_waited_for(part: bytes) -> None:
    async with house(ECHO, limits=QUICK) as home:
        peer = await home.connect()
        await peer.send(part)
        if part.startswith(GET):
            assert await peer.answer() == (200, b"hello")
        with trio.fail_after(1.5):
            if part:
                assert await peer.answer() == (408, b"")
            assert await peer.at_end()


async def test_a_later_head_has_the_same_time_as_the_first() -> None:
    async with house(ECHO, limits=ServerLimits(head=0.4)) as home:
        peer = await home.connect()
        await peer.send(GET)
        assert await peer.answer() == (200, b"hello")
        await trio.sleep(0.6)
        await peer.send(GET[:10])
        with trio.fail_after(1.5):
            assert await peer.answer() == (408, b"")


async def trickle(peer: Peer) -> None:
    """Send a byte now and then until the other side has had enough."""
    try:
        for _ in range(100):
            await peer.send(b"P")
            await trio.sleep(0.05)
    except trio.BrokenResourceError:
        return
    raise AssertionError("a trickle was taken")


async def test_a_head_that_trickles_is_timed_as_a_whole() -> None:
    async with house(ECHO, limits=QUICK) as home:
        peer = await home.connect()
        with trio.fail_after(1.5):
            await trickle(peer)


async def test_a_body_that_trickles_is_timed_as_a_whole() -> None:
    async with house(ECHO, limits=QUICK) as home:
        peer = await home.connect()
        await peer.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        with trio.fail_after(1.5):
            await trickle(peer)


async def test_an_idle_connection_is_closed_after_a_while_but_not_before_the_head_limit() -> None:
    async with house(ECHO, limits=QUICK) as home:
        peer = await home.connect()
        await peer.send(GET)
        await peer.answer()
        await trio.sleep(0.6)
        await peer.send(GET)
        assert await peer.answer() == (200, b"hello")
        with trio.fail_after(1.5):
            assert await peer.at_end()


async def test_a_connection_ends_as_soon_as_its_client_leaves() -> None:
    async with house(ECHO, limits=ServerLimits(connections=1)) as home:
        for _ in range(3):
            with trio.fail_after(2):
                await alive(home)
                peer = await home.connect()
                await peer.send(GET)
                await peer.answer()
                await peer.stream.aclose()
                await (late_peer := await late(home)).send(text("x"))
                assert await late_peer.text() == "x"
                await late_peer.stream.aclose()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /api/ws HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000,
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
async def test_heads_that_are_too_large_or_malformed_get_a_4xx(head: bytes) -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.send(head)
        status, _ = await peer.answer()
        assert 400 <= status < 500 or status == 501
        await alive(home)


async def test_a_body_over_the_apps_limit_is_413() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        await peer.send(chunk * 5 + b"0\r\n\r\n")
        assert (await peer.answer())[0] == 413


async def test_http2_is_not_spoken() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        assert (await peer.answer())[0] == 505
        assert await peer.at_end()
        peer = await home.connect()
        await peer.send(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
            b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
        )
        assert await peer.answer() == (200, b"hello")
        await alive(home)


async def test_a_handlers_bug_is_a_500_and_the_server_goes_on() -> None:
    async with house(ECHO) as home:
        assert (await home.get("/broken"))[0] == 500
        await alive(home)


async def test_the_query_string_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with house(ECHO) as home:
        await home.get("/?token=hps_secret")
        peer = await home.connect()
        await peer.open("/api/ws?token=hps_secret")
    assert "hps_secret" not in caplog.text


# Late upgrades


async def test_a_late_upgrade_joins_through_quart_with_the_same_door() -> None:
    seen: list[Handshake] = []

    async def door(handshake: Handshake, socket: Socket) -> None:
        seen.append(handshake)
        await echo(handshake, socket)

    async with house({"/api/ws": door}) as home:
        peer = await late(home, b"User-Agent: Test/1")
        await peer.send(text("grüß dich") + frame(2, b"") + frame(2, b"\0"))
        assert [await peer.text() for _ in range(3)] == ["grüß dich", "binary 0", "binary 1"]
        await peer.send(closing())
        assert (await peer.close_code())[0] == 1000
    [handshake] = seen
    assert (handshake.path, handshake.query, handshake.peer) == ("/api/ws", {"token": "t"}, "127.0.0.1")
    assert handshake.header("User-Agent") == "Test/1"
    assert not handshake.secure


async def test_a_late_upgrade_gets_no_compression_either() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.send(GET)
        await peer.answer()
        await peer.send(upgrade("/api/ws", b"Sec-WebSocket-Extensions: permessage-deflate"))
        assert b"extensions" not in (await peer.head()).lower()
        await peer.send(frame(1, b"\xca\x48\xcd\xc9\xc9\x07\x00", rsv=4))
        with trio.fail_after(2), pytest.raises(EOFError):
            await peer.text()


async def test_a_late_upgrade_has_the_same_limits() -> None:
    async with house(ECHO) as home:
        for sent, code in (
            (text("x" * 4097), 1009),
            (text("é" * 2049), 1009),
            (text("x") * 21, 1008),
        ):
            peer = await late(home)
            await peer.send(sent)
            assert (await peer.close_code())[0] == code
        peer = await late(home)
        await peer.send(text("x" * 4096))
        assert await peer.text() == "x" * 4096


async def test_a_late_upgrade_whose_door_crashes_or_refuses_says_so() -> None:
    async def door(handshake: Handshake, socket: Socket) -> None:
        if "crash" in handshake.query:
            raise RuntimeError("a bug")
        socket.close(1008, "Not you.")

    async with house({"/api/ws": door}) as home:
        for query, answer in (("crash=1", (1011, "The server failed.")), ("", (1008, "Not you."))):
            peer = await home.connect()
            await peer.send(GET)
            await peer.answer()
            await peer.open(f"/api/ws?{query}")
            assert await peer.close_code() == answer


async def test_a_late_upgrade_that_stops_reading_is_dropped_and_its_door_ends() -> None:
    listeners = Listeners()
    ended = trio.Event()

    async def door(handshake: Handshake, socket: Socket) -> None:
        try:
            await listeners(handshake, socket)
        finally:
            ended.set()

    async with house({"/api/ws": door}, limits=QUICK) as home:
        peer = await home.connect(small_buffer=True)
        await peer.send(GET)
        await peer.answer()
        await peer.open()
        socket = await listeners.next()
        with trio.fail_after(5):
            while socket.ended is None:
                socket.send("x" * 16384)
                assert socket.backlog <= 256 * 1024
                await trio.lowlevel.checkpoint()
            await ended.wait()
        await alive(home)


async def test_a_late_upgrade_that_answers_no_ping_is_closed() -> None:
    ended = trio.Event()

    async def door(handshake: Handshake, socket: Socket) -> None:
        try:
            async for _ in socket:
                pass
        finally:
            ended.set()

    async with house({"/api/ws": door}, limits=QUICK) as home:
        await late(home)
        with trio.fail_after(3):
            await ended.wait()


async def test_a_late_upgrade_hears_of_the_shutdown() -> None:
    async with house(ECHO) as home:
        peer = await late(home)
        await peer.send(text("x"))
        await peer.text()
        home.closing.set()
        assert await peer.close_code() == (1001, "server shutdown")


# The whole


async def test_shutdown_stops_accepting_and_waits_for_what_is_running() -> None:
    app = tiny_app()
    begun, go_on = trio.Event(), trio.Event()

    async def slow() -> str:
        begun.set()
        await go_on.wait()
        return "done"

    app.add_url_rule("/slow", "slow", slow)
    async with house(ECHO, app=app) as home:
        peer, idle = await home.connect(), await home.connect()
        await idle.send(GET)
        await idle.answer()
        await peer.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await begun.wait()
        home.closing.set()
        assert await idle.at_end()
        with pytest.raises(OSError, match="refused"):
            await home.connect()
        assert not home.finished.is_set()
        go_on.set()
        assert await peer.answer() == (200, b"done")
        await peer.stream.aclose()
        await idle.stream.aclose()
        with trio.fail_after(1):
            await home.finished.wait()


async def test_shutdown_does_not_wait_for_ever() -> None:
    app = tiny_app()

    async def stuck() -> str:
        await trio.sleep_forever()
        raise AssertionError

    app.add_url_rule("/stuck", "stuck", stuck)
    async with house(ECHO, app=app, limits=QUICK) as home:
        peer, dead = await home.connect(), await home.connect()
        await peer.send(b"GET /stuck HTTP/1.1\r\nHost: x\r\n\r\n")
        await dead.open()
        await trio.sleep(0.05)
        home.closing.set()
        with trio.fail_after(2):
            await home.finished.wait()


async def test_more_connections_than_allowed_wait_their_turn(caplog: pytest.LogCaptureFixture) -> None:
    async with house(ECHO, limits=ServerLimits(connections=2, drain=1)) as home:
        first, second = await home.connect(), await home.connect()
        await first.open()
        await second.open()
        third = await home.connect()
        await third.send(GET)
        with trio.move_on_after(0.2):
            await third.answer()
            raise AssertionError("served beyond the limit")
        await first.stream.aclose()
        assert await third.answer() == (200, b"hello")
    assert "connections are in use" in caplog.text


@contextmanager
def few_files(spare: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(list(Path("/proc/self/fd").iterdir())) - 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + spare, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts its files the way of Linux")
async def test_running_out_of_files_pauses_accepting_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    async with house(ECHO, limits=QUICK) as home:
        clients = [trio.socket.socket() for _ in range(4)]
        peers = [home.guest(trio.SocketStream(client)) for client in clients]
        with few_files(0):
            for client in clients:
                await client.connect(("127.0.0.1", home.port))
            await trio.sleep(0.2)
            assert caplog.text.count("Raise the limit of open files") == 1
        for peer in peers:
            await peer.send(GET)
            assert await peer.answer() == (200, b"hello")


async def test_an_app_whose_own_nursery_dies_takes_the_server_down() -> None:
    app = QuartTrio("fragile")
    fall = trio.Event()

    async def engine() -> None:
        await fall.wait()
        raise ValueError("the engine broke")

    async def start() -> None:
        app.nursery.start_soon(engine)

    async def live() -> None:
        async with house(ECHO, app=app) as home:
            fall.set()
            await home.finished.wait()

    app.before_serving(start)
    with pytest.RaisesGroup(pytest.RaisesExc(RuntimeError, match="own nursery"), flatten_subgroups=True):
        await live()


async def test_the_lane_refuses_to_send_without_a_server() -> None:
    lane = Lane(ECHO, limits=SocketLimits())

    async def flush() -> None:
        raise AssertionError

    with pytest.raises(RuntimeError, match="not open"):
        lane.spawn(flush)
