"""The race as its visitors live it: one click, and then wins, losses, time-outs and a server that goes away."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Request, expect

from tests.browser.conftest import Serve, Trouble, Visit
from tests.browser.racing import (
    ENDLESS,
    QUICK,
    SHOWN,
    codes_on,
    eventually,
    expect_mining,
    fixed,
    main_button,
    newest_code,
    records,
    rival,
    start,
)

LOST = "Someone was faster. The next round is running."
NOT_THE_FIRST = r"status of 409 .*/api/verify"
"""A browser writes every refusal into its console."""
RESTARTING = r"net::ERR_|status of 401 "


def pasted(page: Page) -> str:
    """What is in the clipboard. Our pages may not read it, so a visitor's paste has to do."""
    page.evaluate("document.body.append(Object.assign(document.createElement('textarea'), {id: 'pasted'}))")
    page.locator("#pasted").focus()
    page.keyboard.press("Control+V")
    return page.locator("#pasted").input_value()


def test_one_click_wins_a_code_that_can_be_copied_and_outlives_a_reload(serve: Serve, visit: Visit) -> None:
    server = serve(**QUICK)
    page = visit(at=server, permissions=["clipboard-write"])
    start(page)
    expect(page.get_by_role("heading", name="You won")).to_be_visible(timeout=SHOWN)
    expect(page).to_have_title(re.compile("^You won"))
    main_button(page).click()
    expect(main_button(page)).to_have_text("Start mining")

    eventually(page, lambda: len(codes_on(page)) == len(records(server)))
    shown = newest_code(page)
    code = shown.inner_text()
    assert code == records(server)[-1]["invite_code"]
    assert shown.evaluate("element => parseFloat(getComputedStyle(element).fontSize)") >= 20

    page.locator(".copy.first").click()
    expect(page.locator(".copy.first")).to_have_text("Copied")
    assert pasted(page) == code

    page.reload()
    expect(shown).to_have_text(code)
    assert page.title() == "HashPass", "what was won before is not news"
    # What the tab kept is one thing; the server knows it as well.
    page.evaluate("sessionStorage.removeItem('hashpass.prizes')")
    with page.expect_response("**/api/code"):
        page.reload()
    expect(shown).to_have_text(code)


def test_whoever_loses_is_told_kindly_and_goes_on_without_a_click(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect(NOT_THE_FIRST)
    server = serve(**QUICK)
    page = visit(at=server)
    start(page)
    with rival(server):
        eventually(page, lambda: len(records(server)) - len(codes_on(page)) >= 3)
        expect(page.get_by_text(LOST).first).to_be_visible(timeout=1000)
        expect_mining(page)
        lost = len(codes_on(page))
    eventually(page, lambda: len(codes_on(page)) > lost)
    assert {record["invite_code"] for record in records(server)} > set(codes_on(page))


def test_two_tabs_share_the_rounds_and_no_code(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect(NOT_THE_FIRST)
    # So easy that both find an answer to most puzzles.
    server = serve(**fixed(6))
    one = visit(at=server)
    other = one.context.new_page()
    other.goto("/")
    for tab in (one, other):
        start(tab)
    for tab in (one, other):
        expect(tab.locator(".rounds li")).to_have_count(6, timeout=SHOWN)
    for tab in (one, other):
        main_button(tab).click()
        expect(main_button(tab)).to_have_text("Start mining")

    def found_out() -> bool:
        return sorted(codes_on(one) + codes_on(other)) == sorted(record["invite_code"] for record in records(server))

    eventually(one, found_out)
    won = records(server)
    assert len(won) >= 6
    for unique in ("round", "seed", "invite_code"):
        assert len({record[unique] for record in won}) == len(won)


def test_a_server_that_restarts_is_found_again_and_mining_goes_on(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect(RESTARTING)
    server = serve(**ENDLESS)
    page = visit(at=server)
    start(page)
    expect_mining(page)
    before = page.evaluate("sessionStorage.getItem('hashpass.session')")
    assert before
    server.stop()
    notice = page.locator(".notice")
    expect(notice).to_contain_text("The server does not answer", timeout=SHOWN)
    expect(notice).to_contain_text("Next try in")
    server.start(**QUICK)
    expect(notice).to_have_count(0, timeout=SHOWN)
    expect(newest_code(page)).to_be_visible(timeout=SHOWN)
    expect_mining(page)
    assert page.evaluate("sessionStorage.getItem('hashpass.session')") != before
    assert set(codes_on(page)) <= {record["invite_code"] for record in records(server)}


def test_after_a_time_out_the_best_try_is_handed_in_and_may_win(serve: Serve, visit: Visit) -> None:
    server = serve(**ENDLESS, HASHPASS_TARGET_TIME="1", HASHPASS_TARGET_TIMEOUT="2", HASHPASS_TIMEOUT_AWARD="true")
    page = visit(at=server)
    handed_in: list[Request] = []
    page.on("request", lambda request: handed_in.append(request) if request.url.endswith("/api/submit") else None)
    start(page)
    expect(page.locator(".rounds")).to_contain_text("Time-out", timeout=SHOWN)
    expect(page.get_by_role("heading", name="You came closest")).to_be_visible(timeout=SHOWN)
    expect_mining(page)
    record, first = records(server)[0], handed_in[0]
    assert (record["invite_code"], record["reason"]) == (codes_on(page)[-1], "consolation")
    assert f'"nonce":{record["nonce"]},' in str(first.post_data)
    answer = first.response()
    assert answer is not None
    assert answer.status == 202


def test_a_pause_ends_the_work_and_a_click_resumes_it(serve: Serve, visit: Visit) -> None:
    page = visit(at=serve(**ENDLESS))
    mine = page.locator(".rates .you dd")
    start(page)
    expect(mine).not_to_have_text(re.compile(r"^(–|0 H/s)$"), timeout=SHOWN)
    main_button(page).click()
    expect(mine).to_have_text("0 H/s", timeout=SHOWN)
    expect(page.locator(".clock")).to_contain_text("nobody is mining", timeout=SHOWN)
    start(page)
    expect_mining(page)
    expect(mine).not_to_have_text("0 H/s", timeout=SHOWN)
