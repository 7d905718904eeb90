"""The generators over HTTP: shapes, sentences, and who may ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from quart import Response
from quart import typing as quart_types
from quart.wrappers import Request

from hashpass.domain.errors import SessionRequired
from hashpass.generators.seeds import parse_seed
from hashpass.web.errors import BODY_LIMIT, PROBLEM_JSON, Application
from hashpass.web.generators import GeneratorsApi

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "hashrand.json").read_text(encoding="utf-8"))
A = "2R7KDyMvBTv3WLAY8AAiBNFgBkv7zHvjpTp6U2eWMGfR"
PATHS = ("/api/custom", "/api/password", "/api/api-key", "/api/mnemonic")
MISSING = "Missing Authorization header. Include 'Authorization: Bearer <token>'"
BEARER = {"Authorization": "Bearer yes"}


async def require_user(request: Request) -> str:
    """A sign-in that believes everybody who says yes."""
    if request.headers.get("Authorization") != BEARER["Authorization"]:
        raise SessionRequired(MISSING)
    return "somebody"


def client() -> quart_types.TestClientProtocol:
    app = Application(__name__)
    app.url_map.merge_slashes = False
    GeneratorsApi(require_user, wall=lambda: 1756771200.75, new_seed=lambda: parse_seed(A)).install(app)
    return app.test_client()


async def get(path: str, **query: str) -> Response:
    return await client().get(path + ("?" + urlencode(query) if query else ""), headers=BEARER)


async def post(path: str, body: dict[str, Any] | bytes) -> Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client().post(path, data=data, headers=BEARER)


async def assert_refused(response: Response, status: int, sentence: str, field: str | None = None) -> None:
    assert response.status_code == status
    assert response.content_type == PROBLEM_JSON
    body = await response.get_json(force=True)
    assert body["status"] == status
    assert body["detail"] == body["error"] == sentence
    assert body.get("field") == field


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
async def test_every_vector_by_post(vector: dict[str, Any]) -> None:
    asking = client()
    for case in vector["cases"]:
        body = {"seed": vector["seed"], **case["body"]}
        response = await asking.post(f"/api/{case['endpoint']}", data=json.dumps(body).encode(), headers=BEARER)
        wanted = {"hash": case["hash"], "seed": vector["seed"], "otp": vector["otp"], "timestamp": 1756771200}
        assert await response.get_data() == json.dumps(wanted, ensure_ascii=False, separators=(",", ":")).encode()


async def test_get_and_post_answer_alike() -> None:
    for path in PATHS:
        random, again = await get(path), await post(path, {"seed": A})
        assert random.status_code == again.status_code == 200
        assert random.content_type == again.content_type == "application/json"
        assert await random.get_data() == await again.get_data()


async def test_a_random_seed_is_another_each_time_and_makes_the_same_again() -> None:
    app = Application(__name__)
    GeneratorsApi(require_user, wall=lambda: 0.0).install(app)
    asking = app.test_client()
    for path in PATHS:
        first, second = [await (await asking.get(path, headers=BEARER)).get_json() for _ in range(2)]
        assert first["seed"] != second["seed"]
        assert first["hash"] != second["hash"]
        again = await asking.post(path, data=json.dumps({"seed": first["seed"]}).encode(), headers=BEARER)
        assert await again.get_json() == first


async def test_a_query_is_decoded_in_the_usual_way() -> None:
    answer = await get("/api/custom", length="16", alphabet="full", prefix="a b%=", suffix="ñ&")
    assert (await answer.get_json())["hash"] == "a b%=CUj6944GAwjFCjHGñ&"
    plain = await client().get("/api/custom?length=2&prefix=a+b%20&suffix=%E2%82%AC&raw=false", headers=BEARER)
    assert (await plain.get_json())["hash"] == "a b DX€"


async def test_a_query_is_not_a_body_and_a_body_is_not_a_query() -> None:
    other = "CZer2Wi2kKJFBXLxn5ZJFVtLo65S8EV2offwhJd7WV5H"
    assert (await (await get("/api/custom", seed=other)).get_json())["seed"] == A
    posted = await client().post(
        "/api/custom?length=2", data=json.dumps({"seed": A, "length": 4}).encode(), headers=BEARER
    )
    assert (await posted.get_json())["hash"] == "DXv7"


async def test_a_slash_at_the_end_changes_nothing_and_other_paths_are_none() -> None:
    for path in (*PATHS, "/api/generate", "/api/version"):
        assert await (await get(path + "/")).get_data() == await (await get(path)).get_data()
    for path in ("/api/x/api/custom", "/api/custom/x", "/api/customs", "/api//custom", "/api/from-seed", "/api/Custom"):
        assert (await get(path)).status_code == 404, path


async def test_generate_is_custom_by_get_alone() -> None:
    asked = {"length": "16", "alphabet": "full", "prefix": "app_"}
    same = await get("/api/custom", **asked)
    assert await (await get("/api/generate", **asked)).get_data() == await same.get_data()
    refused = await post("/api/generate", {"seed": A})
    assert refused.status_code == 405
    assert "POST" not in refused.headers["Allow"]


async def test_the_version_is_for_everybody() -> None:
    response = await client().get("/api/version")
    assert await response.get_data() == b'{"api_version":"1.4.5","ui_version":"0.19.4"}'
    assert response.content_type == "application/json"


async def test_nobody_generates_without_having_signed_in() -> None:
    for path in (*PATHS, "/api/generate"):
        for response in (await client().get(path), await client().get(path + "?length=abc")):
            await assert_refused(response, 401, MISSING)
            assert response.headers["WWW-Authenticate"] == "Bearer"
    for path in PATHS:
        await assert_refused(await client().post(path, data=b"nonsense"), 401, MISSING)


SUPPORTED = (
    "Supported: english, spanish, french, portuguese, japanese, chinese, chinese-traditional, italian, korean, czech"
)


@pytest.mark.parametrize(
    ("path", "query", "sentence", "field"),
    [
        ("/api/custom", {"length": "1"}, "Length must be between 2 and 128", "length"),
        ("/api/custom", {"length": "129"}, "Length must be between 2 and 128", "length"),
        ("/api/custom", {"length": "abc"}, "Length must be between 2 and 128", "length"),
        ("/api/custom", {"length": "-1"}, "Length must be between 2 and 128", "length"),
        ("/api/custom", {"length": ""}, "Length must be between 2 and 128", "length"),
        ("/api/custom", {"length": "9" * 4999}, "Length must be between 2 and 128", "length"),
        ("/api/generate", {"length": "1"}, "Length must be between 2 and 128", "length"),
        ("/api/custom", {"prefix": "x" * 33}, "Prefix and suffix must be 32 characters or less", "prefix"),
        ("/api/custom", {"suffix": "ä" * 17}, "Prefix and suffix must be 32 characters or less", "suffix"),
        ("/api/password", {"length": "20"}, "Password length must be between 21 and 44", "length"),
        ("/api/password", {"length": "45"}, "Password length must be between 21 and 44", "length"),
        ("/api/api-key", {"length": "43"}, "API key length must be between 44 and 64", "length"),
        ("/api/api-key", {"length": "65"}, "API key length must be between 44 and 64", "length"),
        ("/api/mnemonic", {"language": "klingon"}, f"Unsupported language: klingon. {SUPPORTED}", "language"),
        ("/api/mnemonic", {"words": "13"}, "Invalid words parameter: 13. Only 12 and 24 are supported.", "words"),
        ("/api/mnemonic", {"words": "twelve"}, "Invalid words parameter. Must be 12 or 24.", "words"),
    ],
)
async def test_a_wrong_query(path: str, query: dict[str, str], sentence: str, field: str) -> None:
    await assert_refused(await get(path, **query), 400, sentence, field)


async def test_fewer_characters_to_choose_from_need_a_longer_text() -> None:
    short = await get("/api/password", alphabet="no-look-alike", length="23")
    await assert_refused(short, 400, "Password length must be between 24 and 44", "length")
    short = await post("/api/api-key", {"seed": A, "alphabet": "no-look-alike", "length": 46})
    await assert_refused(short, 400, "API key length must be between 47 and 64", "length")


@pytest.mark.parametrize("path", PATHS)
async def test_a_wrong_body(path: str) -> None:
    for body in ({}, {"seed": None}, {"seed": 7}, {"seed": [A]}):
        await assert_refused(await post(path, body), 400, "Missing 'seed' field in JSON body", "seed")
    for data in (b"", b"{", b"[]", b'"seed"', b"null", b'{"seed": NaN}', b'{"seed": "a", "seed": "b"}', b"[" * 9999):
        await assert_refused(await post(path, data), 400, "Invalid JSON in request body")
    await assert_refused(await post(path, b'{"seed": "\xff"}'), 400, "Invalid UTF-8 in request body")
    invalid = "Invalid seed: Invalid base58 string: provided string contained invalid character '0' at byte 3"
    await assert_refused(await post(path, {"seed": "abc0"}), 400, invalid, "seed")
    too_short = "Invalid seed: Seed must be exactly 32 bytes, got 3 bytes"
    await assert_refused(await post(path, {"seed": "111"}), 400, too_short, "seed")


async def test_a_wrong_type_in_a_body() -> None:
    for length in ("21", 21.0, True, None):
        response = await post("/api/custom", {"seed": A, "length": length})
        await assert_refused(response, 400, "Length must be between 2 and 128", "length")
    response = await post("/api/custom", {"seed": A, "prefix": "\ud800"})
    await assert_refused(response, 400, "prefix must be text.", "prefix")
    response = await post("/api/mnemonic", {"seed": A, "words": "12"})
    await assert_refused(response, 400, "Invalid words parameter. Must be 12 or 24.", "words")


async def test_a_large_body_is_413() -> None:
    for size in (BODY_LIMIT + 1, 10 * BODY_LIMIT):
        assert (await post("/api/custom", b" " * size)).status_code == 413
    padded = json.dumps({"seed": A}).encode().ljust(BODY_LIMIT)
    assert (await post("/api/custom", padded)).status_code == 200


async def test_another_method_is_405() -> None:
    for path in PATHS:
        response = await client().delete(path, headers=BEARER)
        assert response.status_code == 405
        assert response.content_type == PROBLEM_JSON
        assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.lists(st.integers())
NAMES = st.sampled_from(["seed", "length", "alphabet", "prefix", "suffix", "language", "words", "raw"]) | st.text()
OBJECTS = st.dictionaries(NAMES, VALUES)
BODIES = st.binary(max_size=200) | (OBJECTS | OBJECTS.map(lambda body: body | {"seed": A})).map(
    lambda body: json.dumps(body).encode()
)
QUERIES = st.text(alphabet=[chr(c) for c in range(0x21, 0x7F)], max_size=60) | st.sampled_from(
    ["%ff=%00&length=%C3&prefix", "length=21&length=1", "words=%31%32", "language=%ED%A0%80", "=&==&&prefix=="]
)
"""What HTTP/1.1 lets into a request line; Hypercorn refuses any other byte."""


@given(st.sampled_from((*PATHS, "/api/generate")), BODIES, QUERIES)
@settings(max_examples=60, deadline=None)
def test_garbage_is_answered_or_refused(path: str, body: bytes, query: str) -> None:
    async def ask() -> None:
        asking = client()
        for method, data in (("GET", b""), ("POST", body)):
            connection: Any = asking.request(path, method=method, headers=BEARER)
            connection.scope["query_string"] = query.encode()
            async with connection:
                await connection.send(data)
                await connection.send_complete()
            response = await connection.as_response()
            assert response.status_code in {200, 400, 405}
            json.loads(await response.get_data())

    trio.run(ask)
