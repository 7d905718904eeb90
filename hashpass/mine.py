"""The headless miner, and the example of a client: all that a program has to say and to do in order to win a code."""

from __future__ import annotations

import json
import secrets
import signal
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, TextIO
from urllib.parse import quote, urlsplit

import httpx
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, HandshakeError, WebSocketConnection, wrap_client_stream

from hashpass import __version__
from hashpass.argon import Arena
from hashpass.domain.search import Answer, Job, Meter, Search, progress, search
from hashpass.gate_pass import GivenUp, pass_gate

AGENT: Final = f"Mozilla/5.0 (compatible; HashPassMiner/{__version__})"
BURST: Final = 0.25
"""Seconds a thread works before it reports. A stale puzzle is dropped sooner, after the hash at hand."""
REPORT_EVERY: Final = 5.0
SILENCE: Final = 60.0
"""A server that has sent nothing for so long is gone: it tells the network's hash rate every few seconds."""
MAX_PAUSE: Final = 60.0
CONNECT_TIMEOUT: Final = 15.0
SUBMIT_WINDOW: Final = 10.0
REFUSED: Final = 1008
"""The close code of a server that wants no more of this socket or session."""
VERDICT: Final = 15.0
"""How long to wait, before leaving after a time-out, for a code that the best hash may have won."""


async def mine(url: str, *, threads: int, rounds: int, token: str = "", visitor: str = "", out: TextIO) -> int:
    """Mine at `url` until `rounds` rounds have ended (0: for ever) or Ctrl-C. Returns the exit code."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        print(f"{url!r} is not the address of a server, such as https://race.example", file=out)
        return 2
    async with httpx.AsyncClient(base_url=url, headers={"User-Agent": AGENT}, timeout=30) as http:
        miner = Miner(url, http, threads, rounds, token, visitor or secrets.token_hex(16), out)
        code = 0
        try:
            await miner.run()
        except* GivenUp as reasons:
            miner.say("\n".join(map(str, reasons.exceptions)))
            code = 1
    return code


class Miner:
    """One visitor at one server."""

    def __init__(
        self, url: str, http: httpx.AsyncClient, threads: int, rounds: int, token: str, visitor_id: str, out: TextIO
    ) -> None:
        self._url = urlsplit(url)
        self._http = http
        self._threads = threads
        self._rounds = rounds
        self._gate_token = token
        self._visitor_id = visitor_id
        self._out = out
        self._search = Search()
        self._meter = Meter(time.monotonic())
        self._changed = trio.Event()
        self._session = ""
        self._trace_url = "/api/trace"
        self._puzzle: Mapping[str, Any] | None = None
        self._miners = 0
        self._ended = 0
        self._undecided = 0
        self._barred = False

    async def run(self) -> None:
        async with trio.open_nursery() as self._tasks:
            self._tasks.start_soon(self._leave_on_signal)
            self._tasks.start_soon(self._show_progress)
            for index in range(self._threads):
                self._tasks.start_soon(self._work, index)
            await self._stay_connected()

    def say(self, text: str) -> None:
        print(f"\r\x1b[K{text}" if self._out.isatty() else text, file=self._out, flush=True)

    async def _show_progress(self) -> None:
        tty = self._out.isatty()
        while True:
            await trio.sleep(1 if tty else 10)
            if self._search.job is not None:
                line = progress(self._search.job, self._meter.rate(time.monotonic()), self._search.best, self._miners)
                print(f"\r\x1b[K{line}" if tty else line, end="" if tty else "\n", file=self._out, flush=True)

    # Working

    async def _work(self, index: int) -> None:
        """Feed one thread. It comes back several times a second, so all that decides stays on this side of it."""
        arena, limiter = Arena(), trio.CapacityLimiter(1)
        job, nonce = None, index
        while True:
            while self._search.job is None or self._search.resting:
                await self._changed.wait()
            if job is not self._search.job:
                job, nonce = self._search.job, index
            stop = self._stop(job, time.monotonic() + BURST)
            done = await trio.to_thread.run_sync(search, job, nonce, self._threads, arena.hash, stop, limiter=limiter)
            nonce = done.next_nonce
            self._meter.add(done.tried, time.monotonic())
            winner = self._search.note(done.best)
            if winner is not None:
                self._tasks.start_soon(self._submit, winner)

    def _stop(self, job: Job, deadline: float) -> Callable[[], bool]:
        return lambda: not self._search.wants(job) or time.monotonic() >= deadline

    def _wake(self) -> None:
        """Whoever waits for something of ours looks again."""
        self._changed.set()
        self._changed = trio.Event()

    # Submitting

    async def _submit(self, answer: Answer) -> None:
        """Send an answer until there is a verdict on it, or its puzzle is over.

        One that was lost on its way is sent again in any case: if it has won, the server says the same code again.
        """
        self._undecided += 1
        try:
            lost = False
            while lost or self._search.job is answer.job:
                try:
                    response = await self._call("POST", "/api/verify", answer.body)
                except httpx.TransportError:
                    lost = True
                    await trio.sleep(1)
                    continue
                lost = False
                if await self._is_final(response, answer):
                    return
        finally:
            self._undecided -= 1
            self._wake()

    async def _is_final(self, response: httpx.Response, answer: Answer) -> bool:
        """Do what a verdict asks for. False if the same answer is to be sent again."""
        status, problem = response.status_code, _problem(response)
        if status == 200:
            self.say(f"Round {answer.job.round} is won. The code:")
            self.say(str(response.json()["invite_code"]))
        elif status == 409:
            self.say(f"Round {answer.job.round}: {problem['detail']}")
        elif status in {401, 429, 503} or problem["type"].endswith(":nonce_too_fast"):
            await self._wait(response)
            return False
        elif problem["type"].endswith(":proof_false"):
            raise GivenUp(f"This machine hashes wrongly. {problem['detail']}")
        elif problem["type"].endswith(":visitor_done"):
            raise GivenUp(problem["detail"])
        elif problem["type"].endswith(":cooling_down"):
            self.say(f"{problem['detail']} Going on in {response.headers.get('Retry-After', 'a few')} s.")
            self._barred = True  # and so not said to mine: the round's clock is for those who can win it
            self._wake()
            await self._wait(response)
            self._barred = False
            if self._search.job is answer.job and self._puzzle is not None:
                await self._prepare(self._puzzle)
        else:
            self.say(problem["detail"])
            await self._wait(response)
            if self._search.job is answer.job and self._puzzle is not None:
                await self._prepare(self._puzzle)  # once more, with a new trace
        return True

    async def _hand_in(self, answer: Answer) -> None:
        """After a time-out: the best hash. It is evidence of how hard the next puzzle may be, and may win a code."""
        self._undecided += 1
        taken = False
        with trio.move_on_after(SUBMIT_WINDOW):
            response = await self._ask("POST", "/api/submit", answer.body)
            taken = response.status_code == 202
            self.say("The best hash is handed in." if taken else _problem(response)["detail"])
        if taken and self._done:
            await trio.sleep(VERDICT)
        self._undecided -= 1
        self._wake()

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        session = self._session
        headers = {"Authorization": f"Bearer {session}"} if session else {}
        response = await self._http.request(method, path, json=body, headers=headers)
        if response.status_code == 401 and session and session == self._session:
            self._session = ""
            self._connection.cancel()  # come in again, through the gate
        return response

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """The same call again and again, until the server has time for it."""
        while True:
            try:
                response = await self._call(method, path, body)
            except httpx.TransportError:
                await trio.sleep(1)
                continue
            if response.status_code not in {429, 503}:
                return response
            await self._wait(response)

    async def _wait(self, response: httpx.Response) -> None:
        """As long as the server asks for; where it does not, a moment."""
        told = response.headers.get("Retry-After", "")
        default = 0.25 if response.status_code in {429, 503} else 1.0
        await trio.sleep(float(told) if told.isdecimal() else default)

    # Coming in

    async def _stay_connected(self) -> None:
        pause = 1.0
        while True:
            began = trio.current_time()
            reason = "the session has ended"
            with trio.CancelScope() as self._connection:
                try:
                    reason = await self._connect()
                except* (httpx.HTTPError, HandshakeError, ConnectionClosed, OSError, trio.TooSlowError) as errors:
                    reason = ", ".join(map(_reason, errors.exceptions))
            if trio.current_time() - began > MAX_PAUSE:
                pause = 1.0
            self.say(f"Not connected: {reason}. Next try in {pause:.0f} s.")
            await trio.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE)

    async def _connect(self) -> str:
        """One connection, from the gate to its end. Returns why it ended."""
        known = self._session
        resource = f"{self._url.path.rstrip('/')}/api/ws?token={quote(known or await self._pass_gate(), safe='')}"
        agent = [(b"User-Agent", AGENT.encode())]
        # The stream is ours: when the server closes, the library leaves it open. The nursery ends with the connection.
        async with await self._open_stream() as stream, trio.open_nursery() as nursery:
            with trio.fail_after(CONNECT_TIMEOUT):
                socket = await wrap_client_stream(nursery, stream, self._url.netloc, resource, extra_headers=agent)
            nursery.start_soon(self._report, socket)
            if known:
                self._tasks.start_soon(self._ask_for_puzzle)
            try:
                reason = await self._listen(socket)
            finally:
                with trio.move_on_after(1, shield=True), suppress(ConnectionClosed):
                    await socket.send_message('{"type": "mining_stop"}')
            nursery.cancel_scope.cancel()
        return reason

    async def _open_stream(self) -> trio.SocketStream | trio.SSLStream[trio.SocketStream]:
        host = self._url.hostname or ""
        with trio.fail_after(CONNECT_TIMEOUT):
            if self._url.scheme == "http":
                return await trio.open_tcp_stream(host, self._url.port or 80)
            secure = ssl.create_default_context()
            return await trio.open_ssl_over_tcp_stream(
                host, self._url.port or 443, https_compatible=True, ssl_context=secure
            )

    async def _listen(self, socket: WebSocketConnection) -> str:
        try:
            while True:
                with trio.fail_after(SILENCE):
                    text = await socket.get_message()
                self._hear(json.loads(text))
        except trio.TooSlowError:
            return "the server has gone silent"
        except ConnectionClosed as closed:
            if closed.reason is not None and closed.reason.code == REFUSED:
                self._session = ""
            return (closed.reason and closed.reason.reason) or "the connection was lost"

    async def _pass_gate(self) -> str:
        """What this server's gate wants to see."""
        response = await self._http.get("/api/gate/config")
        if response.status_code != 200:
            raise httpx.HTTPError(_problem(response)["detail"])
        config = response.json()
        self._trace_url = config["trace_url"]
        if self._gate_token:
            token, self._gate_token = self._gate_token, ""
            return token
        return await pass_gate(self._http, config, self.say)

    async def _report(self, socket: WebSocketConnection) -> None:
        """Say whether we mine, when that changes, and how fast, again and again."""
        said, due = False, trio.current_time() + REPORT_EVERY
        with suppress(ConnectionClosed):
            while True:
                is_open = self._puzzle is not None and self._puzzle["seed"] is not None
                # Between two puzzles there is no job for a moment; whoever mined goes on.
                mining = is_open and not self._barred and (said or self._search.job is not None)
                if mining != said:
                    await socket.send_message('{"type": "mining_start"}' if mining else '{"type": "mining_stop"}')
                    said = mining
                if trio.current_time() >= due:
                    due = trio.current_time() + REPORT_EVERY
                    rate = round(self._meter.rate(time.monotonic()), 2)
                    await socket.send_message(json.dumps({"type": "hashrate", "payload": {"rate": rate}}))
                with trio.move_on_at(due):
                    await self._changed.wait()

    def _hear(self, message: Mapping[str, Any]) -> None:
        match message["type"]:
            case "SESSION_TOKEN":
                self._session = message["token"]
                self._tasks.start_soon(self._ask_for_puzzle)
            case "PUZZLE_RESET":
                self._turn_to(message)
            case "NETWORK_HASHRATE":
                self._miners = message["active_miners"]
            case "TIMEOUT_INVITE_CODE":
                self.say("The best hash has won. The code:")
                self.say(message["invite_code"])
            case "RACE" if not message["open"]:
                self.say(f"The race is closed ({message['reason']}).")
            case "ERROR":
                self.say(message["detail"])

    # The puzzle

    async def _ask_for_puzzle(self) -> None:
        known = self._puzzle
        response = await self._ask("POST", "/api/puzzle", {"visitorId": self._visitor_id})
        if self._puzzle is not known or response.status_code == 401:
            return  # a reset was faster, or we are about to come in again
        if response.status_code != 200:
            self.say(_problem(response)["detail"])
            self._search.end()  # the race is closed; a PUZZLE_RESET opens it again
        elif known is None or known["seed"] != response.json()["seed"]:
            self._turn_to(response.json())
        elif self._search.job is None:
            await self._prepare(known)

    def _turn_to(self, puzzle: Mapping[str, Any]) -> None:
        """Leave the old puzzle, whose round has ended unless the operator said otherwise, for the new one."""
        if self._puzzle is not None and self._puzzle["seed"] is not None and puzzle.get("reason") != "admin":
            self._ended += 1
        self._puzzle = puzzle
        best = self._search.end()
        if puzzle.get("is_timeout") and best is not None:
            self._tasks.start_soon(self._hand_in, best)
        if self._done:
            self._tasks.start_soon(self._finish)
        elif puzzle["seed"] is not None:
            self._tasks.start_soon(self._prepare, puzzle)

    async def _prepare(self, puzzle: Mapping[str, Any]) -> None:
        """Fetch the trace, which is part of the salt, and let the threads begin."""
        while self._puzzle is puzzle:
            response = await self._ask("GET", self._trace_url)
            if response.status_code == 401 or self._puzzle is not puzzle:
                return
            if response.status_code == 200:
                try:
                    self._search.begin(Job.parse(puzzle, self._visitor_id, response.text))
                except ValueError as error:
                    raise GivenUp(f"{error} This miner may be too old for it.") from None
                self._wake()
                return
            self.say(_problem(response)["detail"])
            await self._wait(response)

    # Leaving

    @property
    def _done(self) -> bool:
        return 0 < self._rounds <= self._ended

    async def _finish(self) -> None:
        with trio.move_on_after(2 * VERDICT):
            while self._undecided:
                await self._changed.wait()
        self._tasks.cancel_scope.cancel()

    async def _leave_on_signal(self) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                self.say("Leaving.")
                self._tasks.cancel_scope.cancel()


def _reason(error: BaseException) -> str:
    if isinstance(error, ConnectionRejected):
        return f"the server refused the WebSocket with status {error.status_code}"
    return str(error) or type(error).__name__


def _problem(response: httpx.Response) -> dict[str, str]:
    """The problem document, or what can be said without one: a proxy may have answered."""
    try:
        body = response.json()
        return {"type": str(body["type"]), "detail": str(body["detail"])}
    except (ValueError, KeyError, TypeError):
        return {"type": "", "detail": f"The server answered with status {response.status_code}."}
