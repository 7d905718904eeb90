"""The whole server as a workshop: sign in, generate, and what of it a restart keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import trio

from hashpass import settings
from hashpass.parts import load_bans, open_store
from tests.house import Player, Running, open_house

KEYS: dict[str, Any] = {"JWT_SECRET": "1a" * 32, "MAGIC_LINK_HMAC_KEY": "2b" * 32, "PBKDF2_SALT": "3c" * 32}
DEV: dict[str, Any] = {"HASHPASS_LOGIN_DEV": "true"}
SQLITE: dict[str, Any] = {**KEYS, **DEV, "HASHPASS_STORE": "sqlite:///store.db"}
PERSON = "somebody@example.org"
ELSEWHERE = {"X-Real-IP": "203.0.113.9"}


async def ask(running: Running, **headers: str) -> str | None:
    """Ask for a link; the answer says it, or None."""
    answer = await running.http.post("/api/login/", json={"email": PERSON}, headers=headers)
    assert answer.status_code == 200, answer.text
    link: str | None = answer.json().get("dev_magic_link")
    return link


async def redeem(running: Running, link: str) -> httpx.Response:
    return await running.http.get("/api/login/", params=urlsplit(link).query)


async def sign_in(running: Running) -> tuple[dict[str, str], str]:
    """The header and the cookie of a new session."""
    link = await ask(running)
    assert link is not None
    answer = await redeem(running, link)
    assert answer.status_code == 200, answer.text
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}, cookie


async def test_somebody_signs_in_by_the_link_and_makes_a_password(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **DEV) as running:
            assert (await running.http.get("/api/password")).status_code == 401
            header, _ = await sign_in(running)
            made = await running.http.get("/api/password", params={"length": "30"}, headers=header)
            assert made.status_code == 200
            assert len(made.json()["hash"]) == 30
            out = await running.http.delete("/api/login/", headers=header)
            assert out.status_code == 200
            assert (await running.http.get("/api/password", headers=header)).status_code == 401


async def test_without_a_mail_server_the_link_is_printed_and_the_address_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            assert await ask(running) is None
            port = urlsplit(running.url).port
        printed = capsys.readouterr().out
        assert printed.startswith(f"Sign-in link: http://localhost:{port}/?magiclink=")
        assert PERSON not in printed


async def test_the_link_is_answered_only_to_this_machine_itself(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **DEV) as running:
            assert await ask(running, **{"X-Forwarded-For": "127.0.0.1"}) is None
            assert await ask(running) is not None


async def test_where_no_link_could_lead_there_is_no_sign_in(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, HASHPASS_BIND=f"127.0.0.1:0,unix:{tmp_path}/socket") as running:
            answer = await running.http.post("/api/login/", json={"email": PERSON})
            assert answer.status_code == 503
            assert "HASHPASS_PUBLIC_URL" in answer.json()["detail"]
            assert (await running.http.get("/api/version")).status_code == 200


async def test_a_restart_with_a_file_keeps_sign_ins_races_and_bans(tmp_path: Path) -> None:
    with trio.fail_after(30):
        async with open_house(tmp_path, **SQLITE) as running:
            header, cookie = await sign_in(running)
            unused = await ask(running)
            racer = await (await Player(running.http).enter()).look()
            # By the port of the bans: the calls of an operator have tests of their own.
            await running.house.room.entrance.bans.ban("203.0.113.0/24")
        assert not (tmp_path / "blacklist.json").exists()
        async with open_house(tmp_path, **SQLITE) as running:
            assert (await running.http.get("/api/custom", headers=header)).status_code == 200
            renewed = await running.http.post("/api/refresh", headers={"Cookie": cookie})
            assert renewed.status_code == 200
            reused = await running.http.post("/api/refresh", headers={"Cookie": cookie})
            assert reused.status_code == 401
            assert unused is not None
            assert (await redeem(running, unused)).status_code == 200
            assert (await redeem(running, unused)).status_code == 400
            racer.http = running.http
            await racer.look()
            assert (await running.http.post("/api/session", json={"token": ""}, headers=ELSEWHERE)).status_code == 403


async def test_a_store_that_has_no_bans_yet_takes_those_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "blacklist.json").write_text('{"banned_ips": ["203.0.113.9"]}')
    wanted = settings.load({**SQLITE, "HASHPASS_DATA_DIR": str(tmp_path)})
    for ban, expected in (("198.51.100.7", 1), (None, 2)):
        store = await open_store(wanted, lambda: 0.0)
        bans = await load_bans(wanted, store)
        assert len(bans) == expected
        if ban is not None:
            await bans.ban(ban)
        await store.aclose()


async def test_a_restart_in_memory_forgets_sign_ins(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, **DEV, **KEYS) as running:
            header, _ = await sign_in(running)
        async with open_house(tmp_path, **DEV, **KEYS) as running:
            assert (await running.http.get("/api/custom", headers=header)).status_code == 401


async def test_users_are_for_the_operator_and_for_nobody_where_there_is_no_token(tmp_path: Path) -> None:
    with trio.fail_after(30):
        operator = {"Authorization": "Bearer the-token-of-the-operator"}
        async with open_house(tmp_path, ADMIN_TOKEN="the-token-of-the-operator", **DEV) as running:
            header, _ = await sign_in(running)
            assert (await running.http.get("/api/users", headers=operator)).json()["count"] == 1
            assert (await running.http.get("/api/users", headers=header)).status_code == 403
        async with open_house(tmp_path) as running:
            for token in ("the-token-of-the-operator", "None"):
                answer = await running.http.get("/api/users", headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/login/"),
        ("GET", "/api/login/"),
        ("POST", "/api/refresh"),
        ("GET", "/api/users"),
        ("GET", "/api/password"),
        ("POST", "/api/mnemonic"),
        ("GET", "/api/generate"),
        ("GET", "/api/version"),
    ],
)
async def test_switched_off_there_is_none_of_it(tmp_path: Path, method: str, path: str) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path, HASHPASS_GENERATORS="false") as running:
            assert (await running.http.request(method, path)).status_code == 404
            assert "mail" not in (await running.http.get("/api/health")).json()["tasks"]
