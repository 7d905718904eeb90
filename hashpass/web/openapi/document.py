"""The OpenAPI 3.1 document. `/docs` is drawn from it, and the tests hold the server to it."""

from __future__ import annotations

from typing import Any, Final

from hashpass.web.openapi import admin, admin_schemas, cap, race, race_schemas, workshop
from hashpass.web.openapi.operations import named

INTRODUCTION: Final = """
One puzzle is open at a time, the same for everybody. Clients search for a nonce whose Argon2 hash is below the
puzzle's target, and the first valid answer to arrive wins an invite code. Then a new puzzle opens at once.

A client passes the gate, opens a session, asks for the puzzle, fetches a trace, searches, and submits:

- `password` is the nonce in decimal, `salt` is `seed + visitorId + traceData` as UTF-8 with nothing between.
- The hash is Argon2 version 0x13 with the puzzle's parameters, 32 bytes, written as lower-case hex.
- It wins if, read as a big-endian number, it is less than `target`.

`python -m hashpass mine URL` does all of this and is meant to be read.

Every refusal is `application/problem+json`, that of an unknown path (404) or method (405) too. Compare its `type`,
show its `detail`. Answers with status 429 and 503 carry `Retry-After`; honest clients wait for that long and send the
same request again.
""".strip()

WEBSOCKET: Final = """
`/api/ws?token=` takes a gate token or a session token. Frames are JSON text of at most 4096 bytes, at most 20 a second.

From the client:

- `{"type": "ping"}` is answered by `PONG` with the number of connections, `online`.
- `{"type": "mining_start"}` and `{"type": "mining_stop"}` say whether this client mines. The round's clock runs while
  anybody does. After a reset nobody has to say it again.
- `{"type": "hashrate", "payload": {"rate": 12.5}}`, every few seconds.

From the server:

- `SESSION_TOKEN` with `token` and `expires_in`, once, after a gate token.
- `PUZZLE_RESET` with everything that `GET /api/puzzle` answers, and `solve_time`, `is_timeout` and `reason`, which is
  `solved`, `timeout`, `admin`, `opened`, or, with a `seed` of null, `closed`.
- `RACE` with `open`, `reason`, `opens_at`, `closes_at` and `remaining`.
- `NETWORK_HASHRATE` with `total_hashrate`, `active_miners` and `timestamp`.
- `TIMEOUT_INVITE_CODE` with `invite_code` and `leading_zeros`, to who had the best hash of a round that timed out.
- `ERROR` with `detail`. After five of them the server closes.

The server closes with 1008 and a reason where it refuses (token, ban, agent, origin, too many connections or
messages, a kick), with 1009 after a frame that is too large, with 1001 when it shuts down.
""".strip()


def document(version: str, server_url: str | None = None) -> dict[str, Any]:
    """The whole document, new at each call. `server_url` is where the public reaches this server, if that is known."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "HashPass",
            "version": version,
            "summary": "Invite codes for whoever solves a memory-hard puzzle first.",
            "description": INTRODUCTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": server_url or "/"}],
        "tags": [
            {"name": "Entering", "description": "The gate, and the session behind it."},
            {"name": "Racing", "description": "The puzzle, the answers and the codes."},
            {"name": "Captcha", "description": cap.CAPTCHA},
            {"name": "Sign-in", "description": workshop.SIGN_IN},
            {"name": "Generators", "description": workshop.GENERATORS},
            {"name": admin.TAG, "description": admin.OPERATOR},
            {"name": "Server", "description": "How the server is doing."},
            {"name": "WebSocket", "description": WEBSOCKET},
        ],
        "paths": named({**race.paths(), **cap.paths(), **workshop.paths(), **admin.paths()}),
        "components": {
            "securitySchemes": {
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token from POST /api/session or from the WebSocket's first message.",
                },
                "metrics": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "HASHPASS_METRICS_TOKEN, where the operator has set it.",
                },
                "access": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The access token from GET /api/login/ or POST /api/refresh.",
                },
                "refresh": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "refresh_token",
                    "description": "The cookie that the same two calls set.",
                },
                "admin": {"type": "http", "scheme": "bearer", "description": "The operator's ADMIN_TOKEN."},
            },
            "headers": {
                "RetryAfter": {
                    "description": "Whole seconds after which to try again.",
                    "required": True,
                    "schema": {"type": "integer", "minimum": 1},
                },
                "MaybeRetryAfter": {
                    "description": "Whole seconds after which to try again, where time heals it.",
                    "schema": {"type": "integer", "minimum": 1},
                },
                "Challenge": {
                    "description": "How to authenticate.",
                    "schema": {"const": "Bearer"},
                },
            },
            "schemas": {
                **race_schemas.schemas(),
                **cap.schemas(),
                **workshop.schemas(),
                **admin_schemas.schemas(),
            },
        },
    }
