"""What the race needs from outside, and what it does there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from attrs import frozen

from hashpass.domain.drop import Drop, Win
from hashpass.domain.prizes import Award
from hashpass.domain.proof import Work
from hashpass.domain.race import RaceState
from hashpass.domain.seeds import RoundRecord
from hashpass.domain.values import Address, Proof, Rules


class Verifier(Protocol):
    async def check(self, work: Work, *, key: str) -> bool: ...

    async def check_when_idle(self, work: Work) -> bool: ...


@frozen
class Effects:
    """What follows from a verdict outside the race. Those that return None do not wait for anybody."""

    code_for: Callable[[Proof], tuple[str, str]]
    """The invite code of a winning answer, and the id of the key it was made with."""
    record: Callable[[Award], Awaitable[None]]
    """The award is on disk when this returns, or queued while the disk refuses."""
    record_round: Callable[[RoundRecord], Awaitable[None]]
    """The same for a round that is over."""
    save: Callable[[RaceState, Rules, Drop], Awaitable[None]]
    publish: Callable[[dict[str, Any]], None]
    tell: Callable[[str, dict[str, Any]], None]
    """Says something to the sockets of one session."""
    notify: Callable[[Award], None]
    strike: Callable[[str, Address], Awaitable[None]]
    """A session has lied."""
    prove: Callable[[str], None]
    """A session has sent a true proof."""
    count_round: Callable[[str], None]
    has_room: Callable[[], bool]
    """Whether another award could be recorded. Without a record there is no code."""
    issued: Callable[[], int]
    """How many codes were ever given."""
    recall: Callable[[int, int], Awaitable[list[Win]]]
    """Those from one number to another, the latter not included."""
