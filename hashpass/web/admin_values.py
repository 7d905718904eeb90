"""What an operator may set: each body is read whole, held against the rules in force, and becomes one new value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from attrs import evolve

from hashpass.domain.difficulty import bits_for, target_for
from hashpass.domain.drop import DropRules
from hashpass.domain.errors import BadRequest
from hashpass.domain.values import Argon2Params, Rules

Body = Mapping[str, Any]

MAX_BITS: Final = 64
MAX_SECONDS: Final = 86400
LEAST_SECONDS: Final = 0.1
MAX_MEMORY: Final = 4_194_304
MAX_SPEED: Final = 10**12
MAX_CODES: Final = 10**9
MAX_COOLDOWN: Final = 366 * 86400
MAX_SEARCH: Final = 200
MAX_CODE: Final = 512
MAX_PAGE: Final = 10**9
LANE_MEMORY: Final = 8
"""KiB that Argon2 asks for each lane."""
LOW: Final = 0.4
HIGH: Final = 1.6
"""Of a target time: where its window begins and ends."""


def read_difficulty(body: Body, rules: Rules, target: int) -> tuple[Rules, int | None]:
    """The new rules, and the new target where a difficulty is asked for."""
    _need_one_of(body, "difficulty", "min_difficulty", "max_difficulty")
    least = whole(body, "min_difficulty", 1, MAX_BITS, rules.min_difficulty)
    most = whole(body, "max_difficulty", 1, MAX_BITS, rules.max_difficulty)
    bits = whole(body, "difficulty", 1, MAX_BITS, bits_for(target))
    if least > most:
        field = "min_difficulty" if "min_difficulty" in body else "max_difficulty"
        raise BadRequest(f"min_difficulty ({least}) must be at most max_difficulty ({most}).", field=field)
    if not least <= bits <= most:
        given = (name for name in ("difficulty", "min_difficulty", "max_difficulty") if name in body)
        raise BadRequest(
            f"difficulty ({bits}) must be from min_difficulty ({least}) to max_difficulty ({most}).", field=next(given)
        )
    rules = evolve(rules, min_difficulty=least, max_difficulty=most)
    return rules, target_for(bits) if "difficulty" in body else None


def read_target_time(body: Body, rules: Rules) -> Rules:
    """A target time moves the window to 0.4 and 1.6 of it. A puzzle may not be given up before its target time."""
    _need_one_of(body, "target_time", "target_timeout")
    timeout = number(body, "target_timeout", LEAST_SECONDS, MAX_SECONDS, rules.target_timeout)
    if "target_time" in body:
        middle = number(body, "target_time", LEAST_SECONDS, MAX_SECONDS, rules.target_time)
        rules = evolve(rules, target_low=LOW * middle, target_high=HIGH * middle)
    middle = round(rules.target_time, 6)  # the middle of a window is not quite what the window was made of
    if timeout < middle:
        field = "target_timeout" if "target_timeout" in body else "target_time"
        raise BadRequest(f"target_timeout ({timeout:g}) must be at least the target time ({middle:g}).", field=field)
    return evolve(rules, target_timeout=timeout)


def read_argon2(body: Body, params: Argon2Params) -> Argon2Params:
    _need_one_of(body, "time_cost", "memory_cost", "parallelism")
    params = evolve(
        params,
        time_cost=whole(body, "time_cost", 1, 16, params.time_cost),
        memory_cost=whole(body, "memory_cost", LANE_MEMORY, MAX_MEMORY, params.memory_cost),
        parallelism=whole(body, "parallelism", 1, 16, params.parallelism),
    )
    if params.memory_cost < LANE_MEMORY * params.parallelism:
        field = "memory_cost" if "memory_cost" in body else "parallelism"
        raise BadRequest(f"memory_cost must be at least 8 KiB for each of {params.parallelism} lanes.", field=field)
    return params


def read_worker_count(body: Body, rules: Rules) -> Rules:
    return evolve(rules, worker_count=whole(body, "worker_count", 1, 32))


def read_nonce_speed(body: Body, rules: Rules) -> Rules:
    return evolve(rules, max_nonce_speed=number(body, "max_nonce_speed", 0, MAX_SPEED))


def read_drop(body: Body, drop: DropRules) -> DropRules:
    _need_one_of(body, "code_limit", "wins_per_visitor", "win_cooldown", "opens_at", "closes_at")
    drop = DropRules(
        code_limit=whole(body, "code_limit", 0, MAX_CODES, drop.code_limit),
        wins_per_visitor=whole(body, "wins_per_visitor", 0, MAX_CODES, drop.wins_per_visitor),
        win_cooldown=number(body, "win_cooldown", 0, MAX_COOLDOWN, drop.win_cooldown),
        opens_at=instant(body, "opens_at", drop.opens_at),
        closes_at=instant(body, "closes_at", drop.closes_at),
    )
    if drop.opens_at is not None and drop.closes_at is not None and drop.closes_at <= drop.opens_at:
        field = "closes_at" if "closes_at" in body else "opens_at"
        raise BadRequest("closes_at must be later than opens_at.", field=field)
    return drop


def read_secret(body: Body) -> bytes | None:
    """A code key of the operator's own; None where it is to be made."""
    value = body.get("hmac_secret")
    if "hmac_secret" not in body:
        return None
    if not isinstance(value, str) or re.fullmatch(r"[0-9a-fA-F]{64}", value) is None:
        raise BadRequest("hmac_secret must be 64 hex digits.", field="hmac_secret")
    return bytes.fromhex(value)


def read_code(body: Body) -> str:
    return text(body.get("invite_code"), "invite_code", MAX_CODE)


# One value each


def whole(body: Body, name: str, least: int, most: int, default: int | None = None) -> int:
    """A whole number. A float is none, be it 5.0, nor is true."""
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise BadRequest(f"{name} must be a whole number from {least} to {most}.", field=name)
    return value


def number(body: Body, name: str, least: float, most: float, default: float | None = None) -> float:
    value = body.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
        raise BadRequest(f"{name} must be a number from {least:g} to {most:g}.", field=name)
    return float(value)


def text(value: object, name: str, most: int) -> str:
    """Text that is not empty, and that a log can hold."""
    if not isinstance(value, str) or not 1 <= len(value) <= most or any("\ud800" <= char <= "\udfff" for char in value):
        raise BadRequest(f"{name} must be text of 1 to {most} characters.", field=name)
    return value


def instant(body: Body, name: str, default: float | None) -> float | None:
    """Unix seconds of a time as ISO 8601 with its zone; null is none."""
    if name not in body:
        return default
    value = body[name]
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
        if moment is not None and moment.tzinfo is not None and 1970 <= moment.astimezone(UTC).year < 9999:
            return moment.timestamp()
    except (ValueError, OverflowError):
        pass
    raise BadRequest(f"{name} must be a time such as 2030-01-31T18:00:00Z, or null.", field=name)


def page_number(value: str | None, name: str, most: int, default: int) -> int:
    """A number out of a query."""
    if value is None:
        return default
    if not (value.isascii() and value.isdecimal() and len(value) <= 10 and 1 <= int(value) <= most):
        raise BadRequest(f"{name} must be a whole number from 1 to {most}.", field=name)
    return int(value)


def search_text(value: str | None, name: str = "search") -> str:
    value = value or ""
    if len(value) > MAX_SEARCH:
        raise BadRequest(f"{name} may have at most {MAX_SEARCH} characters.", field=name)
    return value


def _need_one_of(body: Body, *names: str) -> None:
    """A body that names nothing we know is a slip of the pen; it must not cost the miners their work."""
    if not any(name in body for name in names):
        raise BadRequest(f"Give at least one of {', '.join(names)}.", field=names[0])
