"""The operator's HTTP API: each call with good and bad values, and what it leaves in the trail."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st

from hashpass import __version__
from hashpass.domain.errors import StoreUnavailable
from hashpass.domain.values import Argon2Params
from hashpass.testing import Clock, FakeGate, WebhookSink
from tests.house import Player
from tests.web.office import AWAY, HOME, TOKEN, Office, bearer, open_office
from tests.web.test_answers import at, enter, held_house
from tests.web.test_public import assert_problem, until
from tests.web.test_socket import tab, visit

READS = ["/status", "/miners", "/sessions", "/blacklist", "/logs", "/logs/stats", "/logs/export", "/applogs"]
BARE = [
    "/reset-puzzle",
    "/kick-all",
    "/clear-sessions",
    "/regenerate-hmac",
    "/receipt-key",
    "/webhooks/retry",
    "/ws-ticket",
]
PARAMETERS: dict[str, dict[str, Any]] = {
    "/difficulty": {"difficulty": 2},
    "/target-time": {"target_time": 10},
    "/argon2": {"memory_cost": 16},
    "/worker-count": {"worker_count": 8},
    "/max-nonce-speed": {"max_nonce_speed": 1e6},
}
WITH_BODY: dict[str, dict[str, Any]] = {
    **PARAMETERS,
    "/drop": {"code_limit": 100},
    "/kick": {"ip": "192.0.2.66"},
    "/unban": {"ip": "192.0.2.66"},
    "/codes/check": {"invite_code": "x"},
    "/codes/redeem": {"invite_code": "x"},
}


def rules(status: dict[str, Any]) -> dict[str, Any]:
    """What a refused change must leave as it was."""
    moving = {"uptime", "timestamp", "hashrate_chart_history", "tasks", "mining_time"}
    return {name: value for name, value in status.items() if name not in moving}


# Who is the operator


async def test_every_call_needs_the_operators_token(tmp_path: Path) -> None:
    calls = [("GET", path) for path in READS] + [("POST", path) for path in [*BARE, *WITH_BODY]]
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            http = office.running.http
            for number, (method, path) in enumerate(calls):
                url = f"/api/admin{path}"
                for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": f"Basic {TOKEN}"}):
                    assert_problem(await http.request(method, url, headers=headers), 401, "operator_required")
                headers = bearer("another token than that", f"198.51.100.{number}")
                assert_problem(await http.request(method, url, headers=headers), 401, "operator_required")
            assert office.deeds() == []


async def test_a_token_in_any_script_is_known_and_none_makes_the_server_stumble(tmp_path: Path) -> None:
    token = "只有我知道的管理员令牌而且足够长"
    with trio.fail_after(20):
        async with open_office(tmp_path, ADMIN_TOKEN=token) as office:
            for number, (sent, right) in enumerate(
                [(token, True), (token[:-1], False), ("é" * 20, False), ("x" * 5000, False), ("\x80\xff", False)]
            ):
                form = sent.encode("latin-1" if sent == "\x80\xff" else "utf-8")
                headers = {b"Authorization": b"Bearer " + form, b"X-Real-IP": b"198.51.100.%d" % number}
                answer = await office.running.http.get("/api/admin/status", headers=headers)
                assert answer.status_code == (200 if right else 401), answer.text


async def test_a_token_of_latin_letters_may_come_as_latin_1(tmp_path: Path) -> None:
    token = "très-secret-jeton-à-moi"
    with trio.fail_after(20):
        async with open_office(tmp_path, ADMIN_TOKEN=token) as office:
            for encoding in ("utf-8", "latin-1"):
                headers = {b"Authorization": b"Bearer " + token.encode(encoding)}
                assert (await office.running.http.get("/api/admin/status", headers=headers)).status_code == 200


async def test_ten_wrong_tokens_lock_an_address_out_the_right_token_included(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            http = office.running.http
            for _ in range(10):
                answer = await http.get("/api/admin/status", headers=bearer("a wrong token", AWAY))
                assert_problem(answer, 401, "operator_required")
            for token in ("a wrong token", TOKEN):
                answer = await http.get("/api/admin/status", headers=bearer(token, AWAY))
                assert_problem(answer, 429, "rate_limited")
                assert 290 <= int(answer.headers["Retry-After"]) <= 300
            assert_problem(await http.get("/api/admin/status", headers=at(AWAY)), 429, "rate_limited")
            assert (await office.get("/status", HOME)).status_code == 200
            assert (await http.get("/api/health", headers=at(AWAY))).status_code == 200
            assert [(record["action"], record["real_ip"]) for record in office.trail()] == [("lockout", AWAY)]


async def test_a_call_without_a_token_is_no_guess(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            for _ in range(30):
                assert_problem(await office.running.http.get("/api/admin/status"), 401, "operator_required")
            assert (await office.get("/status")).status_code == 200


async def test_a_forged_header_neither_helps_a_guesser_nor_harms_the_owner(tmp_path: Path) -> None:
    """Behind a proxy that adds to X-Forwarded-For, what a client wrote there itself is not its address."""
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            http = office.running.http
            for number in range(10):
                headers = {**bearer("a wrong token"), "X-Forwarded-For": f"{HOME}, 10.0.0.{number}, {AWAY}"}
                assert (await http.get("/api/admin/status", headers=headers)).status_code == 401
            headers = {**bearer(), "X-Forwarded-For": f"192.0.2.1, {AWAY}"}
            assert (await http.get("/api/admin/status", headers=headers)).status_code == 429
            assert (await office.get("/status", HOME)).status_code == 200


async def test_neighbours_in_one_ipv6_network_guess_together(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            for number in range(10):
                headers = bearer("a wrong token", f"2001:db8:1:2::{number:x}")
                assert (await office.running.http.get("/api/admin/status", headers=headers)).status_code == 401
            assert (await office.get("/status", "2001:db8:1:2:ffff::1")).status_code == 429
            assert (await office.get("/status", "2001:db8:1:3::1")).status_code == 200


async def test_a_ban_closes_everything_but_the_admin_api(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            await office.change("/kick", {"ip": AWAY})
            assert_problem(await office.running.http.get("/api/gate/config", headers=at(AWAY)), 403, "banned")
            assert (await office.post("/unban", {"ip": AWAY}, AWAY)).status_code == 200
            assert (await office.running.http.get("/api/gate/config", headers=at(AWAY))).status_code == 200


# What is seen

SHOWN = {
    *("active_miners", "online_connections", "total_hashrate", "difficulty", "mining_time", "last_solve_time"),
    *("average_solve_time", "banned_count", "current_seed", "session_count", "hashrate_chart_history"),
    *("solve_time_chart_history", "min_difficulty", "max_difficulty", "target_time", "target_timeout", "time_cost"),
    *("memory_cost", "parallelism", "worker_count", "max_nonce_speed", "webhooks", "drop", "tasks", "version"),
    *("uptime", "status"),
}


async def test_the_status_tells_everything(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            running = office.running
            before = await office.status()
            assert before.keys() >= SHOWN
            assert (before["last_solve_time"], before["average_solve_time"]) == (None, None)
            assert (before["online_connections"], before["session_count"], before["banned_count"]) == (0, 0, 0)
            assert before["current_seed"] == running.house.arbiter.job()["seed"]
            assert (before["status"], before["version"], before["difficulty"]) == ("ok", __version__, 1)
            assert before["tasks"]["race"] == {"state": "running", "crashes": 0}
            async with tab(running) as guest:
                await guest.say(type="mining_start")
                await guest.say(type="hashrate", payload={"rate": 12.5})
                await guest.settle()
                await Player(running.http, "another").win()
                await office.change("/kick", {"ip": AWAY})
                after = await office.status()
            assert (after["active_miners"], after["total_hashrate"], after["online_connections"]) == (1, 12.5, 1)
            assert (after["session_count"], after["banned_count"]) == (2, 1)
            assert after["last_solve_time"] == after["average_solve_time"] > 0
            assert [point["value"] for point in after["solve_time_chart_history"]] == [after["last_solve_time"]]
            assert after["hashrate_chart_history"]
            assert after["current_seed"] != before["current_seed"]


async def test_miners_and_sessions_are_listed(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            async with tab(office.running) as guest:
                await guest.say(type="hashrate", payload={"rate": 5})
                await guest.settle()
                [miner] = (await office.get("/miners")).json()["miners"]
                assert (miner["ip"], miner["hashrate"], miner["overspeed"], miner["mining"]) == (
                    HOME,
                    5.0,
                    False,
                    False,
                )
                assert {"last_seen", "connected_since"} <= miner.keys()
                listed = (await office.get("/sessions")).json()
                [session] = listed["sessions"]
                assert listed["total"] == 1
                assert len(session["token_preview"]) == 8
                assert session["token_preview"] not in guest.token
                assert (session["ip"], session["is_connected"], session["disconnected_at"]) == (HOME, True, None)
            await until(lambda: not office.running.house.hub.count)
            [session] = (await office.get("/sessions")).json()["sessions"]
            assert not session["is_connected"]
            assert session["disconnected_at"] > session["created_at"]


# Parameters

GOOD: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("/difficulty", {"difficulty": 4}, {"difficulty": 4, "min_difficulty": 1, "max_difficulty": 8}),
    ("/difficulty", {"max_difficulty": 64, "difficulty": 64}, {"difficulty": 64, "max_difficulty": 64}),
    ("/difficulty", {"min_difficulty": 3, "difficulty": 3}, {"difficulty": 3, "min_difficulty": 3}),
    ("/difficulty", {"min_difficulty": 1, "max_difficulty": 1}, {"difficulty": 1, "max_difficulty": 1}),
    ("/target-time", {"target_time": 100}, {"target_time": 100, "target_time_min": 40, "target_time_max": 160}),
    ("/target-time", {"target_timeout": 0.1}, {"target_timeout": 0.1, "target_time": 0.1}),
    ("/target-time", {"target_time": 86400, "target_timeout": 86400}, {"target_timeout": 86400}),
    ("/argon2", {"time_cost": 2}, {"time_cost": 2, "memory_cost": 8, "parallelism": 1, "algorithm": "argon2d"}),
    ("/argon2", {"memory_cost": 128, "parallelism": 16}, {"memory_cost": 128, "parallelism": 16}),
    ("/worker-count", {"worker_count": 32, "unknown": []}, {"worker_count": 32}),
    ("/max-nonce-speed", {"max_nonce_speed": 0}, {"max_nonce_speed": 0}),
    ("/max-nonce-speed", {"max_nonce_speed": 123.5}, {"max_nonce_speed": 123.5}),
]


@pytest.mark.parametrize(("path", "body", "shown"), GOOD)
async def test_a_parameter_is_set_shown_told_and_resets_the_puzzle(
    path: str, body: dict[str, Any], shown: dict[str, Any], tmp_path: Path
) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office, tab(office.running) as guest:
            before = await office.status()
            answer = await office.change(path, body)
            assert answer == answer | shown
            after = await office.status()
            assert after == after | answer
            assert after["current_seed"] != before["current_seed"]
            told = await guest.hear("PUZZLE_RESET", reason="admin")
            assert told["seed"] == after["current_seed"]
            [(action, values)] = office.deeds()
            assert f"/{action}" == path
            assert values == {
                name: {"from": before[name], "to": after[name]} for name in answer if before[name] != after[name]
            }


NO_OBJECTS: list[Any] = [[], 5, "text"]
BAD: list[tuple[str, Any, str | None]] = [
    ("/difficulty", {}, "difficulty"),
    ("/difficulty", {"dificulty": 5}, "difficulty"),
    ("/difficulty", {"difficulty": 0}, "difficulty"),
    ("/difficulty", {"difficulty": 65}, "difficulty"),
    ("/difficulty", {"difficulty": 9}, "difficulty"),
    ("/difficulty", {"difficulty": 2.0}, "difficulty"),
    ("/difficulty", {"difficulty": "2"}, "difficulty"),
    ("/difficulty", {"difficulty": True}, "difficulty"),
    ("/difficulty", {"difficulty": None}, "difficulty"),
    ("/difficulty", {"difficulty": 10**400}, "difficulty"),
    ("/difficulty", {"min_difficulty": 20}, "min_difficulty"),
    ("/difficulty", {"min_difficulty": 2}, "min_difficulty"),
    ("/difficulty", {"min_difficulty": 5, "max_difficulty": 4}, "min_difficulty"),
    ("/difficulty", {"difficulty": 3, "max_difficulty": 2}, "difficulty"),
    ("/difficulty", {"max_difficulty": 0}, "max_difficulty"),
    ("/difficulty", {"difficulty": 3, "max_difficulty": "9"}, "max_difficulty"),
    ("/target-time", {}, "target_time"),
    ("/target-time", {"target_time": 0}, "target_time"),
    ("/target-time", {"target_time": -1}, "target_time"),
    ("/target-time", {"target_time": "60"}, "target_time"),
    ("/target-time", {"target_time": 86401}, "target_time"),
    ("/target-time", {"target_time": 301}, "target_time"),
    ("/target-time", {"target_time": 60, "target_timeout": 59}, "target_timeout"),
    ("/target-time", {"target_timeout": 0}, "target_timeout"),
    ("/target-time", {"target_timeout": 86401}, "target_timeout"),
    ("/target-time", {"target_time": 100, "target_timeout": [300]}, "target_timeout"),
    ("/argon2", {}, "time_cost"),
    ("/argon2", {"time_cost": 0}, "time_cost"),
    ("/argon2", {"time_cost": 17}, "time_cost"),
    ("/argon2", {"memory_cost": 7}, "memory_cost"),
    ("/argon2", {"memory_cost": 4194305}, "memory_cost"),
    ("/argon2", {"parallelism": 0}, "parallelism"),
    ("/argon2", {"parallelism": 17}, "parallelism"),
    ("/argon2", {"parallelism": 2}, "parallelism"),
    ("/argon2", {"parallelism": 4, "memory_cost": 31}, "memory_cost"),
    ("/argon2", {"time_cost": 2, "memory_cost": {}}, "memory_cost"),
    ("/worker-count", {}, "worker_count"),
    ("/worker-count", {"worker_count": 0}, "worker_count"),
    ("/worker-count", {"worker_count": 33}, "worker_count"),
    ("/max-nonce-speed", {}, "max_nonce_speed"),
    ("/max-nonce-speed", {"max_nonce_speed": -0.1}, "max_nonce_speed"),
    ("/max-nonce-speed", {"max_nonce_speed": 1e13}, "max_nonce_speed"),
    ("/max-nonce-speed", {"max_nonce_speed": None}, "max_nonce_speed"),
    ("/drop", {}, "code_limit"),
    ("/drop", {"code_limit": -1}, "code_limit"),
    ("/drop", {"code_limit": None}, "code_limit"),
    ("/drop", {"wins_per_visitor": 1.5}, "wins_per_visitor"),
    ("/drop", {"win_cooldown": -1}, "win_cooldown"),
    ("/drop", {"win_cooldown": 10**9}, "win_cooldown"),
    ("/drop", {"code_limit": 5, "opens_at": "tomorrow"}, "opens_at"),
    ("/drop", {"opens_at": 1790000000}, "opens_at"),
    ("/drop", {"opens_at": "2030-01-01T00:00:00"}, "opens_at"),
    ("/drop", {"opens_at": "2030-01-01"}, "opens_at"),
    ("/drop", {"opens_at": "0001-01-01T00:00:00+14:00"}, "opens_at"),
    ("/drop", {"opens_at": "9999-12-31T23:59:59-14:00"}, "opens_at"),
    ("/drop", {"closes_at": "2030-13-01T00:00:00Z"}, "closes_at"),
    ("/drop", {"opens_at": "2030-01-02T00:00:00Z", "closes_at": "2030-01-01T00:00:00Z"}, "closes_at"),
    ("/kick", {}, "ip"),
    ("/kick", {"ip": ""}, "ip"),
    ("/kick", {"ip": 5}, "ip"),
    ("/kick", {"ip": "1');alert(document.domain)//"}, "ip"),
    ("/kick", {"ip": "10.0.0.0/7"}, "ip"),
    ("/kick", {"ip": "2001::/31"}, "ip"),
    ("/kick", {"ip": "127.0.0.1"}, "ip"),
    ("/kick", {"ip": "127.0.0.0/8"}, "ip"),
    ("/unban", {}, "ip"),
    ("/unban", {"ip": "nobody"}, "ip"),
    ("/codes/check", {}, "invite_code"),
    ("/codes/check", {"invite_code": 5}, "invite_code"),
    ("/codes/check", {"invite_code": "x" * 513}, "invite_code"),
    ("/codes/redeem", {"invite_code": ""}, "invite_code"),
    ("/codes/redeem", {"invite_code": "\ud800"}, "invite_code"),
    ("/regenerate-hmac", {"hmac_secret": "ab"}, "hmac_secret"),
    ("/regenerate-hmac", {"hmac_secret": None}, "hmac_secret"),
    ("/regenerate-hmac", {"hmac_secret": "g" * 64}, "hmac_secret"),
    *((path, body, None) for path in [*WITH_BODY, "/regenerate-hmac"] for body in NO_OBJECTS),
]


async def test_a_bad_value_is_refused_by_name_and_changes_nothing(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with open_office(tmp_path) as office:
            before = rules(await office.status())
            for path, body, field in BAD:
                answer = await office.post(path, body)
                assert_problem(answer, 400, "bad_request", field)
                assert rules(await office.status()) == before, (path, body)
            assert office.deeds() == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
NAMES = sorted(
    {
        *("difficulty", "min_difficulty", "max_difficulty", "target_time", "target_timeout", "time_cost"),
        *("memory_cost", "parallelism", "worker_count", "max_nonce_speed", "code_limit", "wins_per_visitor"),
        *("win_cooldown", "opens_at", "closes_at", "ip", "invite_code", "hmac_secret"),
    }
)


async def test_no_body_makes_the_server_stumble_and_what_it_refuses_changes_nothing(tmp_path: Path) -> None:
    paths = [f"/api/admin{path}" for path in [*WITH_BODY, *BARE]]
    bodies = st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=4) | ANYTHING

    async with open_office(tmp_path) as office:
        http = office.running.http

        async def send(path: str, body: Any) -> None:
            before = rules(await office.status())
            answer = await http.post(path, content=json.dumps(body), headers=bearer())
            assert answer.status_code < 500, (path, body, answer.text)
            if answer.status_code != 200:
                assert rules(await office.status()) == before, (path, body)

        @given(st.sampled_from(paths), bodies)
        @how(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        def fuzz(path: str, body: Any) -> None:
            trio.from_thread.run(send, path, body)

        with trio.fail_after(60):
            await trio.to_thread.run_sync(fuzz)


async def test_two_changes_at_once_do_not_undo_each_other(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            lock = office.running.house.arbiter._lock
            async with trio.open_nursery() as nursery, lock:  # so that each has looked before any is done
                nursery.start_soon(office.change, "/difficulty", {"difficulty": 3, "min_difficulty": 2})
                nursery.start_soon(office.change, "/worker-count", {"worker_count": 7})
                nursery.start_soon(office.change, "/target-time", {"target_time": 20})
                nursery.start_soon(office.change, "/argon2", {"memory_cost": 32})
                nursery.start_soon(office.change, "/max-nonce-speed", {"max_nonce_speed": 9})
                nursery.start_soon(office.change, "/drop", {"code_limit": 9})
                nursery.start_soon(office.change, "/drop", {"wins_per_visitor": 8})
                await trio.sleep(0.3)
            assert len(office.deeds()) == 7
            status = await office.status()
            set_to = {"difficulty": 3, "min_difficulty": 2, "worker_count": 7, "target_time": 20, "memory_cost": 32}
            assert status == status | set_to
            assert (status["drop"]["code_limit"], status["drop"]["wins_per_visitor"]) == (9, 8)


async def test_parameters_that_the_server_could_not_verify_in_are_refused(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with open_office(tmp_path) as office:
            before = rules(await office.status())
            answer = await office.post("/argon2", {"memory_cost": 4_194_304, "time_cost": 16})
            assert_problem(answer, 400, "bad_request", answer.json().get("field"))
            assert rules(await office.status()) == before


async def test_an_open_answer_is_not_made_a_lie_by_new_parameters(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            player = await (await Player(office.running.http).enter()).look()
            answer = next(player.answers())
            await office.change("/argon2", {"time_cost": 2})
            assert_problem(await player.submit(answer), 409, "round_stale")
            await player.win()


async def test_a_change_is_finished_and_written_down_when_the_caller_hangs_up(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            lock = office.running.house.arbiter._lock
            async with lock:
                with trio.move_on_after(0.2):
                    await office.post("/worker-count", {"worker_count": 9})
                await trio.sleep(0.05)
            await until(lambda: len(office.deeds()) == 1)
            assert (await office.status())["worker_count"] == 9
            assert office.deeds() == [("worker-count", {"worker_count": {"from": 4, "to": 9}})]


async def test_a_reset_gives_a_new_seed_and_nobody_wins(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            before = await office.status()
            answer = await office.change("/reset-puzzle")
            after = await office.status()
            assert answer["seed"] == after["current_seed"] != before["current_seed"]
            assert (answer["round"], after["difficulty"]) == (before["round"] + 1, before["difficulty"])
            assert (await office.get("/logs")).json()["total"] == 0
            assert office.deeds() == [("reset-puzzle", {"round": before["round"]})]


# Drops


async def test_a_drop_is_set_told_and_closes_the_race(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office, tab(office.running) as guest:
            answer = await office.change("/drop", {"code_limit": 1, "closes_at": "2040-01-01T01:00:00+01:00"})
            assert answer == {
                "code_limit": 1,
                "wins_per_visitor": 0,
                "win_cooldown": 0,
                "opens_at": None,
                "closes_at": "2040-01-01T00:00:00.000Z",
                "open": True,
                "reason": None,
                "remaining": 1,
            }
            assert (await office.status())["drop"] == answer
            await Player(office.running.http).win()
            assert (await guest.hear("RACE", open=False))["reason"] == "used_up"
            status = await office.status()
            assert (status["drop"]["remaining"], status["current_seed"], status["round"]) == (0, None, None)
            assert await office.change("/reset-puzzle") == {
                "round": None,
                "seed": None,
                "difficulty": status["difficulty"],
            }
            assert (await office.change("/difficulty", {"difficulty": 2}))["difficulty"] == 2
            reopened = await office.change("/drop", {"code_limit": 0, "closes_at": None})
            assert (reopened["open"], reopened["closes_at"], reopened["remaining"]) == (True, None, None)
            await guest.hear("RACE", open=True)
            assert office.deeds()[0] == (
                "drop",
                {
                    "code_limit": {"from": 0, "to": 1},
                    "closes_at": {"from": None, "to": "2040-01-01T00:00:00.000Z"},
                },
            )


# People


async def test_kick_bans_closes_revokes_and_voids_and_touches_nobody_else(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with (
            open_office(tmp_path) as office,
            tab(office.running) as one,
            tab(office.running, address=AWAY) as other,
        ):
            answer = await office.change("/kick", {"ip": HOME})
            assert answer == {"banned": HOME, "closed": 1, "revoked": 1}
            assert await one.peer.close_code() == (1008, "This address is banned.")
            await other.settle()
            assert (await office.get("/blacklist")).json() == {"banned_ips": [HOME]}
            assert_problem(await office.running.http.post("/api/session", json={}, headers=at(HOME)), 403, "banned")
            async with visit(office.running) as guest:
                assert (await guest.peer.close_code())[0] == 1008
            assert [session["ip"] for session in (await office.get("/sessions")).json()["sessions"]] == [AWAY]
            assert office.deeds() == [("kick", answer)]


async def test_a_kick_of_a_network_takes_all_of_it(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            async with (
                tab(office.running, address="2001:db8:1:2::1") as one,
                tab(office.running, address="2001:db8:1:2:3::4") as two,
            ):
                answer = await office.change("/kick", {"ip": "2001:db8:1:2::99"})
                assert answer == {"banned": "2001:db8:1:2::/64", "closed": 2, "revoked": 2}
                for guest in (one, two):
                    assert (await guest.peer.close_code())[0] == 1008
            answer = await office.change("/kick", {"ip": "203.0.113.0/24"})
            assert answer["banned"] == "203.0.113.0/24"


async def test_a_kick_ends_a_session_by_whichever_of_its_addresses(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            for banned in (HOME, "2001:db8:1:2::1"):
                player = await Player(office.running.http, headers=at(AWAY if banned != HOME else HOME)).enter()
                other = "2001:db8:1:3::1" if banned == HOME else banned
                headers = {**player.headers, **at(other)}
                assert (await office.running.http.get("/api/puzzle", headers=headers)).status_code == 200
                assert (await office.change("/kick", {"ip": banned}))["revoked"] == 1


async def test_a_kick_also_takes_who_is_still_being_judged(tmp_path: Path) -> None:
    gate = FakeGate(answer=trio.Event())
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            office.running.house.room.entrance.gatekeeper.gate = gate
            async with visit(office.running, "good") as guest:
                await until(lambda: bool(gate.asked))
                assert (await office.change("/kick", {"ip": HOME}))["closed"] == 1
                assert gate.answer is not None
                gate.answer.set()
                assert (await guest.peer.close_code())[0] == 1008
            await until(lambda: office.running.house.hub.statistics().waiting == 0)
            assert office.running.house.hub.count == 0


async def test_a_kick_that_would_cover_the_caller_is_refused(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            for ip, address in [
                (HOME, HOME),
                ("203.0.113.0/24", HOME),
                ("2001:db8:1:2::1", "2001:db8:1:2::2"),
                (f"::ffff:{HOME}", HOME),
            ]:
                answer = await office.post("/kick", {"ip": ip}, address)
                assert_problem(answer, 400, "bad_request", "ip")
                assert address in answer.json()["detail"]
            assert (await office.get("/blacklist")).json() == {"banned_ips": []}


async def test_open_answers_of_a_kicked_address_are_void(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with held_house(tmp_path, ADMIN_TOKEN=TOKEN) as (running, held, nursery):
            player = await (await enter(running, HOME)).look()
            answers: list[httpx.Response] = []

            async def submit() -> None:
                answers.append(await player.submit(player.answer(0, "0" * 64)))

            nursery.start_soon(submit)
            await until(lambda: running.house.arbiter.undecided == 1)
            await Office(running, tmp_path).change("/kick", {"ip": HOME})
            await until(lambda: bool(answers))
            assert_problem(answers[0], 403, "banned")
            held.let_go()


async def test_kick_all_closes_every_socket_and_ends_every_session(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with (
            open_office(tmp_path) as office,
            tab(office.running) as one,
            tab(office.running, address=AWAY) as two,
        ):
            await Player(office.running.http).enter()
            assert await office.change("/kick-all") == {"closed": 2, "revoked": 3}
            for guest in (one, two):
                code, reason = await guest.peer.close_code()
                assert (code, "operator" in reason) == (1008, True)
            async with tab(office.running):
                pass
            assert (await office.get("/blacklist")).json() == {"banned_ips": []}


async def test_clear_sessions_ends_them_and_closes_their_sockets(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office, tab(office.running) as guest:
            player = await Player(office.running.http).enter()
            assert await office.change("/clear-sessions") == {"revoked": 2}
            assert (await guest.peer.close_code())[0] == 1008
            answer = await office.running.http.get("/api/puzzle", headers=player.headers)
            assert_problem(answer, 401, "session_revoked")
            assert (await office.get("/sessions")).json() == {"sessions": [], "total": 0}


async def test_unban_says_what_still_stands_in_the_way(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            await office.change("/kick", {"ip": "198.51.100.0/24"})
            answer = await office.post("/unban", {"ip": AWAY})
            assert_problem(answer, 404, "not_banned", "ip")
            assert "198.51.100.0/24" in answer.json()["detail"]
            assert_problem(await office.post("/unban", {"ip": "192.0.2.1"}), 404, "not_banned", "ip")
            answered = await office.change("/unban", {"ip": "198.51.100.7/24"})
            assert answered == {"unbanned": "198.51.100.0/24", "banned_ips": []}
            assert [action for action, _ in office.deeds()] == ["kick", "unban"]


async def test_what_fails_half_way_is_written_down_as_far_as_it_went(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            sessions: Any = office.running.house.sessions

            async def fail(*_: object, **__: object) -> int:
                raise StoreUnavailable

            sessions.revoke_all = fail
            assert_problem(await office.post("/kick-all"), 503, "store_unavailable")
            assert office.deeds() == [("kick-all", {"closed": 0, "unfinished": True})]
            assert_problem(await office.post("/clear-sessions"), 503, "store_unavailable")
            assert len(office.deeds()) == 1


# Codes and keys


async def test_a_code_is_checked_redeemed_once_and_revoked_by_a_new_key(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            first, second = [await Player(office.running.http).win() for _ in range(2)]
            checked = await office.change("/codes/check", {"invite_code": first})
            assert checked.keys() == {"valid", "status", "issued_at", "visitor_id", "round", "redeemed_at"}
            assert (checked["valid"], checked["status"], checked["visitor_id"]) == (True, "issued", "visitor")
            redeemed = await office.change("/codes/redeem", {"invite_code": first})
            assert (redeemed["status"], redeemed["invite_code"], redeemed["valid"]) == ("redeemed", first, False)
            assert_problem(await office.post("/codes/redeem", {"invite_code": first}), 409, "code_redeemed")
            assert_problem(await office.post("/codes/redeem", {"invite_code": "x"}), 404, "code_unknown")
            renewed = await office.change("/regenerate-hmac", {"hmac_secret": "5A" * 32})
            assert_problem(await office.post("/codes/redeem", {"invite_code": second}), 410, "code_revoked")
            assert (await office.change("/codes/check", {"invite_code": second}))["status"] == "revoked"
            assert_problem(await office.post("/regenerate-hmac", {"hmac_secret": "5a" * 32}), 400, field="hmac_secret")
            made = await office.change("/regenerate-hmac")
            assert made["key_id"] != renewed["key_id"]
            deeds = office.deeds()
            assert deeds[0] == ("codes/redeem", {"invite_code": first, "round": redeemed["round"]})
            assert deeds[1:] == [("regenerate-hmac", renewed), ("regenerate-hmac", made)]
            assert "5a5a" not in (tmp_path / "admin.json").read_text().lower()


async def test_of_fifty_who_redeem_a_code_at_once_one_succeeds(tmp_path: Path) -> None:
    statuses: list[int] = []
    with trio.fail_after(30):
        async with open_office(tmp_path) as office:
            code = await Player(office.running.http).win()

            async def redeem() -> None:
                statuses.append((await office.post("/codes/redeem", {"invite_code": code})).status_code)

            async with trio.open_nursery() as nursery:
                for _ in range(50):
                    nursery.start_soon(redeem)
            assert sorted(statuses) == [200] + [409] * 49
            assert len(office.deeds()) == 1


async def test_a_new_receipt_key_is_listed_with_the_old_one(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            answer = await office.change("/receipt-key")
            keys = (await office.running.http.get("/.well-known/jwks.json")).json()["keys"]
            assert answer == {"kid": keys[0]["kid"]}
            assert len(keys) == 2
            assert office.deeds() == [("receipt-key", answer)]


async def test_undelivered_notifications_are_tried_again(tmp_path: Path) -> None:
    sink = WebhookSink(answer=lambda delivery: 500)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            url = await nursery.start(sink.serve)
            async with open_office(tmp_path, WEBHOOK_URL=url) as office:
                await Player(office.running.http).win()
                await sink.wait_for(1)
                await until(lambda: sink.answered == 1)
                sink.answer = lambda delivery: 204
                answer = await office.change("/webhooks/retry")
                assert answer["retried"] <= 1
                await until(lambda: office.running.house.webhooks.pending == 0)
                assert (await office.status())["webhooks"]["delivered"] == 1
            nursery.cancel_scope.cancel()


# What is read of the past


async def test_the_log_is_read_by_page_search_and_file(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            codes = [await Player(office.running.http, f"visitor {n}").win() for n in range(5)][::-1]
            page = (await office.get("/logs")).json()
            assert [record["invite_code"] for record in page["records"]] == codes
            assert (page["total"], page["page"], page["pages"], page["files"]) == (5, 1, 1, ["verify.json"])
            page = (await office.get("/logs", page=2, per_page=2)).json()
            assert [record["invite_code"] for record in page["records"]] == codes[2:4]
            assert page["pages"] == 3
            found = (await office.get("/logs", search="VISITOR 3", file="verify.json")).json()
            assert [record["visitor_id"] for record in found["records"]] == ["visitor 3"]
            stats = (await office.get("/logs/stats")).json()
            assert (stats["total_codes"], stats["unique_visitors"]) == (5, 5)


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/logs", {"page": "0"}, "page"),
        ("/logs", {"page": "-1"}, "page"),
        ("/logs", {"page": "x"}, "page"),
        ("/logs", {"page": "٣"}, "page"),
        ("/logs", {"page": "9" * 5000}, "page"),
        ("/logs", {"per_page": "201"}, "per_page"),
        ("/logs", {"per_page": ""}, "per_page"),
        ("/logs", {"search": "x" * 201}, "search"),
        ("/logs", {"file": "../keys.json"}, "file"),
        ("/logs", {"file": "keys.json"}, "file"),
        ("/applogs", {"per_page": "501"}, "per_page"),
        ("/applogs", {"level": "LOUD"}, "level"),
        ("/applogs", {"file": "/etc/passwd"}, "file"),
        ("/logs/export", {"format": "xml"}, "format"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused_by_name(
    path: str, query: dict[str, str], field: str, tmp_path: Path
) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            assert_problem(await office.get(path, **query), 400, "bad_request", field)


async def test_everything_is_exported_as_json_and_as_a_table(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            assert (await office.get("/logs/export")).json() == []
            codes = [await Player(office.running.http, "=cmd|' /C calc'!A0").win() for _ in range(3)]
            exported = await office.get("/logs/export")
            assert [record["invite_code"] for record in exported.json()] == codes
            assert exported.headers["Content-Disposition"].startswith('attachment; filename="hashpass-codes-')
            assert exported.headers["Content-Type"] == "application/json"
            table = await office.get("/logs/export", format="csv")
            rows = list(csv.DictReader(io.StringIO(table.text)))
            assert [row["invite_code"] for row in rows] == codes
            assert rows[0]["visitor_id"].startswith("'=")
            assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
            assert table.headers["Content-Disposition"].endswith('.csv"')


async def test_an_export_of_many_records_is_streamed_and_may_be_left(tmp_path: Path) -> None:
    with trio.fail_after(60):
        async with open_office(tmp_path) as office:
            audit = office.running.house.audit
            await Player(office.running.http).win()
            [record] = await audit.journal.read("verify.json")
            plain = {name: value for name, value in record.items() if name not in {"prev", "mac", "salts"}}
            async with trio.open_nursery() as nursery:
                for number in range(2100):
                    nursery.start_soon(audit.journal.append, {**plain, "round": number})
            assert len((await office.get("/logs/export")).json()) == 2101
            port = int(office.running.url.rpartition(":")[2])
            head = f"GET /api/admin/logs/export?format=csv HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
            for _ in range(3):
                async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                    await stream.send_all(head.encode())
                    assert (await stream.receive_some(1000)).startswith(b"HTTP/1.1 200")
            table = (await office.get("/logs/export", format="csv")).text
            assert len(list(csv.reader(io.StringIO(table)))) == 2102


async def test_an_export_that_fails_is_a_refusal_or_an_end_that_no_client_takes_for_the_whole(tmp_path: Path) -> None:
    async def at_once(write: object) -> AsyncIterator[str]:
        if write is not None:
            raise StoreUnavailable
        yield ""

    async def later(write: object) -> AsyncIterator[str]:
        yield ",1"
        raise StoreUnavailable

    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            records: Any = office.running.house.app.view_functions["admin.export"]
            records.__self__.archive.export_text = at_once
            assert_problem(await office.get("/logs/export"), 503, "store_unavailable")
            records.__self__.archive.export_text = later
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
                await office.get("/logs/export")
            assert (await office.get("/status")).status_code == 200


async def test_an_export_may_take_longer_than_other_answers(tmp_path: Path) -> None:
    async def slowly(write: object) -> AsyncIterator[str]:
        for number in range(5):
            yield f",{number}"
            await trio.sleep(0.05)

    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            app = office.running.house.app
            app.config["RESPONSE_TIMEOUT"] = 0.1
            records: Any = app.view_functions["admin.export"]
            records.__self__.archive.export_text = slowly
            answer = await office.running.http.get("/api/admin/logs/export", headers=bearer())
            assert answer.json() == [0, 1, 2, 3, 4]


async def test_the_servers_own_log_is_read(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "hashpass.log").write_text(
        "2030-01-01T00:00:00.000Z INFO hashpass.app: hello\n2030-01-01T00:00:01.000Z ERROR hashpass.web: failed\n"
    )
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            page = (await office.get("/applogs")).json()
            assert page.keys() == {"lines", "total", "page", "pages", "files"}
            assert page["total"] == 2
            assert (await office.get("/applogs", level="ERROR", search="FAIL")).json()["total"] == 1


# The trail


async def test_a_record_tells_who_and_when_and_is_on_the_disk_before_the_answer(tmp_path: Path) -> None:
    clock = Clock()
    with trio.fail_after(20):
        async with open_office(tmp_path, wall=clock.wall) as office:
            await office.post("/worker-count", {"worker_count": 5}, AWAY)
            [record] = office.trail()
            assert (record["real_ip"], record["action"]) == (AWAY, "worker-count")
            assert record["timestamp"] == "2025-06-15T15:06:40.000Z"
            assert {"prev", "mac", "salts"} <= record.keys()


async def test_what_could_not_be_written_down_is_not_done(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            door: Any = office.running.house.lane.doors["/api/admin/ws"]
            trail = door.__self__.entrance.trail

            class Full:
                full = True

                async def append(self, record: object) -> None: ...

            trail._log = Full()
            before = rules(await office.status())
            for path, body in PARAMETERS.items():
                assert_problem(await office.post(path, body), 503, "not_ready")
            assert_problem(await office.post("/kick", {"ip": AWAY}), 503, "not_ready")
            assert rules(await office.status()) == before


async def test_a_restart_keeps_what_the_operator_set_and_what_he_did(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_office(tmp_path) as office:
            await office.change("/argon2", {"time_cost": 2})
            await office.change("/drop", {"code_limit": 7})
            await office.change("/kick", {"ip": AWAY})
        async with open_office(tmp_path) as office:
            status = await office.status()
            assert (status["time_cost"], status["drop"]["code_limit"], status["banned_count"]) == (2, 7, 1)
            assert office.running.house.arbiter.rules.argon2 == Argon2Params("d", 2, 8, 1)
            await office.change("/unban", {"ip": AWAY})
            assert [action for action, _ in office.deeds()] == ["argon2", "drop", "kick", "unban"]
