"""The shipped nginx.conf, in a real nginx, before a real HashPass."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
import trio
from attrs import frozen

from hashpass.lane import Handshake, PlainSocket
from hashpass.web import errors
from tests.deploy.proxy import DEPLOY, NAME, Nginx, nginx
from tests.house import BROWSER, Player
from tests.process import Program, running, serving
from tests.wire.peers import Listeners, Peer, house, text

SECRET = "a-token-that-nobody-may-read"
FORGED = {"X-Real-IP": "8.8.8.8", "X-Forwarded-For": "8.8.8.8", "CF-Connecting-IP": "8.8.8.8"}
STRICT = {"HASHPASS_IP_BINDING": "strict", "HASHPASS_CONNECTIONS_PER_IP": "1"}
AGENT = b"User-Agent: " + BROWSER.encode()


@frozen
class Site:
    """A server and the proxy before it."""

    server: Program
    proxy: Nginx

    async def enter(self, source: str = "127.0.0.1") -> Player:
        return await Player(self.proxy.client(source), visitor=f"visitor of {source}").enter()

    async def address_of(self, source: str, headers: dict[str, str] | None = None) -> str:
        """As which address HashPass knows whoever comes from there."""
        async with self.proxy.client(source) as http:
            answer = await http.get("/api/trace", headers=headers)
        assert answer.status_code == 200, answer.text
        return next(line[3:] for line in answer.text.splitlines() if line.startswith("ip="))


@asynccontextmanager
async def site(directory: Path, *, cloudflare_from: str | None = None, **env: str) -> AsyncIterator[Site]:
    """Both of them, on the loopback."""
    with trio.fail_after(60):
        async with serving(directory, **env) as server:
            upstream = env.get("HASHPASS_BIND") or server.url.removeprefix("http://")
            async with nginx(directory / "nginx", upstream, cloudflare_from=cloudflare_from) as proxy:
                yield Site(server, proxy)


async def open_socket(proxy: Nginx, token: str, source: str = "127.0.0.1") -> Peer:
    peer = await proxy.connect(source)
    await peer.open(f"/api/ws?token={token}", AGENT)
    return peer


async def hear(peer: Peer, kind: str) -> dict[str, object]:
    """The next message of this type."""
    while True:
        message: dict[str, object] = json.loads(await peer.text())
        if message["type"] == kind:
            return message


async def test_a_player_wins_through_it_and_the_others_are_told_over_their_sockets(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        watcher = await open_socket(here.proxy, "a-gate-token")
        assert str((await hear(watcher, "SESSION_TOKEN"))["token"]).startswith("hps_")
        await watcher.send(text('{"type": "ping"}'))
        assert (await hear(watcher, "PONG"))["online"] == 1
        player = await here.enter("127.0.0.2")
        assert (await player.win()).startswith("HASHPASS-")
        assert (await hear(watcher, "PUZZLE_RESET"))["reason"] == "solved"


async def test_two_people_behind_it_keep_their_own_addresses(tmp_path: Path) -> None:
    async with site(tmp_path, **STRICT) as here:
        assert await here.address_of("127.0.0.1") == "127.0.0.1"
        assert await here.address_of("127.0.0.2") == "127.0.0.2"
        one, other = await here.enter("127.0.0.1"), await here.enter("127.0.0.2")
        first = await open_socket(here.proxy, one.token, "127.0.0.1")
        second = await open_socket(here.proxy, other.token, "127.0.0.2")
        for peer in (first, second):
            await peer.send(text('{"type": "ping"}'))
            assert (await hear(peer, "PONG"))["online"] == 2
        # One socket for an address is the limit here, and it is counted for each of the two.
        third = await open_socket(here.proxy, one.token, "127.0.0.1")
        code, reason = await third.close_code()
        assert (code, "connections" in reason) == (1008, True)
        assert await one.win() != await other.win()
    records = json.loads((tmp_path / "verify.json").read_bytes())
    assert [record["real_ip"] for record in records] == ["127.0.0.1", "127.0.0.2"]


@pytest.mark.parametrize("header", ["", "X-Real-IP", "X-Forwarded-For"])
async def test_what_a_client_says_of_its_address_is_not_passed_on(header: str, tmp_path: Path) -> None:
    async with site(tmp_path, HASHPASS_IP_HEADER=header) as here:
        assert await here.address_of("127.0.0.2", FORGED) == "127.0.0.2"
        peer = await here.proxy.connect("127.0.0.2")
        forged = [f"{name}: {value}".encode() for name, value in FORGED.items()]
        await peer.open("/api/ws?token=any", AGENT, *forged)
        token = str((await hear(peer, "SESSION_TOKEN"))["token"])
        player = Player(here.proxy.client("127.0.0.2"), token=token, headers={"Authorization": f"Bearer {token}"})
        await player.win()
    (record,) = json.loads((tmp_path / "verify.json").read_bytes())
    assert record["real_ip"] == "127.0.0.2"


async def test_without_cloudflare_its_header_does_not_get_through_even_if_it_is_asked_for(tmp_path: Path) -> None:
    async with site(tmp_path, HASHPASS_IP_HEADER="CF-Connecting-IP") as here:
        assert await here.address_of("127.0.0.2", FORGED) == "127.0.0.1"  # nginx's own


@pytest.mark.parametrize("header", ["", "CF-Connecting-IP"])
async def test_cloudflares_header_counts_from_its_networks_and_whoever_comes_around_is_refused(
    header: str, tmp_path: Path
) -> None:
    edge = {"CF-Connecting-IP": "203.0.113.7", "X-Real-IP": "8.8.8.8", "X-Forwarded-For": "8.8.8.8, 203.0.113.7"}
    async with site(tmp_path, cloudflare_from="127.0.0.1/32", HASHPASS_IP_HEADER=header) as here:
        assert await here.address_of("127.0.0.1", edge) == "203.0.113.7"
        assert await here.address_of("127.0.0.1", {"CF-Connecting-IP": "2001:db8::7"}) == "2001:db8::7"
        async with here.proxy.client("127.0.0.1") as http:
            trace_url = (await http.get("/api/gate/config", headers=edge)).json()["trace_url"]
        assert trace_url == ("/cdn-cgi/trace" if header else "/api/trace")
        async with here.proxy.client("127.0.0.2") as http:
            assert (await http.get("/api/trace", headers=edge)).status_code == 403
            assert (await http.get("/api/trace")).status_code == 403
        peer = await here.proxy.connect("127.0.0.2")
        await peer.send(b"GET /api/ws?token=any HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n")
        assert (await peer.head()).startswith(b"HTTP/1.1 403 ")


def test_the_list_of_cloudflares_networks_is_well_formed_and_nothing_on_it_is_wide() -> None:
    found = re.findall(r"^set_real_ip_from (\S+);$", (DEPLOY / "cloudflare.conf").read_text(), re.MULTILINE)
    networks = [ip_network(one) for one in found]
    assert len(networks) == len(set(networks)) == 22
    assert all(network.is_global for network in networks)
    assert min(network.prefixlen for network in networks if network.version == 4) == 13
    assert min(network.prefixlen for network in networks if network.version == 6) == 29


async def test_no_query_string_is_in_any_log_even_when_the_server_behind_is_gone(tmp_path: Path) -> None:
    paths = (f"/api/ws?token={SECRET}", f"/?magiclink={SECRET}", f"/api/login/?magiclink={SECRET}", f"/no?{SECRET}")
    async with site(tmp_path) as here:
        async with here.proxy.client() as http, httpx.AsyncClient(trust_env=False) as plain:
            for path in paths:
                await http.get(path, headers={"Referer": f"https://elsewhere.example{path}"})
                await plain.get(f"http://127.0.0.1:{here.proxy.http_port}{path}")
            refused = await open_socket(here.proxy, SECRET)
            await refused.stream.aclose()
            assert await here.server.end(signal.SIGTERM) == 0
            for path in paths:
                answer = await http.get(path)
                assert answer.status_code == 503, answer.text
        written = here.proxy.written()
        assert written.count(" /api/ws HTTP/1.1") == 4
        assert "upstream=502" in written
        assert SECRET not in written
        assert "elsewhere.example" not in written
        assert "?" not in written


async def test_while_the_server_is_away_its_clients_are_told_to_come_again_in_its_own_form(tmp_path: Path) -> None:
    async with site(tmp_path) as here, here.proxy.client() as http:
        large = await http.post("/api/session", content=b"x" * 70_000)
        assert (large.status_code, large.json()["type"]) == (413, errors.kind("body_too_large"))
        named = await http.post("/api/session", content=b"x" * 20_000, headers={"Content-Type": "application/json"})
        assert (named.status_code, named.json()["type"]) == (413, errors.kind("body_too_large"))
        assert await here.server.end(signal.SIGTERM) == 0
        away = await http.get("/api/gate/config")
        assert (away.status_code, away.json()["type"]) == (503, errors.kind("not_ready"))
        assert away.headers["Content-Type"] == errors.PROBLEM_JSON
        assert int(away.headers["Retry-After"]) >= 1


async def test_http_leads_to_https_and_a_certificates_challenge_is_answered_on_both(tmp_path: Path) -> None:
    async with site(tmp_path) as here, httpx.AsyncClient(trust_env=False) as plain:
        challenge = here.proxy.folder / "html" / ".well-known" / "acme-challenge"
        challenge.mkdir(parents=True)
        (challenge / "abc").write_text("proof")
        root = f"http://127.0.0.1:{here.proxy.http_port}"
        moved = await plain.get(f"{root}/api/trace?x=1", headers={"Host": NAME})
        assert (moved.status_code, moved.headers["Location"]) == (301, f"https://{NAME}/api/trace?x=1")
        assert (await plain.get(f"{root}/.well-known/acme-challenge/abc")).text == "proof"
        async with here.proxy.client() as http:
            assert (await http.get("/.well-known/acme-challenge/abc")).text == "proof"
            answer = await http.get("/api/health")
            assert answer.json()["status"] == "ok"
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        async with here.proxy.client(http2=True) as modern:
            assert (await modern.get("/api/health")).http_version == "HTTP/2"


async def test_what_never_changes_is_asked_of_the_server_once_and_passed_on_as_it_came(tmp_path: Path) -> None:
    async with site(tmp_path) as here, here.proxy.client() as http:
        page = (await http.get("/")).text
        script = next(iter(re.findall(r'src="(/static/assets/[^"]+\.js)"', page)))
        squeezed = {"Accept-Encoding": "br"}
        first = await http.get(script, headers=squeezed)
        plain = await http.get(script, headers={"Accept-Encoding": "identity"})
        assert first.status_code == plain.status_code == 200
        assert (first.headers["Content-Encoding"], plain.headers.get("Content-Encoding")) == ("br", None)
        assert "immutable" in first.headers["Cache-Control"]
        assert await here.server.end(signal.SIGTERM) == 0
        again = await http.get(f"{script}?another=query", headers=squeezed)
        assert (again.status_code, again.headers["ETag"]) == (200, first.headers["ETag"])
        known = await http.get(script, headers={**squeezed, "If-None-Match": first.headers["ETag"]})
        assert known.status_code == 304
        assert (await http.get("/")).status_code == 503  # a page is asked for every time


async def test_a_reload_in_mid_race_loses_neither_sockets_nor_answers(tmp_path: Path) -> None:
    async with site(tmp_path) as here, trio.open_nursery() as nursery:
        watcher = await open_socket(here.proxy, "a-gate-token")
        await hear(watcher, "SESSION_TOKEN")
        one, other = await here.enter("127.0.0.2"), await here.enter("127.0.0.3")

        # The first answer is on its way to HashPass, which is not listening just now.
        await one.look()
        await other.look()
        answer = next(one.answers())
        verdicts: list[httpx.Response] = []

        async def submit() -> None:
            verdicts.append(await one.submit(answer))

        here.server.process.send_signal(signal.SIGSTOP)
        nursery.start_soon(submit)
        # The second is on its way to nginx: the half of it.
        late = await here.proxy.connect("127.0.0.3")
        body = json.dumps(next(other.answers())).encode()
        head = (
            f"POST /api/verify HTTP/1.1\r\nHost: localhost\r\nUser-Agent: {BROWSER}\r\nContent-Length: {len(body)}\r\n"
            f"Content-Type: application/json\r\nAuthorization: Bearer {other.token}\r\n\r\n"
        )
        await late.send(head.encode() + body[:50])
        await trio.sleep(0.1)
        await here.proxy.reload()
        assert not verdicts
        here.server.process.send_signal(signal.SIGCONT)
        assert (await hear(watcher, "PUZZLE_RESET"))["reason"] == "solved"
        await late.send(body[50:])
        assert (await late.answer())[0] == 409  # it was heard, and it was second
        await watcher.send(text('{"type": "ping"}'))
        assert (await hear(watcher, "PONG"))["online"] == 1

        # Newcomers come in through the new worker, and those of the old one hear of what they win.
        await (await here.enter("127.0.0.4")).win()
        assert (await hear(watcher, "PUZZLE_RESET"))["reason"] == "solved"
    assert [verdict.status_code for verdict in verdicts] == [200]
    assert len(json.loads((tmp_path / "verify.json").read_bytes())) == 2


async def test_an_operator_watches_and_takes_the_codes_home_through_it(tmp_path: Path) -> None:
    token = "an-operators-token"
    async with site(tmp_path, ADMIN_TOKEN=token) as here:
        code = await (await here.enter("127.0.0.2")).win()
        peer = await here.proxy.connect("127.0.0.3")
        await peer.open(f"/api/admin/ws?token={token}")  # the admin's calls are made for scripts
        assert (await hear(peer, "STATUS_UPDATE"))["session_count"] == 1
        async with here.proxy.client("127.0.0.3") as http:
            exported = await http.get("/api/admin/logs/export", headers={"Authorization": f"Bearer {token}"})
        assert exported.status_code == 200, exported.text
        assert exported.json()[0]["invite_code"] == code
        assert token not in here.proxy.written()


async def test_the_miner_wins_through_it(tmp_path: Path) -> None:
    async with site(tmp_path) as here:
        arguments = ("mine", here.proxy.url, "--threads", "1", "--rounds", "3")
        async with running(tmp_path, *arguments, SSL_CERT_FILE=str(here.proxy.folder / "authority.pem")) as miner:
            await miner.says(" is won. The code:", times=3)
            with trio.fail_after(20):
                assert await miner.process.wait() == 0


async def test_a_unix_socket_behind_it_does_as_well(tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="hp-") as short:  # pytest's own are too long for the name of a socket
        async with site(tmp_path, HASHPASS_BIND=f"unix:{short}/s") as here:
            assert await here.address_of("127.0.0.2", FORGED) == "127.0.0.2"
            await (await here.enter("127.0.0.2")).win()
            watcher = await open_socket(here.proxy, "a-gate-token")
            await hear(watcher, "SESSION_TOKEN")


@pytest.mark.parametrize("path", ["/api/ws", "/api/admin/ws"])
async def test_either_socket_comes_as_the_first_request_of_a_connection_and_stays(path: str, tmp_path: Path) -> None:
    listeners = Listeners()
    asked: list[Handshake] = []

    async def door(handshake: Handshake, socket: PlainSocket) -> None:
        asked.append(handshake)
        await listeners(handshake, socket)

    async with (
        house({path: door}) as home,  # type: ignore[dict-item]  # the lane's sockets are plain ones here
        nginx(tmp_path / "nginx", f"127.0.0.1:{home.port}") as proxy,
    ):
        async with proxy.client() as http:
            assert (await http.get("/")).text == "hello"  # leaves a connection open that an upgrade might be sent on
            assert (await http.get(path)).status_code >= 400
        peer = await proxy.connect("127.0.0.2")
        await peer.open(f"{path}?token=x", AGENT, b"Sec-WebSocket-Extensions: permessage-deflate")
        socket = await listeners.next()
        assert type(socket) is PlainSocket  # and not one that reached Quart as a later request
        assert asked[0].query == {"token": "x"}
        assert asked[0].get_all("X-Real-IP") == asked[0].get_all("X-Forwarded-For") == ["127.0.0.2"]
        assert asked[0].header("CF-Connecting-IP") is None
        socket.send("still here")
        assert await peer.text() == "still here"
        await peer.stream.aclose()
