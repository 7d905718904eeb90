"""What a restart must not lose, as it stands in `state.json`: the round, the difficulty, and what an admin set.

Beside each value stands what the environment said at the time. A value an admin set wins over the environment until
the environment's own value changes; so does the difficulty that the race has found.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import trio
from attrs import asdict, evolve, frozen

from hashpass.domain.difficulty import Estimate, target_for
from hashpass.domain.drop import DropRules
from hashpass.domain.race import RaceState
from hashpass.domain.values import Argon2Params, Rules

TARGET_LIMIT = 2**256
NO_DROP = DropRules()
_UNKNOWN = object()
PATIENCE = 3.0
"""How long a round waits for its state to be written. Codes are in the audit log by then; this can come later."""

log = logging.getLogger("hashpass.state")


class StateUnreadable(ValueError):
    """`state.json` is not what was written. It is left as it is."""


@frozen
class State:
    """The rules in force and the race as it stood, and the environment that they were made under."""

    rules: Rules
    race: RaceState
    environment: dict[str, Any]
    drop: DropRules = NO_DROP
    drop_since: int | None = None
    """How many codes had been given when the stock was set; None if it is set now."""

    def dump(self) -> dict[str, Any]:
        return {
            "round": self.race.round,
            "target": f"{self.race.target:x}",
            "estimate": self.race.estimate.to_json(),
            "solve_times": list(self.race.solve_times),
            "rules": _flat(self.rules),
            "drop": {**asdict(self.drop), "since": self.drop_since},
            "environment": self.environment,
        }


def begin(rules: Rules, difficulty: int, drop: DropRules = NO_DROP) -> State:
    """The state of a server that has never run before."""
    race = RaceState(round=0, target=target_for(difficulty), estimate=Estimate())
    return State(rules, race, {**_flat(rules), "difficulty": difficulty, **asdict(drop)}, drop)


def restore(saved: dict[str, Any] | None, rules: Rules, difficulty: int, drop: DropRules = NO_DROP) -> State:
    """Go on from where `saved` left off, under the rules that the environment gives now."""
    fresh = begin(rules, difficulty, drop)
    if saved is None:
        return fresh
    try:
        before = saved["environment"]
        kept = {name: value for name, value in saved["rules"].items() if before[name] == fresh.environment[name]}
        race = RaceState(
            round=_whole(saved["round"], 2**53),
            target=_whole(int(saved["target"], 16), TARGET_LIMIT),
            estimate=Estimate.from_json(saved["estimate"]),
            solve_times=tuple(float(seconds) for seconds in saved["solve_times"]),
        )
        if before["difficulty"] != difficulty:
            race = evolve(race, target=fresh.race.target, estimate=Estimate())
        now = _shaped({**_flat(rules), **kept})
        if now.argon2 != _shaped(saved["rules"]).argon2:  # what was learnt was of other hashes
            race = evolve(race, estimate=Estimate())
        kept_drop, since = _restore_drop(saved.get("drop"), before, drop)
        return State(now, race, fresh.environment, kept_drop, since)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StateUnreadable("state.json is not what this server wrote. Repair it or move it away.") from error


def _restore_drop(saved: Any, before: dict[str, Any], given: DropRules) -> tuple[DropRules, int | None]:
    """The drop as it was, but for what the environment has changed since; a changed stock is counted anew."""
    if saved is None:
        return given, None
    environment = asdict(given)
    kept = {name: saved[name] for name, value in environment.items() if before.get(name, _UNKNOWN) == value}
    rules = DropRules(**{**environment, **kept})
    _shaped_drop(rules)
    since = saved["since"] if rules.code_limit == saved["code_limit"] and "code_limit" in kept else None
    return rules, None if since is None else _whole(since, 2**53)


def _shaped_drop(rules: DropRules) -> None:
    _whole(rules.code_limit, 2**53)
    _whole(rules.wins_per_visitor, 2**53)
    for value in (rules.win_cooldown, rules.opens_at or 0.0, rules.closes_at or 0.0):
        if type(value) not in {int, float} or not 0 <= value < 2**53:
            raise ValueError(value)


def _flat(rules: Rules) -> dict[str, Any]:
    flat = asdict(rules)
    return {**{f"argon2_{name}": value for name, value in flat.pop("argon2").items()}, **flat}


def _shaped(flat: dict[str, Any]) -> Rules:
    """Rules again, each value of the type it had; a wrong one raises."""
    pattern = _flat(Rules())
    if flat.keys() != pattern.keys():
        raise ValueError(flat.keys() ^ pattern.keys())
    values = {name: _like(pattern[name])(flat[name]) for name in pattern}
    argon2 = {name.removeprefix("argon2_"): values.pop(name) for name in list(values) if name.startswith("argon2_")}
    return Rules(argon2=Argon2Params(**argon2), **values)


def _like(example: object) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if isinstance(example, float) and type(value) is int:
            return float(value)
        if type(value) is not type(example):
            raise TypeError(value)
        return value

    return check


def _whole(value: object, limit: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < limit:
        raise ValueError(value)
    return value


class StateKeeper:
    """Writes the newest state after each round. A disk that refuses delays a round a little, and is tried again."""

    def __init__(self, write: Callable[[dict[str, Any]], None], *, pause: float = 1.0) -> None:
        self._write = write
        self._pause = pause
        self._newest: dict[str, Any] | None = None
        self._writing = trio.CapacityLimiter(1)  # also while a thread that nobody waits for any more is stuck
        self.saved = True
        """Whether the newest state is on disk."""

    async def save(self, state: State) -> None:
        self._newest = state.dump()
        if self.saved:
            await self._try()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        while True:
            await trio.sleep(self._pause)
            if not self.saved:
                await self._try()

    async def _try(self) -> None:
        newest, was_saved = self._newest, self.saved
        if newest is None or self._writing.borrowed_tokens:
            return
        self.saved = False
        with trio.move_on_after(PATIENCE) as patience:
            try:
                await trio.to_thread.run_sync(self._write, newest, limiter=self._writing, abandon_on_cancel=True)
            except OSError as error:
                if was_saved:
                    log.error("state.json cannot be written, will go on trying: %s", error.strerror)  # noqa: TRY400
                return
        if not patience.cancelled_caught:
            self.saved = newest is self._newest
