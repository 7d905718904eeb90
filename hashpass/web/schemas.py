"""The shapes of the public API's JSON, as JSON Schema with an example each."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from hashpass.cap.challenge import MAX_SOLUTION
from hashpass.cap.server import MAX_COUNT
from hashpass.domain.values import MAX_NONCE, MAX_TRACE, MAX_VISITOR_ID

SEED: Final = "5f1c0a9e4b7d2836c1f0e5a4938271605f4e3d2c1b0a99887766554433221100"
VISITOR: Final = "3a7bd3e2360a3d29eea436fcfb7e44c7"
TRACE: Final = "ip=203.0.113.7\nts=1790000000.000\nvisit_scheme=https\nuag=Mozilla/5.0\nsig=6b1f0c\n"

CAP_TIME: Final = 1790000000000
CAP_CHALLENGE: Final = f"{SEED[:50]}:1789999400000:{CAP_TIME}:1:16:4:{SEED[::-1]}"
CAP_TOKEN: Final = f"{SEED[:30]}:1789992800000:{CAP_TIME}:{SEED[::-1]}"
USER: Final = "88BCBxoAm61vEn7Dy162LoU6Pd4gaz9w5SNEuGid2vsY"
GENERATOR_SEED: Final = "CZer2Wi2kKJFBXLxn5ZJFVtLo65S8EV2offwhJd7WV5H"
CAP_ERRORS: Final = (
    "missing-input-secret",
    "invalid-input-secret",
    "missing-input-response",
    "invalid-input-response",
    "timeout-or-duplicate",
    "bad-request",
)


def schemas() -> dict[str, Any]:
    """`components/schemas`, new at each call."""
    hex_64 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    seconds = {"type": "number", "minimum": 0}
    seconds_or_null = {"type": ["number", "null"], "minimum": 0}
    return {
        "Problem": _object(
            "What went wrong, in the form of RFC 9457.",
            {
                "type": {"type": "string", "format": "uri", "description": "The kind of refusal, to be compared."},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string", "description": "A sentence that a person can act on."},
                "field": {"type": "string", "description": "The one field that is wrong, if it is one."},
                "error": {"type": "string", "description": "`detail` again, where clients of older APIs look for it."},
            },
            optional=("field", "error"),
            example={
                "type": "urn:hashpass:error:round_lost",
                "title": "Round lost",
                "status": 409,
                "detail": "Someone else was faster. A new puzzle is open.",
            },
        ),
        "VisitorId": {
            "type": "string",
            "description": "What this browser calls itself, without control characters.",
            "minLength": 1,
            "maxLength": MAX_VISITOR_ID,
            "examples": [VISITOR],
        },
        "SessionRequest": _object(
            "The way through the gate.",
            {"token": {"type": "string", "description": "What the gate gave; empty where the gate is open."}},
            example={"token": "XXXX.DUMMY.TOKEN.XXXX"},
        ),
        "Session": _object(
            "A session. It lives for `expires_in` seconds after its last call, or as long as a WebSocket is open.",
            {"session_token": {"type": "string", "pattern": "^hps_"}, "expires_in": {"type": "integer", "minimum": 1}},
            example={"session_token": "hps_2vXgk0b8u3W5d7Qq", "expires_in": 300},
        ),
        "GateConfig": _object(
            "The gate, and where traces come from.",
            {
                "gate": {"enum": ["turnstile", "cap", "open"]},
                "site_key": {"type": ["string", "null"]},
                "test_mode": {"type": "boolean"},
                "cap_endpoint": {"type": ["string", "null"]},
                "trace_url": {"type": "string", "description": "`/api/trace`, or Cloudflare's own behind Cloudflare."},
                "action": {"type": "string", "description": "What a Turnstile widget must be told, where configured."},
            },
            optional=("action",),
            example={
                "gate": "open",
                "site_key": None,
                "test_mode": False,
                "cap_endpoint": None,
                "trace_url": "/api/trace",
            },
        ),
        "TurnstileConfig": _object(
            "Turnstile's site key, if that is the gate.",
            {"site_key": {"type": ["string", "null"]}, "test_mode": {"type": "boolean"}},
            example={"site_key": None, "test_mode": False},
        ),
        "PuzzleRequest": _object(
            "Who is asking.",
            {"visitorId": {"$ref": "#/components/schemas/VisitorId"}},
            example={"visitorId": VISITOR},
        ),
        "Puzzle": _object(
            "A puzzle: everything that a search needs but the trace.",
            {
                "round": {"type": "integer", "minimum": 0},
                "seed": hex_64,
                "difficulty": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 256,
                    "description": "Leading zero bits that surely suffice. `target` is what counts.",
                },
                "target": hex_64 | {"description": "A hash wins if it is less than this number."},
                "algorithm": {"enum": ["argon2d", "argon2id"]},
                "memory_cost": {"type": "integer", "minimum": 8, "description": "In KiB."},
                "time_cost": {"type": "integer", "minimum": 1},
                "parallelism": {"type": "integer", "minimum": 1},
                "worker_count": {"type": "integer", "minimum": 1, "description": "Workers a page is asked to use."},
                "target_timeout": seconds | {"description": "Mining time after which the puzzle is given up."},
                "puzzle_start_time": {"type": "number", "description": "Unix time of the round's opening."},
                "mining_time": seconds | {"description": "Seconds of this round during which somebody mined."},
                "last_solve_time": seconds_or_null,
                "average_solve_time": seconds_or_null | {"description": "Over the last five rounds."},
            },
            example={
                "round": 42,
                "seed": SEED,
                "difficulty": 12,
                "target": f"{1 << 244:064x}",
                "algorithm": "argon2d",
                "memory_cost": 65536,
                "time_cost": 3,
                "parallelism": 1,
                "worker_count": 4,
                "target_timeout": 300.0,
                "puzzle_start_time": 1790000000.0,
                "mining_time": 12.5,
                "last_solve_time": 71.3,
                "average_solve_time": None,
            },
        ),
        "Proof": _object(
            "An answer. `hash` is claimed by the client and checked by the server.",
            {
                "visitorId": {"$ref": "#/components/schemas/VisitorId"},
                "nonce": {"type": "integer", "minimum": 0, "maximum": MAX_NONCE},
                "submittedSeed": hex_64,
                "traceData": {"type": "string", "maxLength": MAX_TRACE},
                "hash": hex_64,
            },
            example={
                "visitorId": VISITOR,
                "nonce": 1234,
                "submittedSeed": SEED,
                "traceData": TRACE,
                "hash": "000f" + SEED[4:],
            },
        ),
        "Won": _object(
            "The prize.", {"invite_code": {"type": "string"}}, example={"invite_code": "HASHPASS-3mJr7AoUXx2Wqd9F"}
        ),
        "Submitted": _object(
            "Handed in; what becomes of it is told over the WebSocket and by `GET /api/code`.",
            {"status": {"const": "submitted"}},
            example={"status": "submitted"},
        ),
        "Codes": _object(
            "What this session has won.",
            {
                "codes": {
                    "type": "array",
                    "items": _object(
                        "A code.",
                        {
                            "invite_code": {"type": "string"},
                            "won_at": {"type": "string", "format": "date-time"},
                            "reason": {"enum": ["solved", "consolation"]},
                        },
                    ),
                }
            },
            example={
                "codes": [
                    {
                        "invite_code": "HASHPASS-3mJr7AoUXx2Wqd9F",
                        "won_at": "2026-09-21T14:13:20.000Z",
                        "reason": "solved",
                    }
                ]
            },
        ),
        **_cap_schemas(),
        **_workshop_schemas(),
        "Health": _object(
            "How the server is.",
            {
                "status": {"enum": ["ok", "degraded"]},
                "current_seed": {
                    "type": ["string", "null"],
                    "description": "Its beginning; null while none is open.",
                },
                "version": {"type": "string"},
                "uptime": seconds | {"description": "In seconds."},
                "tasks": {"type": "object", "description": "Each supervised task and its state."},
            },
            example={
                "status": "ok",
                "current_seed": SEED[:8] + "...",
                "version": "1.0.0",
                "uptime": 86400.5,
                "tasks": {"race": {"state": "running", "crashes": 0}},
            },
        ),
    }


def _cap_schemas() -> dict[str, Any]:
    success = {"type": "boolean"}
    milliseconds = {"type": "integer", "minimum": 0, "description": "Milliseconds since 1970."}
    pair = {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
    seeded = {name: {"type": "integer", "minimum": 1} for name in ("c", "s", "d")}
    return {
        "CapChallenge": _object(
            "Work for a browser: for each pair of salt and target a whole number n such that the hex form of "
            "SHA-256(salt + n) begins with the target.",
            {
                "challenge": {
                    "oneOf": [
                        {"type": "array", "items": pair, "minItems": 1, "maxItems": MAX_COUNT},
                        _object("How many pairs to derive from the token: `HASHPASS_CAP_FORMAT=seeded`.", seeded),
                    ]
                },
                "token": {"type": "string"},
                "expires": milliseconds,
            },
            example={"challenge": [["5f1c0a9e4b7d2836", "c0de"]], "token": CAP_CHALLENGE, "expires": CAP_TIME},
        ),
        "CapRedeem": _object(
            "A challenge and its solutions, in the order of its pairs.",
            {
                "token": {"type": "string"},
                "solutions": {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 0, "maximum": MAX_SOLUTION},
                    "maxItems": MAX_COUNT,
                },
            },
            example={"token": CAP_CHALLENGE, "solutions": [71234]},
        ),
        "CapRedeemed": _object(
            "A token that is good once, or why there is none.",
            {
                "success": success,
                "token": {"type": "string"},
                "expires": milliseconds,
                "error": {"type": "string", "description": "A sentence that a person can act on."},
            },
            optional=("token", "expires", "error"),
            example={"success": True, "token": CAP_TOKEN, "expires": CAP_TIME},
        ),
        "CapVerify": _object(
            "The token of a form that was sent to another site.",
            {
                "secret": {"type": "string", "description": "`HASHPASS_CAP_SITE_SECRET`."},
                "response": {"type": "string", "description": "What the widget put into the form."},
            },
            example={"secret": "known to both servers", "response": CAP_TOKEN},
        ),
        "CapVerified": _object(
            "Whether the token was good. It is spent by the asking.",
            {
                "success": success,
                "error-codes": {"type": "array", "items": {"enum": list(CAP_ERRORS)}, "minItems": 1},
            },
            optional=("error-codes",),
            example={"success": False, "error-codes": ["timeout-or-duplicate"]},
        ),
    }


def _workshop_schemas() -> dict[str, Any]:
    text = {"type": "string"}
    whole = {"type": "integer", "minimum": 0}
    name = {"$ref": "#/components/schemas/Username"}
    tokens = {"access_token": text, "expires_in": whole | {"description": "In seconds."}}
    dates = {"created_at": whole, "updated_at": whole | {"description": "When they last signed in."}}
    user = {"id": USER, "username": USER, "created_at": 1790000000, "updated_at": 1790000000}
    return {
        "Username": {
            "type": "string",
            "description": "32 bytes derived from an address, as base58.",
            "pattern": "^[1-9A-HJ-NP-Za-km-z]{1,44}$",
            "minLength": 1,
            "maxLength": 44,
            "examples": [USER],
        },
        "LoginRequest": _object(
            "Who wants to sign in.",
            {
                "email": text | {"maxLength": 254},
                "ui_host": text | {"description": "The page the link is to lead to, of those this site allows."},
                "next": text | {"description": "The base58 of a form's state, restored after signing in."},
                "email_lang": text | {"description": "One of thirteen languages, by its code; else English."},
            },
            optional=("ui_host", "next", "email_lang"),
            example={"email": "somebody@example.org", "email_lang": "fr"},
        ),
        "LinkSent": _object(
            "The same for everybody.",
            {
                "status": {"const": "OK"},
                "message": text,
                "dev_magic_link": text | {"description": "Only with `HASHPASS_LOGIN_DEV`, to this machine itself."},
            },
            optional=("dev_magic_link",),
            example={"status": "OK", "message": "A sign-in link is on its way. It works once, within 15 minutes."},
        ),
        "SignedIn": _object(
            "A session.",
            {**tokens, "token_type": {"const": "Bearer"}, "user_id": name},
            example={
                "access_token": "eyJ0eXAi.eyJzdWIi.c2ln",
                "expires_in": 900,
                "token_type": "Bearer",
                "user_id": USER,
            },
        ),
        "Refreshed": _object(
            "The same session with new tokens.",
            {**tokens, "message": text, "user_id": name},
            example={
                "access_token": "eyJ0eXAi.eyJzdWIi.c2ln",
                "expires_in": 900,
                "message": "Token refreshed successfully",
                "user_id": USER,
            },
        ),
        "Message": _object("It is done.", {"message": text}, example={"message": "Logged out successfully"}),
        "UserRequest": _object("A user to be.", {"username": name}, example={"username": USER}),
        "User": _object("A user. Dates are in Unix seconds.", {"id": name, "username": name, **dates}, example=user),
        "Users": _object(
            "Users.",
            {"count": whole, "users": {"type": "array", "items": {"$ref": "#/components/schemas/User"}}},
            example={"count": 1, "users": [user]},
        ),
        "Seeded": _object(
            "A seed, and whichever of the parameters the generator takes.",
            {
                "seed": text | {"description": "32 bytes as base58."},
                "length": whole,
                "alphabet": text,
                "prefix": text,
                "suffix": text,
                "language": text,
                "words": {"enum": [12, 24]},
            },
            optional=("length", "alphabet", "prefix", "suffix", "language", "words"),
            example={"seed": GENERATOR_SEED, "length": 25},
        ),
        "Generated": _object(
            "What was made, and the seed that makes it again.",
            {
                "hash": text,
                "seed": text,
                "otp": {"type": "string", "pattern": "^[0-9]{9}$"},
                "timestamp": whole | {"description": "In Unix seconds."},
            },
            example={
                "hash": "xxFu2q4H4al2vNkW7r*uJoe!C",
                "seed": GENERATOR_SEED,
                "otp": "128063137",
                "timestamp": 1790000000,
            },
        ),
        "Version": _object(
            "Of the API and of the pages it was made for.",
            {"api_version": text, "ui_version": text},
            example={"api_version": "1.4.5", "ui_version": "0.19.4"},
        ),
    }


def _object(
    description: str,
    properties: dict[str, Any],
    *,
    optional: Collection[str] = (),
    example: dict[str, Any] | None = None,
) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "description": description,
        "required": [name for name in properties if name not in optional],
        "properties": properties,
    }
    if example is not None:
        schema["examples"] = [example]
    return schema
