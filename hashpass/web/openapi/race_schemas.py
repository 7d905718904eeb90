"""The shapes of the race's JSON, as JSON Schema with an example each."""

from __future__ import annotations

from typing import Any

from hashpass.domain.values import MAX_NONCE, MAX_TRACE, MAX_VISITOR_ID
from hashpass.web.openapi.shapes import REVEALED, SEED, TRACE, VISITOR, an_object


def schemas() -> dict[str, Any]:
    """`components/schemas`, new at each call."""
    hex_64 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    seconds = {"type": "number", "minimum": 0}
    seconds_or_null = {"type": ["number", "null"], "minimum": 0}
    return {
        "Problem": an_object(
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
        "SessionRequest": an_object(
            "The way through the gate.",
            {"token": {"type": "string", "description": "What the gate gave; empty where the gate is open."}},
            example={"token": "XXXX.DUMMY.TOKEN.XXXX"},
        ),
        "Session": an_object(
            "A session. It lives for `expires_in` seconds after its last call, or as long as a WebSocket is open.",
            {"session_token": {"type": "string", "pattern": "^hps_"}, "expires_in": {"type": "integer", "minimum": 1}},
            example={"session_token": "hps_2vXgk0b8u3W5d7Qq", "expires_in": 300},
        ),
        "GateConfig": an_object(
            "The gate, and where traces come from.",
            {
                "gate": {"enum": ["turnstile", "cap", "open"]},
                "site_key": {"type": ["string", "null"]},
                "test_mode": {"type": "boolean"},
                "cap_endpoint": {"type": ["string", "null"]},
                "generators": {"type": "boolean", "description": "Whether `/generators` is there."},
                "trace_url": {"type": "string", "description": "`/api/trace`, or Cloudflare's own behind Cloudflare."},
                "action": {"type": "string", "description": "What a Turnstile widget must be told, where configured."},
            },
            optional=("action",),
            example={
                "gate": "open",
                "site_key": None,
                "test_mode": False,
                "cap_endpoint": None,
                "generators": True,
                "trace_url": "/api/trace",
            },
        ),
        "Drop": an_object(
            "Whether the race is open.",
            {
                "open": {"type": "boolean"},
                "reason": {"enum": [None, "not_open_yet", "ended", "used_up"], "description": "Why it is closed."},
                "opens_at": {"type": ["string", "null"], "format": "date-time"},
                "closes_at": {"type": ["string", "null"], "format": "date-time"},
                "remaining": {"type": ["integer", "null"], "minimum": 0, "description": "Codes left; null: no limit."},
            },
            example={
                "open": False,
                "reason": "not_open_yet",
                "opens_at": "2027-01-31T18:00:00.000Z",
                "closes_at": None,
                "remaining": 100,
            },
        ),
        "TurnstileConfig": an_object(
            "Turnstile's site key, if that is the gate.",
            {"site_key": {"type": ["string", "null"]}, "test_mode": {"type": "boolean"}},
            example={"site_key": None, "test_mode": False},
        ),
        "PuzzleRequest": an_object(
            "Who is asking.",
            {"visitorId": {"$ref": "#/components/schemas/VisitorId"}},
            example={"visitorId": VISITOR},
        ),
        "Puzzle": an_object(
            "A puzzle: everything that a search needs but the trace.",
            {
                "round": {"type": "integer", "minimum": 0},
                "seed": hex_64,
                "commitment": hex_64 | {"description": "SHA-256 of the secret that the next seed will be made of."},
                "secret": hex_64 | {"description": "What this seed was made of; its hash was the commitment before."},
                "proof": {
                    "type": ["string", "null"],
                    "pattern": "^[0-9a-f]{64}$",
                    "description": "The hash that won the round before: this seed is SHA-256 of secret and proof. "
                    "Null where nobody won; then see docs/fairness.md.",
                },
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
                "commitment": REVEALED,
                "secret": REVEALED,
                "proof": None,
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
        "Proof": an_object(
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
        "Won": an_object(
            "The prize.",
            {
                "invite_code": {"type": "string"},
                "receipt": {
                    "type": "string",
                    "description": "A JWS of the code, the round and the time, to be checked with the keys of "
                    "`/.well-known/jwks.json`.",
                },
            },
            example={
                "invite_code": "HASHPASS-3mJr7AoUXx2Wqd9F",
                "receipt": "eyJhbGciOiJFZERTQSJ9.eyJjb2RlIjoiSEFTSFBBU1MifQ.c2ln",
            },
        ),
        "Submitted": an_object(
            "Handed in; what becomes of it is told over the WebSocket and by `GET /api/code`.",
            {"status": {"const": "submitted"}},
            example={"status": "submitted"},
        ),
        "Codes": an_object(
            "What this session has won.",
            {
                "codes": {
                    "type": "array",
                    "items": an_object(
                        "A code.",
                        {
                            "invite_code": {"type": "string"},
                            "won_at": {"type": "string", "format": "date-time"},
                            "reason": {"enum": ["solved", "consolation"]},
                            "receipt": {"type": "string", "description": "As in the answer that won."},
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
                        "receipt": "eyJhbGciOiJFZERTQSJ9.eyJjb2RlIjoiSEFTSFBBU1MifQ.c2ln",
                    }
                ]
            },
        ),
        "Keys": an_object(
            "A JWK set (RFC 7517) of Ed25519 keys.",
            {"keys": {"type": "array", "items": {"type": "object"}, "minItems": 1}},
            example={
                "keys": [
                    {
                        "kty": "OKP",
                        "crv": "Ed25519",
                        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                        "kid": "0a1b2c3d4e5f6071",
                        "use": "sig",
                        "alg": "EdDSA",
                    }
                ]
            },
        ),
        "Health": an_object(
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
