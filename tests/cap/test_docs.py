"""The examples of docs/cap.md, written into files as it says and served."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from hashpass.cap import CapServer, MemoryNonceStore
from tests.cap.answers import right_answer
from tests.cap.live import serving

DOCUMENT = Path(__file__).parents[2] / "docs" / "cap.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"(?:# |<!-- )([\w.]+)")

SERVE_FLASK = """
from werkzeug.serving import make_server
from app import app
server = make_server("127.0.0.1", 0, app, threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
"""
SETTINGS_AROUND = """
SECRET_KEY = "x"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "urls"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
LOGGING_CONFIG = None
"""
SERVE_DJANGO = """
import os
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
server.set_app(get_wsgi_application())
print(server.server_port, flush=True)
server.serve_forever()
"""


def blocks() -> list[tuple[str, str]]:
    return BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))


def files() -> dict[str, str]:
    """The examples that begin with the name of a file."""
    return {found[1]: text for _, text in blocks() if (found := NAMED.match(text)) and "." in found[1]}


def easier(text: str, place: str) -> str:
    """Less work for the solver of the test; nothing else about the example is changed."""
    assert place in text
    return text.replace(place, f"{place}, challenge_difficulty=1, challenge_count=5")


def pass_the_gate(site: httpx.Client) -> None:
    """What the page does: challenge, redeem, form. And once more, which must not do."""
    challenge = site.post("/cap/challenge").json()
    body = {"token": challenge["token"], "solutions": right_answer(challenge)}
    form = {"cap-token": site.post("/cap/redeem", json=body).json()["token"], "message": "hello"}
    assert [site.post("/contact", data=form).status_code for _ in range(2)] == [200, 403]
    assert site.post("/contact", data={"message": "hello"}).status_code == 403
    assert site.post("/cap/redeem", json=body).json()["success"] is False
    for content in (b"", b"[]", b"{}", b"\xff", b'{"token": 1, "solutions": 2}'):
        answer = site.post("/cap/redeem", content=content)
        assert (answer.status_code, answer.json()["success"]) == (400, False)


def test_the_document_shows_these_files_and_no_other() -> None:
    here = ["app.py", "contact.html", "nonces.py", "settings.py", "urls.py"]
    in_the_browser = [".env", "order.html", "order.py"]  # by tests/browser/test_cap.py
    assert sorted(files()) == sorted([*here, *in_the_browser])
    assert {language for language, text in blocks() if not NAMED.match(text)} == {"python"}


def test_the_flask_example_serves_its_page_and_takes_a_form_once(tmp_path: Path) -> None:
    app = easier(files()["app.py"], 'secret_key="at least 16 characters, from your configuration"')
    (tmp_path / "app.py").write_text(app, encoding="utf-8")
    (tmp_path / "contact.html").write_text(files()["contact.html"], encoding="utf-8")
    with serving("-c", SERVE_FLASK, cwd=tmp_path) as site:
        assert "cap-widget" in site.get("/").text
        pass_the_gate(site)
        assert site.post("/cap/redeem", content=b" " * 100_000).status_code == 413


def test_the_django_example_takes_a_form_once_with_its_own_store(tmp_path: Path) -> None:
    settings = SETTINGS_AROUND + files()["settings.py"] + "CAP_CHALLENGE_COUNT = 5\nCAP_CHALLENGE_DIFFICULTY = 1\n"
    (tmp_path / "settings.py").write_text(settings, encoding="utf-8")
    for name in ("urls.py", "nonces.py"):
        (tmp_path / name).write_text(files()[name], encoding="utf-8")
    with serving("-c", SERVE_DJANGO, cwd=tmp_path) as site:
        pass_the_gate(site)


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[str, dict[str, str | None]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = dict(attrs)


def test_the_page_and_the_two_sites_mean_the_same_addresses() -> None:
    page = Page()
    page.feed(files()["contact.html"])
    endpoint, action = page.tags["cap-widget"]["data-cap-api-endpoint"], page.tags["form"]["action"]
    assert endpoint is not None
    assert action is not None
    for name, at in (("app.py", "/"), ("urls.py", "")):
        for address in (f"{endpoint}challenge", f"{endpoint}redeem", action):
            assert f'"{at}{address[1:]}"' in files()[name]


def test_a_django_page_without_its_settings_has_the_defaults_that_are_shown() -> None:
    shown: dict[str, Any] = {}
    exec(files()["settings.py"], shown)
    server = vars(CapServer("x" * 16))
    assert server["_shape"] == f"{shown['CAP_CHALLENGE_COUNT']}:32:{shown['CAP_CHALLENGE_DIFFICULTY']}"
    assert server["_challenge_life"] == shown["CAP_CHALLENGE_EXPIRY"]
    assert server["_token_life"] == shown["CAP_TOKEN_EXPIRY"]


@pytest.mark.parametrize("text", [text for language, text in blocks() if language == "python"])
def test_every_other_example_runs(text: str) -> None:
    exec(compile(text, "docs/cap.md", "exec"), {})


def test_the_redis_store_marks_a_nonce_once_and_for_whole_seconds() -> None:
    class Redis:
        """`set` as redis-py has it."""

        def __init__(self) -> None:
            self.store = MemoryNonceStore()

        def set(self, name: str, value: object, *, nx: bool, ex: int) -> bool | None:
            assert nx
            assert type(ex) is int
            assert ex > 0
            return True if self.store.mark_used(name, ex) else None

    names: dict[str, Any] = {}
    (text,) = [text for _, text in blocks() if "class RedisNonceStore" in text]
    exec(text, names)
    cap = CapServer("x" * 16, 2, 8, 1, nonce_store=names["RedisNonceStore"](Redis()))
    challenge = cap.create_challenge()
    solutions = right_answer(challenge)
    token = cap.redeem(challenge["token"], solutions)["token"]
    assert not cap.redeem(challenge["token"], solutions)["success"]
    assert [cap.validate(token), cap.validate(token)] == [True, False]
