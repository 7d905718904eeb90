"""First come, first served, over real sockets: the lowest ticket wins, however long its own check takes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
from attrs import define, field

from hashpass.argon import Arena
from hashpass.domain.proof import Work
from hashpass.verifier import Verifier
from scripts.load.contestants import contestants
from scripts.load.race import race
from tests.house import open_house

SESSIONS = 30
ROUNDS = 200


class Tickets(logging.Handler):
    """Hears of each ticket in the moment it is given, from the log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.held: dict[int, dict[int, str]] = {}
        self.on_first: Callable[[str], None] = lambda session: None
        """Told who has the first ticket of a round, before anybody can have begun to check it."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg.startswith("round %d: ticket") and isinstance(record.args, tuple):
            number, ticket, session = record.args
            held = self.held.setdefault(int(str(number)), {})
            held[int(str(ticket))] = str(session)
            if len(held) == 1:
                self.on_first(str(session))


@pytest.fixture
def tickets() -> Iterator[Tickets]:
    handler, logger = Tickets(), logging.getLogger("hashpass.arbiter")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.setLevel(level)
    logger.removeHandler(handler)


@define
class SlowestForOne:
    """A hash function that is done with one visitor's answer only after all others'. It runs on several threads."""

    others: int
    favoured: bytes | None = None
    last: bool = True
    """Whether the one was the last each time."""
    _checked: int = 0
    _lock: threading.Lock = field(factory=threading.Lock)
    _all: threading.Event = field(factory=threading.Event)

    def hold_up(self, visitor: str | None) -> None:
        self.favoured = None if visitor is None else visitor.encode()
        self._checked = 0
        self._all.clear()

    def __call__(self, work: Work) -> bytes:
        digest = Arena().hash(work.password, work.salt, work.params)
        if self.favoured is not None:
            if self.favoured in work.salt:
                self.last = self._all.wait(20) and self.last
            else:
                with self._lock:
                    self._checked += 1
                    if self._checked == self.others:
                        self._all.set()
        return digest


async def test_of_thirty_at_once_the_lowest_ticket_wins_two_hundred_times(tmp_path: Path, tickets: Tickets) -> None:
    hasher = SlowestForOne(others=SESSIONS - 1)
    addresses = [f"198.51.100.{number + 1}" for number in range(SESSIONS)]
    contested = 0
    with trio.fail_after(120):
        async with (
            open_house(tmp_path, verifier=Verifier(threads=4, hasher=hasher)) as running,
            contestants(running.url, addresses) as entrants,
        ):
            by_session = {entrant.session: entrant for entrant in entrants}
            arena = Arena()

            for number in range(ROUNDS):
                first = trio.Event()

                def hold_up(session: str, slow: bool = bool(number % 2), first: trio.Event = first) -> None:
                    hasher.hold_up(by_session[session].visitor if slow else None)
                    first.set()

                tickets.on_first = hold_up
                round_ = await race(entrants, arena, after_first=first.wait if number % 2 else None)

                assert round_.statuses == {200: 1, 409: SESSIONS - 1}
                held = tickets.held[round_.number]
                assert [winner.session for winner in round_.winners] == [held[min(held)]]
                contested += len(held)
                if number % 2:
                    assert len(held) == SESSIONS
    assert hasher.last
    assert contested > ROUNDS * SESSIONS / 2
