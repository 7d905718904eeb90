"""Drops as their visitors live them: a count-down, one start for everybody, a stock that runs out, and turns."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from playwright.sync_api import Page, WebSocket, expect

from tests.browser.conftest import PHONE, Serve, Trouble, Visit
from tests.browser.racing import ENDLESS, QUICK, SHOWN, codes_on, eventually, fixed, main_button, records, start
from tests.browser.test_access import SHIFTS

CLOCK: Final = re.compile(r"^00:\d\d$")
CLOSED: Final = r"status of 403 "
"""A browser writes every refusal into its console."""


def in_seconds(seconds: float) -> str:
    return datetime.fromtimestamp(time.time() + seconds, UTC).isoformat().replace("+00:00", "Z")


def wait(page: Page) -> None:
    """The one click, before the opening."""
    start(page)
    expect(main_button(page)).to_have_text("Stop waiting", timeout=SHOWN)
    expect(page.locator(".said")).to_contain_text("You are ready", timeout=SHOWN)


def heard(page: Page) -> list[dict[str, Any]]:
    """What the server says on the page's sockets from now on, with the time when it arrived."""
    said: list[dict[str, Any]] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: said.append({**json.loads(frame), "at": time.monotonic()}))

    page.on("websocket", listen)
    return said


def reset(said: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((message for message in said if message["type"] == "PUZZLE_RESET"), None)


def test_two_pages_count_down_and_start_at_the_same_instant_on_the_same_seed(serve: Serve, visit: Visit) -> None:
    server = serve(**ENDLESS, HASHPASS_OPENS_AT=in_seconds(9), HASHPASS_CODE_LIMIT="25")
    one, other = visit(at=server, timezone_id="Asia/Kolkata"), visit(at=server)
    told = [heard(one), heard(other)]
    expect(one.locator(".clock h2")).to_contain_text("GMT+5:30", timeout=SHOWN)
    for page in (one, other):
        expect(page.locator(".watched")).to_have_text(CLOCK, timeout=SHOWN)
        expect(page.locator(".clock")).to_contain_text("25 invites left")
        wait(page)
    first = one.locator(".watched").inner_text()
    eventually(one, lambda: one.locator(".watched").inner_text() < first)
    asked: list[str] = []
    for page in (one, other):
        page.on("request", lambda request: asked.append(request.url))
    for page in (one, other):
        expect(main_button(page)).to_have_text("Pause", timeout=SHOWN)
        expect(page.locator(".clock h2")).to_have_text("Round 1")
    opened = [reset(said) for said in told]
    assert opened[0] is not None
    assert opened[1] is not None
    assert opened[0]["reason"] == opened[1]["reason"] == "opened"
    assert opened[0]["seed"] == opened[1]["seed"]
    assert abs(opened[0]["at"] - opened[1]["at"]) < 1
    # The job was pushed and the trace was there: nothing had to be asked for.
    assert asked == []
    for page in (one, other):
        expect(page.locator(".rates .you dd")).not_to_have_text(re.compile("^(–|0 H/s)$"), timeout=SHOWN)


def test_whoever_only_looks_on_sees_the_opening_and_can_still_start(serve: Serve, visit: Visit) -> None:
    page = visit(at=serve(**ENDLESS, HASHPASS_OPENS_AT=in_seconds(4)))
    expect(page.locator(".said")).to_contain_text("Start now if you like", timeout=SHOWN)
    expect(page.locator(".clock h2")).to_have_text("The round shows once you start", timeout=SHOWN)
    start(page)
    expect(main_button(page)).to_have_text("Pause", timeout=SHOWN)


@pytest.mark.parametrize("options", [{}, PHONE, {"locale": "de"}], ids=["desktop", "phone", "german"])
def test_nothing_jumps_when_the_count_down_appears(serve: Serve, visit: Visit, options: dict[str, Any]) -> None:
    server = serve(**ENDLESS, HASHPASS_OPENS_AT=in_seconds(3600), HASHPASS_CODE_LIMIT="25")
    page = visit("/robots.txt", at=server, **options)
    page.context.add_init_script(SHIFTS)
    page.goto("/")
    expect(page.locator(".watched")).to_have_text(re.compile(r"^(59|60):\d\d$|^01:00:00$"), timeout=SHOWN)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("window.shift") < 0.02


def test_the_last_invite_closes_the_race_and_the_page_says_so(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect(CLOSED)
    server = serve(**QUICK, HASHPASS_CODE_LIMIT="2")
    page = visit(at=server)
    expect(page.locator(".clock")).to_contain_text("2 invites left", timeout=SHOWN)
    start(page)
    expect(page.locator(".notice h2")).to_have_text("All invites are gone", timeout=SHOWN)
    expect(page.locator(".clock h2")).to_have_text("No round is running")
    eventually(page, lambda: len(codes_on(page)) == 2)
    assert sorted(codes_on(page)) == sorted(record["invite_code"] for record in records(server))
    expect(page.locator(".rounds li.you")).to_have_count(2)
    late = visit(at=server)
    expect(late.locator(".notice h2")).to_have_text("All invites are gone", timeout=SHOWN)
    expect(main_button(late)).to_have_count(0)


def test_a_race_that_ends_stops_the_work(serve: Serve, visit: Visit) -> None:
    page = visit(at=serve(**ENDLESS, HASHPASS_CLOSES_AT=in_seconds(7)))
    expect(page.locator(".clock")).to_contain_text("closes ", timeout=SHOWN)
    start(page)
    expect(main_button(page)).to_have_text("Pause", timeout=SHOWN)
    expect(page.locator(".notice h2")).to_have_text("The race is over", timeout=SHOWN)
    expect(page.locator(".rates .you dd")).to_have_text("0 H/s", timeout=SHOWN)
    main_button(page).click()
    # There is nothing to start any more, and the focus is not lost with the button.
    expect(main_button(page)).to_have_count(0)
    expect(page.locator(".said")).to_be_focused()


def test_a_winner_lets_the_others_try_and_goes_on_by_itself(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect(CLOSED)
    server = serve(**fixed(6), HASHPASS_WIN_COOLDOWN="4")
    page = visit(at=server)
    start(page)
    turn = page.locator(".notice")
    expect(turn.get_by_role("heading")).to_have_text("It is the others’ turn", timeout=SHOWN)
    expect(turn).to_contain_text(re.compile(r"You may try again in \ds"))
    eventually(page, lambda: len(codes_on(page)) >= 2)
    won = [datetime.fromisoformat(record["timestamp"]) for record in records(server)]
    assert (won[1] - won[0]).total_seconds() >= 3.9


def test_a_visitor_who_has_won_enough_is_told_and_stops(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect(CLOSED)
    server = serve(**fixed(6), HASHPASS_WINS_PER_VISITOR="1")
    page = visit(at=server)
    start(page)
    expect(page.locator(".notice h2")).to_have_text("You have had your share", timeout=SHOWN)
    expect(main_button(page)).to_have_count(0)
    assert codes_on(page) == [record["invite_code"] for record in records(server)]


def test_the_page_checks_every_seed(serve: Serve, visit: Visit, trouble: Trouble) -> None:
    trouble.expect(r"status of 409 .*/api/verify")
    page = visit(at=serve(**QUICK))
    start(page)
    page.locator(".rounds li").nth(3).wait_for()
    main_button(page).click()
    page.locator(".log summary").click()
    lines = page.locator(".log .lines")
    expect(lines).to_contain_text("Seed checked: fixed before the round ended.")
    expect(lines).not_to_contain_text("Warning")
    page.locator(".about summary").click()
    expect(page.locator(".about")).to_contain_text(re.compile(r"Its fingerprint is [0-9a-f]{8}…"))
