"""The operator's WebSocket: who is let in, what is said every two seconds, and when it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.house import BROWSER
from tests.web.office import AWAY, HOME, TOKEN, Office, bearer, console, open_office
from tests.web.test_public import assert_problem, until
from tests.web.test_socket import tab
from tests.wire.peers import Peer, closing, frame, text, upgrade

QUERY = "?token=" + TOKEN.replace(" ", "%20")


async def ticket(office: Office) -> str:
    answer = await office.change("/ws-ticket")
    assert answer["expires_in"] == 30
    return f"?ticket={answer['ticket']}"


async def hear(peer: Peer, kind: str = "STATUS_UPDATE") -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(await peer.text())
        if message["type"] == kind:
            return message


async def test_a_ticket_or_the_token_opens_it_and_the_status_comes_at_once(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            for query in (await ticket(office), QUERY):
                async with console(office.running, query) as peer:
                    message = json.loads(await peer.text())
                    assert message.pop("type") == "STATUS_UPDATE"
                    assert message.keys() == (await office.status()).keys()


async def test_the_status_comes_every_two_seconds_and_tells_what_has_changed(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office, console(office.running, QUERY) as peer:
            first = await hear(peer)
            await office.change("/worker-count", {"worker_count": 9})
            started = trio.current_time()
            second = await hear(peer)
            third = await hear(peer)
            assert 1.5 < trio.current_time() - started < 6
            assert (first["worker_count"], second["worker_count"], third["worker_count"]) == (4, 9, 9)
            assert third["timestamp"] > second["timestamp"] > first["timestamp"]


REFUSALS = {
    "no token": ("", (), "ticket"),
    "empty token": ("?token=", (), "ticket"),
    "wrong token": ("?token=wrong", (), "not the operator's"),
    "token of no letters": ("?token=%F0%9F%98%80%00%ff", (), "not the operator's"),
    "made-up ticket": ("?ticket=" + "x" * 43, (), "ticket is not good"),
    "token as ticket": (QUERY.replace("token", "ticket"), (), "ticket is not good"),
    "foreign origin": (QUERY, (b"Origin: https://evil.example",), "another site"),
    "null origin": (QUERY, (b"Origin: null",), "another site"),
    "listed for the public API only": (QUERY, (b"Origin: https://page.example",), "another site"),
}


async def test_a_refusal_is_a_close_with_1008_and_its_reason(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path, HASHPASS_CORS_ORIGINS="https://page.example") as office:
            for name, (query, headers, reason) in REFUSALS.items():
                async with console(office.running, query, *headers) as peer:
                    code, said = await peer.close_code()
                    assert (code, reason in said) == (1008, True), (name, said)
                    await peer.send(closing(code))
                    assert await peer.at_end()


async def test_a_ticket_opens_one_socket(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            query = await ticket(office)
            async with console(office.running, query) as peer:
                await hear(peer)
                async with console(office.running, query) as other:
                    assert (await other.close_code())[0] == 1008
                await peer.send(text('{"type":"ping"}'))
                await hear(peer, "PONG")


async def test_our_own_pages_come_in(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path, HASHPASS_PUBLIC_URL="https://race.example") as office:
            for origin in (b"http://example.org", b"https://race.example"):  # example.org is the peer's Host
                async with console(office.running, QUERY, b"Origin: " + origin) as peer:
                    await hear(peer)


async def test_wrong_tokens_here_and_over_http_are_counted_together(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            for _ in range(5):
                async with console(office.running, "?token=wrong", address=AWAY) as peer:
                    assert (await peer.close_code())[0] == 1008
                answer = await office.running.http.get("/api/admin/status", headers=bearer("wrong", AWAY))
                assert_problem(answer, 401, "operator_required")
            answer = await office.running.http.get("/api/admin/status", headers=bearer(TOKEN, AWAY))
            assert_problem(answer, 429, "rate_limited")
            for query in (QUERY, await ticket(office)):
                async with console(office.running, query, address=AWAY) as peer:
                    code, reason = await peer.close_code()
                    assert (code, "Too many wrong tokens" in reason) == (1008, True)
            async with console(office.running, QUERY, address=HOME) as peer:
                await hear(peer)
            assert [record["real_ip"] for record in office.trail()] == [AWAY]


async def test_old_tickets_and_foreign_pages_lock_nobody_out(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            for number in range(20):
                query = f"?ticket={number}" if number % 2 else "?token=wrong"
                async with console(
                    office.running, query, b"Origin: " + (b"http://example.org" if number % 2 else b"null")
                ) as peer:
                    assert (await peer.close_code())[0] == 1008
            async with console(office.running, QUERY) as peer:
                await hear(peer)


async def test_consoles_have_sixteen_places_of_their_own(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path, HASHPASS_CONNECTIONS_PER_IP="1") as office, tab(office.running):
            async with trio.open_nursery() as nursery:
                inside = 0

                async def stay() -> None:
                    nonlocal inside
                    async with console(office.running, QUERY) as peer:
                        assert (await hear(peer))["online_connections"] == 1
                        inside += 1
                        await trio.sleep_forever()

                for _ in range(16):
                    nursery.start_soon(stay)
                await until(lambda: inside == 16)
                async with console(office.running, QUERY, address=AWAY) as peer:
                    code, reason = await peer.close_code()
                    assert (code, "connections" in reason) == (1008, True)
                nursery.cancel_scope.cancel()
            while True:  # the places are given back
                async with console(office.running, QUERY) as peer:
                    opcode, _ = await peer.frame()
                    if opcode == 1:
                        break


async def test_a_ban_and_a_kick_of_all_leave_it_open(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office, console(office.running, QUERY) as peer:
            await hear(peer)
            await office.change("/kick", {"ip": HOME})
            await office.change("/kick-all")
            assert (await hear(peer))["banned_count"] == 1
            async with console(office.running, QUERY) as another:
                await hear(another)


async def test_it_takes_pings_and_little_else(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office, console(office.running, QUERY) as peer:
            await peer.send(text('{"type":"ping"}'))
            assert await hear(peer, "PONG") == {"type": "PONG", "online": 1}
            for nonsense in ("{", "[" * 4000, '{"type":"mining_start"}', "null"):
                await peer.send(text(nonsense))
                assert (await hear(peer, "ERROR"))["detail"].endswith(".")
            await peer.send(frame(2, b"\x00"))
            code, reason = await peer.close_code()
            assert (code, "make no sense" in reason) == (1008, True)


@pytest.mark.parametrize(("sent", "code"), [(text("x" * 5000), 1009), (text('{"type":"ping"}') * 30, 1008)])
async def test_the_limits_of_every_socket_hold_here_too(sent: bytes, code: int, tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office, console(office.running, QUERY) as peer:
            await peer.send(sent)
            assert (await peer.close_code())[0] == code


async def test_at_the_servers_end_it_is_told_1001(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office, console(office.running, QUERY) as peer:
            await hear(peer)
            office.running.closing.set()
            assert (await peer.close_code())[0] == 1001
            await peer.send(closing(1001))


async def test_an_upgrade_that_comes_late_gets_the_same(tmp_path: Path) -> None:
    port_of = "127.0.0.1"
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            stream = await trio.open_tcp_stream(port_of, int(office.running.url.rpartition(":")[2]))
            async with stream:
                peer = Peer(stream)
                await peer.send(b"GET /api/health HTTP/1.1\r\nHost: example.org\r\n\r\n")
                assert (await peer.answer())[0] == 200
                await peer.send(upgrade(f"/api/admin/ws{QUERY}", b"User-Agent: " + BROWSER.encode()))
                assert (await peer.head()).startswith(b"HTTP/1.1 101 ")
                await hear(peer)
                await hear(peer)
            async with await trio.open_tcp_stream(port_of, int(office.running.url.rpartition(":")[2])) as stream:
                peer = Peer(stream)
                await peer.send(b"GET /api/health HTTP/1.1\r\nHost: example.org\r\n\r\n")
                assert (await peer.answer())[0] == 200
                await peer.send(upgrade("/api/admin/ws?token=wrong"))
                assert (await peer.head()).startswith(b"HTTP/1.1 101 ")
                assert (await peer.close_code())[0] == 1008


async def test_one_that_does_not_read_is_overtaken_and_holds_up_nobody(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with (
            open_office(tmp_path) as office,
            console(office.running, QUERY),
            console(office.running, QUERY) as peer,
        ):
            room = office.running.house.lane.doors["/api/admin/ws"].__self__  # type: ignore[attr-defined]  # a method
            for _ in range(2000):  # more than the kernel takes of what nobody reads
                room.hub.publish({"type": "STATUS_UPDATE", "filler": "x" * 5000}, topic="STATUS_UPDATE")
                await trio.lowlevel.checkpoint()
            await peer.send(text('{"type":"ping"}'))
            await hear(peer, "PONG")
            assert max(member.socket.backlog for member in room.hub.members()) < 300_000


async def test_a_script_may_say_what_it_is(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office, console(office.running, QUERY, b"User-Agent: curl/8.5.0") as peer:
            await hear(peer)
