"""Who is in the room, and how everybody is told something.

`publish` makes the frame once, puts it in line and returns; the broadcaster writes it to each member without waiting
for any of them, a few hundred at a time, so that whatever else the server does is held up by milliseconds at most.
"""

from __future__ import annotations

import json
import logging
import random as stdlib_random
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import trio
from attrs import frozen

from hashpass.domain.errors import TooManyConnections
from hashpass.frames import text_frame

LOG = logging.getLogger(__name__)

CHUNK = 256
"""Members written to between two checkpoints."""
MAX_QUEUE = 256
"""Messages in line before `publish` itself lends a hand."""


class Connection(Protocol):
    """A member's socket. None of these waits, and none of them raises because of the peer."""

    @property
    def unanswered(self) -> int:
        """Pings since the last pong."""
        ...

    def post(self, frame: bytes, *, topic: str | None = None) -> None: ...
    def ping(self) -> None: ...
    def close(self, code: int, reason: str) -> None: ...
    def drop(self, reason: str) -> None: ...


class Member:
    """One socket in the room. `about` is for whoever let it in."""

    __slots__ = ("about", "admitted_at", "key", "socket")

    def __init__(self, socket: Connection, key: str) -> None:
        self.socket = socket
        self.key = key
        self.about: object = None
        self.admitted_at: int | None = None
        """How many messages had been published before; it gets those that come after."""


@frozen
class HubStatistics:
    members: int
    waiting: int
    """Places taken by sockets that are still being judged."""
    published: int
    queued: int


class Hub:
    """The room: at most `limit` sockets, at most `limit_per_key` of one address."""

    def __init__(
        self,
        *,
        limit: int = 20_000,
        limit_per_key: int = 8,
        ping_interval: float = 20.0,
        random: Callable[[], float] | None = None,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        self._limit = limit
        self._limit_per_key = limit_per_key
        self._ping_interval = ping_interval
        self._random = random or stdlib_random.Random().random  # noqa: S311  an order of sending is no secret
        self._clock = clock
        self._places: Counter[str] = Counter()
        self._taken = 0
        # In the order of their next ping: whoever was pinged goes to the end.
        self._members: OrderedDict[Member, float] = OrderedDict()
        self._queue: OrderedDict[object, tuple[int, bytes, str | None]] = OrderedDict()
        self._published = 0
        self._delivering: Iterator[None] | None = None
        self._called = trio.Event()

    @contextmanager
    def join(self, socket: Connection, *, key: str, admit: bool = True) -> Iterator[Member]:
        """Take a place for as long as the block lasts, or raise `TooManyConnections`.

        With `admit=False` the place is only reserved, so that whoever has to ask around first cannot be overtaken
        by its own twins; `admit(member)` lets it in.
        """
        if self._places[key] >= self._limit_per_key:
            raise TooManyConnections
        if self._taken >= self._limit:
            raise TooManyConnections("The server has as many connections as it can hold. Try again later.")
        self._places[key] += 1
        self._taken += 1
        member = Member(socket, key)
        try:
            if admit:
                self.admit(member)
            yield member
        finally:
            self._members.pop(member, None)
            self._taken -= 1
            self._places[key] -= 1
            if not self._places[key]:
                del self._places[key]

    def admit(self, member: Member) -> None:
        """From now on this member counts, and gets what is published."""
        member.admitted_at = self._published
        self._members[member] = self._clock() + self._ping_interval

    def publish(self, message: Mapping[str, Any] | str, *, topic: str | None = None) -> None:
        """Tell everybody, in the order of publishing. While a message waits, a newer one of its topic takes its place;
        one without a topic is never lost."""
        frame = text_frame(_text(message))
        if topic is not None:
            self._queue.pop(topic, None)
        self._queue[topic if topic is not None else object()] = self._published, frame, topic
        self._published += 1
        self._called.set()
        while len(self._queue) > MAX_QUEUE:
            self._deliver_some()

    def send(self, member: Member, message: Mapping[str, Any] | str, *, topic: str | None = None) -> None:
        """Tell one member. It may overtake what was published and is still in line."""
        member.socket.post(text_frame(_text(message)), topic=topic)

    def close(self, member: Member, code: int, reason: str) -> None:
        member.socket.close(code, reason)

    def close_all(self, code: int, reason: str) -> None:
        for member in list(self._members):
            member.socket.close(code, reason)

    @property
    def count(self) -> int:
        """How many are in the room."""
        return len(self._members)

    def members(self) -> list[Member]:
        return list(self._members)

    def statistics(self) -> HubStatistics:
        return HubStatistics(
            members=len(self._members),
            waiting=self._taken - len(self._members),
            published=self._published,
            queued=len(self._queue),
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Deliver what is published and see who is still there."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._broadcast)
            nursery.start_soon(self._ping)
            task_status.started()

    async def _broadcast(self) -> None:
        while True:
            while self._queue or self._delivering is not None:
                self._deliver_some()
                await trio.lowlevel.checkpoint()
            self._called = trio.Event()
            await self._called.wait()

    def _deliver_some(self) -> None:
        """One chunk of the message that is on its way, else of the next in line."""
        if self._delivering is None:
            self._delivering = self._deliver(*self._queue.popitem(last=False)[1])
        if next(self._delivering, self) is self:
            self._delivering = None

    def _deliver(self, number: int, frame: bytes, topic: str | None) -> Iterator[None]:
        members = list(self._members)
        rest = len(members)
        while rest:
            # One step of a shuffle at a time: nobody hears first because he came first, or because he came last.
            rest -= 1
            chosen = int(self._random() * (rest + 1))
            member = members[chosen]
            members[chosen] = members[rest]
            if member in self._members and member.admitted_at is not None and member.admitted_at <= number:
                self._post(member, frame, topic)
            if rest % CHUNK == 0:
                yield

    def _post(self, member: Member, frame: bytes, topic: str | None) -> None:
        try:
            member.socket.post(frame, topic=topic)
        except Exception:  # a bug in one socket must not silence the room
            LOG.exception("A socket could not be written to.")
            member.socket.drop("The server failed.")

    async def _ping(self) -> None:
        while True:
            # Joining never brings a ping forward, so sleeping for an interval at most misses none.
            due = next(iter(self._members.values()), self._clock() + self._ping_interval)
            await trio.sleep(min(max(due - self._clock(), 0.0), self._ping_interval))
            self._ping_those_due()

    def _ping_those_due(self) -> None:
        now = self._clock()
        for _ in range(CHUNK):
            member, due = next(iter(self._members.items()), (None, now + 1))
            if member is None or due > now:
                return
            self._members[member] = now + self._ping_interval
            self._members.move_to_end(member)
            if member.socket.unanswered >= 2:
                member.socket.drop("Two pings went unanswered.")
            else:
                member.socket.ping()


def _text(message: Mapping[str, Any] | str) -> str:
    if isinstance(message, str):
        return message
    return json.dumps(message, separators=(",", ":"), allow_nan=False)
