"""The page in a real browser: it opens, and nothing happens behind its back."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import PHONE, Serve, Server, Trouble, Visit


def test_the_page_opens_without_a_complaint(page: Page) -> None:
    assert page.title() == "HashPass"
    page.locator("#app > *").first.wait_for()


@pytest.mark.parametrize("options", [PHONE, {"color_scheme": "dark"}, {"locale": "ar"}], ids=["phone", "dark", "ar"])
def test_it_opens_for_everybody(visit: Visit, options: dict[str, Any]) -> None:
    visit(**options).locator("#app > *").first.wait_for()


def test_the_second_visit_fetches_the_page_and_keeps_its_files(visit: Visit) -> None:
    page = visit()
    script = "performance.getEntriesByType('resource').filter(entry => entry.name.includes('/static/assets/'))"
    assert page.evaluate(f"{script}.length") > 0
    page.reload()
    assert page.evaluate(f"{script}.filter(entry => entry.transferSize > 0).length") == 0


def test_a_restarted_server_is_found_where_it_was(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect("net::ERR_")  # whatever the page asks for meanwhile
    server = serve()
    page = visit(at=server)
    before = server.url
    server.restart()
    assert server.url == before
    page.goto("/")
    assert page.title() == "HashPass"


# The watch itself, without which a clean page means nothing.


def test_a_request_to_another_host_is_noticed(page: Page, trouble: Trouble) -> None:
    trouble.expect("https://elsewhere.example/")
    page.evaluate("fetch('https://elsewhere.example/').catch(() => 0)")
    page.evaluate("0")
    assert any(what.startswith("policy: connect-src") for what in trouble.seen)


def test_an_inline_script_is_refused_and_noticed(page: Page, trouble: Trouble) -> None:
    trouble.expect("script-src")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    assert page.evaluate("window.ran") is None
    assert any(what.startswith("policy: script-src") for what in trouble.seen)


def test_an_uncaught_error_is_noticed(page: Page, trouble: Trouble) -> None:
    trouble.expect("on purpose")
    page.evaluate("void setTimeout(() => { throw new Error('on purpose') })")
    page.wait_for_timeout(50)
    assert any(what.startswith("uncaught: on purpose") for what in trouble.seen)


def test_a_missing_file_is_noticed(page: Page, server: Server, trouble: Trouble) -> None:
    trouble.expect("/static/missing.js")
    page.evaluate("fetch('/static/missing.js').then(() => 0)")
    assert any("404" in what and server.url in what for what in trouble.seen)
