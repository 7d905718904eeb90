"""The pieces of the OpenAPI document: one operation, its parameters, its answers, and every refusal it may give."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any, Final

from hashpass.domain.errors import BadRequest, BodyTooLarge, CoolingDown, HashPassError, RaceClosed, ShutOut
from hashpass.web.errors import ALWAYS_RETRY_AFTER, PROBLEM_JSON, TABLE, kind

Refusals = tuple[type[HashPassError], ...]

HEALED_BY_TIME: Final = frozenset({ShutOut, RaceClosed, CoolingDown})
"""Refusals that say when to come back where that is known, though their status does not ask for it."""

OTHERS: Final = {408: "The body did not arrive in time.", 500: "The server made a mistake."}


def query_parameter(name: str, schema: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": schema}


def named(paths: dict[str, Any]) -> dict[str, Any]:
    """Give every operation the name that client generators ask for: `getGateConfig`, `postVerify`."""
    for path, methods in paths.items():
        words = re.findall("[A-Za-z]+", path.removeprefix("/api"))
        for method, operation in methods.items():
            operation["operationId"] = method + "".join(word.capitalize() for word in words)
    return paths


def operation(
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
    responses |= {str(status): problems(by_status[status], status) for status in sorted(by_status)}
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


def problems(refusals: list[type[HashPassError]], status: int) -> dict[str, Any]:
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
        headers["Retry-After"] = header("RetryAfter")
    elif HEALED_BY_TIME.intersection(refusals):
        headers["Retry-After"] = header("MaybeRetryAfter")
    if status == 401:
        headers["WWW-Authenticate"] = header("Challenge")
    if headers:
        response["headers"] = headers
    return response


def own_problem(status: int, code: str, title: str, detail: str) -> dict[str, Any]:
    """A response for a refusal that one part of the API has to itself."""
    value = {"type": kind(code), "title": title, "status": status, "detail": detail}
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": f"{title}.",
        "content": {PROBLEM_JSON: {"schema": schema, "examples": {code: {"value": value}}}},
    }


def header(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/headers/{name}"}


def json_answer(description: str, schema: str, content_type: str = "application/json") -> dict[str, Any]:
    return {
        "description": description,
        "content": {content_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def text_answer(description: str, example: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/plain": {"schema": {"type": "string"}, "example": example}}}
