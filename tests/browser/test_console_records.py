"""The console's codes and logs on a real server, with visitors who call themselves what no page should believe."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import PHONE, Serve, Server, Trouble, Visit
from tests.browser.operating import HOSTILE, expect_no_dialogs, log_in, operated, operator, reach, win
from tests.browser.racing import SHOWN, fixed

SCHEME: Final = "javascript:alert(document.domain)"
TURNING: Final = "visitor \u202egpj.exe"
LONG: Final = "Ω" * 128
FORMULA: Final = '=HYPERLINK("http://x.invalid","y")'
VISITORS: Final = (HOSTILE, SCHEME, TURNING, LONG, FORMULA)
SHOWN_AS: Final = tuple(name.replace("\u202e", "\\u202e") for name in VISITORS)
ADDRESS: Final = '203.0.113.9"><script>alert(3)</script>'
"""No address that a server would write down; a tampered log may hold it."""


@pytest.fixture
def given(serve: Serve) -> tuple[Server, list[str]]:
    """A server that has given out codes, and these."""
    server = operated(serve, **fixed(1))
    return server, [win(server, f"203.0.113.{place + 1}", name) for place, name in enumerate(VISITORS)]


def open_at(page: Page, rows: int) -> None:
    log_in(page)
    expect(reach(page)).to_have_text("Live", timeout=SHOWN)
    expect(page.locator(".log-of-codes tbody tr")).to_have_count(rows, timeout=SHOWN)


def row(page: Page, code: str) -> Locator:
    return page.locator(".log-of-codes tbody tr", has_text=code)


def falsify(route: Route) -> None:
    """The log, with an address in it that is none."""
    response = route.fetch()
    body = response.json()
    body["records"][0]["real_ip"] = ADDRESS
    route.fulfill(response=response, json=body)


def test_what_visitors_call_themselves_is_text_and_nothing_else(
    given: tuple[Server, list[str]], visit: Visit, trouble: Trouble
) -> None:
    server, codes = given
    page = visit("/admin#/codes", at=server)
    expect_no_dialogs(page, trouble)
    page.route("**/api/admin/logs?*", falsify)
    open_at(page, len(codes))
    for code, name in zip(codes, SHOWN_AS, strict=True):
        expect(row(page, code).locator("[data-label=Visitor]")).to_have_text(name)
        # It takes its own direction and keeps it to itself.
        expect(row(page, code).locator("[data-label=Visitor] bdi")).to_have_count(1)
    expect(page.locator("[data-label=Address]").first).to_have_text(ADDRESS)
    for code, name in zip(codes, SHOWN_AS, strict=True):
        row(page, code).get_by_role("button").click()
        record = page.get_by_role("dialog")
        expect(record.locator("div", has=page.get_by_text("visitor_id", exact=True)).last).to_contain_text(name)
        expect(record.get_by_role("heading", name="Good")).to_be_visible(timeout=SHOWN)
        page.keyboard.press("Escape")
        expect(record).to_have_count(0)
    expect(page.locator("main :is(img, iframe, script, object, embed, [onerror], [onmouseover])")).to_have_count(0)
    expect(page.locator("main a")).to_have_count(0)


def test_codes_are_found_by_words_and_by_file(given: tuple[Server, list[str]], visit: Visit) -> None:
    server, codes = given
    page = visit("/admin#/codes", at=server)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/admin/logs?" in request.url else None)
    open_at(page, len(codes))
    expect(page.locator(".sums dd").first).to_have_text(str(len(codes)))
    expect(page.locator(".chart svg[role=img]")).to_have_count(3)
    search = page.get_by_label("Search codes, visitors, addresses")
    for words, found in ((codes[2], 1), (SCHEME, 1), ("203.0.113.", 5), ("ΩΩΩ", 1), ("no such thing", 0)):
        search.fill(words)
        expect(page.get_by_text(f"{found} code{'' if found == 1 else 's'}", exact=True)).to_be_visible(timeout=SHOWN)
        expect(page.locator(".log-of-codes tbody tr")).to_have_count(found)
    expect(page.get_by_text("Nothing was found.")).to_be_visible()
    search.fill("")
    page.get_by_label("File").select_option("verify.json")
    expect(page.locator(".log-of-codes tbody tr")).to_have_count(len(codes), timeout=SHOWN)
    assert re.search(r"[?&]file=verify\.json(&|$)", asked[-1]), asked


@pytest.mark.parametrize("form", ["CSV", "JSON"])
def test_an_export_holds_everything_and_no_spreadsheet_carries_it_out(
    given: tuple[Server, list[str]], visit: Visit, form: str
) -> None:
    server, codes = given
    page = visit("/admin#/codes", at=server)
    open_at(page, len(codes))
    with page.expect_download() as downloading:
        page.get_by_role("button", name=f"Save as {form}").click()
    download = downloading.value
    assert re.fullmatch(rf"hashpass-codes-\d{{4}}-\d\d-\d\d\.{form.lower()}", download.suggested_filename)
    text = Path(download.path()).read_bytes().decode()
    records = list(csv.DictReader(io.StringIO(text, newline=""))) if form == "CSV" else json.loads(text)
    assert [record["invite_code"] for record in records] == codes
    names = [record["visitor_id"] for record in records]
    assert names[:-1] == list(VISITORS[:-1])
    assert names[-1] == (f"'{FORMULA}" if form == "CSV" else FORMULA)


def redeem(page: Page) -> None:
    page.get_by_role("button", name="Redeem …").click()
    question = page.get_by_role("dialog").last
    expect(question.get_by_role("heading", name="Redeem this code?")).to_be_visible()
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    question.get_by_role("button", name="Redeem it").click()
    expect(page.get_by_role("heading", name="Already redeemed")).to_be_visible(timeout=SHOWN)
    expect(page.get_by_role("button", name="Redeem …")).to_have_count(0)


def test_a_code_is_redeemed_once_from_its_row_or_by_its_letters(
    given: tuple[Server, list[str]], visit: Visit, trouble: Trouble
) -> None:
    trouble.expect("409")
    server, codes = given
    page = visit("/admin#/codes", at=server)
    open_at(page, len(codes))
    row(page, codes[0]).get_by_role("button").click()
    expect(page.get_by_role("heading", name="Good")).to_be_visible(timeout=SHOWN)
    redeem(page)
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(row(page, codes[0]).get_by_role("button")).to_be_focused()

    field = page.get_by_label("Code", exact=True)
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.get_by_text("Type or paste a code first.")).to_be_visible()
    for written, verdict in (("HASHPASS-nobodywonthisone", "Unknown"), (HOSTILE, "Unknown"), (codes[1], "Good")):
        field.fill(f"  {written} ")
        page.keyboard.press("Enter")
        expect(page.locator(".code-state h3")).to_have_text(verdict, timeout=SHOWN)
        expect(page.locator(".code-state .the-code")).to_have_text(written)
    redeem(page)

    # Another desk is faster: the second to press is told so.
    field.fill(codes[2])
    page.keyboard.press("Enter")
    expect(page.locator(".code-state h3")).to_have_text("Good", timeout=SHOWN)
    page.get_by_role("button", name="Redeem …").click()
    with operator(server) as client:
        client.post("/api/admin/codes/redeem", json={"invite_code": codes[2]}).raise_for_status()
        page.get_by_role("dialog").get_by_role("button", name="Redeem it").click()
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("redeemed", timeout=SHOWN)
        page.keyboard.press("Escape")
        expect(page.locator(".code-state h3")).to_have_text("Already redeemed", timeout=SHOWN)
        told = [client.post("/api/admin/codes/check", json={"invite_code": code}).json() for code in codes]
    assert [one["status"] for one in told] == ["redeemed"] * 3 + ["issued"] * 2


def test_the_log_is_read_by_level_and_followed(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect("401")
    server = operated(serve)
    page = visit("/admin#/logs", at=server)
    expect_no_dialogs(page, trouble)
    log_in(page)
    lines = page.locator(".lines > li")
    expect(lines.first).to_be_visible(timeout=SHOWN)
    levels = page.locator(".lines strong")
    assert "INFO" in levels.all_inner_texts()
    with operator(server) as client:
        refused = client.get("/api/admin/status", headers={"Authorization": f"Bearer {'x' * 20}"})
        assert refused.status_code == 401
    warning = lines.filter(has_text="WARNING").first
    expect(warning).to_be_visible(timeout=SHOWN)
    page.get_by_label("Level").select_option("WARNING")
    expect(lines.filter(has_text="INFO")).to_have_count(0, timeout=SHOWN)
    expect(warning).to_be_visible()
    page.get_by_label("Level").select_option("CRITICAL")
    expect(page.get_by_text("No line was found.")).to_be_visible(timeout=SHOWN)
    page.get_by_label("Level").select_option("")
    page.get_by_label("Search the log").fill(HOSTILE)
    expect(page.get_by_text("No line was found.")).to_be_visible(timeout=SHOWN)


@pytest.mark.parametrize("options", [PHONE, {"viewport": {"width": 1280, "height": 800}}], ids=["phone", "desktop"])
def test_long_names_take_no_more_room_than_there_is(
    given: tuple[Server, list[str]], visit: Visit, options: dict[str, Any]
) -> None:
    server, codes = given
    page = visit("/admin#/codes", at=server, **options)
    open_at(page, len(codes))
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    row(page, codes[3]).get_by_role("button").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert not page.evaluate(
        "[document.documentElement, document.querySelector('dialog')].some((one) => one.scrollWidth > one.clientWidth)"
    )
