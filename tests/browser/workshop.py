"""What the tests of the generators' pages have in common: a server that mails, somebody who signs in, pictures."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Server
from tests.browser.racing import SHOWN, eventually
from tests.mailbox import Postman, link_in

KEYS: Final = {
    "JWT_SECRET": "1a" * 32,
    "MAGIC_LINK_HMAC_KEY": "2b" * 32,
    "PBKDF2_SALT": "3c" * 32,
    "HASHPASS_STORE": "sqlite:///store.db",
}
DEV: Final = {**KEYS, "HASHPASS_LOGIN_DEV": "true"}
"""Links without mails: see `ask`."""
PERSON: Final = "somebody@example.org"
REFUSED: Final = "status of 400 "
"""A browser writes every refusal into its console."""
WORDS: Final = Path(__file__).parents[2] / "frontend" / "src" / "i18n" / "workshop"
SEED: Final = "CZer2Wi2kKJFBXLxn5ZJFVtLo65S8EV2offwhJd7WV5H"


def words(language: str) -> dict[str, str]:
    """What the pages say in a language."""
    said: dict[str, str] = json.loads((WORDS / f"{language}.json").read_text("utf-8"))
    return said


def take_picture(page: Page, name: str) -> None:
    """Keep how the page looks, in the folder that HASHPASS_PICTURES names; without it there are no pictures."""
    folder = os.environ.get("HASHPASS_PICTURES")
    if folder is not None:
        # A dialog covers what is seen, and nothing below it.
        whole = page.get_by_role("dialog").count() == 0
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole, animations="disabled")


def ask(server: Server, **form: Any) -> str:
    """A link for somebody, without a mail: by the one setting that answers it to programs on this machine."""
    body = {"email": PERSON, "ui_host": server.url, **form}
    answer = httpx.post(f"{server.url}/api/login/", json=body, timeout=30)
    link: str = answer.json()["dev_magic_link"]
    return link


def sign_in(page: Page, server: Server) -> None:
    page.goto(ask(server))
    expect_user(page)


def expect_user(page: Page, *, signed_in: bool = True) -> None:
    """The button at the top: a name to log out by, or an offer."""
    expect(page.locator(".way .user .figure")).to_have_count(int(signed_in), timeout=SHOWN)
    if not signed_in:
        expect(page.locator(".way .user")).to_be_visible(timeout=SHOWN)


def made(page: Page) -> str:
    """The text, once it is there."""
    expect(page.locator("textarea")).not_to_have_value("", timeout=SHOWN)
    expect(page.locator(".made")).to_have_attribute("aria-busy", "false")
    return page.locator("textarea").input_value()


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog")


def ask_by_dialog(page: Page, email: str = PERSON) -> None:
    """From the open dialog to the mail that is on its way."""
    dialog(page).locator("#email").fill(email)
    page.keyboard.press("Enter")
    dialog(page).locator(".address").wait_for()
    dialog(page).locator("button.first").click()
    expect(dialog(page).get_by_role("status")).to_be_visible(timeout=SHOWN)


def mailed_link(page: Page, postman: Postman, count: int = 1) -> str:
    """The link of the mail with this number, when it has come."""
    eventually(page, lambda: len(postman.got) >= count)
    return link_in(postman.got[count - 1][0])


def addresses_of(page: Page) -> list[str]:
    """Every address in the tab's history."""
    session = page.context.new_cdp_session(page)
    entries = session.send("Page.getNavigationHistory")["entries"]
    session.detach()
    return [entry["url"] for entry in entries]
