"""The generators over HTTP: random by GET, from a seed by POST. The wire shapes are those of HashRand 1.4.5."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from attrs import frozen
from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue
from quart.wrappers import Request
from quart_trio.wrappers import TrioResponse

from hashpass.domain.errors import BadRequest, BodyTooLarge, HashPassError
from hashpass.generators.seeds import SEED_BYTES, parse_seed
from hashpass.generators.table import GENERATORS, Generator, Parameters, answer, from_text
from hashpass.web.errors import BODY_LIMIT, Application, parse_object, problem

API_VERSION: Final = "1.4.5"
UI_VERSION: Final = "0.19.4"
"""What clients of HashRand ask for; they tell which shapes to expect, not which HashPass this is."""


def _random_seed() -> bytes:
    return secrets.token_bytes(SEED_BYTES)


@frozen
class GeneratorsApi:
    """`require_user` says whose request this is, or raises the refusal that is to be answered."""

    require_user: Callable[[Request], Awaitable[str]]
    wall: Callable[[], float]
    new_seed: Callable[[], bytes] = _random_seed

    def install(self, app: Application) -> None:
        doors = Blueprint("generators", __name__)
        doors.register_error_handler(HashPassError, _refuse)

        def route(path: str, view: Callable[[], Awaitable[ResponseReturnValue]], method: str) -> None:
            doors.add_url_rule(path, f"{method} {path}", view, methods=[method], strict_slashes=False)

        for name, generator in GENERATORS.items():
            route(f"/api/{name}", partial(self.make_random, generator), "GET")
            route(f"/api/{name}", partial(self.make_from_seed, generator), "POST")
        route("/api/generate", partial(self.make_random, GENERATORS["custom"]), "GET")
        route("/api/version", self.show_version, "GET")
        app.register_blueprint(doors)

    async def make_random(self, generator: Generator) -> ResponseReturnValue:
        await self.require_user(request)
        return self._answer(generator, self.new_seed(), from_text(_query()))

    async def make_from_seed(self, generator: Generator) -> ResponseReturnValue:
        await self.require_user(request)
        body = await _read_body()
        seed = body.get("seed")
        if not isinstance(seed, str):
            raise BadRequest("Missing 'seed' field in JSON body", field="seed")
        return self._answer(generator, parse_seed(seed), body)

    async def show_version(self) -> ResponseReturnValue:
        return _json({"api_version": API_VERSION, "ui_version": UI_VERSION})

    def _answer(self, generator: Generator, seed: bytes, parameters: Parameters) -> Response:
        return _json(answer(generator, seed, parameters, self.wall()))


async def _refuse(error: HashPassError) -> ResponseReturnValue:
    """In the form of every other refusal, with the sentence in `error` as well, where clients of HashRand look."""
    return problem(error, error=error.detail)


async def _read_body() -> dict[str, Any]:
    """As `read_json`, with this API's own sentences."""
    data = await request.get_data(cache=False, as_text=False, parse_form_data=False)
    if len(data) > BODY_LIMIT:
        raise BodyTooLarge
    try:
        data.decode()
    except UnicodeDecodeError:
        raise BadRequest("Invalid UTF-8 in request body") from None
    try:
        return parse_object(data)
    except BadRequest:
        raise BadRequest("Invalid JSON in request body") from None


def _query() -> dict[str, str]:
    """The query, decoded in the usual way; of a name given twice the first counts."""
    return request.args.to_dict()


def _json(value: dict[str, Any]) -> Response:
    """Compact and in UTF-8, the keys in their documented order."""
    return TrioResponse(json.dumps(value, ensure_ascii=False, separators=(",", ":")), content_type="application/json")
