"""The public HTTP API as a client sees it: shapes, errors, headers, what is told to whom."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from openapi_schema_validator import OAS31Validator

from hashpass import __version__
from hashpass.web import security
from hashpass.web.errors import PROBLEM_JSON
from hashpass.web.openapi import document
from tests.house import BROWSER, Player, Running, open_house

PUZZLE = {
    *("round", "seed", "difficulty", "target", "algorithm", "memory_cost", "time_cost", "parallelism"),
    *("worker_count", "puzzle_start_time", "mining_time", "last_solve_time", "average_solve_time"),
}
CALLS_WITH_SESSION = [
    ("GET", "/api/puzzle"),
    ("POST", "/api/puzzle"),
    ("POST", "/api/verify"),
    ("POST", "/api/submit"),
    ("GET", "/api/code"),
]
PROOF = {"visitorId": "visitor", "nonce": 0, "submittedSeed": "a" * 64, "traceData": "ip=127.0.0.1", "hash": "0" * 64}


def assert_problem(response: httpx.Response, status: int, code: str | None = None, field: str | None = None) -> None:
    """The one form that every error has."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == PROBLEM_JSON
    body = response.json()
    assert body["status"] == status
    assert all(isinstance(body[name], str) and body[name] for name in ("type", "title", "detail"))
    assert body["detail"].endswith(".")
    assert body.get("field") == field
    if code is not None:
        assert body["type"] == f"urn:hashpass:error:{code}"
    if status in {429, 503}:
        assert int(response.headers["Retry-After"]) >= 1
    if status == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what other tasks bring about. The caller sets the deadline."""
    while not condition():  # noqa: ASYNC110 - nobody sets an event for a test
        await trio.sleep(0.002)


def assert_fits(name: str, value: Any) -> None:
    """The answer has the shape that the document promises, and the example in it is no better than the truth."""
    described = document("1.0")
    OAS31Validator({**described["components"]["schemas"][name], "components": described["components"]}).validate(value)


# Errors


async def test_every_error_has_one_form_and_the_headers_of_every_answer(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:

            async def bug() -> str:
                raise RuntimeError("a secret: 12345")

            running.house.app.add_url_rule("/api/bug", view_func=bug)
            http, player = running.http, await Player(running.http).enter()
            cases = [
                (404, "not_found", await http.get("/api/nothing")),
                (404, "not_found", await http.get("/nothing?token=secret")),
                (404, "not_found", await http.get("/api/health/")),
                (404, "not_found", await http.get(httpx.URL(running.url + "//api//health"))),
                (405, "method_not_allowed", await http.delete("/api/puzzle", headers=player.headers)),
                (405, "method_not_allowed", await http.request("FOO", "/api/health")),
                (400, "bad_request", await http.post("/api/session", content=b"{")),
                (400, "bad_request", await http.get("/api/ws")),
                (401, "session_required", await http.get("/api/puzzle")),
                (403, "agent_refused", await http.get("/api/puzzle", headers={"User-Agent": "curl/8"})),
                (413, "body_too_large", await http.post("/api/session", content=b" " * 16_385)),
                (413, "body_too_large", await http.post("/api/session", content=b" " * 200_000)),
                (500, "internal_server_error", await http.get("/api/bug")),
                (400, "address_unknown", await http.get("/api/trace", headers={"X-Real-IP": "nonsense"})),
            ]
            for status, code, response in cases:
                assert_problem(response, status, code)
                assert "secret" not in response.text
                for name, value in security.headers(running.house.csp).items():
                    assert response.headers.get_list(name) == [value]
            allowed = cases[4][2].headers["Allow"].split(", ")
            assert set(allowed) == {"GET", "HEAD", "OPTIONS", "POST"}
            assert (await http.get("/api/health")).status_code == 200


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("/api/session", {"token": 1}, "token"),
    ("/api/session", {"token": None}, "token"),
    ("/api/session", {"token": ["a"]}, "token"),
    ("/api/puzzle", {}, "visitorId"),
    ("/api/puzzle", {"visitorId": 7}, "visitorId"),
    ("/api/puzzle", {"visitorId": ""}, "visitorId"),
    ("/api/puzzle", {"visitorId": "x" * 129}, "visitorId"),
    ("/api/puzzle", {"visitorId": "a\x00b"}, "visitorId"),
    ("/api/puzzle", {"visitorId": "a\x85b"}, "visitorId"),
    *(
        (path, PROOF | wrong, next(iter(wrong)))
        for path in ("/api/verify", "/api/submit")
        for wrong in (
            {"visitorId": {"a": 1}},
            {"nonce": "0"},
            {"nonce": 0.0},
            {"nonce": True},
            {"nonce": -1},
            {"nonce": 2**53},
            {"nonce": None},
            {"submittedSeed": "A" * 64},
            {"submittedSeed": "a" * 63},
            {"submittedSeed": ["a" * 64]},
            {"traceData": "x" * 2049},
            {"traceData": 5},
            {"hash": "0x" + "0" * 62},
            {"hash": "0" * 65},
            {"hash": None},
        )
    ),
]
NOT_AN_OBJECT = [
    b"",
    b"[]",
    b'"text"',
    b"null",
    b"{",
    b"\xff{}",
    b'{"token": NaN}',
    b'{"token": 1e999}',
    b'{"token": "a", "token": "b"}',
    b"{}{}",
    b"[" * 8000,
    b'{"a":' * 2500,
]


async def test_a_wrong_type_is_400_and_names_its_field(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await Player(running.http).enter()
            for path, body, name in WRONG:
                assert_problem(await player.submit(body, path), 400, "bad_request", name)
            for path in ("/api/puzzle", "/api/verify", "/api/submit"):
                lone = b'{"visitorId": "\\ud800", "traceData": "", "nonce": 1}'
                answer = await running.http.post(path, content=lone, headers=player.headers)
                assert_problem(answer, 400, "bad_request", "visitorId")
            empty = await running.http.get("/api/puzzle?visitorId=", headers=player.headers)
            assert_problem(empty, 400, "bad_request", "visitorId")


async def test_a_body_that_is_no_json_object_is_400(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await Player(running.http).enter()
            for path in ("/api/session", "/api/puzzle", "/api/verify", "/api/submit"):
                for content in NOT_AN_OBJECT:
                    answer = await running.http.post(path, content=content, headers=player.headers)
                    assert_problem(answer, 400, "bad_request")


async def test_a_body_of_16_kib_is_read_and_a_larger_one_is_not(tmp_path: Path) -> None:
    def body(size: int) -> bytes:
        return b'{"token":""' + b" " * (size - 12) + b"}"

    async def chunks(size: int) -> Any:
        yield body(size)[:100]
        yield body(size)[100:]

    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            for content in (body(16_384), chunks(16_384)):
                assert (await running.http.post("/api/session", content=content)).status_code == 200
            for content in (body(16_385), chunks(16_385), chunks(100_000)):
                assert_problem(await running.http.post("/api/session", content=content), 413, "body_too_large")


async def test_unknown_fields_and_the_content_type_do_not_matter(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await (await Player(running.http).enter()).look()
            answer = next(player.answers()) | {"extra": {"deep": [1]}, "invite_code": "mine"}
            won = await running.http.post(
                "/api/verify", json=answer, headers={**player.headers, "Content-Type": "text/plain"}
            )
            assert won.status_code == 200
            assert won.json().keys() == {"invite_code", "receipt"}


@pytest.mark.parametrize("bearer", [None, "", "Bearer", "Basic hps_x", "Bearer abc", "hps_abc", "Bearer hps_é"])
async def test_without_a_session_every_call_that_needs_one_is_401(tmp_path: Path, bearer: str | None) -> None:
    headers = httpx.Headers([] if bearer is None else [(b"Authorization", bearer.encode("latin-1"))])
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            for method, path in CALLS_WITH_SESSION:
                assert_problem(await running.http.request(method, path, headers=headers, json=PROOF), 401)
            for known in ("Bearer hps_" + "a" * 43, "bearer hps_"):
                answer = await running.http.get("/api/code", headers={"Authorization": known})
                assert_problem(answer, 401, "session_revoked")


# What is answered


async def test_the_puzzle_is_the_whole_job_by_get_and_by_post(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await (await Player(running.http).enter()).look()
            puzzle = player.puzzle
            assert puzzle.keys() >= PUZZLE
            assert (puzzle["algorithm"], puzzle["time_cost"], puzzle["memory_cost"]) == ("argon2d", 1, 8)
            assert int(puzzle["target"], 16) == 1 << 255
            assert puzzle["last_solve_time"] is puzzle["average_solve_time"] is None
            assert puzzle["mining_time"] == 0
            got = (await running.http.get("/api/puzzle", headers=player.headers)).json()
            assert got == puzzle
            await player.win()
            after = (await running.http.get("/api/puzzle?visitorId=visitor", headers=player.headers)).json()
            assert after["round"] == puzzle["round"] + 1
            assert after["seed"] != puzzle["seed"]
            assert after["last_solve_time"] == after["average_solve_time"] > 0


async def test_answers_fit_the_document(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            http = running.http
            assert_fits("Session", (await http.post("/api/session", json={"token": ""})).json())
            assert_fits("GateConfig", (await http.get("/api/gate/config")).json())
            assert_fits("TurnstileConfig", (await http.get("/api/turnstile/config")).json())
            assert_fits("Health", (await http.get("/api/health")).json())
            player = Player(http)
            await player.win()
            assert_fits("Puzzle", (await player.look()).puzzle)
            assert_fits("Codes", (await http.get("/api/code", headers=player.headers)).json())
            assert_fits("Problem", (await http.get("/api/puzzle")).json())


async def test_the_trace_is_the_callers_own_and_a_new_one_each_time(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            for path in ("/api/trace", "/api/dev/trace"):
                answer = await running.http.get(path, headers={"X-Real-IP": "2001:db8::5"})
                assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
                assert answer.headers["Cache-Control"] == "no-store"
                lines = dict(line.split("=", 1) for line in answer.text.splitlines())
                assert lines["ip"] == "2001:db8::5"
                assert lines["visit_scheme"] == "http"
                assert float(lines["ts"]) > 0
                assert len(lines["sig"]) == 64


async def test_health_says_ok_with_the_seeds_beginning_and_every_task(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            answer = await running.http.get("/api/health", headers={"User-Agent": ""})
            player = await (await Player(running.http).enter()).look()
            body = answer.json()
            assert answer.status_code == 200
            assert body["status"] == "ok"
            assert body["version"] == __version__
            assert body["current_seed"] == player.puzzle["seed"][:8] + "..."
            assert body["uptime"] >= 0
            assert body["tasks"].keys() == running.house.tasks.keys()
            assert {task["state"] for task in body["tasks"].values()} <= {"running", "finished"}


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process can grow: what a full disk does to a server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_while_the_disk_refuses_winners_get_codes_health_says_degraded_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            with full_disk():
                code = await Player(running.http).win()
                answer = await running.http.get("/api/health")
                assert answer.status_code == 503
                assert answer.headers["Content-Type"] == "application/json"
                assert int(answer.headers["Retry-After"]) >= 1
                assert answer.json()["status"] == "degraded"
                assert_fits("Health", answer.json())
                assert "hashpass_degraded 1.0" in (await running.http.get("/metrics")).text
            await until(lambda: running.house.health()[0])
            assert (await running.http.get("/api/health")).json()["status"] == "ok"
        assert code in (tmp_path / "verify.json").read_text()


@pytest.mark.parametrize("token", [None, "a-metrics-token-of-enough-length"])
async def test_metrics_are_open_unless_a_token_is_set(tmp_path: Path, token: str | None) -> None:
    env: dict[str, Any] = {} if token is None else {"HASHPASS_METRICS_TOKEN": token}
    with trio.fail_after(20):
        async with open_house(tmp_path, **env) as running:

            async def ask(bearer: str | None) -> httpx.Response:
                headers = [(b"User-Agent", b"Prometheus/3")]
                if bearer is not None:
                    headers.append((b"Authorization", f"Bearer {bearer}".encode("latin-1")))
                return await running.http.get("/metrics", headers=headers)

            answer = await ask(token)
            assert answer.status_code == 200
            assert answer.headers["Content-Type"].startswith("text/plain; version=")
            assert f'hashpass_info{{version="{__version__}"}} 1.0' in answer.text
            assert "hashpass_degraded 0.0" in answer.text
            if token is not None:
                for bearer in (None, "wrong", "é", token + "x", token[:-1]):
                    assert_problem(await ask(bearer), 401)


async def test_metrics_count_submissions_by_outcome_and_hold_nothing_a_client_chose(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = Player(running.http, visitor="a-most-unusual-visitor")
            await player.win()
            await player.look()
            await player.submit(player.answer(0, "f" * 64))
            text = (await running.http.get("/metrics")).text
            assert 'hashpass_submissions_total{outcome="won"} 1.0' in text
            assert 'hashpass_submissions_total{outcome="hash_above_target"} 1.0' in text
            assert 'hashpass_rounds_total{end="solved"} 1.0' in text
            assert player.visitor not in text
            assert player.token not in text
            assert player.puzzle["seed"] not in text


# Routes and headers


async def test_the_app_has_the_documented_routes_and_the_document_has_the_apps(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, HASHPASS_CAP_SITE_SECRET="a site's own secret") as running:
            described = (await running.http.get("/openapi.json")).json()
            assert described == document(__version__)
            documented = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
            existing = {
                (method, rule.rule.replace("<", "{").replace(">", "}"))
                for rule in running.house.app.url_map.iter_rules()
                for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
                if not rule.websocket
            }
            assert documented <= existing
            public = {call for call in existing if call[1].startswith(("/api/", "/metrics", "/.well-known/"))}
            assert public == documented


async def test_docs_and_document_are_reachable_for_anybody(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            for path in ("/docs", "/docs.css", "/openapi.json"):
                answer = await running.http.get(path, headers={"User-Agent": "curl/8.5.0"})
                assert answer.status_code == 200
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert "script-src 'self' 'wasm-unsafe-eval';" in answer.headers["Content-Security-Policy"]


async def test_head_answers_as_get_without_a_body_and_options_names_the_methods(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            player = await Player(running.http).enter()
            for path in ("/api/health", "/api/trace", "/api/gate/config", "/api/puzzle", "/api/code", "/metrics"):
                answer = await running.http.head(path, headers=player.headers)
                assert (answer.status_code, answer.content) == (200, b"")
                assert int(answer.headers["Content-Length"]) > 0
            for path, methods in {
                "/api/puzzle": {"GET", "HEAD", "OPTIONS", "POST"},
                "/api/verify": {"OPTIONS", "POST"},
            }.items():
                answer = await running.http.options(path)
                assert answer.status_code == 200
                assert set(answer.headers["Allow"].split(", ")) == methods
                assert "Access-Control-Allow-Origin" not in answer.headers


async def test_no_other_origin_reads_unless_it_is_listed(tmp_path: Path) -> None:
    page = {"Origin": "https://page.example"}
    preflight = {**page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    with trio.fail_after(20):
        async with open_house(tmp_path / "closed") as running:
            for path in ("/api/health", "/api/puzzle"):
                answer = await running.http.get(path, headers=page)
                assert not any(name.startswith("access-control") for name in answer.headers)
        async with open_house(tmp_path / "open", HASHPASS_CORS_ORIGINS="https://page.example") as running:
            for answer in (
                await running.http.get("/api/health", headers=page),
                await running.http.get("/api/puzzle", headers=page),
                await running.http.post("/api/session", content=b"{", headers=page),
                await running.http.options("/api/verify", headers=preflight),
            ):
                assert answer.headers["Access-Control-Allow-Origin"] == "https://page.example"
                assert "Access-Control-Allow-Credentials" not in answer.headers
            assert "POST" in answer.headers["Access-Control-Allow-Methods"]
            assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
            foreign = await running.http.get("/api/health", headers={"Origin": "https://other.example"})
            assert "Access-Control-Allow-Origin" not in foreign.headers


# The User-Agent filter

OPEN_TO_SCRIPTS = ["/api/health", "/api/trace", "/api/dev/trace", "/metrics", "/docs", "/openapi.json"]
CLOSED_TO_SCRIPTS = [
    *CALLS_WITH_SESSION,
    ("POST", "/api/session"),
    ("GET", "/api/gate/config"),
    ("GET", "/api/turnstile/config"),
]


async def agent_is_refused(running: Running, method: str, path: str, agent: str | None) -> bool:
    request = running.http.build_request(method, path, json={})
    if agent is None:
        del request.headers["User-Agent"]
    else:
        request.headers["User-Agent"] = agent
    answer = await running.http.send(request)
    return answer.status_code == 403 and answer.json()["type"] == "urn:hashpass:error:agent_refused"


async def test_script_clients_are_turned_away_where_the_filter_stands_and_only_there(tmp_path: Path) -> None:
    scripts = [None, "", "curl/8.5.0", "python-requests/2.31", "Go-http-client/1.1", "node-fetch/1.0", "axios/1.6"]
    browsers = [
        BROWSER,
        "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36",
        "Mozilla/5.0 (compatible; HashPassMiner/1.0)",
    ]
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            for method, path in CLOSED_TO_SCRIPTS:
                for agent in scripts:
                    assert await agent_is_refused(running, method, path, agent), (path, agent)
                for agent in browsers:
                    assert not await agent_is_refused(running, method, path, agent), (path, agent)
            for path in OPEN_TO_SCRIPTS:
                for agent in scripts:
                    assert not await agent_is_refused(running, "GET", path, agent), (path, agent)


async def test_the_filter_can_be_turned_off(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, HASHPASS_UA_FILTER="false") as running:
            for method, path in CLOSED_TO_SCRIPTS:
                assert not await agent_is_refused(running, method, path, "curl/8.5.0")


async def test_what_is_not_there_is_not_there_for_scripts_either(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            for path, status in (("/api/nope", 404), ("/api/passwords", 404), ("/api/puzzle", 403)):
                answer = await running.http.get(path, headers={"User-Agent": "curl/8"})
                assert answer.status_code == status, path
