"""Right and wrong answers to a challenge as `create_challenge()` gives it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

from hashpass.cap.challenge import are_solved, seeded_pairs
from hashpass.cap.testing import solve


def right_answer(challenge: dict[str, Any]) -> list[int]:
    return solve(challenge["token"], challenge["challenge"])


def wrong_answer(challenge: dict[str, Any]) -> list[int]:
    """All right but for the last. Any number fits an easy target now and then, so one is looked for that does not."""
    *rest, _ = right_answer(challenge)
    asked = challenge["challenge"]
    pairs: list[Sequence[str]] = (
        [*seeded_pairs(challenge["token"], asked["c"], asked["s"], asked["d"])] if isinstance(asked, dict) else asked
    )
    return [*rest, next(n for n in count() if not are_solved(pairs[-1:], [n]))]
