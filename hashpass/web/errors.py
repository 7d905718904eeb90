"""The one door through which a refusal becomes HTTP. Nothing else in the package knows a status number."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import trio
from attrs import frozen
from quart import Response, has_request_context, has_websocket_context, request, websocket
from quart.typing import ResponseReturnValue
from quart.wrappers import Request
from quart_trio import QuartTrio
from quart_trio.wrappers import TrioResponse
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, RequestTimeout
from werkzeug.wrappers import Response as WerkzeugResponse

from hashpass.domain import errors

log = logging.getLogger("hashpass.web")

PROBLEM_JSON: Final = "application/problem+json"
BODY_LIMIT: Final = 16 * 1024
"""Bytes a JSON body may have."""
BODY_TIMEOUT: Final = 30.0


@frozen
class Row:
    """How one kind of refusal looks from outside."""

    status: int
    title: str


TABLE: Final[Mapping[type[errors.HashPassError], Row]] = MappingProxyType(
    {
        errors.BadRequest: Row(400, "Bad request"),
        errors.AddressUnknown: Row(400, "Address unknown"),
        errors.NonceTooFast: Row(400, "Nonce too high"),
        errors.HashAboveTarget: Row(400, "Hash above target"),
        errors.ProofFalse: Row(400, "Proof false"),
        errors.SessionRequired: Row(401, "Session required"),
        errors.SessionRevoked: Row(401, "Session ended"),
        errors.GateTokenUsed: Row(401, "Gate token used"),
        errors.OperatorRequired: Row(401, "Operator required"),
        errors.Banned: Row(403, "Banned"),
        errors.SessionMoved: Row(403, "Session moved"),
        errors.ShutOut: Row(403, "Shut out"),
        errors.VisitorMismatch: Row(403, "Visitor mismatch"),
        errors.TraceRefused: Row(403, "Trace refused"),
        errors.RaceClosed: Row(403, "Race closed"),
        errors.VisitorDone: Row(403, "Visitor done"),
        errors.CoolingDown: Row(403, "Cooling down"),
        errors.AgentRefused: Row(403, "Agent refused"),
        errors.OriginRefused: Row(403, "Origin refused"),
        errors.GateRefused: Row(403, "Gate refused"),
        errors.NotBanned: Row(404, "Not banned"),
        errors.CodeUnknown: Row(404, "Code unknown"),
        errors.RoundStale: Row(409, "Round over"),
        errors.RoundLost: Row(409, "Round lost"),
        errors.AlreadySubmitted: Row(409, "Already submitted"),
        errors.CodeRedeemed: Row(409, "Code redeemed"),
        errors.CodeExpired: Row(410, "Code expired"),
        errors.CodeRevoked: Row(410, "Code revoked"),
        errors.BodyTooLarge: Row(413, "Body too large"),
        errors.AnswerPending: Row(429, "Answer pending"),
        errors.AddressBusy: Row(429, "Address busy"),
        errors.RateLimited: Row(429, "Too many requests"),
        errors.TooManyConnections: Row(429, "Too many connections"),
        errors.QueueFull: Row(503, "Queue full"),
        errors.NotReady: Row(503, "Not ready"),
        errors.GateUnavailable: Row(503, "Gate unavailable"),
        errors.StoreFull: Row(503, "Store full"),
        errors.StoreUnavailable: Row(503, "Store unavailable"),
    }
)

ALWAYS_RETRY_AFTER: Final = frozenset({429, 503})
"""With these a client is to come back, so it is always told when."""

DETAILS: Final[Mapping[int, str]] = MappingProxyType(
    {
        404: "There is nothing at this address. GET /docs lists what there is.",
        405: "This address does not know this method. The header Allow lists those it knows.",
        408: "The request did not arrive in time.",
        431: "The request's head is larger than 16 KiB.",
        500: "The server made a mistake. It has been written to its log.",
    }
)
"""For what Quart and Werkzeug refuse by themselves; their own sentences speak to programmers."""


def status_of(error: errors.HashPassError) -> int:
    """The status this refusal is answered with."""
    return _row(error).status


def kind(code: str) -> str:
    """The `type` of a problem document: a name to compare, not an address to fetch."""
    return f"urn:hashpass:error:{code}"


def problem(error: errors.HashPassError, /, **members: Any) -> Response:
    """The answer to a refusal. `members` are added to the document, for protocols that want a field of their own."""
    row = _row(error)
    if error.field is not None:
        members["field"] = error.field
    response = _document(error.code, row.title, row.status, error.detail, members)
    if error.retry_after is not None or row.status in ALWAYS_RETRY_AFTER:
        response.headers["Retry-After"] = _whole_seconds(error.retry_after)
    if row.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def bare_problem(status: int) -> bytes:
    """The document alone, for answers that are given before the app is asked."""
    return json.dumps(_members(*_plain(status), {})).encode()


async def read_json(request: Request, limit: int = BODY_LIMIT) -> dict[str, Any]:
    """The request's body, which has to be one JSON object. The content type is not asked for."""
    if (request.content_length or 0) > limit:
        raise errors.BodyTooLarge(f"The body is larger than {limit} bytes.")
    data = bytearray()
    with trio.move_on_after(BODY_TIMEOUT if request.body_timeout is None else request.body_timeout) as reading:
        async for chunk in request.body:
            data += chunk
            if len(data) > limit:
                raise errors.BodyTooLarge(f"The body is larger than {limit} bytes.")
    if reading.cancelled_caught:
        raise RequestTimeout
    return parse_object(bytes(data))


def parse_object(data: bytes) -> dict[str, Any]:
    """Read one JSON object, more strictly than `json.loads`: no NaN, no infinity, no name given twice.

    Two readers of the same bytes must not see two different requests, and nothing may come in that cannot go out.
    """
    try:
        value = json.loads(
            data.decode(), parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_unique
        )
    except RecursionError:
        raise errors.BadRequest("The body is nested too deeply.") from None
    except ValueError:  # not UTF-8, not JSON, or one of the three refusals below
        raise errors.BadRequest("The body must be a JSON object in UTF-8.") from None
    if not isinstance(value, dict):
        raise errors.BadRequest("The body must be a JSON object.")
    return value


class Application(QuartTrio):
    """Quart-Trio, reading the whole of an exception group and answering every failure in one form.

    By itself it answers a group with the first member that has a handler, and so hides the bug beside a refusal.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.config["MAX_CONTENT_LENGTH"] = 4 * BODY_LIMIT
        self.config["BODY_TIMEOUT"] = BODY_TIMEOUT
        install(self)

    async def handle_user_exception(self, error: Exception | BaseExceptionGroup[Any]) -> Any:
        if not isinstance(error, BaseExceptionGroup):
            return await super().handle_user_exception(error)
        cancelled, rest = error.split(trio.Cancelled)
        if cancelled is not None:
            if rest is not None:  # Quart-Trio passes on the cancellation alone, and this would be seen by nobody
                log.error("An error beside a cancellation", exc_info=rest)
            raise cancelled
        only = _only_refusal(error)
        if only is None:
            raise error
        return await super().handle_user_exception(only)

    async def handle_exception(self, error: BaseException) -> Response | WerkzeugResponse:
        if not isinstance(error, Exception):  # a group that holds a KeyboardInterrupt is not a request's affair
            raise error
        self.log_exception((type(error), error, error.__traceback__))
        return await self.finalize_request(_plain_problem(500), from_error_handler=True)

    def log_exception(self, exception_info: Any) -> None:
        """Write down a failure with its traceback. Of the request only the path: a query may hold a token."""
        what = "The application"
        if has_request_context():
            what = f"{request.method} {request.path!r}"
        elif has_websocket_context():
            what = f"WebSocket {websocket.path!r}"
        log.error("%s failed", what, exc_info=exception_info)


def install(app: QuartTrio) -> None:
    """Give refusals, and what Quart and Werkzeug refuse by themselves, the one form."""

    async def refused(error: errors.HashPassError) -> ResponseReturnValue:
        return problem(error)

    async def failed(error: HTTPException) -> ResponseReturnValue:
        if isinstance(error, RequestEntityTooLarge):
            return problem(errors.BodyTooLarge("The body is larger than this server reads."))
        if error.response is not None or error.code is None:
            return error  # type: ignore[return-value]  # an HTTPException is a response to Quart
        response = _plain_problem(error.code)
        for name, value in error.get_headers():
            if name.lower() != "content-type":
                response.headers[name] = value  # Allow, Retry-After, WWW-Authenticate
        if error.code in ALWAYS_RETRY_AFTER:
            response.headers.setdefault("Retry-After", _whole_seconds(None))
        return response

    app.register_error_handler(errors.HashPassError, refused)
    app.register_error_handler(HTTPException, failed)


def _row(error: errors.HashPassError) -> Row:
    for cls in type(error).__mro__:
        if cls in TABLE:
            return TABLE[cls]
    raise LookupError(f"{type(error).__name__} has no row in web/errors.py") from error


def _only_refusal(group: BaseExceptionGroup[Any]) -> Exception | None:
    """The refusal at the bottom of a group that holds nothing else; None where there is more to tell."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, errors.HashPassError | HTTPException) else None


def _plain_problem(status: int) -> Response:
    return _document(*_plain(status), {})


def _plain(status: int) -> tuple[str, str, int, str]:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"
    code = phrase.lower().replace(" ", "_").replace("-", "_").replace("'", "")
    return code, phrase, status, DETAILS.get(status, f"{phrase}.")


def _document(code: str, title: str, status: int, detail: str, members: Mapping[str, Any]) -> Response:
    body = _members(code, title, status, detail, members)
    return TrioResponse(json.dumps(body), status, content_type=PROBLEM_JSON)


def _members(code: str, title: str, status: int, detail: str, members: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": kind(code), "title": title, "status": status, "detail": detail, **members}


def _whole_seconds(seconds: float | None) -> str:
    if seconds is None or not math.isfinite(seconds):
        return "1"
    return str(max(1, math.ceil(seconds)))


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name twice")
    return value
