"""Coming in over HTTP: gates, sessions and what they are bound to, bans, limits, and where the address comes from."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from hashpass.domain.errors import GateUnavailable
from hashpass.domain.values import Address
from hashpass.gates.turnstile import ORIGIN
from hashpass.testing import FakeGate
from tests.gates.test_turnstile import Reply, Siteverify, no, serving
from tests.house import Player, Running, open_house
from tests.web.test_answers import LIE, at
from tests.web.test_public import CALLS_WITH_SESSION, PROOF, assert_problem, until

HOME, NEAR, AWAY = "203.0.113.5", "203.0.113.99", "198.51.100.7"
HOME6, NEAR6, AWAY6 = "2001:db8:1:2::3", "2001:db8:1:ffff::3", "2001:db8:2:2::3"
KEYS: dict[str, Any] = {
    "HASHPASS_GATE": "turnstile",
    "TURNSTILE_SITE_KEY": "0x4AAAAAAA",
    "TURNSTILE_SECRET_KEY": "0x4AAAAAAA-the-secret-key",
}


def turnstile_house(directory: Path, site: Siteverify) -> AbstractAsyncContextManager[Running]:
    return open_house(directory, TURNSTILE_VERIFY_URL=site.url, **KEYS)


async def knock(running: Running, token: str = "", address: str = HOME) -> httpx.Response:
    return await running.http.post("/api/session", json={"token": token}, headers=at(address))


async def enter(running: Running, address: str = HOME) -> Player:
    return await Player(running.http, headers=at(address)).enter()


# Gates


async def test_the_open_gate_lets_any_token_pass_and_none(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            tokens = set()
            for token in ("", "", "a", "a", "hps_looks-like-a-session"):
                answer = (await knock(running, token)).json()
                assert answer["session_token"].startswith("hps_")
                assert answer["expires_in"] == 300
                tokens.add(answer["session_token"])
            assert (await running.http.post("/api/session", json={}, headers=at(HOME))).status_code == 200
            assert len(tokens) == 5
            assert (await running.http.get("/api/gate/config")).json() == {
                "gate": "open",
                "site_key": None,
                "test_mode": False,
                "cap_endpoint": None,
                "generators": True,
                "trace_url": "/api/trace",
            }


async def test_a_gate_token_opens_one_session(tmp_path: Path) -> None:
    gate = FakeGate()
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            running.house.room.entrance.gatekeeper.gate = gate
            assert (await knock(running, "good one")).status_code == 200
            assert_problem(await knock(running, "good one"), 401, "gate_token_used")
            assert_problem(await knock(running, "good one", AWAY), 401, "gate_token_used")
            assert (await knock(running, "good two")).status_code == 200
            assert_problem(await knock(running, "bad"), 403, "gate_refused")
            assert_problem(await knock(running, ""), 403, "gate_refused", "token")
            assert_problem(await knock(running, "x" * 5000), 403, "gate_refused", "token")
            lone = await running.http.post("/api/session", content=b'{"token": "good \\ud800"}')
            assert_problem(lone, 403, "gate_refused", "token")
            assert gate.asked.count("good one") == 1


async def test_of_parallel_calls_with_one_gate_token_one_gets_a_session(tmp_path: Path) -> None:
    gate = FakeGate(answer=trio.Event())
    statuses: list[int] = []

    async def call(running: Running) -> None:
        statuses.append((await knock(running, "good")).status_code)

    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            running.house.room.entrance.gatekeeper.gate = gate
            async with trio.open_nursery() as nursery:
                for _ in range(8):
                    nursery.start_soon(call, running)
                await until(lambda: len(statuses) == 7)
                assert gate.answer is not None
                gate.answer.set()
            assert sorted(statuses) == [200, *[401] * 7]


async def test_an_unreachable_gate_is_503_and_the_token_is_good_afterwards(tmp_path: Path) -> None:
    gate = FakeGate(fails=GateUnavailable())
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            running.house.room.entrance.gatekeeper.gate = gate
            for _ in range(2):
                assert_problem(await knock(running, "good"), 503, "gate_unavailable")
            gate.fails = None
            assert (await knock(running, "good")).status_code == 200


async def test_turnstile_is_asked_once_a_token_with_the_clients_address(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with serving(Siteverify()) as site, turnstile_house(tmp_path, site) as running:
            assert (await knock(running, "XXXX.DUMMY.TOKEN.XXXX")).status_code == 200
            assert_problem(await knock(running, "XXXX.DUMMY.TOKEN.XXXX"), 401, "gate_token_used")
            [asked] = site.asked
            assert asked["remoteip"] == HOME
            assert asked["response"] == "XXXX.DUMMY.TOKEN.XXXX"
            config = (await running.http.get("/api/gate/config")).json()
            assert (config["gate"], config["site_key"]) == ("turnstile", KEYS["TURNSTILE_SITE_KEY"])
            answer = await running.http.get("/api/turnstile/config")
            assert answer.json() == {"site_key": KEYS["TURNSTILE_SITE_KEY"], "test_mode": False}
            assert KEYS["TURNSTILE_SECRET_KEY"] not in answer.text
            policy = answer.headers["Content-Security-Policy"]
            assert f"script-src 'self' 'wasm-unsafe-eval' {ORIGIN};" in policy
            assert f"frame-src {ORIGIN};" in policy


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (no("invalid-input-response"), 403, "gate_refused"),
        (no("timeout-or-duplicate"), 401, "gate_token_used"),
        (Reply(status=500), 503, "gate_unavailable"),
        (Reply(b"<html>"), 503, "gate_unavailable"),
    ],
)
async def test_what_turnstile_does_not_vouch_for_does_not_pass(
    tmp_path: Path, reply: Reply, status: int, code: str
) -> None:
    with trio.fail_after(20):
        async with serving(Siteverify(replies=[reply])) as site, turnstile_house(tmp_path, site) as running:
            assert_problem(await knock(running, "a token"), status, code)


async def test_turnstiles_test_token_passes_in_test_mode_in_every_tab(tmp_path: Path) -> None:
    env: dict[str, Any] = {"HASHPASS_GATE": "turnstile", "TURNSTILE_TEST_MODE": "true"}
    with trio.fail_after(20):
        async with open_house(tmp_path, **env) as running:
            for _ in range(3):
                assert (await knock(running, "XXXX.DUMMY.TOKEN.XXXX")).status_code == 200
            answer = await running.http.get("/api/gate/config")
            assert answer.json()["test_mode"] is True
            assert ORIGIN not in answer.headers["Content-Security-Policy"]


async def test_thirty_openings_a_minute_and_an_ipv6_64_is_one_address(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            for home, same, other in ((HOME, HOME, NEAR), (HOME6, "2001:db8:1:2:ffff::1", "2001:db8:1:3::1")):
                for _ in range(30):
                    assert (await knock(running, address=home)).status_code == 200
                refused = await knock(running, address=same)
                assert_problem(refused, 429, "rate_limited")
                assert 50 < int(refused.headers["Retry-After"]) <= 60
                assert (await knock(running, address=other)).status_code == 200


# What a session is bound to


async def test_a_session_that_moves_is_403_once_and_401_ever_after(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            for method, path in CALLS_WITH_SESSION:
                player = await enter(running)
                away = player.headers | at(AWAY)
                answer = await running.http.request(method, path, json=PROOF, headers=away)
                assert_problem(answer, 403, "session_moved")
                for headers in (away, player.headers):
                    answer = await running.http.request(method, path, json=PROOF, headers=headers)
                    assert_problem(answer, 401, "session_revoked")


@pytest.mark.parametrize(
    ("binding", "addresses", "statuses"),
    [
        ("prefix", [HOME, NEAR, HOME], [200, 200, 200]),
        ("prefix", [HOME, HOME6, NEAR6, HOME], [200, 200, 200, 200]),
        ("prefix", [HOME, AWAY, HOME], [200, 403, 401]),
        ("prefix", [HOME6, HOME6, AWAY6, HOME6], [200, 200, 403, 401]),
        ("prefix", [HOME, HOME6, AWAY6], [200, 200, 403]),
        ("strict", [HOME, HOME, NEAR, HOME], [200, 200, 403, 401]),
        ("strict", [HOME, HOME6], [200, 403]),
        ("off", [HOME, AWAY, AWAY6], [200, 200, 200]),
        ("prefix", [HOME, f"::ffff:{HOME}"], [200, 200]),
    ],
)
async def test_how_far_a_session_may_move(
    tmp_path: Path, binding: str, addresses: list[str], statuses: list[int]
) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, HASHPASS_IP_BINDING=binding) as running:
            player = await enter(running, addresses[0])
            answers = [
                await running.http.get("/api/puzzle", headers=player.headers | at(address)) for address in addresses
            ]
            assert [answer.status_code for answer in answers] == statuses


BINDING_CALLS: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "/api/puzzle?visitorId=visitor", None),
    ("POST", "/api/puzzle", {"visitorId": "visitor"}),
    ("POST", "/api/verify", PROOF),
    ("POST", "/api/submit", PROOF),
]


@pytest.mark.parametrize("first", BINDING_CALLS, ids=lambda call: f"{call[0]} {call[1]}")
async def test_the_first_visitor_a_session_is_used_with_stays_whatever_the_call(
    tmp_path: Path, first: tuple[str, str, dict[str, Any] | None]
) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await enter(running)
            method, path, body = first
            await running.http.request(method, path, json=body, headers=player.headers)  # it may well be refused
            for method, path, body in BINDING_CALLS:
                wrong = None if body is None else body | {"visitorId": "another"}
                answer = await running.http.request(
                    method, path.replace("=visitor", "=another"), json=wrong, headers=player.headers
                )
                assert_problem(answer, 403, "visitor_mismatch")
            for path in ("/api/puzzle", "/api/puzzle?visitorId=visitor"):
                assert (await running.http.get(path, headers=player.headers)).status_code == 200


async def test_without_a_visitor_nothing_is_bound(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await enter(running)
            for path in ("/api/puzzle", "/api/code", "/api/trace"):
                assert (await running.http.get(path, headers=player.headers)).status_code == 200
            player.visitor = "anybody, 日本語 and 🎲"
            assert await player.win()


async def test_a_dead_bearer_is_told_so_by_the_trace_too(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            headers = {"Authorization": "Bearer hps_gone"}
            assert_problem(await running.http.get("/api/trace", headers=headers), 401, "session_revoked")


# Bans


async def test_a_ban_closes_the_public_api_and_leaves_health(tmp_path: Path) -> None:
    calls = [
        *CALLS_WITH_SESSION,
        *[("GET", path) for path in ("/api/trace", "/api/dev/trace", "/api/gate/config", "/api/turnstile/config")],
        ("POST", "/api/session"),
    ]
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            players = [await enter(running, address) for address in (HOME, HOME6)]
            bans = running.house.room.entrance.bans
            await bans.ban(HOME)
            await bans.ban(HOME6)
            for player, same in zip(players, (HOME, "2001:db8:1:2:ffff::1"), strict=True):
                for method, path in calls:
                    answer = await running.http.request(method, path, json=PROOF, headers=player.headers | at(same))
                    assert_problem(answer, 403, "banned")
                assert (await running.http.get("/api/health", headers=at(same))).status_code == 200
                assert (await running.http.get("/docs", headers=at(same))).status_code == 200
            assert (await knock(running, address=NEAR)).status_code == 200


# Where the address comes from


async def trace_address(running: Running, **headers: str) -> str:
    answer = await running.http.get("/api/trace", headers={name.replace("_", "-"): v for name, v in headers.items()})
    if answer.status_code != 200:
        assert_problem(answer, 400, "address_unknown")
        assert "HASHPASS_IP_HEADER" in answer.json()["detail"]
        return "unknown"
    return next(line[3:] for line in answer.text.splitlines() if line.startswith("ip="))


async def test_a_trusted_peer_names_the_client(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            assert await trace_address(running) == "127.0.0.1"
            assert await trace_address(running, X_Real_IP=HOME) == HOME
            assert await trace_address(running, X_Real_IP=f"::ffff:{HOME}") == HOME
            assert await trace_address(running, X_Forwarded_For=f"8.8.8.8, {HOME}, 127.0.0.1") == HOME
            assert await trace_address(running, X_Real_IP=HOME, X_Forwarded_For=f"evil, {HOME}") == HOME
            assert await trace_address(running, CF_Connecting_IP="8.8.8.8") == "127.0.0.1"
            for headers in (
                {"X_Real_IP": HOME, "X_Forwarded_For": AWAY},
                {"X_Real_IP": "1.2.3.4:5555"},
                {"X_Real_IP": ""},
                {"X_Forwarded_For": f"{HOME}, evil"},
                {"X_Real_IP": f"{HOME}, {HOME}"},
            ):
                assert await trace_address(running, **headers) == "unknown"


async def test_a_header_from_an_untrusted_peer_is_ignored(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, HASHPASS_TRUSTED_PROXIES="10.0.0.0/8") as running:
            assert await trace_address(running, X_Real_IP=HOME, X_Forwarded_For=AWAY) == "127.0.0.1"
            assert await trace_address(running, X_Real_IP="nonsense") == "127.0.0.1"


async def test_only_the_named_header_counts(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, HASHPASS_IP_HEADER="CF-Connecting-IP") as running:
            assert await trace_address(running, CF_Connecting_IP=HOME, X_Real_IP=AWAY) == HOME
            assert await trace_address(running, X_Real_IP=AWAY) == "127.0.0.1"


async def test_a_unix_sockets_peer_is_trusted_and_has_to_name_the_client(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with trio.fail_after(20):
        async with open_house(tmp_path, HOST="", PORT="", HASHPASS_BIND=f"unix:{path}") as running:
            transport = httpx.AsyncHTTPTransport(uds=str(path))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://server", headers=running.http.headers
            ) as http:
                assert_problem(await http.get("/api/trace"), 400, "address_unknown")
                assert_problem(await http.post("/api/session", json={}), 400, "address_unknown")
                assert (await http.get("/api/health")).status_code == 200
                player = await Player(http, headers=at(HOME)).enter()
                assert await player.win()


async def test_strikes_and_bans_go_by_the_named_address_and_not_by_the_proxys(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            for number in range(10):
                running.house.room.entrance.strikes.strike(f"liar {number % 3}", Address.parse(HOME))
            assert_problem(await knock(running), 403, "shut_out")
            assert (await knock(running, address=AWAY)).status_code == 200
            player = await (await enter(running, AWAY)).look()
            assert_problem(await player.submit(player.answer(0, LIE)), 400, "proof_false")
