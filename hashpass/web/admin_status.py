"""What the operator sees at a glance: the same over HTTP and, every two seconds, over the WebSocket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from hashpass.arbiter import Arbiter
from hashpass.bans import Bans
from hashpass.domain.difficulty import bits_for, shown_bits
from hashpass.domain.records import stamp
from hashpass.figures import Figures
from hashpass.miners import Miners
from hashpass.sessions import Sessions
from hashpass.webhooks import Webhooks


@frozen
class AdminStatus:
    arbiter: Arbiter
    miners: Miners
    sessions: Sessions
    bans: Bans
    webhooks: Webhooks
    figures: Figures
    online: Callable[[], int]
    """Sockets in the public room."""
    health: Callable[[], tuple[bool, dict[str, Any]]]
    policy: str
    """How the difficulty follows the solve times."""

    def __call__(self) -> dict[str, Any]:
        miners, puzzle, times = self.miners.message(), self.arbiter.puzzle, self.arbiter.solve_times
        _, health = self.health()
        return {
            "active_miners": miners["active_miners"],
            "online_connections": self.online(),
            "total_hashrate": miners["total_hashrate"],
            "mining_time": round(self.arbiter.mining_time, 3),
            "last_solve_time": round(times[-1], 3) if times else None,
            "average_solve_time": round(sum(times) / len(times), 3) if times else None,
            "banned_count": len(self.bans),
            "current_seed": None if puzzle is None else puzzle.seed,
            "round": None if puzzle is None else puzzle.round,
            "session_count": self.sessions.count,
            "hashrate_chart_history": self.figures.hash_rates,
            "solve_time_chart_history": self.figures.solve_times,
            **self.parameters(),
            "drop": {**self.arbiter.drop_status(), **self.drop()},
            "webhooks": self.webhooks.status(),
            "status": health["status"],
            "version": health["version"],
            "uptime": health["uptime"],
            "tasks": health["tasks"],
            "timestamp": miners["timestamp"],
        }

    def parameters(self) -> dict[str, Any]:
        rules, target = self.arbiter.rules, self.arbiter.target
        return {
            "difficulty": bits_for(target),
            "exact_difficulty": round(shown_bits(target), 4),
            "difficulty_policy": self.policy,
            "min_difficulty": rules.min_difficulty,
            "max_difficulty": rules.max_difficulty,
            "target_time": round(rules.target_time, 6),
            "target_time_min": round(rules.target_low, 6),
            "target_time_max": round(rules.target_high, 6),
            "target_timeout": rules.target_timeout,
            "algorithm": rules.argon2.algorithm,
            "time_cost": rules.argon2.time_cost,
            "memory_cost": rules.argon2.memory_cost,
            "parallelism": rules.argon2.parallelism,
            "worker_count": rules.worker_count,
            "max_nonce_speed": rules.max_nonce_speed,
            "timeout_award": rules.timeout_award,
        }

    def drop(self) -> dict[str, Any]:
        """The drop's rules as they are set."""
        rules = self.arbiter.drop
        return {
            "code_limit": rules.code_limit,
            "wins_per_visitor": rules.wins_per_visitor,
            "win_cooldown": rules.win_cooldown,
            "opens_at": None if rules.opens_at is None else stamp(rules.opens_at),
            "closes_at": None if rules.closes_at is None else stamp(rules.closes_at),
        }
