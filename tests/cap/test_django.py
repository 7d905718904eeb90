"""The Django views: in a real project behind a real socket, and their settings one by one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, UnreadablePostError
from django.test import RequestFactory, override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hashpass.cap import MemoryNonceStore
from hashpass.cap.bodies import MAX_BODY
from tests.cap.answers import right_answer, wrong_answer
from tests.cap.live import serving
from tests.cap.test_bodies import MALFORMED

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.cap.django_project.settings")
django.setup()

from hashpass.cap.django import get_cap_server, validate_cap_token, views  # noqa: E402  # Django wants its settings first

STORES = "tests.cap.django_project.stores"


@pytest.fixture(scope="module")
def site() -> Iterator[httpx.Client]:
    with serving("-m", "tests.cap.django_project") as client:
        yield client


def solved(site: httpx.Client) -> dict[str, Any]:
    challenge = site.post("/cap/challenge").json()
    return {"token": challenge["token"], "solutions": right_answer(challenge)}


def token_from(site: httpx.Client) -> str:
    token = site.post("/cap/redeem", json=solved(site)).json()["token"]
    assert isinstance(token, str)
    return token


def test_a_form_is_taken_once_for_a_solved_challenge(site: httpx.Client) -> None:
    made = site.post("/cap/challenge")
    assert made.status_code == 200
    challenge = made.json()
    assert len(challenge["challenge"]) == 5
    body = {"token": challenge["token"], "solutions": right_answer(challenge)}
    redeemed = site.post("/cap/redeem", json=body)
    assert redeemed.status_code == 200
    assert redeemed.json().keys() == {"success", "token", "expires"}
    form = {"cap-token": redeemed.json()["token"]}
    assert [site.post("/contact", data=form).status_code for _ in range(3)] == [200, 403, 403]
    again = site.post("/cap/redeem", json=body)
    assert (again.status_code, again.json()["success"]) == (200, False)


def test_a_form_without_a_good_token_is_not_taken(site: httpx.Client) -> None:
    for form in ({}, {"cap-token": ""}, {"cap-token": "a:b:c"}, {"cap-token": solved(site)["token"]}, {"other": "x"}):
        assert site.post("/contact", data=form).status_code == 403
    assert site.get("/contact", params={"cap-token": token_from(site)}).status_code == 403


def test_a_refused_answer_is_200_with_a_reason_and_may_be_mended(site: httpx.Client) -> None:
    challenge = site.post("/cap/challenge").json()
    body = {"token": challenge["token"], "solutions": right_answer(challenge)}
    for bad in (wrong_answer(challenge), [], [0] * 1000):
        answer = site.post("/cap/redeem", json={**body, "solutions": bad})
        assert (answer.status_code, answer.json()["success"]) == (200, False)
        assert answer.json()["error"]
    assert site.post("/cap/redeem", json=body).json()["success"]


@pytest.mark.parametrize("data", MALFORMED, ids=lambda data: repr(data[:40]))
def test_a_malformed_body_is_a_400_or_413_with_a_reason(site: httpx.Client, data: bytes) -> None:
    answer = site.post("/cap/redeem", content=data, headers={"Content-Type": "application/json"})
    assert answer.status_code == (413 if len(data) > MAX_BODY else 400)
    assert answer.json()["success"] is False
    assert answer.json()["error"]


def test_a_long_body_is_not_read(site: httpx.Client) -> None:
    assert site.post("/cap/redeem", content=b" " * (MAX_BODY + 1)).status_code == 413
    assert site.post("/cap/redeem", content=b" " * 3_000_000).status_code == 413


def test_the_views_take_post_alone_and_no_csrf_token(site: httpx.Client) -> None:
    for address in ("/cap/challenge", "/cap/redeem"):
        for method in ("GET", "HEAD", "PUT", "DELETE", "PATCH"):
            assert site.request(method, address).status_code == 405
        assert site.options(address).headers["Allow"] == "POST, OPTIONS"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.binary(max_size=200) | st.builds(
    lambda value: json.dumps(value).encode(),
    JSON
    | st.fixed_dictionaries({"token": JSON, "solutions": JSON})
    | st.fixed_dictionaries({"token": st.text(), "solutions": st.lists(st.integers())}),
)
TYPES = st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=BODIES, kind=TYPES)
def test_no_body_makes_a_500(site: httpx.Client, data: bytes, kind: str) -> None:
    answer = site.post("/cap/redeem", content=data, headers={"Content-Type": kind})
    assert answer.status_code in {200, 400}
    assert answer.json()["success"] is False
    assert answer.json()["error"]
    assert site.post("/cap/challenge", content=data, headers={"Content-Type": kind}).status_code == 200
    assert site.post("/contact", content=data, headers={"Content-Type": kind}).status_code in {400, 403}


def test_of_fifty_racing_callers_one_redeems_and_one_form_is_taken(site: httpx.Client) -> None:
    body = solved(site)
    with ThreadPoolExecutor(50) as pool:
        answers = [future.result() for future in [pool.submit(site.post, "/cap/redeem", json=body) for _ in range(50)]]
        (good,) = [answer.json() for answer in answers if answer.json()["success"]]
        form = {"cap-token": good["token"]}
        forms = [future.result() for future in [pool.submit(site.post, "/contact", data=form) for _ in range(50)]]
    assert [answer.status_code for answer in forms].count(200) == 1


# Settings


def post(view: Any, body: object = None) -> Any:
    response = view.as_view()(RequestFactory().post("/", json.dumps(body), content_type="application/json"))
    return response.status_code, json.loads(response.content)


def redeem_one() -> tuple[int, dict[str, Any]]:
    _, challenge = post(views.CapChallengeView)
    solutions = right_answer(challenge)
    status, answer = post(views.CapRedeemView, {"token": challenge["token"], "solutions": solutions})
    return status, answer


def test_the_server_is_one_and_made_anew_when_a_setting_changes() -> None:
    first = get_cap_server()
    assert get_cap_server() is first
    with override_settings(CAP_CHALLENGE_COUNT=7):
        assert len(post(views.CapChallengeView)[1]["challenge"]) == 7
    with override_settings(CAP_CHALLENGE_FORMAT="seeded", CAP_CHALLENGE_SIZE=16, CAP_CHALLENGE_DIFFICULTY=2):
        assert post(views.CapChallengeView)[1]["challenge"] == {"c": 5, "s": 16, "d": 2}


def test_lives_are_in_milliseconds() -> None:
    with override_settings(CAP_CHALLENGE_EXPIRY=60_000, CAP_TOKEN_EXPIRY=90_000):
        _, challenge = post(views.CapChallengeView)
        _, redeemed = redeem_one()
        assert 29_000 < redeemed["expires"] - challenge["expires"] < 40_000


def test_the_key_is_cap_secret_key_or_else_secret_key() -> None:
    with override_settings(CAP_SECRET_KEY="one key for all of this", SECRET_KEY="x"):
        _, redeemed = redeem_one()
    with override_settings(SECRET_KEY="one key for all of this"):
        assert get_cap_server().validate(redeemed["token"])
    assert not get_cap_server().validate(redeemed["token"])


@pytest.mark.parametrize(
    "bad",
    [
        {"SECRET_KEY": "too short"},
        {"CAP_CHALLENGE_COUNT": 0},
        {"CAP_CHALLENGE_DIFFICULTY": "4"},
        {"CAP_TOKEN_EXPIRY": 86_400_000},
        {"CAP_NONCE_STORE": object()},
        {"CAP_NONCE_STORE": "tests.cap.vectors.SECRET"},
    ],
    ids=str,
)
def test_bad_settings_come_to_light_when_the_urls_are_read(bad: dict[str, Any]) -> None:
    with override_settings(**bad), pytest.raises(ImproperlyConfigured, match="Cap: "):
        views.CapChallengeView.as_view()


@pytest.mark.parametrize(
    "store",
    [
        f"{STORES}.a_store",
        f"{STORES}.make_store",
        "hashpass.cap.MemoryNonceStore",
        MemoryNonceStore(),
        MemoryNonceStore,
    ],
    ids=str,
)
def test_the_nonce_store_is_a_store_or_the_path_of_one_or_of_what_makes_one(store: object) -> None:
    with override_settings(CAP_NONCE_STORE=store):
        assert redeem_one()[1]["success"]


def test_a_broken_store_is_a_503_and_a_form_that_is_not_taken(caplog: pytest.LogCaptureFixture) -> None:
    _, redeemed = redeem_one()
    with override_settings(CAP_NONCE_STORE=f"{STORES}.Broken"):
        status, answer = redeem_one()
        assert status == 503
        assert answer == {"success": False, "error": "The server cannot check this at the moment. Try again soon."}
        request = RequestFactory().post("/", {"cap-token": redeemed["token"]})
        assert not validate_cap_token(request)
    assert caplog.text.count("The nonce store failed") == 2


def test_the_form_helper_stands_in_both_places_and_takes_the_field_s_name() -> None:
    assert views.validate_cap_token is validate_cap_token
    token = redeem_one()[1]["token"]
    assert not validate_cap_token(RequestFactory().post("/", {"proof": token}))
    assert validate_cap_token(RequestFactory().post("/", {"proof": token}), field_name="proof")


def test_a_client_that_hangs_up_makes_no_500() -> None:
    class Hung(HttpRequest):
        @property
        def body(self) -> bytes:
            raise UnreadablePostError("gone")

    request = Hung()
    request.method = "POST"
    request.META["CONTENT_LENGTH"] = "10"
    assert views.CapRedeemView.as_view()(request).status_code == 400


@pytest.mark.parametrize("length", ["", "x", "-1"])
def test_a_length_that_is_no_length_makes_no_500(length: str) -> None:
    request = RequestFactory().post("/", b" " * (MAX_BODY + 1), content_type="application/json")
    request.META["CONTENT_LENGTH"] = length
    response = views.CapRedeemView.as_view()(request)
    assert response.status_code in {400, 413}
