"""The calls of the race, of entering it, and of the server itself."""

from __future__ import annotations

from typing import Any

from hashpass.domain.errors import (
    AlreadySubmitted,
    BadRequest,
    Banned,
    GateRefused,
    GateTokenUsed,
    GateUnavailable,
    HashAboveTarget,
    RaceClosed,
    RateLimited,
    RoundLost,
    SessionRequired,
    ShutOut,
)
from hashpass.web.openapi.operations import (
    header,
    json_answer,
    operation,
    problems,
    text_answer,
)
from hashpass.web.openapi.refusals import ANSWER, ANYWHERE, PUBLIC, SESSION, STORED, VISITOR
from hashpass.web.openapi.shapes import TRACE


def paths() -> dict[str, Any]:
    """New at each call."""
    trace = operation(
        "Fetch a trace",
        "Lines of `key=value` about this request, signed. Its exact text goes into the salt and into `traceData`. "
        "Fetch a new one with every puzzle, sending the session's token.",
        tag="Racing",
        ok=text_answer("The trace.", TRACE),
        refusals=SESSION,
        security=[{}, {"session": []}],
    )
    puzzle = json_answer("The open puzzle.", "Puzzle")
    return {
        "/api/gate/config": {
            "get": operation(
                "Which gate stands here",
                "What a client has to pass before it gets a session, and where its traces come from.",
                tag="Entering",
                ok=json_answer("The gate.", "GateConfig"),
                refusals=PUBLIC,
            )
        },
        "/api/drop": {
            "get": operation(
                "Whether there is something to win",
                "When the race opens and closes, and how many codes are left where their number is limited. The "
                "WebSocket tells of every change in a message `RACE` with the same fields.",
                tag="Entering",
                ok=json_answer("The drop.", "Drop"),
                refusals=(*ANYWHERE, Banned),
            )
        },
        "/api/turnstile/config": {
            "get": operation(
                "Turnstile's site key",
                "The older form of `/api/gate/config`, for Turnstile alone.",
                tag="Entering",
                ok=json_answer("The site key.", "TurnstileConfig"),
                refusals=PUBLIC,
            )
        },
        "/api/session": {
            "post": operation(
                "Open a session",
                "For clients without WebSocket. A gate token works once.",
                tag="Entering",
                body="SessionRequest",
                ok=json_answer("The session.", "Session"),
                refusals=(
                    *PUBLIC,
                    *STORED,
                    BadRequest,
                    GateRefused,
                    GateTokenUsed,
                    GateUnavailable,
                    RateLimited,
                    ShutOut,
                ),
            )
        },
        "/api/puzzle": {
            "get": operation(
                "Read the open puzzle",
                "A visitorId given here is bound to the session, as it is by POST.",
                tag="Racing",
                parameters=[
                    {
                        "name": "visitorId",
                        "in": "query",
                        "required": False,
                        "schema": {"$ref": "#/components/schemas/VisitorId"},
                    }
                ],
                ok=puzzle,
                refusals=(*VISITOR, RaceClosed),
                security=[{"session": []}],
            ),
            "post": operation(
                "Read the open puzzle and name the visitor",
                "The first visitorId a session is used with is bound to it.",
                tag="Racing",
                body="PuzzleRequest",
                ok=puzzle,
                refusals=(*VISITOR, RaceClosed),
                security=[{"session": []}],
            ),
        },
        "/api/trace": {"get": trace},
        "/api/dev/trace": {"get": {**trace, "summary": "Fetch a trace, by its old name"}},
        "/api/verify": {
            "post": operation(
                "Submit an answer",
                "The first valid answer to arrive wins. Sending the winning answer again gets the same code again.",
                tag="Racing",
                body="Proof",
                ok=json_answer("This answer has won.", "Won"),
                refusals=(*ANSWER, HashAboveTarget, RoundLost),
                security=[{"session": []}],
            )
        },
        "/api/submit": {
            "post": operation(
                "Hand in the best hash of a puzzle that timed out",
                "Open for ten seconds after a time-out, once a session. The best true one counts as evidence of "
                "work, and where the operator wishes, wins a code.",
                tag="Racing",
                body="Proof",
                ok=json_answer("Handed in.", "Submitted"),
                ok_status=202,
                refusals=(*ANSWER, AlreadySubmitted),
                security=[{"session": []}],
            )
        },
        "/api/code": {
            "get": operation(
                "Codes this session has won",
                "For a winner whose answer was lost on its way, for 24 hours.",
                tag="Racing",
                ok=json_answer("The codes, perhaps none.", "Codes"),
                refusals=SESSION,
                security=[{"session": []}],
            )
        },
        "/api/health": {
            "get": {
                **operation(
                    "Is the server well",
                    "What a load balancer asks. 503 when a task of the server is down.",
                    tag="Server",
                    ok=json_answer("Well.", "Health"),
                ),
                "responses": {
                    "200": json_answer("Well.", "Health"),
                    "503": {**json_answer("Degraded.", "Health"), "headers": {"Retry-After": header("RetryAfter")}},
                    "500": problems([], 500),
                },
            }
        },
        "/.well-known/jwks.json": {
            "get": operation(
                "The public keys of receipts",
                "With the key that the receipt's `kid` names anybody can check it without asking.",
                tag="Server",
                ok=json_answer("A JWK set; the key that signs stands first.", "Keys", "application/jwk-set+json"),
            )
        },
        "/metrics": {
            "get": operation(
                "Metrics",
                "In the text format of Prometheus.",
                tag="Server",
                ok=text_answer("The metrics.", "hashpass_connections 5\n"),
                refusals=(SessionRequired,),
                security=[{}, {"metrics": []}],
            )
        },
    }
