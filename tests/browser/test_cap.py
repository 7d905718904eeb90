"""The real widget in a real browser, on our own pages and on another site's; and our own page behind its gate."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl
from urllib.request import urlopen

import httpx
import pytest
from attrs import define, field
from playwright.sync_api import Page, Request, expect

from hashpass import settings
from tests.browser.conftest import SECONDS, Serve, Server, Trouble, Visit
from tests.cap.test_docs import files

LIGHT = {"HASHPASS_CAP_COUNT": "3", "HASHPASS_CAP_DIFFICULTY": "2"}
SITE_SECRET = "known to the race and to the shop"
HOST = "https://race.example"
"""Where the server is in docs/cap.md."""

SHOW = """([at]) => new Promise((resolve, reject) => {
  const script = Object.assign(document.createElement("script"), { src: at });
  script.onload = resolve;
  script.onerror = reject;
  const widget = document.createElement("cap-widget");
  widget.setAttribute("data-cap-api-endpoint", "/api/cap/");
  document.body.prepend(widget);
  document.head.append(script);
})"""


@define(eq=False)
class Shop:
    """The other site of docs/cap.md, word for word but for the addresses, on a port of its own."""

    race: str = ""
    url: str = ""
    policy: str = ""
    asked: list[str] = field(factory=list)

    def page(self) -> str:
        return files()["order.html"].replace(HOST, self.race)

    def is_human(self, form: dict[str, str]) -> bool:
        names: dict[str, Any] = {}
        exec(files()["order.py"].replace(HOST, self.race), names)
        answer: bool = names["is_human"](form)
        return answer


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setitem(os.environ, "CAP_SITE_SECRET", SITE_SECRET)
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200 if self.path == "/" else 404, shop.page())

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            good = shop.is_human(dict(parse_qsl(text)))
            self.answer(*((200, "Thank you.") if good else (403, "No.")))

        def answer(self, status: int, text: str) -> None:
            shop.asked.append(f"{self.command} {self.path} {status}")
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            if shop.policy:
                self.send_header("Content-Security-Policy", shop.policy)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        shop.url = f"http://127.0.0.1:{server.server_port}"
        yield shop
        server.shutdown()


def policy_for(race: str) -> str:
    """What docs/cap.md says a page has to allow, and nothing else."""
    with urlopen(f"{race}/static/csp.json", timeout=SECONDS) as answer:
        styles = " ".join(json.load(answer)["style_src"])
    return (
        f"default-src 'none'; script-src {race} 'wasm-unsafe-eval'; connect-src {race}; worker-src blob:; "
        f"img-src data:; style-src {styles}; form-action 'self'"
    )


def token_of(page: Page) -> str:
    hidden = page.locator("cap-widget input[name=cap-token]")
    expect(hidden).not_to_have_value("", timeout=SECONDS * 1000)
    return hidden.input_value()


def verify(server: Server, token: str) -> dict[str, Any]:
    fields = {"secret": SITE_SECRET, "response": token}
    answer: dict[str, Any] = httpx.post(f"{server.url}/api/cap/siteverify", data=fields).json()
    return answer


def calls(page: Page) -> list[str]:
    """Every call to the captcha from now on, as the list fills."""
    seen: list[str] = []

    def note(request: Request) -> None:
        if "/api/cap/" in request.url:
            seen.append(request.url.rpartition("/")[2])

    page.on("request", note)
    return seen


# On our own origin, under our own policy. The test's `trouble` sees to it that nothing is refused or asked elsewhere.


@pytest.mark.parametrize("name", ["list", "seeded"])
def test_the_widget_solves_in_both_formats_and_looks_as_it_should(name: str, serve: Serve, visit: Visit) -> None:
    server = serve(**LIGHT, HASHPASS_CAP_SITE_SECRET=SITE_SECRET, HASHPASS_CAP_FORMAT=name)
    page = visit("/docs", at=server)
    page.evaluate(SHOW, ["/static/cap/widget.js"])
    trigger = page.locator("cap-widget .captcha")
    assert trigger.evaluate("box => getComputedStyle(box).borderRadius") == "14px"
    page.locator("cap-widget .captcha-trigger").click()
    token = token_of(page)
    expect(page.locator("cap-widget .captcha[data-state=done]")).to_be_visible()
    wasm = page.evaluate(
        "performance.getEntriesByType('resource').map(entry => entry.name).filter(name => /wasm/.test(name))"
    )
    assert wasm == [f"{server.url}/static/cap/cap_wasm_bg.wasm"]
    assert verify(server, token) == {"success": True}
    assert verify(server, token)["error-codes"] == ["timeout-or-duplicate"]


def test_a_click_after_the_widget_has_redeemed_ahead_of_it_still_works(serve: Serve, visit: Visit) -> None:
    server = serve(**LIGHT, HASHPASS_CAP_SITE_SECRET=SITE_SECRET)
    page = visit("/docs", at=server)
    seen = calls(page)
    page.evaluate(SHOW, ["/static/cap/widget.js"])
    hidden = page.locator("cap-widget input[name=cap-token]")
    expect(hidden).to_have_count(1)
    with page.expect_response("**/api/cap/redeem") as response:
        page.mouse.move(5, 5)
        page.mouse.move(9, 9)
    assert response.value.json()["success"] is True
    assert hidden.input_value() == ""
    page.locator("cap-widget .captcha-trigger").click()
    assert verify(server, token_of(page)) == {"success": True}
    assert seen == ["challenge", "redeem"]


def test_an_error_of_the_server_is_what_the_widget_tells(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect("invalid_solution|^uncaught: This challenge is not valid")  # that a click has failed is told twice
    server = serve(**LIGHT)
    page = visit("/docs", at=server)
    page.evaluate(SHOW, ["/static/cap/widget.js"])
    said = """() => new Promise(resolve => document.querySelector("cap-widget")
      .addEventListener("error", event => resolve(event.detail.message)))"""
    page.route("**/api/cap/redeem", lambda route: route.continue_(post_data='{"token": "x", "solutions": []}'))
    page.evaluate(f"void (window.said = ({said})())")
    page.locator("cap-widget .captcha-trigger").click()
    assert page.evaluate("window.said") == "This challenge is not valid. Try again."
    page.unroute("**/api/cap/redeem")
    page.locator("cap-widget .captcha-trigger").click()
    assert token_of(page)


# On another site


def test_the_example_of_another_site_takes_a_form_once(
    serve: Serve, shop: Shop, visit: Visit, trouble: Trouble
) -> None:
    example = {
        name: value for name, _, value in (line.partition("=") for line in files()[".env"].splitlines()) if value
    }
    assert set(example) <= {row.name for row in settings.TABLE}
    filled = {"HASHPASS_CAP_ORIGINS": shop.url, "HASHPASS_CAP_SITE_SECRET": SITE_SECRET}
    assert example.keys() == filled.keys()
    server = serve(**LIGHT, **filled)
    shop.race = server.url
    shop.policy = policy_for(server.url)
    trouble.expect(f"^foreign request: {re.escape(shop.url)}/")
    page = visit(shop.url, at=server)
    seen = calls(page)
    button = page.get_by_role("button", name="Order")
    expect(page.locator("cap-widget .captcha-trigger")).to_be_visible()
    assert page.evaluate("document.forms[0].checkValidity()") is False
    page.locator("cap-widget .captcha-trigger").click()
    token = token_of(page)
    assert page.evaluate("document.forms[0].checkValidity()") is True
    button.click()
    expect(page.locator("body")).to_have_text("Thank you.")
    assert shop.asked[0] == "GET / 200"
    assert shop.asked[-1] == "POST /order 200"
    assert seen == ["challenge", "redeem"]
    assert not shop.is_human({"cap-token": token})
    assert not shop.is_human({})


def test_a_site_that_is_not_listed_gets_no_token(serve: Serve, shop: Shop, visit: Visit, trouble: Trouble) -> None:
    server = serve(**LIGHT, HASHPASS_CAP_ORIGINS="https://another.example")
    shop.race = server.url
    trouble.expect(f"^foreign request: {re.escape(shop.url)}/")
    trouble.expect("blocked by CORS policy|net::ERR_FAILED|\\bcap\\b|^uncaught: Unable to solve")
    trouble.expect(f"404.*{re.escape(shop.url)}/favicon.ico")
    page = visit(shop.url, at=server)
    page.locator("cap-widget .captcha-trigger").click()
    expect(page.locator("cap-widget .captcha[data-state=error]")).to_be_visible()
    assert page.locator("cap-widget input[name=cap-token]").input_value() == ""
    assert any("blocked by CORS policy" in what for what in trouble.seen)


# Our own page


def test_the_page_passes_the_gate_behind_its_one_button_and_mines(serve: Serve, visit: Visit) -> None:
    server = serve(HASHPASS_GATE="", **LIGHT)
    page = visit(at=server)
    seen = calls(page)
    page.get_by_role("button", name="Start mining").click()
    expect(page.locator("section.win")).to_be_visible(timeout=SECONDS * 1000)
    assert re.match(r"HASHPASS-\w{16}", page.locator("section.win code").first.inner_text())
    assert seen == ["challenge", "redeem"]
    assert page.locator("cap-widget").count() == 0
    wasm = page.evaluate(
        "performance.getEntriesByType('resource').map(entry => entry.name).filter(name => /cap_/.test(name))"
    )
    assert len(wasm) == 1
    assert wasm[0].startswith(f"{server.url}/static/assets/cap_wasm_bg-")


def wait_for_entry(page: Page, server: Server) -> None:
    """Until the page has opened a session. The server counts from its start."""
    deadline = time.monotonic() + SECONDS
    while 'hashpass_gate_results_total{outcome="passed"} 1.0' not in httpx.get(f"{server.url}/metrics").text:
        assert time.monotonic() < deadline, "The page has opened no session."
        page.wait_for_timeout(100)
    page.evaluate("0")  # what it has asked for up to here has been told when this returns


def test_the_page_solves_another_one_by_itself_when_its_session_is_gone(
    serve: Serve, visit: Visit, trouble: Trouble
) -> None:
    trouble.expect("net::ERR_|WebSocket|401")
    nobody_wins = {"HASHPASS_DIFFICULTY": "60", "HASHPASS_MAX_DIFFICULTY": "60"}
    server = serve(HASHPASS_GATE="", **LIGHT, **nobody_wins)
    page = visit(at=server)
    seen = calls(page)
    page.get_by_role("button", name="Start mining").click()
    wait_for_entry(page, server)
    server.restart()
    wait_for_entry(page, server)
    assert seen == ["challenge", "redeem"] * 2
