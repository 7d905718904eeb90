"""Fakes for tests of HashPass and of what is built on it. They are hand-written, small, and kept working."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import h11
import trio
from attrs import define, field, frozen

from hashpass.domain.errors import GateRefused, HashPassError, NotReady
from hashpass.domain.proof import Work
from hashpass.domain.values import Address
from hashpass.gates.base import Sources


@define
class Clock:
    """Time that moves only when it is told to: give `monotonic` and `wall` to what wants clocks."""

    now: float = 1000.0
    date: float = 1_750_000_000.0
    """Unix seconds. Setting it alone is the step that a time server or an operator makes."""

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.date

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.date += seconds


@frozen
class Delivery:
    """One request as the sink got it; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@define
class WebhookSink:
    """A webhook receiver on the loopback. It keeps every delivery and answers each as `answer` says.

    `answer` gives a status, or None to say nothing until the sender hangs up.
    """

    answer: Callable[[Delivery], int | None] = lambda delivery: 204
    deliveries: list[Delivery] = field(factory=list, init=False)
    answered: int = field(default=0, init=False)
    _arrived: trio.Event = field(factory=trio.Event, init=False, repr=False)

    async def serve(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen on a free port, until cancelled; the task status is started with the URL."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        task_status.started(f"http://127.0.0.1:{port}/hook?token=from-the-url")
        await trio.serve_listeners(self._talk, listeners)

    async def wait_for(self, count: int) -> None:
        """Return when so many deliveries have come. The caller sets the deadline."""
        while len(self.deliveries) < count:
            await self._arrived.wait()

    async def _talk(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            async with stream:
                await self._answer_one(stream, connection)
        except (trio.BrokenResourceError, h11.RemoteProtocolError):
            pass  # The sender went away half-way, which is what some tests are about.

    async def _answer_one(self, stream: trio.SocketStream, connection: h11.Connection) -> None:
        request, body = None, bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(await stream.receive_some(65536))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                return
        if request is None:
            return
        delivery = Delivery(
            request.method.decode(),
            request.target.decode(),
            {name.decode(): value.decode("latin-1") for name, value in request.headers},
            bytes(body),
        )
        self.deliveries.append(delivery)
        self._arrived.set()
        self._arrived = trio.Event()
        status = self.answer(delivery)
        if status is None:
            while await stream.receive_some(65536):
                pass
            return
        headers = [("content-length", "0"), ("connection", "close"), ("location", "/elsewhere")]
        response = h11.Response(status_code=status, headers=headers)
        await stream.send_all((connection.send(response) or b"") + (connection.send(h11.EndOfMessage()) or b""))
        self.answered += 1


@define
class FakeVerifier:
    """Verdicts without hashing. Every claim is true but those in `false`; those in `broken` cannot be checked.

    A claim that is held is not decided before it is released, so that a test chooses the order of the verdicts.
    """

    false: set[bytes] = field(factory=set)
    broken: set[bytes] = field(factory=set)
    waiting: int = field(default=0, init=False)
    _held: dict[bytes, trio.Event] = field(factory=dict, init=False, repr=False)

    def hold(self, expected: bytes) -> None:
        self._held[expected] = trio.Event()

    def release(self, expected: bytes) -> None:
        self._held.pop(expected).set()

    async def check(self, work: Work, *, key: str) -> bool:
        await trio.lowlevel.checkpoint()
        if work.expected in self._held:
            self.waiting += 1
            try:
                await self._held[work.expected].wait()
            finally:
                self.waiting -= 1
        if work.expected in self.broken:
            raise NotReady
        return work.expected not in self.false

    async def check_when_idle(self, work: Work) -> bool:
        return await self.check(work, key="")


@define
class FakeGate:
    """Passes "good…" and refuses the rest; `fails` is what it says to everybody, `answer` what it waits for."""

    name: str = "fake"
    csp: Sources = field(factory=Sources)
    remembers: bool = True
    fails: HashPassError | None = None
    answer: trio.Event | None = None
    asked: list[str] = field(factory=list)

    def public(self) -> dict[str, Any]:
        return {"site_key": None, "test_mode": False}

    async def check(self, token: str, address: Address) -> None:
        self.asked.append(token)
        if self.answer is not None:
            await self.answer.wait()
        if self.fails is not None:
            raise self.fails
        if not token.startswith("good"):
            raise GateRefused
