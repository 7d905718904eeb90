"""The calls of the captcha, and their shapes."""

from __future__ import annotations

from typing import Any, Final

from hashpass.cap.challenge import MAX_SOLUTION
from hashpass.cap.server import MAX_COUNT
from hashpass.domain.errors import (
    Banned,
    StoreUnavailable,
)
from hashpass.web.openapi.operations import (
    json_answer,
    operation,
    own_problem,
)
from hashpass.web.openapi.refusals import ANYWHERE, PUBLIC
from hashpass.web.openapi.shapes import SEED, an_object

CAPTCHA: Final = """
A server for the widget of Cap (`@cap.js/widget`), for this page and for others. Its element posts to `challenge` and
`redeem` by itself; pages of the sites in `HASHPASS_CAP_ORIGINS` may show it. What these two calls refuse is a problem
like any other, with `success` (false) and `error` beside its own fields.
""".strip()

CAP_TIME: Final = 1790000000000
CAP_CHALLENGE: Final = f"{SEED[:50]}:1789999400000:{CAP_TIME}:1:16:4:{SEED[::-1]}"
CAP_TOKEN: Final = f"{SEED[:30]}:1789992800000:{CAP_TIME}:{SEED[::-1]}"
CAP_ERRORS: Final = (
    "missing-input-secret",
    "invalid-input-secret",
    "missing-input-response",
    "invalid-input-response",
    "timeout-or-duplicate",
    "bad-request",
)


def paths() -> dict[str, Any]:
    """New at each call."""
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


def schemas() -> dict[str, Any]:
    """New at each call."""
    success = {"type": "boolean"}
    milliseconds = {"type": "integer", "minimum": 0, "description": "Milliseconds since 1970."}
    pair = {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
    seeded = {name: {"type": "integer", "minimum": 1} for name in ("c", "s", "d")}
    return {
        "CapChallenge": an_object(
            "Work for a browser: for each pair of salt and target a whole number n such that the hex form of "
            "SHA-256(salt + n) begins with the target.",
            {
                "challenge": {
                    "oneOf": [
                        {"type": "array", "items": pair, "minItems": 1, "maxItems": MAX_COUNT},
                        an_object("How many pairs to derive from the token: `HASHPASS_CAP_FORMAT=seeded`.", seeded),
                    ]
                },
                "token": {"type": "string"},
                "expires": milliseconds,
            },
            example={"challenge": [["5f1c0a9e4b7d2836", "c0de"]], "token": CAP_CHALLENGE, "expires": CAP_TIME},
        ),
        "CapRedeem": an_object(
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
        "CapRedeemed": an_object(
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
        "CapVerify": an_object(
            "The token of a form that was sent to another site.",
            {
                "secret": {"type": "string", "description": "`HASHPASS_CAP_SITE_SECRET`."},
                "response": {"type": "string", "description": "What the widget put into the form."},
            },
            example={"secret": "known to both servers", "response": CAP_TOKEN},
        ),
        "CapVerified": an_object(
            "Whether the token was good. It is spent by the asking.",
            {
                "success": success,
                "error-codes": {"type": "array", "items": {"enum": list(CAP_ERRORS)}, "minItems": 1},
            },
            optional=("error-codes",),
            example={"success": False, "error-codes": ["timeout-or-duplicate"]},
        ),
    }
