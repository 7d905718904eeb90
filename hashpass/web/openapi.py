"""The OpenAPI 3.1 document of the public API. `/docs` is drawn from it, and the tests hold the server to it."""

from __future__ import annotations

from typing import Any, Final

from hashpass.domain.errors import (
    AddressBusy,
    AddressUnknown,
    AgentRefused,
    AlreadySubmitted,
    AnswerPending,
    BadRequest,
    Banned,
    GateRefused,
    GateTokenUsed,
    GateUnavailable,
    HashAboveTarget,
    NonceTooFast,
    NotReady,
    ProofFalse,
    QueueFull,
    RaceClosed,
    RateLimited,
    RoundLost,
    RoundStale,
    SessionMoved,
    SessionRequired,
    SessionRevoked,
    ShutOut,
    StoreFull,
    StoreUnavailable,
    TraceRefused,
    VisitorMismatch,
)
from hashpass.generators.alphabets import ALPHABETS
from hashpass.web.operations import (
    Refusals,
    header,
    json_answer,
    named,
    operation,
    own_problem,
    problems,
    query_parameter,
    text_answer,
)
from hashpass.web.schemas import TRACE, schemas

ANYWHERE: Final[Refusals] = (AddressUnknown, NotReady)
PUBLIC: Final[Refusals] = (*ANYWHERE, AgentRefused, Banned)
STORED: Final[Refusals] = (StoreFull, StoreUnavailable)
SESSION: Final[Refusals] = (*PUBLIC, *STORED, SessionRequired, SessionRevoked, SessionMoved, ShutOut)
VISITOR: Final[Refusals] = (*SESSION, BadRequest, VisitorMismatch)
OPENING: Final[Refusals] = (
    *(*PUBLIC, *STORED, BadRequest, ShutOut, RateLimited),
    *(GateRefused, GateTokenUsed, GateUnavailable),
)
ANSWER: Final[Refusals] = (
    *(*VISITOR, RaceClosed, TraceRefused, RoundStale, NonceTooFast, ProofFalse),
    *(AnswerPending, AddressBusy, QueueFull),
)


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


CAPTCHA: Final = """
A server for the widget of Cap (`@cap.js/widget`), for this page and for others. Its element posts to `challenge` and
`redeem` by itself; pages of the sites in `HASHPASS_CAP_ORIGINS` may show it. What these two calls refuse is a problem
like any other, with `success` (false) and `error` beside its own fields.
""".strip()


SIGN_IN: Final = """
The generators are for people who have signed in. A link comes by mail, works once within 15 minutes, and opens a
session: an access token for `Authorization: Bearer`, and a refresh token in the cookie `refresh_token`. Each refresh
replaces both; a refresh token that comes a second time ends the session. The refusals of these calls and of the
generators have their sentence in `error` as well. With `HASHPASS_GENERATORS=false` there is none of them.
""".strip()

GENERATORS: Final = """
Passwords, keys and phrases from 32 bytes, the seed: random by GET, from a seed of your own by POST. The same seed with
the same parameters gives the same text.
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
            {"name": "Captcha", "description": CAPTCHA},
            {"name": "Sign-in", "description": SIGN_IN},
            {"name": "Generators", "description": GENERATORS},
            {"name": "Server", "description": "How the server is doing."},
            {"name": "WebSocket", "description": WEBSOCKET},
        ],
        "paths": named(_paths()),
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
            "schemas": schemas(),
        },
    }


def _paths() -> dict[str, Any]:
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
        **_cap_paths(),
        **_login_paths(),
        **_user_paths(),
        **_generator_paths(),
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


def _cap_paths() -> dict[str, Any]:
    verify = operation(
        "Ask whether a token is good",
        "For the back ends of other sites, in the manner of reCAPTCHA, as JSON or as a form; there is such a call "
        "only where `HASHPASS_CAP_SITE_SECRET` is set. Whatever is wrong with the request stands in `error-codes`.",
        tag="Captcha",
        ok=json_answer("The answer, yes or no.", "CapVerified"),
        refusals=(*ANYWHERE, Banned, StoreUnavailable),
    )
    schema = {"schema": {"$ref": "#/components/schemas/CapVerify"}}
    verify["responses"]["404"] = own_problem(404, "not_found", "Not Found", "This server has no site secret.")
    forms = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    verify["requestBody"] = {"required": True, "content": dict.fromkeys(forms, schema)}
    return {
        "/api/cap/challenge": {
            "post": operation(
                "Fetch a challenge",
                "No body is asked for. The server keeps nothing of a challenge; all of it is in its token.",
                tag="Captcha",
                ok=json_answer("The challenge.", "CapChallenge"),
                refusals=PUBLIC,
            )
        },
        "/api/cap/redeem": {
            "post": operation(
                "Redeem a solved challenge",
                "Once. A wrong answer is 200 with `success` false, and the right one may still follow.",
                tag="Captcha",
                body="CapRedeem",
                ok=json_answer("A token, or the reason why not.", "CapRedeemed"),
                refusals=(*PUBLIC, StoreUnavailable),
            )
        },
        "/api/cap/siteverify": {"post": verify},
    }


def _login_paths() -> dict[str, Any]:
    here: Refusals = (*ANYWHERE, Banned, *STORED)
    link = query_parameter("magiclink", {"type": "string", "minLength": 1, "maxLength": 128}, required=True)
    return {
        "/api/login/": {
            "post": operation(
                "Ask for a sign-in link",
                "The answer is the same for everybody. The address is not kept.",
                tag="Sign-in",
                body="LoginRequest",
                ok=json_answer("A link is on its way.", "LinkSent"),
                refusals=(*here, RateLimited, QueueFull),
            ),
            "get": operation(
                "Redeem a link",
                "Once. Sets the cookie as well.",
                tag="Sign-in",
                parameters=[link],
                ok=json_answer("Signed in.", "SignedIn"),
                refusals=(*here, BadRequest),
            ),
            "delete": operation(
                "Log out",
                "Ends the session that the cookie or the access token names; never refused for what is sent.",
                tag="Sign-in",
                ok=json_answer("Logged out.", "Message"),
                refusals=(StoreUnavailable,),
                security=[{}, {"refresh": []}, {"access": []}],
            ),
        },
        "/api/refresh": {
            "post": operation(
                "Get new tokens",
                "For the newest refresh token. Sets the next cookie.",
                tag="Sign-in",
                ok=json_answer("The next tokens.", "Refreshed"),
                refusals=(*here, SessionRequired, SessionRevoked),
                security=[{"refresh": []}],
            )
        },
    }


def _user_paths() -> dict[str, Any]:
    known: Refusals = (*STORED, BadRequest, SessionRequired, SessionRevoked)
    name = {**query_parameter("username", {"$ref": "#/components/schemas/Username"}, required=True), "in": "path"}
    paths = {
        "/api/users": {
            "get": operation(
                "List users",
                "They are known by derived names, never by addresses.",
                tag="Sign-in",
                parameters=[query_parameter("limit", {"type": "integer", "minimum": 1, "maximum": 1000})],
                ok=json_answer("The users.", "Users"),
                refusals=known,
                security=[{"admin": []}],
            ),
            "post": operation(
                "Add a user",
                "Not needed for signing in.",
                tag="Sign-in",
                body="UserRequest",
                ok=json_answer("Added.", "User"),
                ok_status=201,
                refusals=known,
                security=[{"admin": []}],
            ),
        },
        "/api/users/{username}": {
            "get": operation(
                "Show a user",
                "Two dates.",
                tag="Sign-in",
                parameters=[name],
                ok=json_answer("The user.", "User"),
                refusals=known,
                security=[{"admin": []}],
            ),
            "delete": operation(
                "Remove a user",
                "And end all their sessions. People may do so for themselves.",
                tag="Sign-in",
                parameters=[name],
                ok=json_answer("Removed.", "Message"),
                refusals=known,
                security=[{"admin": []}, {"access": []}],
            ),
        },
    }
    for path, methods in paths.items():
        for described in methods.values():
            only = own_problem(403, "operator_only", "Operator only", "This is for the operator of this site.")
            described["responses"]["403"] = only
            if "{" in path:
                described["responses"]["404"] = own_problem(404, "user_unknown", "User unknown", "User not found")
    return paths


def _generator_paths() -> dict[str, Any]:
    signed_in: Refusals = (BadRequest, StoreUnavailable, SessionRequired, SessionRevoked)
    number: dict[str, Any] = {"type": "integer", "minimum": 0}
    words: dict[str, Any] = {"type": "string"}
    of_text = {"length": number, "alphabet": {"enum": list(ALPHABETS)}}
    takes: dict[str, dict[str, dict[str, Any]]] = {
        "custom": {**of_text, "prefix": words, "suffix": words},
        "password": of_text,
        "api-key": of_text,
        "mnemonic": {"language": words, "words": {"enum": [12, 24]}},
    }

    def random(name: str) -> dict[str, Any]:
        return operation(
            f"Make a random {name}",
            "From a new seed, which is answered too.",
            tag="Generators",
            parameters=[query_parameter(parameter, schema) for parameter, schema in takes[name].items()],
            ok=json_answer("What was made.", "Generated"),
            refusals=signed_in,
            security=[{"access": []}],
        )

    def seeded(name: str) -> dict[str, Any]:
        return operation(
            f"Make the {name} of a seed",
            "The parameters are those of GET, in the body.",
            tag="Generators",
            body="Seeded",
            ok=json_answer("What was made.", "Generated"),
            refusals=signed_in,
            security=[{"access": []}],
        )

    return {
        **{f"/api/{name}": {"get": random(name), "post": seeded(name)} for name in takes},
        "/api/generate": {"get": {**random("custom"), "summary": "Make a random custom text, by its old name"}},
        "/api/version": {
            "get": operation(
                "Which shapes to expect",
                "The version of HashRand's API that the sign-in and the generators speak.",
                tag="Generators",
                ok=json_answer("The versions.", "Version"),
            )
        },
    }
