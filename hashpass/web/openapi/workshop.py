"""The calls of sign-in, users and generators, and their shapes."""

from __future__ import annotations

from typing import Any, Final

from hashpass.domain.errors import (
    BadRequest,
    Banned,
    QueueFull,
    RateLimited,
    SessionRequired,
    SessionRevoked,
    StoreUnavailable,
)
from hashpass.generators.alphabets import ALPHABETS
from hashpass.web.openapi.operations import (
    Refusals,
    json_answer,
    operation,
    own_problem,
    query_parameter,
)
from hashpass.web.openapi.refusals import ANYWHERE, STORED
from hashpass.web.openapi.shapes import an_object

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

USER: Final = "88BCBxoAm61vEn7Dy162LoU6Pd4gaz9w5SNEuGid2vsY"
GENERATOR_SEED: Final = "CZer2Wi2kKJFBXLxn5ZJFVtLo65S8EV2offwhJd7WV5H"


def paths() -> dict[str, Any]:
    """New at each call."""
    return {**_login_paths(), **_user_paths(), **_generator_paths()}


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


def schemas() -> dict[str, Any]:
    """New at each call."""
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
        "LoginRequest": an_object(
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
        "LinkSent": an_object(
            "The same for everybody.",
            {
                "status": {"const": "OK"},
                "message": text,
                "dev_magic_link": text | {"description": "Only with `HASHPASS_LOGIN_DEV`, to this machine itself."},
            },
            optional=("dev_magic_link",),
            example={"status": "OK", "message": "A sign-in link is on its way. It works once, within 15 minutes."},
        ),
        "SignedIn": an_object(
            "A session.",
            {**tokens, "token_type": {"const": "Bearer"}, "user_id": name},
            example={
                "access_token": "eyJ0eXAi.eyJzdWIi.c2ln",
                "expires_in": 900,
                "token_type": "Bearer",
                "user_id": USER,
            },
        ),
        "Refreshed": an_object(
            "The same session with new tokens.",
            {**tokens, "message": text, "user_id": name},
            example={
                "access_token": "eyJ0eXAi.eyJzdWIi.c2ln",
                "expires_in": 900,
                "message": "Token refreshed successfully",
                "user_id": USER,
            },
        ),
        "Message": an_object("It is done.", {"message": text}, example={"message": "Logged out successfully"}),
        "UserRequest": an_object("A user to be.", {"username": name}, example={"username": USER}),
        "User": an_object("A user. Dates are in Unix seconds.", {"id": name, "username": name, **dates}, example=user),
        "Users": an_object(
            "Users.",
            {"count": whole, "users": {"type": "array", "items": {"$ref": "#/components/schemas/User"}}},
            example={"count": 1, "users": [user]},
        ),
        "Seeded": an_object(
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
        "Generated": an_object(
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
        "Version": an_object(
            "Of the API and of the pages it was made for.",
            {"api_version": text, "ui_version": text},
            example={"api_version": "1.4.5", "ui_version": "0.19.4"},
        ),
    }
