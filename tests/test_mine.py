"""The miner, against a small server of the same contract on a real socket, with cheap hashes."""

from __future__ import annotations

import io
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from attrs import define, field
from hypercorn.config import Config
from hypercorn.trio import serve
from quart import Response, request, websocket
from quart_trio import QuartTrio

from hashpass.argon import Arena
from hashpass.domain import proof
from hashpass.domain.errors import (
    CoolingDown,
    HashPassError,
    NonceTooFast,
    ProofFalse,
    QueueFull,
    RoundLost,
    SessionRevoked,
    TraceRefused,
    VisitorDone,
)
from hashpass.domain.values import Argon2Params, Proof
from hashpass.gate_pass import DUMMY_TOKEN
from hashpass.mine import AGENT, mine
from hashpass.web.errors import Application, read_json

EASY, HARD = 2**251, 1
PARAMS = Argon2Params(time_cost=1, memory_cost=8)


@define
class Server:
    """Says what the real one says. `refusals` are uttered once each before an answer is looked at."""

    gate: str = "open"
    test_mode: bool = False
    sockets: bool = True
    target: int = EASY
    refusals: list[HashPassError] = field(factory=list)
    drop_after_session: int = 0
    """How many sockets are closed as soon as they have got their session."""
    round: int = 1
    puzzle_seed: str = "0" * 64
    heard: list[dict[str, Any]] = field(factory=list)
    agents: set[str] = field(factory=set)
    tokens: list[str] = field(factory=list)
    verified: list[Proof] = field(factory=list)
    submitted: list[Proof] = field(factory=list)
    traces: int = 0
    port: int = 0
    _mailboxes: list[trio.MemorySendChannel[dict[str, Any]]] = field(factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def puzzle(self) -> dict[str, Any]:
        return {
            "round": self.round,
            "seed": self.puzzle_seed,
            "target": f"{self.target:064x}",
            "algorithm": "argon2d",
            "time_cost": PARAMS.time_cost,
            "memory_cost": PARAMS.memory_cost,
            "parallelism": PARAMS.parallelism,
        }

    def publish(self, message: dict[str, Any]) -> None:
        for mailbox in self._mailboxes:
            mailbox.send_nowait(message)

    def reset(self, reason: str = "solved", target: int | None = None) -> None:
        self.round += 1
        self.puzzle_seed = f"{self.round:064x}"
        self.target = self.target if target is None else target
        self.publish({"type": "PUZZLE_RESET", **self.puzzle(), "reason": reason, "is_timeout": reason == "timeout"})

    def said(self, kind: str) -> int:
        return sum(message["type"] == kind for message in self.heard)

    def application(self) -> QuartTrio:
        app = Application(__name__)

        @app.before_request
        async def note_agent() -> None:
            self.agents.add(request.headers["User-Agent"])

        @app.get("/api/gate/config")
        async def gate() -> dict[str, Any]:
            return {"gate": self.gate, "test_mode": self.test_mode, "trace_url": "/api/trace"}

        @app.post("/api/puzzle")
        async def puzzle() -> dict[str, Any]:
            await read_json(request)
            return self.puzzle()

        @app.get("/api/trace")
        async def trace() -> Response:
            assert request.headers["Authorization"].startswith("Bearer hps_")
            self.traces += 1
            return Response(f"ip=127.0.0.1\nnumber={self.traces}\n", content_type="text/plain")

        @app.post("/api/verify")
        async def verify() -> dict[str, Any]:
            claimed = Proof.parse(await read_json(request))
            self.verified.append(claimed)
            self.check(claimed)
            if self.refusals:
                refusal = self.refusals.pop(0)
                if isinstance(refusal, RoundLost):
                    self.reset()
                raise refusal
            assert claimed.seed == self.puzzle_seed
            assert claimed.claimed < self.target
            code = f"HASHPASS-{self.round}"
            self.reset()
            return {"invite_code": code}

        @app.post("/api/submit")
        async def submit() -> tuple[dict[str, Any], int]:
            claimed = Proof.parse(await read_json(request))
            self.check(claimed)
            self.submitted.append(claimed)
            return {"status": "submitted"}, 202

        if self.sockets:
            app.add_websocket("/api/ws", view_func=self.converse)

        return app

    def check(self, claimed: Proof) -> None:
        salt = proof.salt(claimed.seed, claimed.visitor_id, claimed.trace_data)
        assert Arena().hash(proof.password(claimed.nonce), salt, PARAMS) == claimed.hash

    async def converse(self) -> None:
        self.agents.add(websocket.headers["User-Agent"])
        token = websocket.args["token"]
        self.tokens.append(token)
        send, receive = trio.open_memory_channel[dict[str, Any]](100)
        await websocket.accept()
        if not token.startswith("hps_"):
            await websocket.send(json.dumps({"type": "SESSION_TOKEN", "token": f"hps_{len(self.tokens)}"}))
        if self.drop_after_session:
            self.drop_after_session -= 1
            await websocket.close(1001, "going away")
            return
        self._mailboxes.append(send)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._deliver, receive)
            while True:
                self.heard.append(json.loads(await websocket.receive()))

    async def _deliver(self, receive: trio.MemoryReceiveChannel[dict[str, Any]]) -> None:
        async for message in receive:
            await websocket.send(json.dumps(message))


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[None]:
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    config.graceful_timeout = 0.1
    done = trio.Event()
    async with trio.open_nursery() as nursery:
        binds = await nursery.start(partial(serve, server.application(), config, shutdown_trigger=done.wait))
        server.port = int(binds[0].rpartition(":")[2])
        yield
        done.set()
        nursery.cancel_scope.cancel()


async def until(condition: Callable[[], Any]) -> None:
    while not condition():  # noqa: ASYNC110 - what it waits for happens behind a real socket
        await trio.sleep(0.01)


async def run(server: Server, *, rounds: int = 1, token: str = "", threads: int = 2) -> tuple[int, str]:
    out = io.StringIO()
    with trio.fail_after(20):
        async with serving(server):
            code = await mine(server.url, threads=threads, rounds=rounds, token=token, visitor="me", out=out)
    return code, out.getvalue()


async def test_a_round_is_won_and_the_code_stands_on_a_line_of_its_own() -> None:
    server = Server()
    code, said = await run(server)
    assert code == 0
    assert "HASHPASS-1" in said.splitlines()
    assert server.agents == {AGENT}
    assert server.tokens == [""]
    assert server.said("mining_start") == 1


async def test_as_many_rounds_as_asked_for_each_with_a_new_trace() -> None:
    server = Server()
    _, said = await run(server, rounds=3)
    assert re.findall(r"^HASHPASS-\d$", said, re.MULTILINE) == ["HASHPASS-1", "HASHPASS-2", "HASHPASS-3"]
    assert len({answer.trace_data for answer in server.verified}) == 3
    assert server.said("mining_start") == 1


async def test_a_lost_round_is_told_and_the_next_one_mined() -> None:
    server = Server(refusals=[RoundLost()])
    _, said = await run(server, rounds=2)
    assert RoundLost.default in said
    assert "HASHPASS-2" in said.splitlines()


async def test_what_time_heals_is_sent_again_unchanged() -> None:
    server = Server(refusals=[QueueFull(retry_after=0.1), NonceTooFast()])
    _, said = await run(server)
    assert "HASHPASS-1" in said.splitlines()
    assert len(server.verified) == 3
    assert len(set(server.verified)) == 1


async def test_a_refused_trace_is_replaced() -> None:
    server = Server(refusals=[TraceRefused()])
    _, said = await run(server)
    assert TraceRefused.default in said
    assert "HASHPASS-1" in said.splitlines()
    assert len({answer.trace_data for answer in server.verified}) == 2


async def test_a_new_session_is_opened_when_the_old_one_is_gone() -> None:
    server = Server(refusals=[SessionRevoked()])
    _, said = await run(server)
    assert server.tokens == ["", ""]
    assert "HASHPASS-1" in said.splitlines()


async def test_a_miner_whose_hashes_are_false_stops() -> None:
    code, said = await run(Server(refusals=[ProofFalse()]))
    assert code == 1
    assert ProofFalse.default in said


async def test_a_lost_connection_is_opened_again_with_the_same_session() -> None:
    server = Server(drop_after_session=1)
    _, said = await run(server)
    assert server.tokens == ["", "hps_1"]
    assert "going away" in said
    assert "HASHPASS-1" in said.splitlines()


async def test_the_best_hash_is_handed_in_after_a_time_out() -> None:
    server = Server(target=HARD)
    out = io.StringIO()
    with trio.fail_after(20):
        async with serving(server), trio.open_nursery() as nursery:

            @nursery.start_soon
            async def play() -> None:
                await until(lambda: server.said("mining_start"))
                await trio.sleep(0.6)
                server.reset("timeout")
                await until(lambda: server.submitted)
                server.publish({"type": "TIMEOUT_INVITE_CODE", "invite_code": "HASHPASS-T", "leading_zeros": 9})
                await trio.sleep(0.1)
                server.reset("admin", target=EASY)

            assert await mine(server.url, threads=2, rounds=2, out=out) == 0
    (handed_in,) = server.submitted
    assert handed_in.seed == "0" * 64
    assert handed_in.claimed < 2**252
    assert {"HASHPASS-T", "HASHPASS-3"} <= set(out.getvalue().splitlines())


async def test_ctrl_c_says_good_bye() -> None:
    server = Server(target=HARD)
    out = io.StringIO()
    with trio.fail_after(20):
        async with serving(server), trio.open_nursery() as nursery:

            @nursery.start_soon
            async def interrupt() -> None:
                await until(lambda: server.said("mining_start"))
                os.kill(os.getpid(), signal.SIGINT)

            assert await mine(server.url, threads=1, rounds=0, out=out) == 0
            await until(lambda: server.said("mining_stop"))
    assert out.getvalue() == "Leaving.\n"


async def test_the_gate_is_given_what_it_wants() -> None:
    server = Server(gate="turnstile", test_mode=True)
    await run(server)
    assert server.tokens == [DUMMY_TOKEN]
    server = Server(gate="turnstile")
    await run(server, token="a real & one/")
    assert server.tokens == ["a real & one/"]


async def test_a_gate_that_no_program_can_pass_is_told() -> None:
    server = Server(gate="turnstile")
    code, said = await run(server)
    assert code == 1
    assert "--token" in said
    assert server.tokens == []


@pytest.mark.parametrize("url", ["", "race.example", "ftp://race.example", "http://", "http://x/?y"])
async def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    out = io.StringIO()
    assert await mine(url, threads=1, rounds=1, out=out) == 2
    assert "not the address" in out.getvalue()


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    out = io.StringIO()
    with trio.move_on_after(0.5):
        await mine("http://127.0.0.1:9", threads=1, rounds=1, out=out)
    assert re.search(r"Not connected: .+ Next try in 1 s\.", out.getvalue())


async def test_a_refused_socket_is_told_with_its_status() -> None:
    server, out = Server(sockets=False), io.StringIO()
    with trio.move_on_after(0.7):
        async with serving(server):
            await mine(server.url, threads=1, rounds=1, out=out)
    assert out.getvalue().startswith("Not connected: the server refused the WebSocket with status 404.")


async def test_a_miner_that_has_won_enough_stops_and_says_why() -> None:
    code, said = await run(Server(refusals=[VisitorDone()]))
    assert code == 1
    assert VisitorDone.default in said


async def test_a_winner_who_has_to_wait_does_not_keep_the_clock_running_meanwhile() -> None:
    server = Server(refusals=[CoolingDown(retry_after=1)])
    _, said = await run(server)
    assert CoolingDown.default in said
    assert "HASHPASS-1" in said.splitlines()
    kinds = [message["type"] for message in server.heard if message["type"].startswith("mining")]
    assert kinds[:3] == ["mining_start", "mining_stop", "mining_start"]
