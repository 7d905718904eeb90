"""The shapes of the operator's API, as JSON Schema with an example each."""

from __future__ import annotations

from typing import Any, Final

from hashpass.domain.drop import SENTENCES
from hashpass.web.admin_values import (
    LANE_MEMORY,
    LEAST_SECONDS,
    MAX_BITS,
    MAX_CODE,
    MAX_CODES,
    MAX_COOLDOWN,
    MAX_MEMORY,
    MAX_SECONDS,
    MAX_SPEED,
)
from hashpass.web.openapi.shapes import SEED, VISITOR, an_object

CODE: Final = "HASHPASS-7Yx2mKd93QpLzRtB"
KEY_ID: Final = "02d449a3"
TIME: Final = "2030-01-31T18:00:00.000Z"

BITS: Final = {"type": "integer", "minimum": 1, "maximum": MAX_BITS}
SECONDS: Final = {"type": "number", "minimum": LEAST_SECONDS, "maximum": MAX_SECONDS}
COUNT: Final = {"type": "integer", "minimum": 0}
TEXT: Final = {"type": "string"}
INSTANT: Final = {"type": "number", "description": "Unix time."}
INSTANT_OR_NULL: Final = {"type": ["number", "null"], "description": "Unix time."}
STAMP_OR_NULL: Final = {"type": ["string", "null"], "format": "date-time"}
RATE: Final = {"type": "number", "minimum": 0, "description": "Hashes a second."}


def schemas() -> dict[str, Any]:
    """To be put to `components/schemas`; new at each call."""
    return {**_parameters(), **_drop(), **_status(), **_people(), **_records(), **_codes()}


def _parameters() -> dict[str, Any]:
    difficulty = {"difficulty": dict(BITS), "min_difficulty": dict(BITS), "max_difficulty": dict(BITS)}
    times = {"target_time": dict(SECONDS), "target_timeout": dict(SECONDS)}
    window = {"target_time_min": {"type": "number"}, "target_time_max": {"type": "number"}}
    argon2 = {
        "time_cost": {"type": "integer", "minimum": 1, "maximum": 16},
        "memory_cost": {"type": "integer", "minimum": LANE_MEMORY, "maximum": MAX_MEMORY, "description": "In KiB."},
        "parallelism": {"type": "integer", "minimum": 1, "maximum": 16},
    }
    workers = {"worker_count": {"type": "integer", "minimum": 1, "maximum": 32}}
    speed = {"max_nonce_speed": {"type": "number", "minimum": 0, "maximum": MAX_SPEED}}
    cost = {"time_cost": 3, "memory_cost": 65536, "parallelism": 1}
    bits = {"difficulty": 10, "min_difficulty": 1, "max_difficulty": 32}
    seconds = {"target_time": 60.0, "target_time_min": 24.0, "target_time_max": 96.0, "target_timeout": 300.0}
    return {
        "DifficultyRequest": _some("Leading zero bits.", difficulty, {"difficulty": 12}),
        "Difficulty": an_object("Leading zero bits.", difficulty, example=bits),
        "TargetTimeRequest": _some("Seconds.", times, {"target_time": 60, "target_timeout": 300}),
        "TargetTime": an_object("Seconds.", {**times, **window}, example=seconds),
        "Argon2Request": _some("What one hash costs.", argon2, {"time_cost": 3, "memory_cost": 65536}),
        "Argon2": an_object(
            "What one hash costs.",
            {"algorithm": {"enum": ["argon2d", "argon2id"]}, **argon2},
            example={"algorithm": "argon2d", **cost},
        ),
        "WorkerCount": an_object("Workers of a page.", workers, example={"worker_count": 4}),
        "MaxNonceSpeed": an_object("Nonces a second.", speed, example={"max_nonce_speed": 0}),
        "NewPuzzle": an_object(
            "The puzzle that is open now; nulls where the race is closed.",
            {
                "round": {"type": ["integer", "null"]},
                "seed": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"},
                "difficulty": {"type": "integer"},
            },
            example={"round": 17, "seed": SEED, "difficulty": 10},
        ),
    }


def _some(description: str, properties: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    """At least one of these."""
    schema = an_object(description, properties, optional=tuple(properties), example=example)
    return {**schema, "anyOf": [{"required": [name]} for name in properties]}


def _drop() -> dict[str, Any]:
    counts = {"type": "integer", "minimum": 0, "maximum": MAX_CODES}
    rules = {
        "code_limit": counts | {"description": "The stock; 0: no limit."},
        "wins_per_visitor": counts | {"description": "By visitor and by address; 0: no limit."},
        "win_cooldown": {"type": "number", "minimum": 0, "maximum": MAX_COOLDOWN, "description": "Seconds."},
        "opens_at": dict(STAMP_OR_NULL),
        "closes_at": dict(STAMP_OR_NULL),
    }
    values = {"code_limit": 100, "wins_per_visitor": 1, "win_cooldown": 0.0, "opens_at": TIME, "closes_at": None}
    return {
        "DropRequest": _some("How invites are given away.", rules, {"code_limit": 100, "opens_at": TIME}),
        "AdminDrop": an_object(
            "How invites are given away, and whether the race is open.",
            {
                **rules,
                "open": {"type": "boolean"},
                "reason": {"enum": [None, *SENTENCES]},
                "remaining": {"type": ["integer", "null"], "minimum": 0},
            },
            example={**values, "open": False, "reason": "not_open_yet", "remaining": 100},
        ),
    }


def _status() -> dict[str, Any]:
    parameters = _parameters()
    named = ("Difficulty", "TargetTime", "Argon2", "WorkerCount", "MaxNonceSpeed")
    seconds_or_null = {"type": ["number", "null"], "minimum": 0}
    point = an_object("", {"timestamp": dict(INSTANT), "value": {"type": "number"}})
    points = {"type": "array", "maxItems": 50, "items": point}
    webhooks = {
        **{name: {"type": "boolean"} for name in ("enabled", "saved")},
        **{name: dict(COUNT) for name in ("pending", "failed", "delivered", "refused")},
        "failures": {"type": "array", "items": {"type": "object"}},
    }
    return {
        "Webhooks": an_object(
            "Notifications, by what became of them.",
            webhooks,
            example={
                "enabled": True,
                "saved": True,
                "pending": 1,
                "failed": 0,
                "delivered": 16,
                "refused": 0,
                "failures": [],
            },
        ),
        "AdminStatus": an_object(
            "Everything at a glance.",
            {
                "active_miners": dict(COUNT),
                "online_connections": dict(COUNT),
                "total_hashrate": dict(RATE),
                "mining_time": {"type": "number", "minimum": 0},
                "last_solve_time": seconds_or_null,
                "average_solve_time": seconds_or_null | {"description": "Of the last five."},
                "banned_count": dict(COUNT),
                "session_count": dict(COUNT),
                "current_seed": {"type": ["string", "null"], "description": "Null while the race is closed."},
                "round": {"type": ["integer", "null"]},
                "hashrate_chart_history": points | {"description": "One every five seconds."},
                "solve_time_chart_history": points | {"description": "One for each round that was won."},
                **{name: each for of in named for name, each in parameters[of]["properties"].items()},
                "exact_difficulty": {"type": "number", "description": "With its fraction."},
                "difficulty_policy": {"enum": ["step", "steady"]},
                "timeout_award": {"type": "boolean"},
                "drop": {"$ref": "#/components/schemas/AdminDrop"},
                "webhooks": {"$ref": "#/components/schemas/Webhooks"},
                "status": {"enum": ["ok", "degraded"]},
                "version": dict(TEXT),
                "uptime": {"type": "number", "minimum": 0},
                "tasks": {"type": "object"},
                "timestamp": dict(INSTANT),
            },
        ),
        "WebSocketTicket": an_object(
            "A ticket for one WebSocket.",
            {"ticket": dict(TEXT), "expires_in": {"type": "integer", "minimum": 1}},
            example={"ticket": "veM_iIYmu_7oJ_mz-SJroD6pu5Z3gShg4P3EvKGsKF8", "expires_in": 30},
        ),
    }


def _people() -> dict[str, Any]:
    miner = {
        "ip": dict(TEXT),
        "hashrate": dict(RATE),
        "last_seen": dict(INSTANT),
        "connected_since": dict(INSTANT),
        "overspeed": {"type": "boolean"},
        "mining": {"type": "boolean"},
    }
    session = {
        "token_preview": {"type": "string", "minLength": 8, "maxLength": 8},
        "ip": dict(TEXT),
        "visitor_id": {"type": ["string", "null"]},
        "created_at": dict(INSTANT),
        "is_connected": {"type": "boolean"},
        "disconnected_at": dict(INSTANT_OR_NULL),
    }
    banned = {"type": "array", "items": dict(TEXT)}
    closed, revoked = {"closed": COUNT | {"description": "Sockets."}}, {"revoked": COUNT | {"description": "Sessions."}}
    network = "2001:db8:1:2::/64"
    return {
        "Miners": an_object(
            "Connections that have spoken of mining.",
            {"miners": {"type": "array", "items": an_object("", miner)}, "total": dict(COUNT)},
        ),
        "AdminSessions": an_object(
            "Sessions, the newest first.",
            {"sessions": {"type": "array", "items": an_object("", session)}, "total": dict(COUNT)},
        ),
        "Blacklist": an_object("Bans.", {"banned_ips": banned}, example={"banned_ips": ["203.0.113.7", network]}),
        "AddressRequest": an_object(
            "Whom it is about.",
            {"ip": {"type": "string", "minLength": 1, "maxLength": 64, "description": "An address, or a CIDR."}},
            example={"ip": "203.0.113.7"},
        ),
        "Kicked": an_object(
            "What came of it.",
            {"banned": dict(TEXT), **closed, **revoked},
            example={"banned": network, "closed": 3, "revoked": 2},
        ),
        "Unbanned": an_object(
            "What came of it.",
            {"unbanned": dict(TEXT), "banned_ips": banned},
            example={"unbanned": network, "banned_ips": ["203.0.113.7"]},
        ),
        "KickedAll": an_object("How many.", {**closed, **revoked}, example={"closed": 812, "revoked": 840}),
        "Revoked": an_object("How many.", revoked, example={"revoked": 840}),
        "Retried": an_object(
            "How many.", {"retried": dict(COUNT), "webhooks": {"$ref": "#/components/schemas/Webhooks"}}
        ),
    }


def _records() -> dict[str, Any]:
    record = {
        **{name: dict(TEXT) for name in ("timestamp", "invite_code", "visitor_id", "hash", "seed", "real_ip")},
        **{name: dict(TEXT) for name in ("trace_data", "adjustment_reason", "reason", "key_id")},
        **{name: dict(COUNT) for name in ("round", "nonce")},
        **{name: {"type": "number"} for name in ("difficulty", "solve_time", "new_difficulty")},
    }
    line = {name: dict(TEXT) for name in ("timestamp", "level", "logger", "message")}
    about = {
        "total": COUNT | {"description": "Of all pages."},
        "page": {"type": "integer", "minimum": 1},
        "pages": {"type": "integer", "minimum": 1},
        "files": {"type": "array", "items": dict(TEXT), "description": "Newest first."},
    }
    seconds_or_null = {"type": ["number", "null"]}
    charts = ("codes_per_hour", "solve_time_histogram", "difficulty_history")
    return {
        "CodeRecord": an_object("A code that was won, as `verify.json` has it.", record),
        "CodePage": an_object(
            "Codes, newest first.",
            {"records": {"type": "array", "items": {"$ref": "#/components/schemas/CodeRecord"}}, **about},
        ),
        "LinePage": an_object(
            "Lines, newest first.", {"lines": {"type": "array", "items": an_object("", line)}, **about}
        ),
        "CodeFigures": an_object(
            "Figures over all codes.",
            {
                "total_codes": dict(COUNT),
                "unique_visitors": dict(COUNT),
                "avg_solve_time": seconds_or_null,
                "median_solve_time": seconds_or_null,
                "difficulty_distribution": {"type": "object", "description": "Codes by leading zero bits."},
                **{name: {"type": "array", "items": {"type": "object"}} for name in charts},
            },
        ),
    }


def _codes() -> dict[str, Any]:
    states = ["issued", "redeemed", "expired", "revoked", "unknown"]
    code = {"type": "string", "minLength": 1, "maxLength": MAX_CODE}
    status = {
        "valid": {"type": "boolean", "description": "Whether it could be redeemed now."},
        "status": {"enum": states},
        "issued_at": dict(STAMP_OR_NULL),
        "visitor_id": {"type": ["string", "null"]},
        "round": {"type": ["integer", "null"]},
        "redeemed_at": dict(STAMP_OR_NULL),
    }
    known = {"issued_at": TIME, "visitor_id": VISITOR, "round": 17}
    secret = {"type": "string", "pattern": "^[0-9a-fA-F]{64}$", "description": "A key of your own."}
    key = {"key_id": dict(TEXT)}
    return {
        "CodeRequest": an_object("A code.", {"invite_code": code}, example={"invite_code": CODE}),
        "CodeStatus": an_object(
            "What is known of a code.",
            status,
            example={"valid": True, "status": "issued", **known, "redeemed_at": None},
        ),
        "RedeemedCode": an_object(
            "A code that has just been redeemed.",
            {"invite_code": code, **status},
            example={
                "invite_code": CODE,
                "valid": False,
                "status": "redeemed",
                **known,
                "redeemed_at": "2030-02-01T09:30:00.000Z",
            },
        ),
        "CodeKeyRequest": an_object(
            "The key, or nothing.", {"hmac_secret": secret}, optional=("hmac_secret",), example={}
        ),
        "CodeKey": an_object("A key that codes are made with.", key, example={"key_id": KEY_ID}),
        "ReceiptKey": an_object(
            "A key that receipts are signed with.", {"kid": dict(TEXT)}, example={"kid": "61e2b5cd884b2183"}
        ),
    }
