"""What is told of the race, in the words of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hashpass.domain.difficulty import bits_for
from hashpass.domain.drop import Drop
from hashpass.domain.records import stamp
from hashpass.domain.values import Puzzle


def job(puzzle: Puzzle, mining_time: float, solve_times: Sequence[float]) -> dict[str, Any]:
    """Everything a miner needs to know of a puzzle, and what anybody needs to check where its seed comes from."""
    argon2, origin = puzzle.rules.argon2, puzzle.origin
    return {
        "round": puzzle.round,
        "seed": puzzle.seed,
        "commitment": None if origin is None else origin.commitment,
        "secret": None if origin is None else origin.secret,
        "proof": None if origin is None else origin.proof,
        "difficulty": bits_for(puzzle.target),
        "target": puzzle.target_hex,
        "algorithm": argon2.algorithm,
        "memory_cost": argon2.memory_cost,
        "time_cost": argon2.time_cost,
        "parallelism": argon2.parallelism,
        "worker_count": puzzle.rules.worker_count,
        "target_timeout": puzzle.rules.target_timeout,
        "puzzle_start_time": puzzle.started_at,
        "mining_time": round(mining_time, 3),
        "last_solve_time": round(solve_times[-1], 3) if solve_times else None,
        "average_solve_time": round(sum(solve_times) / len(solve_times), 3) if solve_times else None,
    }


def reset(job: dict[str, Any] | None, reason: str, solve_time: float | None) -> dict[str, Any]:
    """That a round is over, and the next one's job if there is one."""
    return {
        "type": "PUZZLE_RESET",
        **({"seed": None} if job is None else job),
        "solve_time": None if solve_time is None else round(solve_time, 3),
        "is_timeout": reason == "timeout",
        "reason": "closed" if job is None else reason,
    }


def drop(drop: Drop, now: float) -> dict[str, Any]:
    """Whether there is something to win, as everybody may know."""
    rules, reason = drop.rules, drop.closed_for(now)
    return {
        "open": reason is None,
        "reason": reason,
        "opens_at": None if rules.opens_at is None else stamp(rules.opens_at),
        "closes_at": None if rules.closes_at is None else stamp(rules.closes_at),
        "remaining": drop.remaining,
    }
