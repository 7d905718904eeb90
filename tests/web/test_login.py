"""Sign-in over HTTP: shapes, sentences, cookies, and who is told what."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
import trio
from attrs import define
from hypothesis import given, settings
from hypothesis import strategies as st
from quart import Response

from hashpass.addresses import AddressReader
from hashpass.bans import Bans
from hashpass.domain.codes import base58
from hashpass.identity.links import Origins
from hashpass.limits import RateLimit
from hashpass.storage.sqlite import SqliteStore
from hashpass.web.errors import BODY_LIMIT, PROBLEM_JSON, Application
from hashpass.web.generators import GeneratorsApi
from hashpass.web.login import LoginApi
from tests.identity.desk import JWT_SECRET, ORIGIN, OTHER, PERSON, Desk, HandClock, make_desk, operator

ADMIN = "an-operators-token"
NAME = base58(hashlib.sha256(PERSON.encode()).digest())
FORM = "3FTYu8SWm4oR6tfvDLLJW4TXtQeLRmy9t6CN6C36TybPkfeVubxCaaPLfap7KHXiqYMinmK1e"
RULES = "HttpOnly; Secure; SameSite=Strict; Max-Age={}; Path=/"
GONE = "refresh_token=; " + RULES.format(0)


async def keep(_data: bytes) -> None:
    """Bans are kept nowhere."""


async def nothing() -> bytes | None:
    return None


@define
class Site:
    """The sign-in and the generators behind it, and a browser that keeps no cookies by itself."""

    desk: Desk
    app: Application
    bans: Bans

    async def call(self, method: str, path: str, *, peer: str = "198.51.100.7", **options: Any) -> Response:
        client = self.app.test_client(use_cookies=False)
        return await client.open(path, method=method, scope_base={"client": (peer, 50000)}, **options)

    async def ask(self, body: Any = None, peer: str = "198.51.100.7", **headers: str) -> Response:
        data = body if isinstance(body, bytes) else json.dumps({"email": PERSON} if body is None else body).encode()
        return await self.call("POST", "/api/login/", peer=peer, data=data, headers=headers)

    async def redeem(self, token: str) -> Response:
        return await self.call("GET", "/api/login/", query_string={"magiclink": token})

    async def enter(self, email: str = PERSON) -> tuple[str, str]:
        """The access token and the refresh token of a new session."""
        assert (await self.ask({"email": email})).status_code == 200
        response = await self.redeem(self.desk.box.mails[-1].token)
        return (await response.get_json())["access_token"], refresh_token(response)

    async def refresh(self, token: str) -> Response:
        return await self.call("POST", "/api/refresh", headers={"Cookie": f"refresh_token={token}"})

    async def generate(self, access: str) -> Response:
        return await self.call("GET", "/api/password", headers={"Authorization": f"Bearer {access}"})

    async def users(self, method: str, path: str = "", token: str = ADMIN, body: Any = None) -> Response:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return await self.call(method, f"/api/users{path}", headers={"Authorization": f"Bearer {token}"}, data=data)


def make_site(desk: Desk | None = None, *, per_minute: int = 1000, **options: Any) -> Site:
    desk = desk or make_desk()
    app, bans = Application("test"), Bans(save=keep, load=nothing)
    app.url_map.merge_slashes = False
    login = LoginApi(
        desk.sign_in,
        desk.users,
        AddressReader([]),
        bans,
        RateLimit(per_minute, 60, clock=desk.clock),
        operator(ADMIN),
        **options,
    )
    login.install(app)
    GeneratorsApi(login.require_user, wall=desk.clock).install(app)
    return Site(desk, app, bans)


def refresh_token(response: Response) -> str:
    cookie = response.headers["Set-Cookie"]
    assert cookie.endswith("; " + RULES.format(604_800))
    return cookie.removeprefix("refresh_token=").partition(";")[0]


async def assert_refused(response: Response, status: int, sentence: str, field: str | None = None) -> None:
    assert response.status_code == status
    assert response.content_type == PROBLEM_JSON
    body = await response.get_json(force=True)
    assert body["status"] == status
    assert body["detail"] == body["error"] == sentence
    assert body.get("field") == field
    if status == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"


# Asking for a link


async def test_a_request_is_answered_alike_whoever_asks_and_nothing_of_the_link_is_told() -> None:
    site = make_site(dev=True)
    await site.enter()
    answers = []
    for email in (PERSON, "stranger@example.org"):
        response = await site.ask({"email": email})
        assert response.content_type == "application/json"
        assert "Set-Cookie" not in response.headers
        answers.append((response.status_code, await response.get_data()))
    assert answers[0] == answers[1]
    assert json.loads(answers[0][1])["status"] == "OK"
    assert set(json.loads(answers[0][1])) == {"status", "message"}


async def test_the_mail_goes_where_it_was_asked_for_in_the_language_asked_for() -> None:
    site = make_site()
    await site.ask({"email": "  Somebody@Example.ORG ", "ui_host": OTHER + "/", "next": FORM, "email_lang": "eu"})
    (posted,) = site.desk.box.mails
    assert (posted.to, posted.language) == (PERSON, "eu")
    assert posted.link == f"{OTHER}/?magiclink={posted.token}&next={FORM}"
    await site.ask({"email": PERSON, "email_lang": "es-ES", "unknown": 1}, Host="evil.example")
    assert site.desk.box.mails[-1].language == "en"
    assert site.desk.box.mails[-1].link == f"{ORIGIN}/?magiclink={site.desk.box.mails[-1].token}"


@pytest.mark.parametrize(
    ("body", "sentence", "field"),
    [
        (b"{", "Invalid JSON body", None),
        (b"", "Invalid JSON body", None),
        (b"[]", "Invalid JSON body", None),
        (b"\xff", "Invalid JSON body", None),
        ({}, "Invalid JSON body", "email"),
        ({"email": ""}, "Invalid email address", "email"),
        ({"email": "nobody"}, "Invalid email address", "email"),
        ({"email": 7}, "Invalid email address", "email"),
        ({"email": None}, "Invalid email address", "email"),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, "Invalid email address", "email"),
        ({"email": "a@b.example,c@d.example"}, "Invalid email address", "email"),
        ({"email": PERSON, "ui_host": "https://evil.example"}, "ui_host is not an address of this site.", "ui_host"),
        ({"email": PERSON, "ui_host": 7}, "ui_host is not an address of this site.", "ui_host"),
        ({"email": PERSON, "next": "https://evil.example"}, "next must be the base58 of a form's state.", "next"),
        ({"email": PERSON, "next": {}}, "next must be the base58 of a form's state.", "next"),
    ],
)
async def test_a_wrong_request(body: Any, sentence: str, field: str | None) -> None:
    site = make_site()
    await assert_refused(await site.ask(body), 400, sentence, field)
    assert site.desk.box.mails == []
    assert await site.desk.store.items("") == []


async def test_a_large_body_is_413() -> None:
    assert (await make_site().ask(b" " * (BODY_LIMIT + 1))).status_code == 413


async def test_an_address_asks_ten_times_a_minute_and_a_user_is_mailed_five_times() -> None:
    site = make_site(per_minute=10)
    for number in range(10):
        assert (await site.ask({"email": f"{number}@example.org"})).status_code == 200
    refused = await site.ask({"email": "11@example.org"})
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "60"
    for number in range(5):
        assert (await site.ask(peer=f"203.0.113.{number}")).status_code == 200
    refused = await site.ask(peer="203.0.113.5")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "900"
    assert PERSON not in str(await refused.get_data())
    assert len(site.desk.box.mails) == 15


async def test_the_banned_neither_ask_nor_redeem() -> None:
    site = make_site()
    await site.ask()
    await site.bans.ban("198.51.100.7")
    assert (await site.redeem(site.desk.box.mails[-1].token)).status_code == 403
    assert (await site.ask()).status_code == 403
    assert (await site.ask(peer="198.51.100.8")).status_code == 200


async def test_without_an_address_of_its_own_the_site_says_so() -> None:
    site = make_site(make_desk(origins=Origins.of(None, [])))
    response = await site.ask()
    assert response.status_code == 503
    assert "HASHPASS_PUBLIC_URL" in (await response.get_json(force=True))["detail"]


async def test_the_link_is_shown_to_developers_on_this_machine_alone() -> None:
    site = make_site(dev=True, ip_header="X-Client")
    for peer in ("127.0.0.1", "::1"):
        body = await (await site.ask(peer=peer)).get_json()
        assert body["dev_magic_link"] == site.desk.box.mails[-1].link
    for header in ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via", "X-Client"):
        site.desk.clock.now += 900
        response = await site.ask(peer="127.0.0.1", **{header: "127.0.0.1"})
        assert response.status_code == 200
        assert "dev_magic_link" not in await response.get_json()
    assert "dev_magic_link" not in await (await site.ask(peer="198.51.100.7")).get_json()
    assert "dev_magic_link" not in await (await make_site().ask(peer="127.0.0.1")).get_json()


# Coming back with it


async def test_a_link_opens_a_session_for_whoever_asked() -> None:
    site = make_site()
    await site.ask()
    response = await site.redeem(site.desk.box.mails[-1].token)
    assert response.status_code == 200
    assert response.headers.getlist("Set-Cookie") == [
        f"refresh_token={refresh_token(response)}; {RULES.format(604_800)}"
    ]
    body = await response.get_json()
    assert list(body) == ["access_token", "expires_in", "token_type", "user_id"]
    assert (body["expires_in"], body["token_type"], body["user_id"]) == (900, "Bearer", NAME)
    unverified: Any = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(body["access_token"], JWT_SECRET, algorithms=["HS256"], options=unverified)
    assert (claims["sub"], claims["token_type"], claims["iat"]) == (NAME, "access", 1_756_771_200)
    assert (await site.generate(body["access_token"])).status_code == 200


async def test_fifty_racing_browsers_get_one_session(tmp_path: Path) -> None:
    clock = HandClock()
    store = await SqliteStore.open(tmp_path / "store.sqlite", wall=clock)
    site = make_site(make_desk(store, clock))
    await site.ask()
    token = site.desk.box.mails[-1].token
    statuses: list[int] = []

    async def race() -> None:
        statuses.append((await site.redeem(token)).status_code)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(race)
    assert sorted(statuses) == [200] + [400] * 49
    await assert_refused(await site.redeem(token), 400, "Invalid or expired magic link", "magiclink")
    await store.aclose()


async def test_links_that_open_nothing() -> None:
    site = make_site()
    await site.ask()
    token = site.desk.box.mails[-1].token
    for path in ("/api/login/", "/api/login", "/api/login/?magiclink="):
        await assert_refused(await site.call("GET", path), 400, "Missing magiclink parameter", "magiclink")
    for wrong in (token[:-1], token[::-1], "x", "0", "ü", "9" * 99):
        await assert_refused(await site.redeem(wrong), 400, "Invalid or expired magic link", "magiclink")
    site.desk.clock.now += 901
    await assert_refused(await site.redeem(token), 400, "Magic link has expired", "magiclink")


async def test_looking_ahead_does_not_use_a_link_up() -> None:
    site = make_site()
    await site.ask()
    token = site.desk.box.mails[-1].token
    for path in ("/api/login/", "/api/login"):
        assert (await site.call("HEAD", path, query_string={"magiclink": token})).status_code == 405
        assert (await site.call("OPTIONS", path, query_string={"magiclink": token})).status_code == 200
    assert (await site.call("PUT", "/api/login/")).status_code == 405
    assert (await site.call("GET", "/api/login", query_string={"magiclink": token})).status_code == 200


# Staying, and leaving


async def test_a_cookie_is_exchanged_for_new_tokens_of_the_same_person() -> None:
    site = make_site()
    access, refresh = await site.enter()
    site.desk.clock.now += 900
    expired = "Access token has expired. Use refresh token to obtain a new access token"
    await assert_refused(await site.generate(access), 401, expired)
    response = await site.refresh(refresh)
    body = await response.get_json()
    assert list(body) == ["access_token", "expires_in", "message", "user_id"]
    assert (body["expires_in"], body["message"], body["user_id"]) == (900, "Token refreshed successfully", NAME)
    assert refresh_token(response) != refresh
    assert (await site.generate(body["access_token"])).status_code == 200


async def test_a_refresh_token_that_comes_twice_ends_the_session() -> None:
    site = make_site()
    access, stolen = await site.enter()
    newest = refresh_token(await site.refresh(stolen))
    refused = await site.refresh(stolen)
    used = "Invalid refresh token: Token has been used. The session has ended"
    await assert_refused(refused, 401, used)
    assert refused.headers["Set-Cookie"] == GONE
    await assert_refused(await site.refresh(newest), 401, "Invalid refresh token: Session has ended")
    await assert_refused(await site.generate(access), 401, "Invalid access token. Please authenticate again")


async def test_a_refresh_without_a_good_cookie() -> None:
    site = make_site()
    missing = await site.call("POST", "/api/refresh")
    await assert_refused(missing, 401, "Refresh token not found")
    assert "Set-Cookie" not in missing.headers
    access, refresh = await site.enter()
    for token, reason in ((access, "Invalid token type"), ("x", "InvalidToken"), (refresh + "x", "InvalidSignature")):
        refused = await site.refresh(token)
        await assert_refused(refused, 401, f"Invalid refresh token: {reason}")
        assert refused.headers["Set-Cookie"] == GONE
    site.desk.clock.now += 604_800
    await assert_refused(await site.refresh(refresh), 401, "Invalid refresh token: ExpiredSignature")
    assert (await site.call("GET", "/api/refresh")).status_code == 405


async def test_logging_out_revokes_whatever_is_shown_and_is_never_refused() -> None:
    site = make_site()
    for number in range(2):
        access, refresh = await site.enter()
        headers = {"Cookie": f"refresh_token={refresh}"} if number else {"Authorization": f"Bearer {access}"}
        response = await site.call("DELETE", "/api/login" if number else "/api/login/", headers=headers)
        assert await response.get_json() == {"message": "Logged out successfully"}
        assert response.headers["Set-Cookie"] == GONE
        await assert_refused(await site.generate(access), 401, "Invalid access token. Please authenticate again")
        assert (await site.refresh(refresh)).status_code == 401
    for headers in ({}, {"Cookie": "refresh_token=nonsense"}, {"Authorization": "Bearer x"}):
        assert (await site.call("DELETE", "/api/login/", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        (None, "Missing Authorization header. Include 'Authorization: Bearer <token>'"),
        ("Basic abc", "Invalid Authorization header format. Use 'Bearer <token>'"),
        ("bearer abc", "Invalid Authorization header format. Use 'Bearer <token>'"),
        ("", "Invalid Authorization header format. Use 'Bearer <token>'"),
        ("Bearer", "Empty Bearer token provided"),
        ("Bearer  ", "Empty Bearer token provided"),
        ("Bearer abc", "Invalid access token. Please authenticate again"),
        (f"Bearer {ADMIN}", "Invalid access token. Please authenticate again"),
    ],
)
async def test_who_is_not_signed_in_is_told_why(header: str | None, sentence: str) -> None:
    headers = {} if header is None else {"Authorization": header}
    await assert_refused(await make_site().call("GET", "/api/custom", headers=headers), 401, sentence)


# Users


async def test_the_operator_lists_shows_adds_and_deletes() -> None:
    site = make_site()
    added = base58(bytes(range(32)))
    response = await site.users("POST", body={"username": added, "email": "ignored@example.org"})
    assert response.status_code == 201
    first = {"id": added, "username": added, "created_at": 1_756_771_200, "updated_at": 1_756_771_200}
    assert await response.get_json() == first
    site.desk.clock.now += 60
    access, _ = await site.enter()
    second = {"id": NAME, "username": NAME, "created_at": 1_756_771_260, "updated_at": 1_756_771_260}
    assert await (await site.users("GET")).get_json() == {"count": 2, "users": [second, first]}
    assert await (await site.users("GET", "?limit=1")).get_json() == {"count": 1, "users": [second]}
    assert await (await site.users("GET", f"/{NAME}")).get_json() == second
    assert "@" not in repr(await site.desk.store.items(""))
    response = await site.users("DELETE", f"/{NAME}")
    assert await response.get_json() == {"message": "User deleted successfully"}
    assert (await site.generate(access)).status_code == 401
    for method in ("GET", "DELETE"):
        await assert_refused(await site.users(method, f"/{NAME}"), 404, "User not found")


@pytest.mark.parametrize(
    ("body", "sentence", "field"),
    [
        (b"{", "Invalid JSON format", None),
        ({}, "Invalid JSON format", "username"),
        ({"username": 7}, "Invalid JSON format", "username"),
        ({"username": ""}, "Username is required", "username"),
        ({"username": PERSON}, "Invalid user ID format", "username"),
        ({"username": "abc"}, "Invalid user ID format", "username"),
        ({"username": "1" * 10_000}, "Invalid user ID format", "username"),
        ({"username": NAME}, "Username already exists", "username"),
    ],
)
async def test_a_user_that_cannot_be_added(body: Any, sentence: str, field: str | None) -> None:
    site = make_site()
    await site.enter()
    await assert_refused(await site.users("POST", body=body), 400, sentence, field)


async def test_a_listing_of_so_many() -> None:
    site = make_site()
    for limit in ("0", "-1", "x", "", "1001", "1e3", "%D9%A3"):
        refused = await site.users("GET", f"?limit={limit}")
        await assert_refused(refused, 400, "limit must be a whole number from 1 to 1000.", "limit")
    await assert_refused(await site.users("GET", "/7"), 400, "Invalid user ID format", "username")


async def test_people_may_delete_themselves_and_do_nothing_else() -> None:
    site = make_site()
    access, refresh = await site.enter()
    await site.enter("other@example.org")
    other = base58(hashlib.sha256(b"other@example.org").digest())
    for method, path in (("GET", ""), ("POST", ""), ("GET", f"/{NAME}"), ("DELETE", f"/{other}"), ("DELETE", "/x")):
        await assert_refused(
            await site.users(method, path, access, {"username": other}), 403, "This is for the operator of this site."
        )
        await assert_refused(
            await site.users(method, path, "nonsense"), 401, "Invalid access token. Please authenticate again"
        )
    assert (await site.users("DELETE", f"/{NAME}", access)).status_code == 200
    assert (await site.refresh(refresh)).status_code == 401
    assert [user.username for user in await site.desk.users.listing(10)] == [other]


# Garbage

BODIES = st.binary(max_size=200) | st.dictionaries(
    st.sampled_from(["email", "ui_host", "next", "email_lang"]) | st.text(max_size=10),
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=60)
    | st.just(PERSON)
    | st.just(ORIGIN)
    | st.just(FORM),
).map(lambda body: json.dumps(body).encode())
LATIN = st.text(alphabet=[chr(code) for code in range(0x20, 0x7F)], max_size=80)


@given(BODIES, LATIN, LATIN, LATIN)
@settings(max_examples=80, deadline=None)
def test_garbage_is_answered_or_refused(body: bytes, link: str, cookie: str, bearer: str) -> None:
    async def ask() -> None:
        site = make_site()
        headers = {"Authorization": f"Bearer {bearer}", "Cookie": f"refresh_token={cookie}"}
        responses = [
            await site.ask(body),
            await site.redeem(link),
            await site.call("POST", "/api/refresh", headers=headers),
            await site.call("DELETE", "/api/login/", headers=headers),
            await site.call("GET", "/api/users", headers=headers),
            await site.call("GET", "/api/custom", headers=headers),
        ]
        for response in responses:
            assert response.status_code in {200, 400, 401}
            json.loads(await response.get_data())

    trio.run(ask)


async def test_the_operators_token_is_not_guessed_here_either() -> None:
    site = make_site()
    for _ in range(10):
        assert (await site.users("GET", token="a guess of mine")).status_code == 401
    assert (await site.users("GET")).status_code == 429


async def test_an_old_access_token_is_no_guess() -> None:
    site = make_site()
    access, _ = await site.enter()
    site.desk.clock.now += 3600
    for _ in range(11):
        assert (await site.users("GET", token=access)).status_code == 401
    assert (await site.users("GET")).status_code == 200


async def test_a_ban_closes_the_generators_too() -> None:
    site = make_site()
    access, _ = await site.enter()
    assert (await site.generate(access)).status_code == 200
    await site.bans.ban("198.51.100.7")
    assert (await site.generate(access)).status_code == 403
