"""Submitting an answer: what is looked at first, who is refused and how, what a liar pays, how a winner asks again."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from attrs import define

from hashpass.domain.errors import HashPassError
from hashpass.domain.proof import Work
from hashpass.domain.values import Address, Proof
from hashpass.testing import Clock
from hashpass.verifier import Verifier
from tests.house import Player, Running, open_house
from tests.web.test_public import assert_problem, until

LIE = "0" * 64
"""A claim below every target and, but for a wonder, never true."""


def at(address: str) -> dict[str, str]:
    """Headers of a request that the proxy in front says comes from there."""
    return {"X-Real-IP": address}


async def enter(running: Running, address: str, visitor: str = "visitor") -> Player:
    """A player there with a bound session, opened past the gate and its limit on openings."""
    place = Address.parse(address)
    opened = await running.house.sessions.open(place)
    await running.house.sessions.bind(opened.session, place, visitor)
    return Player(
        running.http, visitor, opened.token, headers={**at(address), "Authorization": f"Bearer {opened.token}"}
    )


async def lie(player: Player) -> httpx.Response:
    if not player.puzzle:
        await player.look()
    return await player.submit(player.answer(0, LIE))


class Held:
    """A hasher that finds every claim true, and says so only when it is let go."""

    def __init__(self) -> None:
        self._go = threading.Event()
        self.started = 0

    def __call__(self, work: Work) -> bytes:
        self.started += 1
        self._go.wait(20)
        return work.expected

    def let_go(self) -> None:
        self._go.set()


@asynccontextmanager
async def held_house(directory: Path, **env: Any) -> AsyncIterator[tuple[Running, Held, trio.Nursery]]:
    """A server whose one checking thread is stuck until the block ends; what is submitted stays undecided."""
    held = Held()
    async with (
        open_house(directory, verifier=Verifier(threads=1, hasher=held), **env) as running,
        trio.open_nursery() as nursery,
    ):
        try:
            yield running, held, nursery
        finally:
            held.let_go()


# The cheap checks, in the contract's order

BANNED, SHUT, CROWDED = "192.0.2.66", "192.0.2.67", "192.0.2.68"
ORDER = {
    "banned": 403,
    "session_required": 401,
    "shut_out": 403,
    "visitor_mismatch": 403,
    "trace_refused": 403,
    "round_stale": 409,
    "nonce_too_fast": 400,
    "hash_above_target": 400,
    "answer_pending": 429,
    "address_busy": 429,
    "queue_full": 503,
}
"""The session's own winning answer has its place before the trace; the tests after these are about it."""
PLACES = {"banned": BANNED, "shut_out": SHUT, "answer_pending": CROWDED, "address_busy": CROWDED}
WRONG: dict[str, dict[str, Any]] = {
    "visitor_mismatch": {"visitorId": "another"},
    "trace_refused": {"traceData": "ip=nowhere"},
    "round_stale": {"submittedSeed": "a" * 64},
    "nonce_too_fast": {"nonce": 2**53 - 1},
    "hash_above_target": {"hash": "f" * 64},
}


@define
class Scene:
    """A server in which every refusal of ORDER is to be had, alone or together with others."""

    running: Running
    nursery: trio.Nursery
    waiting: Player
    """Somebody with an undecided answer, at an address with three others like him."""
    newcomers: int = 0

    @classmethod
    async def prepare(cls, running: Running, nursery: trio.Nursery) -> Scene:
        entrance = running.house.room.entrance
        await entrance.bans.ban(BANNED)
        for number in range(10):
            entrance.strikes.strike(f"liar {number % 3}", Address.parse(SHUT))
        crowd = [await (await enter(running, CROWDED)).look() for _ in range(4)]
        for player in crowd:
            nursery.start_soon(player.submit, player.answer(0, LIE))
        await until(lambda: running.house.arbiter.undecided == 4)
        return cls(running, nursery, crowd[0])

    async def fill_the_queue(self) -> None:
        arbiter = self.running.house.arbiter

        async def submit(number: int) -> None:
            proof = Proof("visitor", 0, arbiter.job()["seed"], "", bytes(32))
            with suppress(HashPassError):
                await arbiter.submit(f"session {number}", Address.parse(f"10.0.0.{number % 64}"), proof)

        for number in range(256 - arbiter.undecided):
            self.nursery.start_soon(submit, number)
        await until(lambda: arbiter.undecided == 256)

    async def violate(self, *codes: str) -> httpx.Response:
        """Send an answer that deserves each of these refusals."""
        self.newcomers += 1
        address = next((PLACES[code] for code in codes if code in PLACES), f"198.51.100.{self.newcomers}")
        player = await enter(self.running, address)
        if "answer_pending" in codes:
            player = self.waiting
        player.puzzle = self.running.house.arbiter.job()
        player.trace = (await self.running.http.get("/api/trace", headers=at(address))).text
        body = player.answer(0, LIE)
        for code in codes:
            body |= WRONG.get(code, {})
        if "session_required" in codes:
            del player.headers["Authorization"]
        return await player.submit(body)


async def test_the_cheap_checks_come_in_the_contracts_order_and_before_any_hash(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with held_house(tmp_path, HASHPASS_MAX_NONCE_SPEED="1000000") as (running, held, nursery):
            scene = await Scene.prepare(running, nursery)
            for earlier, later in pairwise(ORDER):
                if later == "queue_full":
                    await scene.fill_the_queue()
                for codes in ((earlier,), (later,), (earlier, later)):
                    field = "nonce" if codes[0] == "nonce_too_fast" else None
                    assert_problem(await scene.violate(*codes), ORDER[codes[0]], codes[0], field)
            assert held.started == 1
            assert running.house.verifier.statistics().checked == 0


async def test_refusals_that_heal_say_when_and_a_shut_out_lasts_minutes(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with held_house(tmp_path) as (running, _, nursery):
            scene = await Scene.prepare(running, nursery)
            assert 590 < int((await scene.violate("shut_out")).headers["Retry-After"]) <= 600
            for code in ("answer_pending", "address_busy"):
                assert (await scene.violate(code)).headers["Retry-After"] == "1"
            assert "Retry-After" not in (await scene.violate("banned")).headers


async def test_the_own_winning_answer_gets_the_same_code_whatever_trace_or_seed_says(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await (await enter(running, "203.0.113.5")).look()
            answer = next(player.answers())
            code = (await player.submit(answer)).json()
            for other in (answer, answer | {"traceData": "ip=nowhere"}, answer | {"hash": "f" * 64}):
                again = await player.submit(other)
                assert (again.status_code, again.json()) == (200, code)
            assert len((await running.http.get("/api/code", headers=player.headers)).json()["codes"]) == 1


async def test_the_own_winning_answer_is_refused_before_it_is_recognised_where_the_session_is(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await (await enter(running, "203.0.113.5")).look()
            answer = next(player.answers())
            assert (await player.submit(answer)).status_code == 200
            assert_problem(await player.submit(answer | {"visitorId": "another"}), 403, "visitor_mismatch")
            player.headers |= at("198.51.100.7")
            assert_problem(await player.submit(answer), 403, "session_moved")
            assert_problem(await player.submit(answer), 401, "session_revoked")


async def test_anothers_winning_answer_is_no_answer(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await (await enter(running, "203.0.113.5")).look()
            answer = next(player.answers())
            assert (await player.submit(answer)).status_code == 200
            thief = await (await enter(running, "203.0.113.6")).look()
            assert_problem(await thief.submit(answer), 409, "round_stale")


async def test_of_two_true_answers_the_first_to_arrive_wins_and_the_other_is_told_so(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with held_house(tmp_path) as (running, held, nursery):
            outcome: dict[str, httpx.Response] = {}

            async def submit(name: str, player: Player) -> None:
                outcome[name] = await player.submit(player.answer(0, LIE))

            for number, name in enumerate(("first", "second"), start=1):
                player = await (await enter(running, f"203.0.113.{number}", name)).look()
                nursery.start_soon(submit, name, player)
                await until(lambda expected=number: running.house.arbiter.undecided == expected)  # type: ignore[misc]  # mypy wants a lambda without defaults
            held.let_go()
            await until(lambda: len(outcome) == 2)
            assert outcome["first"].status_code == 200
            assert_problem(outcome["second"], 409, "round_lost")


async def test_a_winner_who_hung_up_finds_his_code(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with held_house(tmp_path) as (running, held, _):
            player = await (await enter(running, "203.0.113.5")).look()
            async with httpx.AsyncClient(base_url=running.url, headers=running.http.headers) as phone:
                caller = Player(phone, player.visitor, player.token, player.puzzle, player.trace, player.headers)
                async with trio.open_nursery() as call:
                    call.start_soon(caller.submit, caller.answer(0, LIE))
                    await until(lambda: running.house.arbiter.undecided == 1)
                    call.cancel_scope.cancel()
            held.let_go()
            await until(lambda: running.house.arbiter.undecided == 0)
            after = await player.http.get("/api/puzzle", headers=player.headers)  # waits for the next round
            assert after.json()["round"] == player.puzzle["round"] + 1
            answer = await running.http.get("/api/code", headers=player.headers)
            [won] = answer.json()["codes"]
            again = await player.submit(player.answer(0, LIE))
            assert again.json()["invite_code"] == won["invite_code"]


# Traces

TRACES: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "unsigned": lambda text: text.partition("sig=")[0],
    "another address": lambda text: text.replace("203.0.113.5", "203.0.113.9"),
    "signed by nobody": lambda text: text[:-3] + ("0" if text[-3] != "0" else "1") + text[-2:],
    "a second address": lambda text: text + "ip=203.0.113.5\n",
    "an address after a rare line end": lambda text: text.replace("\nts=", "\u2028ip=203.0.113.5\nts="),
    "no address": lambda text: text.replace("ip=", "pi="),
}


@pytest.mark.parametrize("name", TRACES)
async def test_a_trace_must_be_the_servers_own_text(tmp_path: Path, name: str) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await (await enter(running, "203.0.113.5")).look()
            player.trace = TRACES[name](player.trace)
            assert_problem(await player.submit(next(player.answers())), 403, "trace_refused")


@pytest.mark.parametrize(
    ("binding", "to", "accepted"),
    [
        ("prefix", "203.0.113.99", True),
        ("prefix", "198.51.100.7", False),
        ("strict", "203.0.113.5", True),
        ("strict", "203.0.113.99", False),
        ("off", "198.51.100.7", True),
    ],
)
async def test_the_traces_address_obeys_the_rule_of_the_sessions(
    tmp_path: Path, binding: str, to: str, accepted: bool
) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, HASHPASS_IP_BINDING=binding) as running:
            player = await (await enter(running, "203.0.113.5")).look()
            player.trace = (await running.http.get("/api/trace", headers=at(to))).text
            answer = await player.submit(next(player.answers()))
            assert answer.status_code == (200 if accepted else 403), answer.text


async def test_a_trace_fetched_with_the_bearer_over_the_other_family_fits(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await (await enter(running, "203.0.113.5")).look()
            six = {**player.headers, **at("2001:db8:1:2::3")}
            stranger = (await running.http.get("/api/trace", headers=at("2001:db8:1:2::3"))).text
            player.trace = stranger
            assert_problem(await player.submit(next(player.answers())), 403, "trace_refused")
            player.trace = (await running.http.get("/api/trace", headers=six)).text
            assert (await player.submit(next(player.answers()))).status_code == 200


async def test_a_trace_lives_ten_minutes_and_the_time_out(tmp_path: Path) -> None:
    clock = Clock()
    with trio.fail_after(20):
        async with open_house(tmp_path, wall=clock.wall, HASHPASS_TARGET_TIMEOUT="100") as running:
            player = await (await enter(running, "203.0.113.5")).look()
            clock.advance(701)
            assert_problem(await player.submit(next(player.answers())), 403, "trace_refused")
            clock.advance(-2)
            assert (await player.submit(next(player.answers()))).status_code == 200


@pytest.mark.parametrize(
    ("mode", "header", "accepted"),
    [("auto", True, True), ("auto", False, False), ("signed", True, False), ("any", False, True)],
)
async def test_cloudflares_own_trace_counts_only_where_it_vouches(
    tmp_path: Path, mode: str, header: bool, accepted: bool
) -> None:
    env: dict[str, Any] = {"HASHPASS_IP_HEADER": "CF-Connecting-IP", "HASHPASS_TRACE": mode}
    with trio.fail_after(20):
        async with open_house(tmp_path, **env) as running:
            where = {"CF-Connecting-IP": "203.0.113.5"} if header else {}
            player = await Player(running.http, headers=where).enter()
            await player.look()
            config = (await running.http.get("/api/gate/config", headers=where)).json()
            behind = header and mode != "signed"
            assert config["trace_url"] == ("/cdn-cgi/trace" if behind else "/api/trace")
            player.trace = f"fl=1\nip={'203.0.113.5' if header else '127.0.0.1'}\nts=1\n"
            answer = await player.submit(next(player.answers()))
            assert answer.status_code == (200 if accepted else 403), answer.text


# Lies


async def test_three_lies_end_the_session_and_its_sender_may_open_another(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            liar = await enter(running, "203.0.113.5")
            for _ in range(3):
                assert_problem(await lie(liar), 400, "proof_false")
            assert_problem(await lie(liar), 401, "session_revoked")
            again = await Player(running.http, headers=at("203.0.113.5")).enter()
            await again.win()


async def test_what_no_liar_would_send_is_no_strike(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await (await enter(running, "203.0.113.5")).look()
            for _ in range(4):
                for wrong in ({"submittedSeed": "a" * 64}, {"hash": "f" * 64}, {"traceData": ""}, {"nonce": -1}):
                    assert (await player.submit(player.answer(0, LIE) | wrong)).status_code in {400, 403, 409}
            await player.win()


async def test_ten_lies_of_three_sessions_shut_the_address_to_all_but_the_proven(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            honest, fresh = await enter(running, "203.0.113.5"), await enter(running, "203.0.113.5")
            await honest.win()
            for _ in range(3):
                liar = await enter(running, "203.0.113.5")
                for _ in range(3):
                    assert_problem(await lie(liar), 400, "proof_false")
            assert_problem(await lie(await enter(running, "203.0.113.5")), 400, "proof_false")
            for answer in (
                await running.http.post("/api/session", json={"token": ""}, headers=at("203.0.113.5")),
                await running.http.get("/api/puzzle", headers=fresh.headers),
                await fresh.submit(fresh.answer(0, LIE) if fresh.puzzle else {}),
            ):
                assert_problem(answer, 403, "shut_out")
                assert 590 < int(answer.headers["Retry-After"]) <= 600
            await honest.win()
            neighbour = await Player(running.http, headers=at("203.0.113.6")).enter()
            await neighbour.win()


async def test_liars_in_many_64s_of_one_48_are_shut_out_together(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            for number in range(10):
                assert_problem(await lie(await enter(running, f"2001:db8:1:{number}::1")), 400, "proof_false")
            for place, status in (("2001:db8:1:ffff::1", 403), ("2001:db8:2::1", 200), ("203.0.113.5", 200)):
                answer = await running.http.post("/api/session", json={"token": ""}, headers=at(place))
                assert answer.status_code == status


async def test_a_revoked_sessions_open_answer_is_void(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with held_house(tmp_path) as (running, _, nursery):
            outcome: list[httpx.Response] = []

            async def submit(player: Player) -> None:
                outcome.append(await player.submit(player.answer(0, LIE)))

            player = await (await enter(running, "203.0.113.5")).look()
            nursery.start_soon(submit, player)
            await until(lambda: running.house.arbiter.undecided == 1)
            await running.house.sessions.revoke((await running.house.sessions.find(player.token)).digest, "a test")
            await until(lambda: bool(outcome))
            assert_problem(outcome[0], 401, "session_revoked")


async def test_answers_open_at_a_reset_are_409_and_no_strikes(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with held_house(tmp_path) as (running, _, nursery):
            outcome: list[httpx.Response] = []

            async def submit(player: Player) -> None:
                outcome.append(await player.submit(player.answer(0, LIE)))

            player = await enter(running, "203.0.113.5")
            for number in range(4):
                await player.look()
                nursery.start_soon(submit, player)
                await until(lambda: running.house.arbiter.undecided == 1)
                await running.house.arbiter.reset()
                await until(lambda expected=number + 1: len(outcome) == expected)  # type: ignore[misc]  # mypy wants a lambda without defaults
                assert_problem(outcome[-1], 409, "round_stale")
            assert (await running.http.get("/api/code", headers=player.headers)).status_code == 200


# Nonce speed


async def test_a_nonce_is_measured_against_the_time_since_the_sender_first_saw_the_puzzle(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, HASHPASS_MAX_NONCE_SPEED="100000") as running:
            await trio.sleep(0.3)
            player = await (await enter(running, "203.0.113.5")).look()
            answer = player.answer(29_000, "f" * 64)  # in time since the opening, not since the look
            assert_problem(await player.submit(answer), 400, "nonce_too_fast", "nonce")
            stranger = await enter(running, "203.0.113.6")
            stranger.puzzle, stranger.trace = player.puzzle, player.trace
            assert_problem(await stranger.submit(answer), 400, "hash_above_target", None)


# Asking for codes again


async def test_codes_are_told_to_a_session_that_has_ended_from_its_own_prefix_alone(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await enter(running, "203.0.113.5")
            code = await player.win()
            [won] = (await running.http.get("/api/code", headers=player.headers)).json()["codes"]
            assert won == {**won, "invite_code": code, "reason": "solved"}
            assert won["receipt"].count(".") == 2
            assert won["won_at"].endswith("Z")
            await running.house.sessions.revoke_all()
            for place in ("203.0.113.5", "203.0.113.200"):
                answer = await running.http.get("/api/code", headers={**player.headers, **at(place)})
                assert answer.json() == {"codes": [won]}
            for place in ("198.51.100.7", "2001:db8::1"):
                answer = await running.http.get("/api/code", headers={**player.headers, **at(place)})
                assert_problem(answer, 401, "session_revoked")


async def test_a_session_sees_its_own_codes_only_and_for_a_day(tmp_path: Path) -> None:
    clock = Clock()
    with trio.fail_after(20):
        async with open_house(tmp_path, wall=clock.wall) as running:
            one, other = await enter(running, "203.0.113.5"), await enter(running, "203.0.113.5")
            codes = [await one.win(), await one.win()]
            mine = (await running.http.get("/api/code", headers=one.headers)).json()["codes"]
            assert [won["invite_code"] for won in mine] == codes
            assert (await running.http.get("/api/code", headers=other.headers)).json() == {"codes": []}
            clock.advance(24 * 3600 + 1)
            assert (await running.http.get("/api/code", headers=one.headers)).json() == {"codes": []}


async def test_best_hashes_are_409_while_no_puzzle_has_timed_out(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await (await enter(running, "203.0.113.5")).look()
            assert_problem(await player.submit(player.answer(0, LIE), "/api/submit"), 409, "round_stale")
