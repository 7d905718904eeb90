"""What keeps a visitor from mining, brought about for real: the page says which it is, and what can be done."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Final

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Serve, Trouble, Visit
from tests.browser.racing import ENDLESS, SHOWN, eventually, expect_mining, main_button, start

TURNSTILE: Final = {
    "HASHPASS_GATE": "turnstile",
    "TURNSTILE_SITE_KEY": "0x4AAAAAAA-a-test",
    "TURNSTILE_SECRET_KEY": "known to this test and its Cloudflare",
}
CLOUDFLARE: Final = "https://challenges.cloudflare.com/"
SCRIPT: Final = """
window.turnstile = {
  render(element, options) {
    element.append(document.createElement("hr"));
    setTimeout(() => options.callback(`token ${Math.random()}`));
    return "widget";
  },
  remove() { document.querySelector("#gate").replaceChildren(); },
};
"""
"""As much of Cloudflare's own as the page uses, for a visitor who has to do nothing."""


class Siteverify(HTTPServer):
    """Cloudflare's answers to our server."""

    answer: dict[str, object]

    def __init__(self) -> None:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                body = json.dumps(server.answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002, the name is http.server's
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


@pytest.fixture
def siteverify() -> Iterator[Siteverify]:
    with Siteverify() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def notice(page: Page, title: str) -> Locator:
    """The page's one notice, which has to have this title."""
    shown = page.locator(".notice")
    expect(shown.get_by_role("heading")).to_have_text(title, timeout=SHOWN)
    return shown


# The browser


def test_without_webassembly_there_is_nothing_to_press(serve: Serve, visit: Visit) -> None:
    page = visit(at=serve(**ENDLESS))
    page.context.add_init_script("delete window.WebAssembly")
    page.reload()
    start(page)
    expect(notice(page, "This browser cannot mine")).to_contain_text("current Firefox, Chrome, Edge or Safari")
    expect(main_button(page)).to_have_count(0)
    # Whoever pressed it is led to what is said instead.
    expect(page.locator(".said")).to_be_focused()


def test_without_workers_the_page_says_so_and_can_be_asked_again(serve: Serve, visit: Visit) -> None:
    page = visit(at=serve(**ENDLESS))
    page.context.add_init_script("window.Kept = window.Worker; delete window.Worker")
    page.reload()
    start(page)
    notice(page, "This browser holds the work back")
    page.evaluate("() => { window.Worker = window.Kept }")
    expect(main_button(page)).to_have_text("Try again")
    main_button(page).click()
    expect_mining(page)


def test_memory_that_the_browser_refuses_is_named(serve: Serve, visit: Visit) -> None:
    page = visit(at=serve(**ENDLESS))

    def ask_for_more(route: Route) -> None:
        # No WebAssembly memory is larger than 4 GiB, and the kernel needs a page of its own beside Argon2's.
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "memory_cost": 4 * 1024 * 1024})

    page.route("**/api/puzzle", ask_for_more)
    start(page)
    expect(notice(page, "Too little memory")).to_contain_text("needs 4 GiB for each worker")
    expect(main_button(page)).to_have_text("Try again")


def test_a_browser_that_cannot_run_our_kernel_mines_with_the_other_one(
    serve: Serve, visit: Visit, trouble: Trouble
) -> None:
    trouble.expect(r"status of 404 .*argon2")
    page = visit(at=serve(**ENDLESS))
    page.context.route("**/argon2*.wasm", lambda route: route.fulfill(status=404))
    start(page)
    expect(page.locator(".fallback")).to_contain_text("it mines more slowly", timeout=SHOWN)
    expect_mining(page)
    expect(page.locator(".rates .you dd")).not_to_have_text("0 H/s", timeout=SHOWN)


# The server


def test_a_banned_address_is_told_and_not_invited_to_try_again(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect(r"status of 403 ")
    server = serve(**ENDLESS)
    server.stop()
    (server.directory / "blacklist.json").write_text('{"banned_ips": ["127.0.0.1"]}')
    server.start()
    page = visit(at=server)
    start(page)
    expect(notice(page, "Your address is shut out")).to_contain_text("closed it to your network")
    expect(main_button(page)).to_have_count(0)


def test_a_server_that_is_away_from_the_start_is_waited_for(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect("net::ERR_")
    server = serve(**ENDLESS)
    page = visit(at=server)
    server.stop()
    start(page)
    away = notice(page, "The server does not answer")
    expect(away).to_contain_text("Next try in")
    server.start()
    away.get_by_role("button", name="Try again").click()
    expect_mining(page)


def test_a_session_that_has_ended_is_replaced(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect(r"net::ERR_|status of 401 ")
    server = serve(**ENDLESS)
    page = visit(at=server)
    start(page)
    expect_mining(page)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/gate/config", hold)
    server.restart()
    expect(notice(page, "Your session has ended")).to_contain_text("A new one is being opened")
    eventually(page, lambda: bool(held))
    for route in held:
        route.continue_()
    page.unroute("**/api/gate/config")
    expect_mining(page)


# The gate


def test_turnstile_in_test_mode_loads_nothing_from_outside(serve: Serve, visit: Visit) -> None:
    page = visit(at=serve(**ENDLESS, **TURNSTILE, TURNSTILE_TEST_MODE="true"))
    start(page)
    expect_mining(page)


def test_a_gate_whose_script_is_blocked_says_why(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect(CLOUDFLARE)
    page = visit(at=serve(**ENDLESS, **TURNSTILE))
    start(page)
    expect(notice(page, "The entrance check failed")).to_contain_text("script could not be loaded")
    expect(main_button(page)).to_have_text("Try again")
    page.context.route(f"{CLOUDFLARE}**", lambda route: route.abort("blockedbyclient"))
    main_button(page).click()
    notice(page, "The entrance check failed")


def test_turnstile_refuses_and_later_lets_in(
    serve: Serve, visit: Visit, trouble: Trouble, siteverify: Siteverify
) -> None:
    trouble.expect(CLOUDFLARE)
    trouble.expect(r"status of 40[13] .*/api/session")
    siteverify.answer = {"success": False, "error-codes": ["invalid-input-response"]}
    page = visit(at=serve(**ENDLESS, **TURNSTILE, TURNSTILE_VERIFY_URL=siteverify.url))
    page.context.route(f"{CLOUDFLARE}**", lambda route: route.fulfill(content_type="text/javascript", body=SCRIPT))
    start(page)
    refused = notice(page, "The entrance check failed")
    expect(refused).to_contain_text("did not accept")
    siteverify.answer = {"success": True}
    refused.get_by_role("button", name="Try again").click()
    expect_mining(page)
    expect(page.locator("#gate > *")).to_have_count(0)
