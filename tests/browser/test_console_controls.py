"""The console's controls on a real server: what an operator changes, and what everybody else sees of it."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.browser.conftest import PHONE, Serve, Server, Trouble, Visit
from tests.browser.operating import MINERS, Miner, log_in, mining, operated, operator, reach, win
from tests.browser.racing import SHOWN, eventually, fixed

ZONE: Final = "Asia/Kolkata"
AHEAD: Final = 5.5 * 3600
"""What a clock there shows more than one in Greenwich."""

NAME_IN_SIGHT: Final = """
() => {
  const label = document.activeElement.labels[0];
  const { left, top } = label.getClientRects()[0];
  const at = document.elementFromPoint(left + 4, top + 6);
  return at === label || label.contains(at);
}
"""


def open_controls(visit: Visit, server: Server, **options: Any) -> Page:
    page = visit("/admin#/controls", at=server, **options)
    log_in(page)
    expect(reach(page)).to_have_text("Live", timeout=SHOWN)
    return page


def line(page: Page, name: str) -> Locator:
    return page.locator(f"[data-name={name}]")


def status(server: Server) -> dict[str, Any]:
    with operator(server) as client:
        told: dict[str, Any] = client.get("/api/admin/status").raise_for_status().json()
    return told


def test_a_change_says_what_it_will_do_and_everybody_gets_a_new_puzzle(serve: Serve, visit: Visit) -> None:
    server = operated(serve, **fixed(20))
    with mining(server) as miners:
        page = open_controls(visit, server)
        before = status(server)
        field = line(page, "difficulty").locator("input")
        effect = line(page, "difficulty").locator(".effect")
        expect(effect).to_contain_text("45 H/s", timeout=SHOWN)
        field.fill("21")
        expect(effect).to_have_text(re.compile(r"At the present 45 H/s a round takes about 12h 5\dm\."))
        line(page, "difficulty").get_by_role("button", name="Apply").click()
        expect(line(page, "difficulty").locator(".fault")).to_contain_text("from 20 to 20", timeout=SHOWN)
        expect(field).to_be_focused()
        assert status(server)["round"] == before["round"]

        # Both belong together: one by one they would be refused.
        line(page, "max_difficulty").locator("input").fill("21")
        page.get_by_role("button", name="Apply all 2 together").click()
        expect(page.get_by_text("Applied. A new puzzle is open.")).to_be_visible(timeout=SHOWN)
        assert miners[0].hear("PUZZLE_RESET")["seed"] != before["current_seed"]
        expect(line(page, "difficulty").locator(".present")).to_contain_text("21 bits")
        after = status(server)
        assert (after["difficulty"], after["max_difficulty"]) == (21, 21)
        assert after["current_seed"] != before["current_seed"]


def test_what_only_the_server_knows_is_told_at_its_field(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect("400")
    server = operated(serve)
    page = open_controls(visit, server)
    line(page, "time_cost").locator("input").fill("16")
    line(page, "memory_cost").locator("input").fill("4194304")
    page.get_by_role("button", name="Apply all 2 together").click()
    fault = page.locator(".fault:not(:empty)")
    expect(fault).to_have_text(re.compile("free memory hashing may take|would take this server"), timeout=SHOWN)
    expect(fault).to_have_count(1)
    expect(page.locator(".parameter:has(.fault:not(:empty)) input")).to_be_focused()
    expect(page.locator(".parameter:has(.fault:not(:empty)) input")).to_have_attribute("aria-invalid", "true")
    expect(line(page, "memory_cost").locator("input")).to_have_value("4194304")
    assert status(server)["memory_cost"] == 256


def test_a_drop_is_set_in_the_operators_hours_and_closed_again(serve: Serve, visit: Visit) -> None:
    server = operated(serve)
    page = open_controls(visit, server, timezone_id=ZONE)
    minute = int(time.time() // 60 + 90) * 60
    written = datetime.fromtimestamp(minute + AHEAD, UTC).strftime("%Y-%m-%dT%H:%M")
    sent: list[Any] = []

    def note(request: Request) -> None:
        if request.url.endswith("/api/admin/drop"):
            sent.append(request.post_data_json)

    page.on("request", note)
    expect(line(page, "opens_at").locator("small")).to_contain_text("Asia/")
    line(page, "opens_at").locator("input").fill(written)
    line(page, "code_limit").locator("input").fill("25")
    expect(line(page, "opens_at").locator(".effect")).to_have_text(re.compile(r"^In 1h (29|30)m"))
    expect(line(page, "code_limit").locator(".effect")).to_contain_text("After 25 codes the race closes.")
    page.get_by_role("button", name="Apply all 2 together").click()
    expect(page.get_by_text("Applied.", exact=True)).to_be_visible(timeout=SHOWN)
    stamp = datetime.fromtimestamp(minute, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert sent == [{"code_limit": 25, "opens_at": stamp}]
    told = httpx.get(f"{server.url}/api/drop").raise_for_status().json()
    assert (told["open"], told["reason"], told["remaining"]) == (False, "not_open_yet", 25)
    assert datetime.fromisoformat(told["opens_at"]).timestamp() == minute
    page.goto("/admin#/now")
    expect(page.get_by_role("heading", name="The race is closed")).to_be_visible(timeout=SHOWN)

    page.goto("/admin#/controls")
    expect(line(page, "opens_at").locator("input")).to_have_value(written, timeout=SHOWN)
    line(page, "opens_at").locator("input").fill("")
    line(page, "opens_at").get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Applied.", exact=True)).to_be_visible(timeout=SHOWN)
    assert httpx.get(f"{server.url}/api/drop").json()["open"] is True
    past = datetime.fromtimestamp(time.time() + AHEAD - 120, UTC).strftime("%Y-%m-%dT%H:%M")
    line(page, "closes_at").locator("input").fill(past)
    expect(line(page, "closes_at").locator(".effect")).to_contain_text("the race closes at once")
    line(page, "closes_at").get_by_role("button", name="Apply").click()
    eventually(page, lambda: httpx.get(f"{server.url}/api/drop").json()["reason"] == "ended")


def operate(page: Page, title: str) -> Locator:
    """Press an operation's button; the question that comes."""
    page.locator(".operations li").filter(has=page.get_by_role("heading", name=title, exact=True)).get_by_role(
        "button"
    ).click()
    question = page.get_by_role("dialog")
    expect(question.get_by_role("heading", name=title)).to_be_visible(timeout=SHOWN)
    return question


def test_each_operation_says_what_it_does_before_it_is_done(serve: Serve, visit: Visit) -> None:
    server = operated(serve, **fixed(1))
    codes = [win(server, f"203.0.113.{place}", f"winner {place}") for place in (1, 2)]
    with mining(server) as miners:
        page = open_controls(visit, server)
        eventually(page, lambda: status(server)["active_miners"] == len(MINERS))
        expect(line(page, "difficulty").locator(".effect")).to_contain_text("45 H/s", timeout=SHOWN)
        before = status(server)["current_seed"]

        question = operate(page, "Reset the puzzle")
        expect(question).to_contain_text("This voids the running puzzle. 3 miners start again with a new one")
        expect(question.get_by_role("button", name="Cancel")).to_be_focused()
        page.keyboard.press("Escape")
        expect(question).to_have_count(0)
        assert status(server)["current_seed"] == before
        operate(page, "Reset the puzzle").get_by_role("button", name="Reset").click()
        expect(page.locator(".outcome", has_text="Done.")).to_be_visible(timeout=SHOWN)
        assert miners[0].hear("PUZZLE_RESET")["seed"] == status(server)["current_seed"] != before

        question = operate(page, "Send everybody away")
        expect(question).to_contain_text(re.compile(r"This closes 3 sockets and ends \d+ sessions\."))
        question.get_by_role("button", name="Send away").click()
        assert {miner.reason() for miner in miners} == {"The operator has closed all connections."}
        eventually(page, lambda: status(server)["session_count"] == 0)

        another = Miner(server, MINERS[0], 1)
        eventually(page, lambda: status(server)["session_count"] == 1)
        expect(page.locator(".outcome", has_text="Done.")).to_be_visible(timeout=SHOWN)
        page.wait_for_timeout(2500)  # the next status brings the number that the question names
        question = operate(page, "Clear sessions")
        expect(question).to_contain_text("This ends 1 session.")
        question.get_by_role("button", name="Clear").click()
        eventually(page, lambda: status(server)["session_count"] == 0)
        another.close()

        question = operate(page, "Replace the receipt key")
        keys = len(httpx.get(f"{server.url}/.well-known/jwks.json").json()["keys"])
        question.get_by_role("button", name="Replace").click()
        expect(question).to_have_count(0, timeout=SHOWN)
        assert len(httpx.get(f"{server.url}/.well-known/jwks.json").json()["keys"]) == keys + 1

        question = operate(page, "Replace the code key")
        expect(question).to_contain_text("This revokes all 2 codes given so far", timeout=SHOWN)
        question.get_by_role("button", name="Replace").click()
        expect(question.get_by_role("alert")).to_contain_text("Type “revoke” first. Nothing has been changed.")
        question.get_by_label("Type “revoke” to go on").fill("Revoke ")
        question.get_by_role("button", name="Replace").click()
        expect(question).to_have_count(0, timeout=SHOWN)
    with operator(server) as client:
        told = [client.post("/api/admin/codes/check", json={"invite_code": code}).json() for code in codes]
    assert {one["status"] for one in told} == {"revoked"}


@pytest.mark.parametrize("options", [PHONE, {"viewport": {"width": 1280, "height": 500}}], ids=["phone", "desktop"])
def test_the_name_of_a_field_is_in_sight_when_it_has_the_focus(
    serve: Serve, visit: Visit, options: dict[str, Any]
) -> None:
    page = open_controls(visit, operated(serve), **options)
    hidden: list[str] = []
    for name in ("closes_at", "win_cooldown", "worker_count", "memory_cost", "target_time", "max_difficulty"):
        field = line(page, name).locator("input")
        # As far up as it can be seen whole: what stands above it is behind the tabs of a phone.
        field.evaluate("(field) => scrollBy(0, field.getBoundingClientRect().top - 56)")
        field.focus()
        if not page.evaluate(NAME_IN_SIGHT):
            hidden.append(name)
    assert hidden == []
