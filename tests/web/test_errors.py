"""Every refusal, and every accident, in one form."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from quart import Response, request
from quart_trio import QuartTrio

from hashpass.domain import errors
from hashpass.domain.errors import BadRequest, HashPassError, RoundLost, RoundStale
from hashpass.web.errors import BODY_LIMIT, PROBLEM_JSON, TABLE, Application, install, parse_object, problem, read_json


def every_refusal() -> list[type[HashPassError]]:
    """All of the domain's own. What a library derives from them is answered as its parent."""
    found: list[type[HashPassError]] = []
    waiting = HashPassError.__subclasses__()
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        if cls.__module__ == HashPassError.__module__:
            found.append(cls)
    return found


async def document(response: Response) -> dict[str, Any]:
    assert response.content_type == PROBLEM_JSON
    body = json.loads(await response.get_data())
    assert {"type", "title", "status", "detail"} <= body.keys()
    assert body["status"] == response.status_code
    assert isinstance(body, dict)
    return body


def application() -> Application:
    app = Application(__name__)

    @app.post("/echo")
    async def echo() -> dict[str, Any]:
        return await read_json(request)

    @app.get("/raise/<name>")
    async def fail(name: str) -> str:
        raise CASES[name]

    return app


CASES: dict[str, BaseException] = {
    "refusal": RoundStale(),
    "bug": RuntimeError("the key is 12345"),
    "one": ExceptionGroup("", [RoundStale()]),
    "nested": ExceptionGroup("", [ExceptionGroup("", [RoundStale()])]),
    "two": ExceptionGroup("", [RoundStale(), RoundLost()]),
    "mixed": ExceptionGroup("", [RoundStale(), ValueError("a bug beside it")]),
    "hidden": ExceptionGroup("", [RoundStale(), ExceptionGroup("", [ValueError("a bug beside it")])]),
}


@pytest.mark.parametrize("cls", every_refusal(), ids=lambda c: c.__name__)
async def test_every_refusal_has_a_row_and_one_form(cls: type[HashPassError]) -> None:
    assert cls in TABLE
    response = problem(cls())
    body = await document(response)
    assert body["type"] == f"urn:hashpass:error:{cls.code}"
    assert body["detail"] == cls.default
    assert "field" not in body
    assert ("Retry-After" in response.headers) == (response.status_code in {429, 503})
    assert ("WWW-Authenticate" in response.headers) == (response.status_code == 401)


def test_every_code_is_used_once() -> None:
    codes = [cls.code for cls in every_refusal()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.01, "2"), (600, "600"), (float("inf"), "1")]
)
def test_retry_after_is_whole_seconds_rounded_up(seconds: float, header: str) -> None:
    assert problem(errors.ShutOut(retry_after=seconds)).headers["Retry-After"] == header


async def test_a_wrong_field_is_named_and_members_are_added() -> None:
    body = await document(problem(BadRequest("No.", field="nonce"), error="No."))
    assert body["field"] == "nonce"
    assert body["error"] == "No."


async def test_a_detail_that_no_encoding_takes_is_still_answered() -> None:
    assert (await document(problem(BadRequest("\ud800"))))["detail"] == "\ud800"


@pytest.mark.parametrize("name", ["refusal", "one", "nested"])
async def test_a_group_of_one_refusal_is_that_refusal(name: str) -> None:
    response = await application().test_client().get(f"/raise/{name}")
    assert response.status_code == 409
    assert (await document(response))["type"].endswith("round_stale")


@pytest.mark.parametrize("name", ["bug", "two", "mixed", "hidden"])
async def test_anything_else_is_500_says_nothing_and_is_logged_whole(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = application()
    app.testing = True  # Quart would let errors through here
    response = await app.test_client().get(f"/raise/{name}?token=secret")
    assert response.status_code == 500
    assert "12345" not in json.dumps(await document(response))
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert record.exc_info[1] is CASES[name]
    assert "secret" not in record.getMessage()


async def test_an_error_beside_a_cancellation_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = application()

    @app.get("/cancelled")
    async def cancelled() -> str:
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def fail() -> None:
                try:
                    await trio.sleep_forever()
                finally:
                    raise ValueError("lost by Quart-Trio alone")

            await trio.lowlevel.checkpoint()
            scope.cancel()
            await trio.sleep_forever()

    with trio.CancelScope() as scope:
        await app.test_client().get("/cancelled")
    assert scope.cancelled_caught
    assert "lost by Quart-Trio alone" in caplog.text


async def test_unknown_paths_and_methods_have_the_same_form() -> None:
    client = application().test_client()
    missing = await client.get("/nowhere")
    assert missing.status_code == 404
    assert (await document(missing))["type"] == "urn:hashpass:error:not_found"
    wrong = await client.put("/echo")
    assert wrong.status_code == 405
    await document(wrong)
    assert {"POST", "OPTIONS"} <= set(wrong.headers["Allow"].split(", "))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"[]",
        b"null",
        b'"text"',
        b"1",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e400}',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'{"a": "\xff"}',
        '{"a": 1}'.encode("utf-16"),
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a":' + b"[" * 15000,
        b'{"a":' * 3000,
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_what_is_not_an_object_is_400(body: bytes) -> None:
    response = await application().test_client().post("/echo", data=body)
    assert response.status_code == 400
    assert (await document(response))["type"] == "urn:hashpass:error:bad_request"


async def test_an_object_is_read_whatever_its_content_type() -> None:
    client = application().test_client()
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json"}):
        response = await client.post("/echo", data=b'{"a": [1.5, "\xc3\xa4"]}', headers=headers)
        assert await response.get_json() == {"a": [1.5, "ä"]}


async def test_a_body_may_be_16_kib_and_no_more() -> None:
    client = application().test_client()
    for size, status in ((BODY_LIMIT, 200), (BODY_LIMIT + 1, 413), (100 * BODY_LIMIT, 413)):
        body = b'{"a": "' + b"x" * (size - 9) + b'"}'
        response = await client.post("/echo", data=body)
        assert (len(body), response.status_code) == (size, status)
    assert (await document(response))["type"] == "urn:hashpass:error:body_too_large"


async def test_a_body_without_a_length_is_refused_while_it_comes_in() -> None:
    async with application().test_client().request("/echo", method="POST") as connection:
        for _ in range(20):
            await connection.send(b" " * 1024)
            await trio.testing.wait_all_tasks_blocked()
    # The body was never completed; what had come was enough.
    assert (await connection.as_response()).status_code == 413


async def test_a_body_that_never_ends_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    async with application().test_client().request("/echo", method="POST") as connection:
        await connection.send(b"{")
        await trio.sleep(31)
    assert (await connection.as_response()).status_code == 408


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,0123456789.eE-+ \\utrfalsn"NI', max_size=60).map(str.encode))
def test_garbage_is_an_object_or_a_bad_request(data: bytes) -> None:
    try:
        value = parse_object(data)
    except BadRequest:
        return
    assert isinstance(value, dict)
    json.dumps(value, allow_nan=False)


async def test_an_ordinary_quart_app_gets_the_form_too() -> None:
    app = QuartTrio(__name__)
    install(app)
    response = await app.test_client().get("/nowhere")
    await document(response)
