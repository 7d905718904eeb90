"""The lane over real sockets: every rule of RFC 6455 that a client can break, and every way to be a bad listener."""

from __future__ import annotations

from contextlib import suppress

import pytest
import trio
import trio.testing
from trio_websocket import connect_websocket_url

from hashpass.lane import Handshake
from hashpass.sockets import Socket, SocketLimits
from tests.wire.peers import ACCEPT, Listeners, Peer, closing, frame, house, text, upgrade


async def echo(handshake: Handshake, socket: Socket) -> None:
    async for message in socket:
        if isinstance(message, bytes):
            socket.send(f"binary {len(message)}")
        else:
            socket.send(message)


ECHO = {"/api/ws": echo}


async def test_an_upgrade_is_answered_and_messages_flow_both_ways() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.send(upgrade())
        head = await peer.head()
        assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert b"Sec-WebSocket-Accept: " + ACCEPT in head
        await peer.send(text("grüß dich"))
        assert await peer.text() == "grüß dich"
        await peer.send(closing(1000))
        assert await peer.close_code() == (1000, "")
        assert await peer.at_end()


async def test_trio_websocket_talks_to_it() -> None:
    async with (
        house(ECHO) as home,
        trio.open_nursery() as nursery,
    ):
        client = await connect_websocket_url(nursery, f"ws://{home.address}/api/ws?token=x")
        for message in ["", "a", "ä" * 100, "x" * 4096]:
            await client.send_message(message)
            assert await client.get_message() == message
        await client.ping(b"there?")
        await client.aclose()
        assert client.closed is not None
        assert client.closed.code == 1000


async def test_the_door_learns_who_came_and_with_what() -> None:
    seen: list[Handshake] = []

    async def door(handshake: Handshake, socket: Socket) -> None:
        seen.append(handshake)

    async with house({"/api/ws": door}) as home:
        peer = await home.connect()
        await peer.open("/api/ws?token=a%20b&token=c&empty=", b"User-Agent: Test/1", b"Origin:  https://x.example ")
        assert await peer.close_code() == (1000, "")
    [handshake] = seen
    assert handshake.path == "/api/ws"
    assert handshake.query == {"token": "a b", "empty": ""}
    assert handshake.header("user-agent") == "Test/1"
    assert handshake.header("Origin") == "https://x.example"
    assert handshake.header("cookie") is None
    assert handshake.peer == "127.0.0.1"
    assert not handshake.secure
    assert "a b" not in repr(handshake)


async def test_compression_is_declined() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.send(upgrade("/api/ws", b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"))
        assert b"extensions" not in (await peer.head()).lower()
        await peer.send(frame(1, b"\xca\x48\xcd\xc9\xc9\x07\x00", rsv=4))
        assert (await peer.close_code())[0] == 1002


def fragments(*parts: bytes, opcode: int = 1) -> bytes:
    last = len(parts) - 1
    return b"".join(frame(opcode if i == 0 else 0, part, fin=i == last) for i, part in enumerate(parts))


E_ACUTE = "é".encode()

TABLE: dict[str, tuple[bytes, list[tuple[int, bytes]]]] = {
    # name: what the client sends, what it must get
    "empty text": (text(""), [(1, b"")]),
    "text of 125 bytes": (text("x" * 125), [(1, b"x" * 125)]),
    "text of 126 bytes": (text("x" * 126), [(1, b"x" * 126)]),
    "text of 4096 bytes": (text("x" * 4096), [(1, b"x" * 4096)]),
    "text of 4097 bytes": (text("x" * 4097), [(8, b"1009")]),
    "4096 bytes in two-byte characters": (text("é" * 2048), [(1, E_ACUTE * 2048)]),
    "4098 bytes in two-byte characters": (text("é" * 2049), [(8, b"1009")]),
    "too large in fragments": (fragments(b"x" * 4000, b"x" * 97), [(8, b"1009")]),
    "a frame that announces 64 KiB": (frame(1, b"x" * 70000), [(8, b"1009")]),
    "binary": (frame(2, b"\x00\xff"), [(1, b"binary 2")]),
    "empty binary": (frame(2, b""), [(1, b"binary 0")]),
    "ping": (frame(9, b"hi"), [(10, b"hi")]),
    "empty ping": (frame(9), [(10, b"")]),
    "ping of 125 bytes": (frame(9, b"p" * 125), [(10, b"p" * 125)]),
    "ping of 126 bytes": (frame(9, b"p" * 126), [(8, b"1002")]),
    "unasked pong": (frame(10, b"x") + text("a"), [(1, b"a")]),
    "fragments": (fragments(b"a", b"b", b"c"), [(1, b"abc")]),
    "empty fragments": (fragments(b"", b"", b""), [(1, b"")]),
    "a ping between fragments": (
        frame(1, b"a", fin=False) + frame(9, b"!") + frame(0, b"b"),
        [(10, b"!"), (1, b"ab")],
    ),
    "a fragmented ping": (frame(9, b"a", fin=False), [(8, b"1002")]),
    "a fragmented close": (frame(8, b"", fin=False), [(8, b"1002")]),
    "a continuation of nothing": (frame(0, b"a"), [(8, b"1002")]),
    "a text inside a text": (frame(1, b"a", fin=False) + text("b"), [(8, b"1002")]),
    "rsv1": (frame(1, b"a", rsv=4), [(8, b"1002")]),
    "rsv2": (frame(1, b"a", rsv=2), [(8, b"1002")]),
    "rsv3": (frame(1, b"a", rsv=1), [(8, b"1002")]),
    "rsv on a ping": (frame(9, b"a", rsv=4), [(8, b"1002")]),
    "rsv on a close": (frame(8, b"", rsv=7), [(8, b"1002")]),
    "unmasked": (frame(1, b"a", masked=False), [(8, b"1002")]),
    "unmasked close": (frame(8, b"", masked=False), [(8, b"1002")]),
    "length in more bytes than needed": (b"\x81\xfe\x00\x01aaaa" + b"x", [(8, b"1002")]),
    "length in eight bytes, needlessly": (b"\x81\xff" + (5).to_bytes(8, "big") + b"aaaa" + b"x" * 5, [(8, b"1002")]),
    "length with the top bit set": (b"\x81\xff" + b"\xff" * 8 + b"aaaa", [(8, b"1002")]),
    "utf-8 split between fragments": (fragments(E_ACUTE[:1], E_ACUTE[1:]), [(1, E_ACUTE)]),
    "utf-8 cut off": (frame(1, E_ACUTE[:1]), [(8, b"1007")]),
    "utf-8 cut off at the last fragment": (fragments(b"a", E_ACUTE[:1]), [(8, b"1007")]),
    "a byte that is never utf-8": (frame(1, b"a\xff"), [(8, b"1007")]),
    "a surrogate": (frame(1, b"\xed\xa0\x80"), [(8, b"1007")]),
    "overlong utf-8": (frame(1, b"\xc0\xaf"), [(8, b"1007")]),
    "beyond unicode": (frame(1, b"\xf4\x90\x80\x80"), [(8, b"1007")]),
    "bad utf-8 is refused before the message ends": (frame(1, b"\xff", fin=False), [(8, b"1007")]),
    "any bytes in binary": (frame(2, b"\xff\xc0"), [(1, b"binary 2")]),
    "close without a code": (frame(8), [(8, b"")]),
    "close with one byte": (frame(8, b"\x03"), [(8, b"1002")]),
    "close with a reason": (closing(1000, "bye"), [(8, b"1000")]),
    "close with 123 bytes of reason": (closing(1000, "x" * 123), [(8, b"1000")]),
    "close with 124 bytes of reason": (closing(1000, "x" * 124), [(8, b"1002")]),
    "close with a reason that is no utf-8": (frame(8, b"\x03\xe8\xff"), [(8, b"1007")]),
    "a message, then a close at once": (text("last") + closing(1001), [(1, b"last"), (8, b"1001")]),
    "nothing counts after a close": (closing(1000) + text("late") + frame(9), [(8, b"1000")]),
    "several messages at once": (text("a") + text("b") + text("c"), [(1, b"a"), (1, b"b"), (1, b"c")]),
}
for _opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
    TABLE[f"opcode {_opcode}"] = (frame(_opcode, b""), [(8, b"1002")])
for _code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
    TABLE[f"close with {_code}"] = (closing(_code), [(8, str(_code).encode())])
for _code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
    TABLE[f"close with {_code} is refused"] = (closing(_code), [(8, b"1002")])


async def expect(peer: Peer, answers: list[tuple[int, bytes]]) -> None:
    for opcode, payload in answers:
        got, data = await peer.frame()
        if got == 8:
            data = str(int.from_bytes(data[:2], "big")).encode() if data else b""
        assert (got, data) == (opcode, payload)
    if answers[-1][0] == 8:
        with suppress(trio.BrokenResourceError):
            await peer.stream.send_eof()  # type: ignore[attr-defined]  # a socket stream
        assert await peer.at_end()


async def test_the_table_of_frames() -> None:
    async with house(ECHO) as home:
        for name, (sent, answers) in TABLE.items():
            for step in (len(sent), 1 if len(sent) < 200 else 997):
                try:
                    with trio.fail_after(3):
                        peer = await home.connect()
                        async with peer.stream:
                            await peer.open()
                            with suppress(trio.BrokenResourceError):  # some are refused before they have ended
                                for start in range(0, len(sent), step):
                                    await peer.send(sent[start : start + step])
                            await expect(peer, answers)
                except (AssertionError, EOFError, trio.TooSlowError) as error:
                    raise AssertionError(f"{name}, {step} bytes at a time") from error


async def test_frames_sent_along_with_the_upgrade_are_read() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.send(upgrade() + text("early") + frame(9, b"p"))
        await peer.head()
        assert {await peer.frame(), await peer.frame()} == {(10, b"p"), (1, b"early")}


async def test_a_head_may_come_byte_by_byte() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        for byte in upgrade():
            await peer.send(bytes([byte]))
        assert b" 101 " in await peer.head()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (upgrade("/api/wsx"), 404),
        (upgrade("/api/ws/"), 404),
        (upgrade().replace(b"HTTP/1.1", b"HTTP/1.0"), 400),
        (upgrade().replace(b"GET", b"PUT"), 405),
        (upgrade().replace(b"Version: 13", b"Version: 8"), 400),
        (upgrade().replace(b"Sec-WebSocket-Key", b"X-Key"), 400),
        (upgrade().replace(b"Host: example.org\r\n", b""), 400),
        (upgrade().replace(b"Upgrade: websocket\r\n", b""), 400),
    ],
)
async def test_what_is_no_valid_upgrade_is_left_to_the_app(request_: bytes, status: int) -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.send(request_)
        assert (await peer.answer())[0] in {status, 400, 404}
        assert home.lane.statistics().open == 0


async def test_21_messages_in_a_second_are_too_many_and_20_are_not() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.open()
        await peer.send(text("x") * 20)
        for _ in range(20):
            assert await peer.text() == "x"
        await peer.send(text("x"))
        assert (await peer.close_code())[0] == 1008


@pytest.mark.parametrize(
    "flood",
    [frame(9, b"x") * 101, frame(10) * 101, frame(1, b"", fin=False) + frame(0, b"", fin=False) * 100],
    ids=["pings", "pongs", "empty fragments"],
)
async def test_a_flood_of_frames_that_are_no_messages_is_cut_off(flood: bytes) -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.open()
        await peer.send(flood)
        assert (await peer.close_code())[0] == 1008


async def test_a_door_that_crashes_closes_with_1011_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def door(handshake: Handshake, socket: Socket) -> None:
        await echo(handshake, socket) if "echo" in handshake.query else 1 / 0

    async with house({"/api/ws": door}) as home:
        other = await home.connect()
        await other.open("/api/ws?echo=1")
        peer = await home.connect()
        await peer.open()
        assert (await peer.close_code())[0] == 1011
        await other.send(text("still here"))
        assert await other.text() == "still here"
    assert "ZeroDivisionError" in caplog.text


async def test_a_refusal_reaches_the_client_as_code_and_reason() -> None:
    async def door(handshake: Handshake, socket: Socket) -> None:
        socket.close(1008, "This address is banned. " + "é" * 80)

    async with house({"/api/ws": door}) as home:
        peer = await home.connect()
        await peer.open()
        code, reason = await peer.close_code()
        assert code == 1008
        assert reason.startswith("This address is banned. é")
        assert len(reason.encode()) <= 123


async def test_close_from_elsewhere_ends_the_iteration_at_once() -> None:
    listeners = Listeners()
    ended = trio.Event()

    async def door(handshake: Handshake, socket: Socket) -> None:
        await listeners(handshake, socket)
        ended.set()

    async with house({"/api/ws": door}) as home:
        peer = await home.connect()
        await peer.open()
        socket = await listeners.next()
        await trio.testing.wait_all_tasks_blocked()
        socket.send("last words")
        socket.close(4001, "kicked")
        socket.send("never")
        with trio.fail_after(1):
            await ended.wait()
        assert await peer.text() == "last words"
        assert await peer.close_code() == (4001, "kicked")
        await peer.send(closing(4001))
        with trio.fail_after(1):
            assert await peer.at_end()


async def test_a_client_that_never_says_goodbye_is_waited_for_only_so_long() -> None:
    async def door(handshake: Handshake, socket: Socket) -> None:
        socket.close(1000)

    async with house({"/api/ws": door}, socket_limits=SocketLimits(closing=0.2)) as home:
        peer = await home.connect()
        await peer.open()
        assert (await peer.close_code())[0] == 1000
        with trio.fail_after(1):
            assert await peer.at_end()
        assert home.lane.statistics().open == 0


async def test_whoever_broke_the_protocol_need_not_say_goodbye() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.open()
        await peer.send(text("x" * 4097))
        assert (await peer.close_code())[0] == 1009
        with trio.fail_after(1):
            assert await peer.at_end()


async def test_a_vanished_client_ends_the_visit() -> None:
    ended = trio.Event()

    async def door(handshake: Handshake, socket: Socket) -> None:
        async for _ in socket:
            pass
        assert socket.ended is not None
        assert socket.ended[0] == 1006
        ended.set()

    async with house({"/api/ws": door}) as home:
        peer = await home.connect()
        await peer.open()
        await peer.stream.aclose()
        with trio.fail_after(1):
            await ended.wait()


async def test_a_reader_that_stops_is_dropped_at_its_byte_limit() -> None:
    door = Listeners()

    async with house({"/api/ws": door}) as home:
        peer = await home.connect(small_buffer=True)
        await peer.open()
        socket = await door.next()
        for _ in range(2000):
            socket.send("x" * 16384)
            assert socket.backlog <= 256 * 1024
            if socket.ended:
                break
        assert socket.ended == (1006, "The peer does not read what it is sent.")
        assert home.lane.statistics().dropped == 1


async def test_a_send_that_is_stuck_drops_the_reader_in_time() -> None:
    door = Listeners()

    async with house({"/api/ws": door}, socket_limits=SocketLimits(stuck=0.3)) as home:
        peer = await home.connect(small_buffer=True)
        await peer.open()
        socket = await door.next()
        while not socket.backlog:
            socket.send("x" * 16384)
        assert socket.ended is None
        await trio.sleep(0.6)
        assert socket.ended == (1006, "A send was stuck for 0.3 seconds.")


async def test_a_reader_that_wakes_up_gets_everything_in_order_and_only_the_newest_of_a_topic() -> None:
    door = Listeners()

    async with house({"/api/ws": door}) as home:
        peer = await home.connect(small_buffer=True)
        await peer.open()
        socket = await door.next()
        sent = 0
        while not socket.backlog:
            socket.send(f"{sent}:" + "x" * 16384)
            sent += 1
        for number in range(100):
            socket.send(f"rate {number}", topic="rate")
            socket.send(f"reset {number}")
        before = socket.backlog
        for number in range(1000):
            socket.send(f"online {number}", topic="online")
        assert socket.backlog < before + 200
        socket.send("end")
        got: list[str] = []
        while not got or got[-1] != "end":
            got.append(await peer.text())
        assert [int(message.partition(":")[0]) for message in got[:sent]] == list(range(sent))
        assert [message for message in got if message.startswith("reset")] == [f"reset {i}" for i in range(100)]
        assert [message for message in got if message.startswith("rate")] == ["rate 99"]
        assert got.index("reset 98") < got.index("rate 99") < got.index("reset 99")


async def test_shutdown_says_1001() -> None:
    async with house(ECHO) as home:
        peer = await home.connect()
        await peer.open()
        home.closing.set()
        assert await peer.close_code() == (1001, "server shutdown")
        await peer.send(closing(1001))
        assert await peer.at_end()
        with trio.fail_after(1):
            await home.finished.wait()
