"""The operator's calls, as the OpenAPI document describes them. Their shapes are in `admin_schemas.py`."""

from __future__ import annotations

from typing import Any, Final

from hashpass.domain.errors import (
    AddressUnknown,
    BadRequest,
    CodeExpired,
    CodeRedeemed,
    CodeRevoked,
    CodeUnknown,
    NotBanned,
    NotReady,
    OperatorRequired,
    RateLimited,
    StoreFull,
    StoreUnavailable,
)
from hashpass.web.admin_records import CODES_PER_PAGE, LINES_PER_PAGE
from hashpass.web.admin_values import MAX_SEARCH
from hashpass.web.openapi.operations import Refusals, json_answer, operation, query_parameter

TAG: Final = "Operator"

OPERATOR: Final = """
For whoever has `ADMIN_TOKEN`: `Authorization: Bearer`, and ten wrong tokens from one address lock it out for five
minutes, the right token included. No ban and no User-Agent filter stands before these calls. A body is read whole
before anything is done: bad values are 400 and change nothing, fields nobody knows are ignored. Every change is
written to `admin.json` before it is answered.

The WebSocket `/api/admin/ws?ticket=` sends `STATUS_UPDATE` with everything of `GET /api/admin/status`, at once and
then every two seconds. The ticket is of `POST /api/admin/ws-ticket`; for scripts there is `?token=` with the token
itself. The one message it takes is `{"type": "ping"}`. A refusal is a close with 1008 and the reason.
""".strip()

EVERYWHERE: Final[Refusals] = (AddressUnknown, NotReady, OperatorRequired, RateLimited)
READ: Final[Refusals] = (*EVERYWHERE, StoreUnavailable)
CHANGED: Final = "The new values."


def paths() -> dict[str, Any]:
    """New at each call."""
    return {f"/api/admin{path}": methods for path, methods in {**_seen(), **_set(), **_people(), **_codes()}.items()}


def _get(
    summary: str, description: str, ok: dict[str, Any], *refusals: Any, parameters: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    return {
        "get": operation(
            summary,
            description,
            tag=TAG,
            ok=ok,
            refusals=(*READ, *refusals),
            parameters=parameters,
            security=[{"admin": []}],
        )
    }


def _post(
    summary: str, description: str, ok: dict[str, Any], *refusals: Any, body: str | None = None
) -> dict[str, Any]:
    return {
        "post": operation(
            summary,
            description,
            tag=TAG,
            ok=ok,
            refusals=(*READ, *refusals),
            body=body,
            security=[{"admin": []}],
        )
    }


def _place(per_page: int, most: int) -> list[dict[str, Any]]:
    return [
        query_parameter("page", {"type": "integer", "minimum": 1, "default": 1}),
        query_parameter("per_page", {"type": "integer", "minimum": 1, "maximum": most, "default": per_page}),
        query_parameter("search", {"type": "string", "maxLength": MAX_SEARCH, "description": "In whatever case."}),
        query_parameter("file", {"type": "string", "description": "One of `files`; without it, all of them."}),
    ]


def _seen() -> dict[str, Any]:
    levels = {"enum": ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], "description": "At least so grave."}
    record = {"type": "array", "items": {"$ref": "#/components/schemas/CodeRecord"}}
    export = {
        "description": "All of them, oldest first, as an attachment.",
        "content": {
            "application/json": {"schema": record},
            "text/csv": {"schema": {"type": "string"}, "example": "timestamp,round,reason,invite_code\r\n"},
        },
    }
    return {
        "/status": _get("How everything is", "Figures, curves and parameters.", json_answer("Now.", "AdminStatus")),
        "/miners": _get(
            "Who is mining",
            "Connections that have spoken of mining. A hash rate is what a client says it is.",
            json_answer("The miners.", "Miners"),
        ),
        "/sessions": _get(
            "Who has a session",
            "The newest thousand, and how many there are. The preview is of a digest; it leads to no token.",
            json_answer("The sessions.", "AdminSessions"),
        ),
        "/blacklist": _get("Who is banned", "IPv4 first, in order.", json_answer("The bans.", "Blacklist")),
        "/logs": _get(
            "Read the log of codes",
            "By page, newest first. A search looks at codes, visitors, addresses, seeds, hashes, traces and times.",
            json_answer("A page.", "CodePage"),
            BadRequest,
            parameters=_place(*CODES_PER_PAGE),
        ),
        "/logs/stats": _get(
            "What the log of codes adds up to",
            "Totals, solve times, difficulties, and what the console's charts are drawn of.",
            json_answer("The figures.", "CodeFigures"),
        ),
        "/logs/export": _get(
            "Take the log of codes out",
            "Streamed, so its length is not known before. In the table, a `'` stands before what a spreadsheet would "
            "carry out as a formula; JSON has everything as it is.",
            export,
            BadRequest,
            parameters=[query_parameter("format", {"enum": ["json", "csv"], "default": "json"})],
        ),
        "/applogs": _get(
            "Read the server's own log",
            "By page, newest first.",
            json_answer("A page.", "LinePage"),
            BadRequest,
            parameters=[*_place(*LINES_PER_PAGE), query_parameter("level", levels)],
        ),
        "/ws-ticket": _post(
            "Get a ticket for the WebSocket",
            "Good once, for `expires_in` seconds, so that the token itself stands in no address.",
            json_answer("The ticket.", "WebSocketTicket"),
        ),
    }


def _set() -> dict[str, Any]:
    return {
        "/difficulty": _post(
            "Set the difficulty and its bounds",
            "At least one of the three; 1 ≤ min_difficulty ≤ difficulty ≤ max_difficulty ≤ 64 has to hold with those "
            "that stay. Resets the puzzle.",
            json_answer(CHANGED, "Difficulty"),
            body="DifficultyRequest",
        ),
        "/target-time": _post(
            "Set how long a round should take",
            "The window is from 0.4 to 1.6 of the target time; the time-out is at least the target time. Resets the "
            "puzzle.",
            json_answer(CHANGED, "TargetTime"),
            body="TargetTimeRequest",
        ),
        "/argon2": _post(
            "Set what one hash costs",
            "At least 8 KiB for each lane. Tried before it is set: refused if the memory of all checking threads would "
            "not fit, or if one hash would take this server more than ten seconds. Resets the puzzle.",
            json_answer(CHANGED, "Argon2"),
            body="Argon2Request",
        ),
        "/worker-count": _post(
            "Set how many workers a page mines with",
            "Resets the puzzle.",
            json_answer(CHANGED, "WorkerCount"),
            body="WorkerCount",
        ),
        "/max-nonce-speed": _post(
            "Set how many nonces a second are believable",
            "An answer whose nonce is higher than this times the mining time is refused; 0 is off. Resets the puzzle.",
            json_answer(CHANGED, "MaxNonceSpeed"),
            body="MaxNonceSpeed",
        ),
        "/drop": _post(
            "Set how invites are given away",
            "0 and null are off. A stock counts from its first code when its number changes. Opens or closes the race "
            "at once if that follows; an open puzzle stays.",
            json_answer("The drop, and whether it is open.", "AdminDrop"),
            body="DropRequest",
        ),
        "/reset-puzzle": _post(
            "Replace the puzzle",
            "Nobody wins; open answers get 409 and no strike. While the race is closed there is none to replace.",
            json_answer("The new puzzle.", "NewPuzzle"),
        ),
    }


def _people() -> dict[str, Any]:
    return {
        "/kick": _post(
            "Ban an address or a network",
            "An IPv6 address bans its /64; a CIDR may be no wider than /8 or /32. Closes its sockets, those still "
            "being judged too, ends its sessions and voids its open answers. A ban that covers the caller is refused.",
            json_answer("What was banned, closed and revoked.", "Kicked"),
            StoreFull,
            body="AddressRequest",
        ),
        "/unban": _post(
            "Lift a ban",
            "Exactly this one. Where it is none, the refusal names the wider ban that covers it.",
            json_answer("What was lifted, and what stays.", "Unbanned"),
            NotBanned,
            StoreFull,
            body="AddressRequest",
        ),
        "/kick-all": _post(
            "Close all sockets and end all sessions",
            "The consoles' own sockets stay.",
            json_answer("How many.", "KickedAll"),
        ),
        "/clear-sessions": _post(
            "End all sessions", "Their sockets are closed with them.", json_answer("How many.", "Revoked")
        ),
        "/webhooks/retry": _post(
            "Try undelivered notifications again",
            "Now, those that were given up too.",
            json_answer("How many.", "Retried"),
        ),
    }


def _codes() -> dict[str, Any]:
    renewed = _post(
        "Make codes with a new key",
        "All codes that were made with another and are not redeemed become `revoked`. Without `hmac_secret` a key is "
        "made; one that was used before is refused. It is told to nobody.",
        json_answer("The new key's id.", "CodeKey"),
        body="CodeKeyRequest",
    )
    renewed["post"]["requestBody"]["required"] = False
    return {
        "/codes/check": _post(
            "Look a code up",
            "Also one that was never given out: `unknown`.",
            json_answer("What is known of it.", "CodeStatus"),
            body="CodeRequest",
        ),
        "/codes/redeem": _post(
            "Redeem a code",
            "Once: of any number of callers one succeeds, and it is kept when this answers.",
            json_answer("Redeemed.", "RedeemedCode"),
            *(CodeUnknown, CodeRedeemed, CodeExpired, CodeRevoked, StoreFull),
            body="CodeRequest",
        ),
        "/regenerate-hmac": renewed,
        "/receipt-key": _post(
            "Sign receipts with a new key",
            "The old one stays in `/.well-known/jwks.json`: what it has signed is still true.",
            json_answer("The new key's id.", "ReceiptKey"),
        ),
    }
