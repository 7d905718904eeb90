"""The public WebSocket over real sockets: who is let in, what is said, and when it ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define

from hashpass.domain.values import Address
from hashpass.testing import FakeGate
from tests.house import BROWSER, Player, Running, open_house
from tests.web.test_answers import LIE, at
from tests.web.test_public import PUZZLE, assert_problem, until
from tests.wire.peers import Peer, closing, frame, text

HOME, AWAY = "203.0.113.5", "198.51.100.7"


@define
class Guest:
    """A browser's tab, as far as its socket goes."""

    peer: Peer
    token: str = ""

    async def say(self, **message: Any) -> None:
        await self.peer.send(text(json.dumps(message)))

    async def hear(self, kind: str, **members: Any) -> dict[str, Any]:
        """The next message of this type with these members; others are skipped."""
        while True:
            message: dict[str, Any] = json.loads(await self.peer.text())
            if message["type"] == kind and members.items() <= message.items():
                return message

    async def settle(self) -> dict[str, Any]:
        """Wait until all that was said has been heard."""
        await self.say(type="ping")
        return await self.hear("PONG")


@asynccontextmanager
async def visit(
    running: Running,
    token: str | None = "",
    *,
    address: str = HOME,
    agent: str | None = BROWSER,
    origin: str | None = None,
) -> AsyncIterator[Guest]:
    headers = [f"X-Real-IP: {address}".encode()]
    headers += [] if agent is None else [f"User-Agent: {agent}".encode()]
    headers += [] if origin is None else [f"Origin: {origin}".encode()]
    stream = await trio.open_tcp_stream("127.0.0.1", int(running.url.rpartition(":")[2]))
    async with stream:
        peer = Peer(stream)
        await peer.open("/api/ws" if token is None else f"/api/ws?token={token}", *headers)
        yield Guest(peer)


@asynccontextmanager
async def tab(running: Running, token: str = "", address: str = HOME) -> AsyncIterator[Guest]:
    """A guest that has been let in; without a session's token it gets one."""
    async with visit(running, token, address=address) as guest:
        if not token.startswith("hps_"):
            guest.token = (await guest.hear("SESSION_TOKEN"))["token"]
        else:
            guest.token = token
            await guest.settle()
        yield guest


def with_session(running: Running, guest: Guest, address: str = HOME) -> Player:
    return Player(running.http, token=guest.token, headers={**at(address), "Authorization": f"Bearer {guest.token}"})


# Coming in


async def test_a_gate_token_gets_a_session_token_first_and_once(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            for token in ("", "XXXX.DUMMY.TOKEN.XXXX", None):
                async with visit(running, token) as guest:
                    first = json.loads(await guest.peer.text())
                    assert first == {"type": "SESSION_TOKEN", "token": first["token"], "expires_in": 300}
                    assert first["token"].startswith("hps_")
                    assert json.loads(await guest.peer.text())["type"] == "RACE"
                    await guest.say(type="ping")
                    assert json.loads(await guest.peer.text())["type"] == "PONG"
                    guest.token = first["token"]
                    answer = await running.http.get("/api/code", headers=with_session(running, guest).headers)
                    assert answer.status_code == 200


async def test_a_session_comes_back_with_its_token_and_is_given_no_other(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            async with tab(running) as guest:
                token = guest.token
            opened = await Player(running.http, headers=at(HOME)).enter()
            for known in (token, opened.token):
                async with visit(running, known) as guest:
                    race = {"open": True, "reason": None, "opens_at": None, "closes_at": None, "remaining": None}
                    assert json.loads(await guest.peer.text()) == {"type": "RACE", **race}
                    await guest.say(type="ping")
                    assert json.loads(await guest.peer.text()) == {"type": "PONG", "online": 1}


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "dead token": ({"token": "hps_dead"}, "ended"),
    "session of elsewhere": ({"token": "theirs"}, "another address"),
    "gate's no": ({"token": "bad"}, "gate did not accept"),
    "used gate token": ({"token": "good.used"}, "has been used"),
    "no token at a gate": ({"token": None}, "token is empty"),
    "script client": ({"agent": "curl/8.5.0"}, "browsers"),
    "no agent": ({"agent": None}, "browsers"),
    "foreign origin": ({"origin": "https://evil.example"}, "another site"),
    "null origin": ({"origin": "null"}, "another site"),
    "banned": ({"address": "192.0.2.66"}, "banned"),
    "shut out": ({"address": "192.0.2.67"}, "false answers"),
    "no address": ({"address": "nonsense"}, "not an address"),
}


async def test_a_refusal_is_a_close_with_1008_and_its_reason_after_the_upgrade(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            entrance = running.house.room.entrance
            theirs = await running.house.sessions.open(Address.parse(AWAY))
            entrance.gatekeeper.gate = FakeGate()
            await entrance.gatekeeper.admit("good.used", Address.parse(AWAY))
            await entrance.bans.ban("192.0.2.66")
            for number in range(10):
                entrance.strikes.strike(f"liar {number % 3}", Address.parse("192.0.2.67"))
            for name, (how, reason) in REFUSALS.items():
                asked: dict[str, Any] = {"token": f"good.{name.replace(' ', '')}", **how}
                if asked["token"] == "theirs":
                    asked["token"] = theirs.token
                async with visit(running, **asked) as guest:
                    code, said = await guest.peer.close_code()
                    assert code == 1008, name
                    assert reason in said, name
                    await guest.peer.send(closing(code))
                    assert await guest.peer.at_end()
            async with visit(running, "good.last") as guest:
                await guest.hear("SESSION_TOKEN")


async def test_pages_of_our_own_origin_and_of_listed_ones_come_in(tmp_path: Path) -> None:
    env: dict[str, Any] = {
        "HASHPASS_PUBLIC_URL": "https://race.example",
        "HASHPASS_CORS_ORIGINS": "https://page.example",
    }
    with trio.fail_after(20):
        async with open_house(tmp_path, **env) as running:
            origins = (
                None,
                "http://example.org",
                "https://example.org",
                "https://race.example",
                "https://page.example",
            )
            for origin in origins:  # the Host that the test's peer sends is example.org
                async with visit(running, origin=origin) as guest:
                    await guest.hear("SESSION_TOKEN")


async def test_places_are_limited_by_address_and_given_back(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with (
            open_house(tmp_path, HASHPASS_CONNECTIONS_PER_IP="2") as running,
            tab(running),
            tab(running) as second,
        ):
            async with visit(running) as third:
                code, reason = await third.peer.close_code()
                assert (code, "connections" in reason) == (1008, True)
            async with tab(running, address=AWAY):
                pass
            await second.peer.send(closing())
            assert await second.peer.close_code() == (1000, "")
            await until(lambda: running.house.hub.statistics().members == 1)
            async with tab(running):
                pass


async def test_parallel_sockets_cannot_pass_the_limit_while_the_gate_thinks(tmp_path: Path) -> None:
    gate = FakeGate(answer=trio.Event())
    codes: list[int] = []

    async def knock(running: Running, number: int) -> None:
        async with visit(running, f"good{number}") as guest:
            try:
                await guest.hear("SESSION_TOKEN")
            except AssertionError:
                codes.append(1008)

    with trio.fail_after(20):
        async with open_house(tmp_path, HASHPASS_CONNECTIONS_PER_IP="3") as running:
            running.house.room.entrance.gatekeeper.gate = gate
            assert gate.answer is not None
            async with trio.open_nursery() as nursery:
                for number in range(8):
                    nursery.start_soon(knock, running, number)
                await until(lambda: len(codes) == 5)
                assert running.house.hub.count == 0  # who is still being judged is not in the room
                gate.answer.set()
            assert len(gate.asked) == 3


# What is said


async def test_pong_tells_how_many_are_online(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running, tab(running) as one, tab(running, address=AWAY):
            assert (await one.settle())["online"] == 2


async def test_a_reset_carries_the_whole_job_to_everybody(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running, tab(running) as one, tab(running, address=AWAY) as other:
            player = with_session(running, one)
            await player.win()
            resets = [await guest.hear("PUZZLE_RESET") for guest in (one, other)]
            assert resets[0] == resets[1]
            reset = resets[0]
            job = (await running.http.get("/api/puzzle", headers=player.headers)).json()
            assert job.keys() >= PUZZLE
            extra = {"type", "solve_time", "is_timeout", "reason"}
            assert {name: value for name, value in reset.items() if name not in extra} == job
            assert (reset["reason"], reset["is_timeout"]) == ("solved", False)
            assert reset["solve_time"] == reset["last_solve_time"] > 0
            await running.house.arbiter.reset()
            reset = await other.hear("PUZZLE_RESET")
            assert (reset["reason"], reset["is_timeout"], reset["solve_time"]) == ("admin", False, None)


GOOD_RATES = ["0", "123.45", "1000000000", "1e9", "-0.0", "5e-324"]
BAD_RATES = ["-1", "1000000001", "1e308", "Infinity", "-Infinity", "NaN", "true", "null", '"5"', "[5]", "1" + "0" * 400]


async def test_only_a_rate_that_a_sum_can_bear_is_taken(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            async with tab(running) as guest:
                for rate in GOOD_RATES:
                    await guest.peer.send(text(f'{{"type": "hashrate", "payload": {{"rate": {rate}}}}}'))
                await guest.settle()
                assert running.house.miners.message()["total_hashrate"] == 5e-324
            for number, rate in enumerate(BAD_RATES):
                async with tab(running, address=f"192.0.2.{number}") as guest:
                    await guest.peer.send(text(f'{{"type": "hashrate", "payload": {{"rate": {rate}}}}}'))
                    assert "rate" in (await guest.hear("ERROR"))["detail"]
                    for payload in ("{}", "null", "7", "[]"):
                        await guest.peer.send(text(f'{{"type": "hashrate", "payload": {payload}}}'))
                        await guest.hear("ERROR")
            assert running.house.miners.message()["total_hashrate"] == 0


async def test_the_networks_hash_rate_is_told_and_leaves_out_who_is_too_fast(tmp_path: Path) -> None:
    env: dict[str, Any] = {"HASHPASS_HASHRATE_INTERVAL": "0.1", "HASHPASS_MAX_NONCE_SPEED": "100"}
    with trio.fail_after(20):
        async with (
            open_house(tmp_path, **env) as running,
            tab(running) as one,
            tab(running, address=AWAY) as other,
        ):
            await one.say(type="hashrate", payload={"rate": 60.5})
            await other.say(type="hashrate", payload={"rate": 40})
            message = await one.hear("NETWORK_HASHRATE", total_hashrate=100.5)
            assert message["active_miners"] == 2
            assert message["timestamp"] > 1e9
            await other.say(type="hashrate", payload={"rate": 101})
            assert (await one.hear("NETWORK_HASHRATE", total_hashrate=60.5))["active_miners"] == 1
            assert [m["overspeed"] for m in running.house.miners.snapshot()] == [False, True]
            await one.say(type="mining_stop")
            await one.hear("NETWORK_HASHRATE", total_hashrate=0)


async def test_mining_time_runs_while_somebody_mines_and_no_longer(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:

            def mined() -> float:
                seconds: float = running.house.arbiter.job()["mining_time"]
                return seconds

            async with tab(running) as guest, tab(running, address=AWAY) as other:
                await guest.settle()
                assert mined() == 0
                await guest.say(type="mining_start")
                await other.say(type="mining_start")
                await until(lambda: mined() > 0)
                await guest.say(type="mining_stop")
                await guest.settle()
                before = mined()
                await until(lambda: mined() > before)
            await until(lambda: running.house.hub.count == 0)
            stopped = mined()
            await trio.sleep(0.05)
            assert mined() == stopped > 0


async def test_after_a_reset_miners_mine_on_without_a_word_and_the_clock_starts_from_zero(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running, tab(running) as guest:
            await guest.say(type="mining_start")
            await until(lambda: running.house.arbiter.job()["mining_time"] > 0.05)
            await running.house.arbiter.reset()
            assert (await guest.hear("PUZZLE_RESET"))["mining_time"] < 0.05
            await until(lambda: running.house.arbiter.job()["mining_time"] > 0.01)


async def test_a_time_out_is_told_and_its_best_hash_wins_a_code_ten_seconds_later(tmp_path: Path) -> None:
    env: dict[str, Any] = {"HASHPASS_TARGET_TIMEOUT": "0.3", "HASHPASS_TIMEOUT_AWARD": "true"}
    with trio.fail_after(30):
        async with (
            open_house(tmp_path, **env) as running,
            tab(running) as honest,
            tab(running, address=AWAY) as liar,
        ):
            player = await with_session(running, honest).look()
            other = await with_session(running, liar, AWAY).look()
            await honest.say(type="mining_start")
            reset = await honest.hear("PUZZLE_RESET")
            await honest.say(type="mining_stop")
            assert (reset["is_timeout"], reset["reason"], reset["solve_time"]) == (True, "timeout", None)
            best = min((player.hash(nonce).hex(), nonce) for nonce in range(64))
            entry = player.answer(best[1], best[0])
            assert_problem(await player.submit(entry), 409, "round_stale")
            taken = await player.submit(entry, "/api/submit")
            assert (taken.status_code, taken.json()) == (202, {"status": "submitted"})
            assert_problem(await player.submit(entry, "/api/submit"), 409, "already_submitted")
            assert (await other.submit(other.answer(0, LIE), "/api/submit")).status_code == 202
            code = await player.win()  # a solve of the new puzzle changes nothing of it
            told = await honest.hear("TIMEOUT_INVITE_CODE")
            assert told["leading_zeros"] == 256 - int(best[0], 16).bit_length()
            codes = (await running.http.get("/api/code", headers=player.headers)).json()["codes"]
            assert [(won["reason"], won["invite_code"]) for won in codes] == [
                ("solved", code),
                ("consolation", told["invite_code"]),
            ]
            late = await player.submit(entry, "/api/submit")
            assert_problem(late, 409, "round_stale")


# Errors and limits

NONSENSE = [
    text("not json"),
    text(""),
    text("[]"),
    text("null"),
    text('"ping"'),
    text("{}"),
    text('{"type": null}'),
    text('{"type": ["ping"]}'),
    text('{"type": "PING"}'),
    text('{"type": "hashrate"}'),
    text('{"type": "\\ud800"}'),
    text("[" * 4000),
    frame(2, b"\x00\xff"),
    frame(2, b""),
]


async def test_nonsense_is_answered_with_an_error_and_five_times_is_enough(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            for number, nonsense in enumerate(NONSENSE):
                async with tab(running, address=f"192.0.2.{number}") as guest:
                    for _ in range(4):
                        await guest.peer.send(nonsense)
                        assert (await guest.hear("ERROR"))["detail"].endswith(".")
                    await guest.settle()
                    await guest.peer.send(nonsense)
                    await guest.hear("ERROR")
                    code, reason = await guest.peer.close_code()
                    assert (code, reason) == (1008, "Too many messages that make no sense.")


async def test_unknown_members_do_not_matter(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running, tab(running) as guest:
            await guest.say(type="ping", payload={"deep": [1]}, token="x")
            await guest.hear("PONG")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (text("x" * 4097), 1009),
        (frame(1, b"x" * 4000, fin=False) + frame(0, b"x" * 97), 1009),
        (b"".join(text('{"type": "ping"}') for _ in range(50)), 1008),
        (frame(1, b"\xff\xfe"), 1007),
        (frame(1, b"{}", masked=False), 1002),
        (frame(3, b"{}"), 1002),
        (frame(1, b"{}", rsv=4), 1002),
    ],
)
async def test_who_breaks_the_rules_is_closed_with_the_right_code_and_nobody_else_notices(
    tmp_path: Path, data: bytes, code: int
) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running, tab(running) as bystander, tab(running) as guest:
            await guest.peer.send(data)
            assert (await guest.peer.close_code())[0] == code
            await until(lambda: running.house.hub.count == 1)
            assert (await bystander.settle())["online"] == 1


async def test_a_message_of_4096_bytes_is_read(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running, tab(running) as guest:
            await guest.peer.send(text('{"type": "ping"}'.ljust(4096)))
            await guest.hear("PONG")


# Sessions and the end


async def test_all_tabs_of_a_session_are_shown_out_when_it_ends_and_only_they(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with (
            open_house(tmp_path) as running,
            tab(running) as one,
            tab(running, one.token) as two,
            tab(running) as stranger,
        ):
            player = await with_session(running, one).look()
            for _ in range(3):
                assert_problem(await player.submit(player.answer(0, LIE)), 400, "proof_false")
            for guest in (one, two):
                code, reason = await guest.peer.close_code()
                assert code == 1008
                assert "This session has ended" in reason
            assert (await stranger.settle())["online"] == 1


async def test_a_session_used_from_elsewhere_loses_its_sockets(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            async with tab(running) as guest:
                async with visit(running, guest.token, address=AWAY) as thief:
                    assert "another address" in (await thief.peer.close_code())[1]
                assert (await guest.peer.close_code())[0] == 1008
            async with visit(running, guest.token) as again:
                assert "ended" in (await again.peer.close_code())[1]


async def test_one_tab_of_two_may_leave(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running, tab(running) as one:
            async with tab(running, one.token) as two:
                await two.say(type="mining_start")
                await two.settle()
            await until(lambda: running.house.hub.count == 1)
            await one.settle()
            assert await with_session(running, one).win()
            await one.hear("PUZZLE_RESET")


async def test_the_room_forgets_a_session_with_its_last_socket(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            async with tab(running) as one, tab(running, one.token), tab(running, address=AWAY):
                assert len(running.house.room._members) == 2
            await until(lambda: not running.house.room._members)


async def test_at_shutdown_everybody_hears_1001(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running, tab(running) as one, tab(running, address=AWAY) as other:
            await one.say(type="mining_start")
            await one.settle()
            running.closing.set()
            for guest in (one, other):
                assert (await guest.peer.close_code())[0] == 1001
                await guest.peer.send(closing(1001))
                assert await guest.peer.at_end()
