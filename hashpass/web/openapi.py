"""The OpenAPI 3.1 document of the public API. `/docs` is drawn from it, and the tests hold the server to it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from hashpass.domain.errors import (
    AddressBusy,
    AddressUnknown,
    AgentRefused,
    AlreadySubmitted,
    AnswerPending,
    BadRequest,
    Banned,
    BodyTooLarge,
    GateRefused,
    GateTokenUsed,
    GateUnavailable,
    HashAboveTarget,
    HashPassError,
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
from hashpass.web.errors import ALWAYS_RETRY_AFTER, PROBLEM_JSON, TABLE, kind
from hashpass.web.schemas import TRACE, schemas

Refusals = tuple[type[HashPassError], ...]

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

HEALED_BY_TIME: Final = frozenset({ShutOut, RaceClosed})
"""Refusals that say when to come back where that is known, though their status does not ask for it."""

OTHERS: Final = {408: "The body did not arrive in time.", 500: "The server made a mistake."}

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
        "paths": _named(_paths()),
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
    trace = _operation(
        "Fetch a trace",
        "Lines of `key=value` about this request, signed. Its exact text goes into the salt and into `traceData`. "
        "Fetch a new one with every puzzle, sending the session's token.",
        tag="Racing",
        ok=_text("The trace.", TRACE),
        refusals=SESSION,
        security=[{}, {"session": []}],
    )
    puzzle = _json("The open puzzle.", "Puzzle")
    return {
        "/api/gate/config": {
            "get": _operation(
                "Which gate stands here",
                "What a client has to pass before it gets a session, and where its traces come from.",
                tag="Entering",
                ok=_json("The gate.", "GateConfig"),
                refusals=PUBLIC,
            )
        },
        "/api/turnstile/config": {
            "get": _operation(
                "Turnstile's site key",
                "The older form of `/api/gate/config`, for Turnstile alone.",
                tag="Entering",
                ok=_json("The site key.", "TurnstileConfig"),
                refusals=PUBLIC,
            )
        },
        "/api/session": {
            "post": _operation(
                "Open a session",
                "For clients without WebSocket. A gate token works once.",
                tag="Entering",
                body="SessionRequest",
                ok=_json("The session.", "Session"),
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
            "get": _operation(
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
            "post": _operation(
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
            "post": _operation(
                "Submit an answer",
                "The first valid answer to arrive wins. Sending the winning answer again gets the same code again.",
                tag="Racing",
                body="Proof",
                ok=_json("This answer has won.", "Won"),
                refusals=(*ANSWER, HashAboveTarget, RoundLost),
                security=[{"session": []}],
            )
        },
        "/api/submit": {
            "post": _operation(
                "Hand in the best hash of a puzzle that timed out",
                "Open for ten seconds after a time-out, once a session. The best true one counts as evidence of "
                "work, and where the operator wishes, wins a code.",
                tag="Racing",
                body="Proof",
                ok=_json("Handed in.", "Submitted"),
                ok_status=202,
                refusals=(*ANSWER, AlreadySubmitted),
                security=[{"session": []}],
            )
        },
        "/api/code": {
            "get": _operation(
                "Codes this session has won",
                "For a winner whose answer was lost on its way, for 24 hours.",
                tag="Racing",
                ok=_json("The codes, perhaps none.", "Codes"),
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
                **_operation(
                    "Is the server well",
                    "What a load balancer asks. 503 when a task of the server is down.",
                    tag="Server",
                    ok=_json("Well.", "Health"),
                ),
                "responses": {
                    "200": _json("Well.", "Health"),
                    "503": {**_json("Degraded.", "Health"), "headers": {"Retry-After": _header("RetryAfter")}},
                    "500": _problems([], 500),
                },
            }
        },
        "/metrics": {
            "get": _operation(
                "Metrics",
                "In the text format of Prometheus.",
                tag="Server",
                ok=_text("The metrics.", "hashpass_connections 5\n"),
                refusals=(SessionRequired,),
                security=[{}, {"metrics": []}],
            )
        },
    }


def _cap_paths() -> dict[str, Any]:
    verify = _operation(
        "Ask whether a token is good",
        "For the back ends of other sites, in the manner of reCAPTCHA, as JSON or as a form; there is such a call "
        "only where `HASHPASS_CAP_SITE_SECRET` is set. Whatever is wrong with the request stands in `error-codes`.",
        tag="Captcha",
        ok=_json("The answer, yes or no.", "CapVerified"),
        refusals=(*ANYWHERE, Banned, StoreUnavailable),
    )
    schema = {"schema": {"$ref": "#/components/schemas/CapVerify"}}
    verify["responses"]["404"] = _own_problem(404, "not_found", "Not Found", "This server has no site secret.")
    forms = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    verify["requestBody"] = {"required": True, "content": dict.fromkeys(forms, schema)}
    return {
        "/api/cap/challenge": {
            "post": _operation(
                "Fetch a challenge",
                "No body is asked for. The server keeps nothing of a challenge; all of it is in its token.",
                tag="Captcha",
                ok=_json("The challenge.", "CapChallenge"),
                refusals=PUBLIC,
            )
        },
        "/api/cap/redeem": {
            "post": _operation(
                "Redeem a solved challenge",
                "Once. A wrong answer is 200 with `success` false, and the right one may still follow.",
                tag="Captcha",
                body="CapRedeem",
                ok=_json("A token, or the reason why not.", "CapRedeemed"),
                refusals=(*PUBLIC, StoreUnavailable),
            )
        },
        "/api/cap/siteverify": {"post": verify},
    }


def _login_paths() -> dict[str, Any]:
    here: Refusals = (*ANYWHERE, Banned, *STORED)
    link = _query("magiclink", {"type": "string", "minLength": 1, "maxLength": 128}, required=True)
    return {
        "/api/login/": {
            "post": _operation(
                "Ask for a sign-in link",
                "The answer is the same for everybody. The address is not kept.",
                tag="Sign-in",
                body="LoginRequest",
                ok=_json("A link is on its way.", "LinkSent"),
                refusals=(*here, RateLimited, QueueFull),
            ),
            "get": _operation(
                "Redeem a link",
                "Once. Sets the cookie as well.",
                tag="Sign-in",
                parameters=[link],
                ok=_json("Signed in.", "SignedIn"),
                refusals=(*here, BadRequest),
            ),
            "delete": _operation(
                "Log out",
                "Ends the session that the cookie or the access token names; never refused for what is sent.",
                tag="Sign-in",
                ok=_json("Logged out.", "Message"),
                refusals=(StoreUnavailable,),
                security=[{}, {"refresh": []}, {"access": []}],
            ),
        },
        "/api/refresh": {
            "post": _operation(
                "Get new tokens",
                "For the newest refresh token. Sets the next cookie.",
                tag="Sign-in",
                ok=_json("The next tokens.", "Refreshed"),
                refusals=(*here, SessionRequired, SessionRevoked),
                security=[{"refresh": []}],
            )
        },
    }


def _user_paths() -> dict[str, Any]:
    known: Refusals = (*STORED, BadRequest, SessionRequired, SessionRevoked)
    name = {**_query("username", {"$ref": "#/components/schemas/Username"}, required=True), "in": "path"}
    paths = {
        "/api/users": {
            "get": _operation(
                "List users",
                "They are known by derived names, never by addresses.",
                tag="Sign-in",
                parameters=[_query("limit", {"type": "integer", "minimum": 1, "maximum": 1000})],
                ok=_json("The users.", "Users"),
                refusals=known,
                security=[{"admin": []}],
            ),
            "post": _operation(
                "Add a user",
                "Not needed for signing in.",
                tag="Sign-in",
                body="UserRequest",
                ok=_json("Added.", "User"),
                ok_status=201,
                refusals=known,
                security=[{"admin": []}],
            ),
        },
        "/api/users/{username}": {
            "get": _operation(
                "Show a user",
                "Two dates.",
                tag="Sign-in",
                parameters=[name],
                ok=_json("The user.", "User"),
                refusals=known,
                security=[{"admin": []}],
            ),
            "delete": _operation(
                "Remove a user",
                "And end all their sessions. People may do so for themselves.",
                tag="Sign-in",
                parameters=[name],
                ok=_json("Removed.", "Message"),
                refusals=known,
                security=[{"admin": []}, {"access": []}],
            ),
        },
    }
    for path, methods in paths.items():
        for operation in methods.values():
            only = _own_problem(403, "operator_only", "Operator only", "This is for the operator of this site.")
            operation["responses"]["403"] = only
            if "{" in path:
                operation["responses"]["404"] = _own_problem(404, "user_unknown", "User unknown", "User not found")
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
        return _operation(
            f"Make a random {name}",
            "From a new seed, which is answered too.",
            tag="Generators",
            parameters=[_query(parameter, schema) for parameter, schema in takes[name].items()],
            ok=_json("What was made.", "Generated"),
            refusals=signed_in,
            security=[{"access": []}],
        )

    def seeded(name: str) -> dict[str, Any]:
        return _operation(
            f"Make the {name} of a seed",
            "The parameters are those of GET, in the body.",
            tag="Generators",
            body="Seeded",
            ok=_json("What was made.", "Generated"),
            refusals=signed_in,
            security=[{"access": []}],
        )

    return {
        **{f"/api/{name}": {"get": random(name), "post": seeded(name)} for name in takes},
        "/api/generate": {"get": {**random("custom"), "summary": "Make a random custom text, by its old name"}},
        "/api/version": {
            "get": _operation(
                "Which shapes to expect",
                "The version of HashRand's API that the sign-in and the generators speak.",
                tag="Generators",
                ok=_json("The versions.", "Version"),
            )
        },
    }


def _query(name: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": schema}


def _named(paths: dict[str, Any]) -> dict[str, Any]:
    """Give every operation the name that client generators ask for: `getGateConfig`, `postVerify`."""
    for path, methods in paths.items():
        words = path.removeprefix("/api").strip("/{}").replace("{", "").replace("-", "/").split("/")
        for method, operation in methods.items():
            operation["operationId"] = method + "".join(word.capitalize() for word in words)
    return paths


def _operation(
    summary: str,
    description: str,
    *,
    tag: str,
    ok: dict[str, Any],
    ok_status: int = 200,
    refusals: Refusals = (),
    body: str | None = None,
    parameters: list[dict[str, Any]] | None = None,
    security: list[dict[str, list[str]]] | None = None,
) -> dict[str, Any]:
    if body is not None:
        refusals = (*refusals, BadRequest, BodyTooLarge)
    by_status: dict[int, list[type[HashPassError]]] = defaultdict(list)
    for refusal in dict.fromkeys(refusals):
        by_status[TABLE[refusal].status].append(refusal)
    by_status[500] = []
    if body is not None:
        by_status[408] = []
    responses = {str(ok_status): ok}
    responses |= {str(status): _problems(by_status[status], status) for status in sorted(by_status)}
    operation: dict[str, Any] = {
        "summary": summary,
        "description": description,
        "tags": [tag],
        "security": security or [],
        "responses": responses,
    }
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}},
        }
    return operation


def _problems(refusals: list[type[HashPassError]], status: int) -> dict[str, Any]:
    """One response for all refusals of a status, with each of them as an example."""
    titles = [TABLE[refusal].title for refusal in refusals]
    response: dict[str, Any] = {
        "description": "; ".join(titles) + "." if titles else OTHERS[status],
        "content": {
            PROBLEM_JSON: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {
                    refusal.code: {
                        "value": {
                            "type": kind(refusal.code),
                            "title": TABLE[refusal].title,
                            "status": status,
                            "detail": refusal.default,
                        }
                    }
                    for refusal in refusals
                },
            }
        },
    }
    if not refusals:
        del response["content"][PROBLEM_JSON]["examples"]
    headers: dict[str, Any] = {}
    if status in ALWAYS_RETRY_AFTER:
        headers["Retry-After"] = _header("RetryAfter")
    elif HEALED_BY_TIME.intersection(refusals):
        headers["Retry-After"] = _header("MaybeRetryAfter")
    if status == 401:
        headers["WWW-Authenticate"] = _header("Challenge")
    if headers:
        response["headers"] = headers
    return response


def _own_problem(status: int, code: str, title: str, detail: str) -> dict[str, Any]:
    """A response for a refusal that one part of the API has to itself."""
    value = {"type": kind(code), "title": title, "status": status, "detail": detail}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": f"{title}.",
        "content": {PROBLEM_JSON: {"schema": schema, "examples": {code: {"value": value}}}},
    }


def _header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


def _json(description: str, schema: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def _text(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}, "example": example}}}
