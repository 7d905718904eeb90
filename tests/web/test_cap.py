"""The Cap server's HTTP: the widget's two calls, and siteverify for the back ends of other sites."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from openapi_schema_validator import OAS31Validator
from quart import Response

from hashpass.addresses import AddressReader
from hashpass.bans import Bans
from hashpass.cap import CapServer
from hashpass.cap.bodies import MAX_BODY
from hashpass.cap.testing import solve
from hashpass.domain.errors import StoreUnavailable
from hashpass.storage.memory import MemoryStore
from hashpass.web.cap import CapApi
from hashpass.web.errors import PROBLEM_JSON, Application
from hashpass.web.openapi import document
from tests.house import Running, open_house

SITE_SECRET = "known to the back ends of other sites"
SHOP = "https://shop.example"
LIGHT: dict[str, Any] = {"HASHPASS_CAP_COUNT": "3", "HASHPASS_CAP_DIFFICULTY": "1"}
SITE: dict[str, Any] = {**LIGHT, "HASHPASS_CAP_SITE_SECRET": SITE_SECRET}
RACERS = 50


def solved(challenge: dict[str, Any]) -> dict[str, Any]:
    """What the widget posts to redeem."""
    return {"token": challenge["token"], "solutions": solve(challenge["token"], challenge["challenge"])}


def wrong(challenge: dict[str, Any]) -> dict[str, Any]:
    body = solved(challenge)
    pairs = challenge["challenge"]
    n = 0
    while solve(challenge["token"], pairs[:1], max_nonce=n + 1_000_000)[0] == n:  # nought may be right
        n += 1
    return {**body, "solutions": [n, *body["solutions"][1:]]}


async def new_challenge(http: httpx.AsyncClient) -> dict[str, Any]:
    answer = await http.post("/api/cap/challenge")
    assert answer.status_code == 200, answer.text
    challenge: dict[str, Any] = answer.json()
    return challenge


async def new_token(http: httpx.AsyncClient) -> str:
    answer = await http.post("/api/cap/redeem", json=solved(await new_challenge(http)))
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["token"]
    return token


async def verify(http: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await http.post("/api/cap/siteverify", json={"secret": SITE_SECRET, **fields})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def assert_fits(name: str, value: Any) -> None:
    described = document("1.0")
    OAS31Validator({**described["components"]["schemas"][name], "components": described["components"]}).validate(value)


def assert_refused(answer: httpx.Response, status: int, code: str) -> None:
    """A problem document, with the two fields that the widget looks at."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == PROBLEM_JSON
    body = answer.json()
    assert body["type"] == f"urn:hashpass:error:{code}"
    assert body["success"] is False
    assert body["error"] == body["detail"]
    assert body["error"].endswith(".")


def captchas(text: str) -> dict[str, float]:
    """By outcome, from the page of metrics; what is nought is left out."""
    found = re.findall(r'^hashpass_captchas_total\{outcome="(\w+)"\} ([0-9.]+)$', text, re.MULTILINE)
    return {outcome: float(count) for outcome, count in found if float(count)}


# What the widget does


@pytest.mark.parametrize("name", ["list", "seeded"])
async def test_a_challenge_is_solved_redeemed_and_its_token_verified_once(name: str, tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **SITE, HASHPASS_CAP_FORMAT=name) as running:
            http = running.http
            challenge = await new_challenge(http)
            assert_fits("CapChallenge", challenge)
            if name == "seeded":
                assert challenge["challenge"] == {"c": 3, "s": 32, "d": 1}
            else:
                assert [[len(part) for part in pair] for pair in challenge["challenge"]] == [[32, 1]] * 3
            body = solved(challenge)
            assert_fits("CapRedeem", body)
            answer = await http.post("/api/cap/redeem", json=body)
            assert answer.status_code == 200
            assert answer.headers["Cache-Control"] == "no-store"
            redeemed = answer.json()
            assert_fits("CapRedeemed", redeemed)
            assert redeemed["success"] is True
            assert redeemed["expires"] > challenge["expires"]
            again = await http.post("/api/cap/redeem", json=body)
            assert again.status_code == 200
            assert again.json()["success"] is False
            first, second = [await verify(http, response=redeemed["token"]) for _ in range(2)]
            assert first == {"success": True}
            assert second == {"success": False, "error-codes": ["timeout-or-duplicate"]}


async def test_a_refused_solution_is_200_with_a_text_and_does_not_burn_the_challenge(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **LIGHT) as running:
            challenge = await new_challenge(running.http)
            body = solved(challenge)
            for refused in (
                wrong(challenge),
                {**body, "solutions": body["solutions"][:2]},
                {**body, "solutions": []},
                {**body, "token": body["token"][:-1]},
                {**body, "token": ""},
                {**body, "token": "x" * 20_000},
            ):
                answer = await running.http.post("/api/cap/redeem", json=refused)
                assert answer.status_code == 200
                assert answer.headers["Content-Type"] == "application/json"
                assert_fits("CapRedeemed", answer.json())
                assert answer.json()["success"] is False
                assert answer.json()["error"].endswith(".")
            assert (await running.http.post("/api/cap/redeem", json=body)).json()["success"] is True


MALFORMED: list[bytes] = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"text"',
    b"5",
    b"NaN",
    b"\xff\xfe",
    b"[" * 20_000,
    b"{}",
    b'{"token": "a"}',
    b'{"solutions": []}',
    b'{"token": null, "solutions": []}',
    b'{"token": 1, "solutions": []}',
    b'{"token": "a", "solutions": null}',
    b'{"token": "a", "solutions": 1}',
    b'{"token": "a", "solutions": {}}',
    b'{"token": "a", "solutions": ["1"]}',
    b'{"token": "a", "solutions": [1.0]}',
    b'{"token": "a", "solutions": [true]}',
    b'{"token": "a", "solutions": [-1]}',
    b'{"token": "a", "solutions": [9007199254740992]}',
    b'{"token": "a", "solutions": [1e999]}',
    b'{"token": "a", "token": "b", "solutions": []}',
    b'{"token": "a", "solutions": [' + b"9" * 5000 + b"]}",
    b"token=a&solutions=1",
]


async def test_a_malformed_redeem_is_400_with_the_widgets_fields_inside_the_problem(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **LIGHT) as running:
            for content in MALFORMED:
                assert_refused(await running.http.post("/api/cap/redeem", content=content), 400, "bad_request")
            answer = await running.http.post("/api/cap/redeem", json={"token": "a", "solutions": [None]})
            assert answer.json()["field"] == "solutions"


async def test_a_body_that_is_too_long_is_413_whether_its_length_is_told_or_not(tmp_path: Path) -> None:
    async def chunks() -> Any:
        for _ in range(MAX_BODY // 1024 + 1):
            yield b" " * 1024

    with trio.fail_after(20):
        async with open_house(tmp_path, **LIGHT) as running:
            for content in (b" " * (MAX_BODY + 1), b" " * 1_000_000, chunks()):
                answer = await running.http.post("/api/cap/redeem", content=content)
                assert_refused(answer, 413, "body_too_large")
            largest = {"token": "x" * 300, "solutions": [2**53 - 1] * 1000}
            assert (await running.http.post("/api/cap/redeem", json=largest)).status_code == 200


async def test_whatever_is_sent_with_a_challenge_is_not_read(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **LIGHT) as running:
            for content in (b"", b"{", b"\xff" * 1000, b" " * 30_000):
                assert (await running.http.post("/api/cap/challenge", content=content)).status_code == 200


async def test_only_posts_are_answered_and_browsers_only(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **SITE) as running:
            for path in ("challenge", "redeem", "siteverify"):
                answer = await running.http.get(f"/api/cap/{path}")
                assert answer.status_code == 405
                assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
            for agent in ("curl/8.5.0", "python-requests/2.32"):
                headers = {"User-Agent": agent}
                for path in ("challenge", "redeem"):
                    answer = await running.http.post(f"/api/cap/{path}", headers=headers)
                    assert answer.status_code == 403
                    assert answer.json()["type"].endswith(":agent_refused")
                token = await new_token(running.http)
                form = {"secret": SITE_SECRET, "response": token}
                answer = await running.http.post("/api/cap/siteverify", data=form, headers=headers)
                assert answer.json() == {"success": True}


# siteverify


@pytest.mark.parametrize("kind", ["json", "form", "multipart", "json without a type"])
async def test_siteverify_takes_what_back_ends_send(kind: str, tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **SITE) as running:

            async def ask(**fields: str) -> dict[str, Any]:
                sent: dict[str, dict[str, Any]] = {
                    "json": {"json": fields},
                    "form": {"data": fields},
                    "multipart": {"files": {name: (None, value) for name, value in fields.items()}},
                    "json without a type": {"content": json.dumps(fields).encode()},
                }
                answer = await running.http.post("/api/cap/siteverify", **sent[kind])
                assert answer.status_code == 200, answer.text
                assert_fits("CapVerified", answer.json())
                body: dict[str, Any] = answer.json()
                return body

            token = await new_token(running.http)
            expected = [
                ({"response": token}, "missing-input-secret"),
                ({"secret": "", "response": token}, "missing-input-secret"),
                ({"secret": "wrong", "response": token}, "invalid-input-secret"),
                ({"secret": "ключ 🔑", "response": token}, "invalid-input-secret"),
                ({"secret": SITE_SECRET}, "missing-input-response"),
                ({"secret": SITE_SECRET, "response": ""}, "missing-input-response"),
                ({"secret": SITE_SECRET, "response": "x"}, "invalid-input-response"),
                ({"secret": SITE_SECRET, "response": token + "0"}, "invalid-input-response"),
            ]
            for fields, code in expected:
                assert await ask(**fields) == {"success": False, "error-codes": [code]}
            # None of these has spent it; other fields, such as reCAPTCHA's, do not matter.
            assert await ask(secret=SITE_SECRET, response=token, remoteip="203.0.113.7") == {"success": True}
            assert await ask(secret=SITE_SECRET, response=token) == {
                "success": False,
                "error-codes": ["timeout-or-duplicate"],
            }


async def test_siteverify_answers_garbage_as_such(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **SITE) as running:
            for content in (b"", b"{", b"[]", b"\xff", b"[" * 10_000, b" " * 20_000, b" " * 1_000_000):
                answer = await running.http.post("/api/cap/siteverify", content=content)
                assert answer.status_code == 200
                assert answer.json() == {"success": False, "error-codes": ["bad-request"]}
            for secret in (1, None, [SITE_SECRET], {"a": 1}, True):
                assert (await verify(running.http, secret=secret, response="x"))["error-codes"] == [
                    "missing-input-secret"
                ]
            for response in (1, None, ["x"], {"a": 1}, True):
                assert (await verify(running.http, response=response))["error-codes"] == ["missing-input-response"]


async def test_siteverify_is_not_there_without_its_secret(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **LIGHT) as running:
            answer = await running.http.post("/api/cap/siteverify", json={"secret": "", "response": ""})
            assert answer.status_code == 404


async def test_a_challenge_and_a_session_token_are_no_verification_tokens(tmp_path: Path) -> None:
    with trio.fail_after(20):
        for number, name in enumerate(("list", "seeded")):
            async with open_house(tmp_path / str(number), **SITE, HASHPASS_CAP_FORMAT=name) as running:
                challenge = await new_challenge(running.http)
                for token in (challenge["token"], "hps_2vXgk0b8u3W5d7Qq"):
                    assert (await verify(running.http, response=token))["error-codes"] == ["invalid-input-response"]
                token = await new_token(running.http)
                answer = await running.http.post("/api/cap/redeem", json={"token": token, "solutions": []})
                assert answer.json()["success"] is False


# Once


async def race(call: Callable[[], Awaitable[httpx.Response]]) -> list[dict[str, Any]]:
    """What so many callers hear who begin together."""
    heard: list[dict[str, Any]] = []
    start = trio.Event()

    async def run() -> None:
        await start.wait()
        answer = await call()
        assert answer.status_code == 200, answer.text
        heard.append(answer.json())

    async with trio.open_nursery() as nursery:
        for _ in range(RACERS):
            nursery.start_soon(run)
        start.set()
    return heard


async def test_of_fifty_racing_callers_one_redeems_and_one_is_verified(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with open_house(tmp_path, **SITE) as running:
            body = solved(await new_challenge(running.http))
            heard = await race(lambda: running.http.post("/api/cap/redeem", json=body))
            tokens = [answer["token"] for answer in heard if answer["success"]]
            assert (len(heard), len(tokens)) == (RACERS, 1)
            form = {"secret": SITE_SECRET, "response": tokens[0]}
            heard = await race(lambda: running.http.post("/api/cap/siteverify", data=form))
            assert (len(heard), sum(answer["success"] for answer in heard)) == (RACERS, 1)


async def test_of_fifty_racing_callers_one_opens_a_session(tmp_path: Path) -> None:
    statuses: list[int] = []
    with trio.fail_after(30):
        async with open_house(tmp_path, **LIGHT, HASHPASS_GATE="cap") as running:
            token = await new_token(running.http)

            async def enter(number: int) -> None:
                headers = {"X-Real-IP": f"203.0.113.{number}"}  # or the limit of openings would answer
                answer = await running.http.post("/api/session", json={"token": token}, headers=headers)
                statuses.append(answer.status_code)

            async with trio.open_nursery() as nursery:
                for number in range(RACERS):
                    nursery.start_soon(enter, number)
    assert sorted(statuses) == [200] + [401] * (RACERS - 1)


async def test_what_was_made_before_this_start_is_refused(tmp_path: Path) -> None:
    """The memory store has forgotten which of it was used. The key is kept, so the signature is right."""
    now = [1_790_000_000.0]

    def wall() -> float:
        return now[0]

    with trio.fail_after(20):
        async with open_house(tmp_path, wall=wall, **SITE, HASHPASS_GATE="cap") as running:
            challenge = solved(await new_challenge(running.http))
            token = await new_token(running.http)
        now[0] += 1
        async with open_house(tmp_path, wall=wall, **SITE, HASHPASS_GATE="cap") as running:
            answer = await running.http.post("/api/cap/redeem", json=challenge)
            assert answer.json() == {"success": False, "error": "This challenge has expired. Try again."}
            assert (await verify(running.http, response=token))["error-codes"] == ["timeout-or-duplicate"]
            assert (await running.http.post("/api/session", json={"token": token})).status_code == 403
            assert (await verify(running.http, response=await new_token(running.http))) == {"success": True}


async def test_nothing_is_good_after_its_time(tmp_path: Path) -> None:
    now = [1_790_000_000.0]
    lives: dict[str, Any] = {"HASHPASS_CAP_CHALLENGE_EXPIRY": "60", "HASHPASS_CAP_TOKEN_EXPIRY": "120"}
    with trio.fail_after(20):
        async with open_house(tmp_path, wall=lambda: now[0], **SITE, **lives) as running:
            challenge = await new_challenge(running.http)
            assert challenge["expires"] == (now[0] + 60) * 1000
            token = await new_token(running.http)
            now[0] += 60
            answer = await running.http.post("/api/cap/redeem", json=solved(challenge))
            assert answer.json() == {"success": False, "error": "This challenge has expired. Try again."}
            now[0] += 60
            assert (await verify(running.http, response=token))["error-codes"] == ["timeout-or-duplicate"]


# Who may, and what is counted


async def test_a_banned_address_is_told_so_in_the_widgets_words(tmp_path: Path) -> None:
    with trio.fail_after(20):
        (tmp_path / "blacklist.json").write_text('{"banned_ips": ["203.0.113.7"]}')
        async with open_house(tmp_path, **SITE) as running:
            headers = {"X-Real-IP": "203.0.113.7"}
            for path in ("challenge", "redeem"):
                answer = await running.http.post(f"/api/cap/{path}", json={}, headers=headers)
                assert_refused(answer, 403, "banned")
            form = {"secret": SITE_SECRET, "response": await new_token(running.http)}
            answer = await running.http.post("/api/cap/siteverify", data=form, headers=headers)
            assert answer.status_code == 403
            assert (answer.json()["success"], answer.json()["error-codes"]) == (False, ["bad-request"])
            nonsense = {"X-Real-IP": "nonsense"}
            assert_refused(await running.http.post("/api/cap/challenge", headers=nonsense), 400, "address_unknown")
            await new_token(running.http)


@pytest.mark.parametrize("path", ["/api/cap/challenge", "/api/cap/redeem"])
async def test_the_listed_sites_pages_may_call_and_no_others(path: str, tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **LIGHT, HASHPASS_CAP_ORIGINS=f"{SHOP}, http://localhost:8000") as running:
            asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
            for origin in (SHOP, "http://localhost:8000"):
                preflight = await running.http.options(path, headers={"Origin": origin, **asked})
                assert preflight.status_code == 200
                assert preflight.headers["Access-Control-Allow-Origin"] == origin
                assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
                assert "Content-Type" in preflight.headers["Access-Control-Allow-Headers"]
                # Refusals must be readable too, or the widget could not show them.
                for content in (b"", b"{"):
                    answer = await running.http.post(path, content=content, headers={"Origin": origin})
                    assert answer.headers["Access-Control-Allow-Origin"] == origin
                    assert "Origin" in answer.headers["Vary"]
            for origin in ("https://other.example", "http://shop.example", "https://shop.example:444", "null"):
                preflight = await running.http.options(path, headers={"Origin": origin, **asked})
                answer = await running.http.post(path, headers={"Origin": origin})
                for refused in (preflight, answer):
                    assert "Access-Control-Allow-Origin" not in refused.headers


async def test_the_widgets_files_are_there_for_the_listed_sites_and_the_race_is_not(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **LIGHT, HASHPASS_CAP_ORIGINS=SHOP) as running:
            files = {"widget.js": "javascript", "cap.min.js": "javascript", "cap_wasm_bg.wasm": "application/wasm"}
            for name, kind in files.items():
                answer = await running.http.get(f"/static/cap/{name}", headers={"Origin": SHOP})
                assert answer.status_code == 200
                assert kind in answer.headers["Content-Type"]
                assert answer.headers["Access-Control-Allow-Origin"] == SHOP
                assert {"Origin", "Accept-Encoding"} <= set(answer.headers["Vary"].split(", "))
                answer = await running.http.get(f"/static/cap/{name}", headers={"Origin": "https://other.example"})
                assert "Access-Control-Allow-Origin" not in answer.headers
            for path in ("/api/gate/config", "/api/puzzle", "/", "/static/licenses.txt"):
                answer = await running.http.get(path, headers={"Origin": SHOP})
                assert "Access-Control-Allow-Origin" not in answer.headers


async def test_the_widget_asks_no_other_host_by_itself_and_its_style_is_allowed_by_its_hash(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **LIGHT) as running:
            http = running.http
            plain, ours = [(await http.get(f"/static/cap/{name}")).text for name in ("cap.min.js", "widget.js")]
            assert ours.endswith(plain)
            assert "CAP_CUSTOM_WASM_URL ||=" in ours.removesuffix(plain)
            (style,) = (await http.get("/static/csp.json")).json()["style_src"]
            policy = (await http.get("/")).headers["Content-Security-Policy"]
            assert f"style-src 'self' {style};" in policy
            assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", style)
            licences = (await http.get("/static/licenses.txt")).text
            for text in ("@cap.js/widget 0.1.57", "@cap.js/wasm 0.0.6", "END OF TERMS AND CONDITIONS"):
                assert text in licences


async def test_every_outcome_is_counted(tmp_path: Path) -> None:
    async def read(running: Running) -> dict[str, float]:
        return captchas((await running.http.get("/metrics")).text)

    now = [1_790_000_000.0]
    with trio.fail_after(20):
        async with open_house(tmp_path, wall=lambda: now[0], **LIGHT) as running:
            http = running.http
            assert await read(running) == {}
            challenge = await new_challenge(http)
            body = solved(challenge)
            for sent in (wrong(challenge), {**body, "solutions": []}, {**body, "token": "x"}, body, body):
                await http.post("/api/cap/redeem", json=sent)
            late = solved(await new_challenge(http))
            now[0] += 600
            await http.post("/api/cap/redeem", json=late)
            await http.post("/api/cap/redeem", content=b"{")
            await http.post("/api/cap/redeem", content=b" " * (MAX_BODY + 1))
            await http.post("/api/cap/redeem", headers={"X-Real-IP": "nonsense"})
            counted = {"issued": 2, "wrong": 1, "invalid": 1, "redeemed": 1, "used": 1, "expired": 1, "refused": 1}
            assert await read(running) == {**counted, "malformed": 3}


# A store that fails, and any body at all


class BrokenStore(MemoryStore):
    async def put_if_absent(self, key: str, value: bytes, *, ttl: float | None = None) -> bool:
        raise StoreUnavailable("somewhere with a password in it")


async def _nothing(*_: object) -> None:
    return None


@define
class Desk:
    """The calls alone, without the rest of a server and without a socket."""

    store: MemoryStore = field(factory=MemoryStore)
    counted: list[str] = field(factory=list)

    def server(self) -> CapServer:
        return CapServer("x" * 32, 2, 8, 1, store=self.store)

    async def post(self, path: str, **request: Any) -> Response:
        app = Application("cap", static_folder=None)
        bans = Bans(save=_nothing, load=_nothing)
        CapApi(self.server(), SITE_SECRET, AddressReader(()), bans, self.counted.append).install(app)
        return await app.test_client().post(f"/api/cap/{path}", scope_base={"client": ("127.0.0.1", 1)}, **request)


async def test_a_store_that_fails_gives_nothing_out(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(BrokenStore())
    body = solved(desk.server().create_challenge())
    redeem = await desk.post("redeem", json=body)
    token = CapServer("x" * 32, 2, 8, 1, store=MemoryStore())
    other = await token.redeem_async(body["token"], body["solutions"])
    form = {"secret": SITE_SECRET, "response": other["token"]}
    verified = await desk.post("siteverify", form=form)
    for answer in (redeem, verified):
        assert answer.status_code == 503
        assert answer.content_type == PROBLEM_JSON
        assert int(answer.headers["Retry-After"]) >= 1
        text = await answer.get_data(as_text=True)
        assert "password" not in text
        document = json.loads(text)
        assert document["success"] is False
        assert "token" not in document
        assert document["type"] == "urn:hashpass:error:store_unavailable"
    assert (await redeem.get_json())["error"].endswith(".")
    assert (await verified.get_json())["error-codes"] == ["internal-error"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2
    assert desk.counted == ["refused"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(["token", "solutions", "secret", "response"])
VALUES = JSON | st.sampled_from([SITE_SECRET, "a" * 50 + ":1:2:3:4:" + "b" * 64]) | st.lists(st.integers())
OBJECTS = st.dictionaries(FIELDS | st.text(max_size=4), VALUES, max_size=4)
BODIES = st.binary(max_size=200) | (JSON | OBJECTS).map(lambda value: json.dumps(value).encode())
KINDS = st.sampled_from(
    [
        "",
        "application/json",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=utf-16",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "text/plain; charset=nonsense",
    ]
)


@given(path=st.sampled_from(["challenge", "redeem", "siteverify"]), body=BODIES, kind=KINDS)
def test_no_body_is_answered_with_a_5xx_or_a_success(path: str, body: bytes, kind: str) -> None:
    async def ask() -> tuple[int, Any]:
        headers = {"Content-Type": kind} if kind else {}
        answer = await Desk().post(path, data=body, headers=headers)
        return answer.status_code, await answer.get_json(force=True)

    status, answer = trio.run(ask)
    if path == "challenge":
        assert (status, set(answer)) == (200, {"challenge", "token", "expires"})
    elif path == "redeem":
        assert (status in {200, 400}, answer["success"], bool(answer["error"])) == (True, False, True)
    else:
        assert (status, answer["success"], len(answer["error-codes"])) == (200, False, 1)


@given(st.lists(st.text('-\r\n:;="x name', max_size=20) | st.sampled_from(["--x", "--x--", "\r\n\r\n"]), max_size=12))
def test_no_multipart_is_answered_with_a_5xx(parts: list[str]) -> None:
    async def ask() -> tuple[int, Any]:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        data = "\r\n".join(parts).encode()
        answer = await Desk().post("siteverify", data=data, headers=headers)
        return answer.status_code, await answer.get_json(force=True)

    status, answer = trio.run(ask)
    assert (status, answer["success"]) == (200, False)
