"""The operator's console on a real server: coming in and being thrown out, what is seen, and who is banned."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Serve, Trouble, Visit
from tests.browser.operating import (
    HOSTILE,
    MINERS,
    TOKEN,
    enter,
    expect_no_dialogs,
    log_in,
    mining,
    operated,
    reach,
    win,
)
from tests.browser.racing import SHOWN, fixed
from tests.browser.test_access import faults, tab, tab_to

SMALL: Final = {"viewport": {"width": 320, "height": 640}}
ARABIC: Final = {**PHONE, "locale": "ar"}


def test_the_operator_comes_in_and_sees_figures_that_move(serve: Serve, visit: Visit) -> None:
    server = operated(serve)
    page = visit("/admin", at=server)
    expect(page.get_by_label("Admin token")).to_be_focused(timeout=SHOWN)
    sockets: list[str] = []
    requests: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.on("request", lambda request: requests.append(request.url))
    log_in(page)
    expect(reach(page)).to_have_text("Live", timeout=SHOWN)
    expect(page.locator(".figures > div")).to_have_count(10)
    with mining(server):
        expect(page.locator(".figures .value").first).to_have_text("3", timeout=SHOWN)
        expect(page.locator(".figures .value").nth(2)).to_have_text("45 H/s", timeout=SHOWN)
        clock = page.locator(".figures .value").nth(4)
        before = clock.inner_text()
        expect(clock).not_to_have_text(before, timeout=SHOWN)
    assert len(sockets) == 1
    assert "ticket=" in sockets[0]
    assert not [url for url in [*sockets, *requests] if TOKEN in url]
    assert TOKEN not in "\n".join(server.lines)
    page.reload()
    expect(reach(page)).to_have_text("Live", timeout=SHOWN)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Admin token")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0


def test_a_miner_is_banned_in_two_clicks_and_let_in_again(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    server = operated(serve)
    with mining(server) as miners:
        page = visit("/admin#/miners", at=server)
        expect_no_dialogs(page, trouble)
        log_in(page)
        expect(page.locator("td code")).to_contain_text(MINERS[::-1], timeout=SHOWN)
        page.locator("summary").click()
        expect(page.locator("td .visitor", has_text=HOSTILE)).to_be_visible(timeout=SHOWN)
        page.locator("td .visitor", has_text=HOSTILE).hover()

        page.get_by_role("button", name=f"Ban: {MINERS[2]}").first.click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Ban 2001:db8:77:1::/64?")
        expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        dialog.get_by_role("button", name="Ban", exact=True).click()
        expect(page.locator(".done")).to_have_text(
            "2001:db8:77:1::/64 is banned. Sockets closed: 1. Sessions ended: 1.", timeout=SHOWN
        )
        assert miners[2].reason() == "This address is banned."
        expect(page.get_by_role("button", name=f"Ban: {MINERS[2]}")).to_have_count(0, timeout=SHOWN)
        expect(page.locator("img, iframe")).to_have_count(0)

        page.get_by_role("button", name="Lift the ban: 2001:db8:77:1::/64").click()
        dialog.get_by_role("button", name="Lift the ban").click()
        expect(page.locator(".done")).to_contain_text("is no longer banned", timeout=SHOWN)
        enter(server, MINERS[2], "somebody")


def test_operators_are_kept_from_banning_themselves(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect("400")
    page = visit("/admin#/miners", at=operated(serve))
    log_in(page)
    page.get_by_label("Address or network").fill("127.0.0.0/8")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Ban", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("This would ban you", timeout=SHOWN)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("Nobody is banned.")).to_be_visible()


def test_an_old_tab_does_not_lock_its_owner_out(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect("401|WebSocket|ERR_CONNECTION|failed:")
    server = operated(serve)
    tabs = [visit("/admin#/miners", at=server) for _ in range(3)]
    for page in tabs:
        log_in(page)
        expect(reach(page)).to_have_text("Live", timeout=SHOWN)
    tried: list[str] = []
    tabs[0].context.on("response", lambda response: tried.append(response.url) if response.status == 401 else None)
    server.restart(ADMIN_TOKEN="another-token-of-the-tests")
    for page in tabs:
        expect(page.get_by_role("heading", name="You have been logged out")).to_be_visible(timeout=3 * SHOWN)
    tabs[0].wait_for_timeout(7000)
    assert len(tried) <= 2, tried
    log_in(tabs[0], "another-token-of-the-tests")
    expect(reach(tabs[0])).to_have_text("Live", timeout=SHOWN)


def test_who_guesses_is_told_how_long_to_wait(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect("401|429")
    page = visit("/admin", at=operated(serve))
    for _ in range(10):
        log_in(page, "a wrong token of the tests")
        expect(page.get_by_role("alert")).to_contain_text("This is not the admin token.", timeout=SHOWN)
        expect(page.get_by_role("button", name="Log in", exact=True)).to_have_attribute("aria-disabled", "false")
    log_in(page)
    expect(page.get_by_role("alert")).to_contain_text(re.compile("Wait (5m|4m 5)"), timeout=SHOWN)


def test_everything_is_within_reach_of_the_keyboard(serve: Serve, visit: Visit) -> None:
    server = operated(serve)
    with mining(server):
        page = visit("/admin", at=server)
        page.get_by_label("Admin token").fill(TOKEN)
        page.keyboard.press("Enter")
        expect(reach(page)).to_have_text("Live", timeout=SHOWN)
        page.locator("a[href='#/now']").focus()
        tab(page)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Miners", exact=True)).to_be_focused(timeout=SHOWN)
        expect(page.locator("tbody tr")).to_have_count(3, timeout=SHOWN)
        tab_to(page, "Address")
        page.keyboard.press("Enter")
        expect(page.locator("th[aria-sort=ascending]")).to_have_text("Address")
        tab_to(page, "Ban: ")
        focused = page.evaluate("document.activeElement.ariaLabel")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert page.evaluate("document.activeElement.ariaLabel") == focused


VIEWS: Final = {
    "now": ".figures .value",
    "miners": ".miners tbody tr",
    "codes": ".log-of-codes tbody tr",
    "logs": ".lines > li",
    "controls": ".parameter",
}
"""What is there when a view is."""


@pytest.mark.parametrize(
    "options",
    [{"viewport": {"width": 1280, "height": 800}}, {**PHONE, "viewport": {"width": 390, "height": 844}}, SMALL, ARABIC],
    ids=["desktop", "phone", "small", "arabic"],
)
def test_axe_finds_nothing_and_nothing_sticks_out(serve: Serve, visit: Visit, options: dict[str, Any]) -> None:
    server = operated(serve, **fixed(1))
    win(server, "203.0.113.77", HOSTILE)
    found: dict[str, list[str]] = {}
    with mining(server):
        # Colours on their way from light to dark are neither.
        page = visit("/admin", at=server, reduced_motion="reduce", **options)

        def look(state: str) -> None:
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                found[f"{state}, {scheme}"] = faults(page)
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                found[state] = ["sticks out"]

        expect(page.locator("input[type=password]")).to_be_focused(timeout=SHOWN)
        look("log-in")
        page.keyboard.type(TOKEN)
        page.keyboard.press("Enter")
        for place, sign in VIEWS.items():
            page.goto(f"/admin#/{place}")
            expect(page.locator(sign).first).to_be_visible(timeout=SHOWN)
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
            page.evaluate("scrollTo(0, 0)")
            look(place)
        page.locator(".operations button").nth(1).click()
        expect(page.locator("dialog.confirm")).to_be_visible(timeout=SHOWN)
        look("question")
        page.keyboard.press("Escape")
        page.goto("/admin#/codes")
        page.locator(".log-of-codes td.acts button").click()
        expect(page.locator("dialog.record h3")).to_be_visible(timeout=SHOWN)
        look("record")
    assert not {state: what for state, what in found.items() if what}
    assert len(found) == 2 * (len(VIEWS) + 3)
