"""Sign-in from the page: a form, a mail that comes over real SMTP, its link, and what was wanted in the first place."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unicodedata import is_normalized
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from mnemonic import Mnemonic
from playwright.sync_api import Page, Response, expect

from hashpass.generators.seeds import parse_seed
from hashpass.identity.links import Link, make_token
from hashpass.identity.mail.texts import LANGUAGES
from tests.browser.conftest import PHONE, Serve, Server, Trouble, Visit
from tests.browser.racing import SHOWN, eventually
from tests.browser.workshop import (
    DEV,
    KEYS,
    REFUSED,
    SEED,
    addresses_of,
    ask,
    ask_by_dialog,
    dialog,
    expect_user,
    made,
    mailed_link,
    sign_in,
    take_picture,
    words,
)
from tests.mailbox import Postman, body_of, mail_server

TYPED: Final = "Zuzanna.Nobody@Post.Example"
MISTYPED: Final = "Zuzana.Noboby@Post.Example"
EVIL: Final = "https://evil.example/"


@pytest.fixture
def postman() -> Postman:
    return Postman()


@pytest.fixture
def mailing(postman: Postman, serve: Serve) -> Iterator[Server]:
    """A server whose mails come to the postman, and that logs all it can."""
    with mail_server(postman) as port:
        mail = {"SMTP_URL": f"smtp://127.0.0.1:{port}", "MAIL_FROM": "noreply@hashpass.example"}
        server = serve(**KEYS, **mail, HASHPASS_LOG_LEVEL="DEBUG")
        yield server
        server.stop()


def spellings(email: str) -> set[bytes]:
    """How an address may have been written down; in lower case where its letters are still legible."""
    found: set[bytes] = set()
    for text in {email, email.lower(), email.upper()}:
        plain = text.encode()
        found |= {hashlib.sha3_256(plain).digest(), hashlib.sha256(plain).digest()}
        for part in (plain, plain.partition(b"@")[0]):
            # Where it begins within a longer text decides how base64 spells it, but for its ends.
            found |= {base64.b64encode(b"-" * shift + part + b"-" * 3)[4:-6] for shift in range(3)}
    for name in (email.lower(), *email.lower().split("@")):
        found |= {name.encode(), name.encode("utf-16-le"), name.encode().hex().encode(), quote(name).encode()}
        found.add(name.replace("@", "=40").replace(".", "=2e").encode())
    return found | {digest.hex().encode() for digest in found if len(digest) == 32}


def traces(email: str, places: dict[str, bytes]) -> list[str]:
    return [
        f"{spelling!r} in {name}"
        for name, content in places.items()
        for spelling in spellings(email)
        if spelling in content or spelling in content.lower()
    ]


def files_of(server: Server) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in server.directory.rglob("*") if path.is_file()}


def kept_by(page: Page) -> bytes:
    """Cookies and storage."""
    state = page.context.storage_state(indexed_db=True)
    return json.dumps([state, page.evaluate("({ ...sessionStorage })")]).encode()


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_from_a_form_by_mail_to_a_phrase_in_arabic_and_no_trace_of_the_address(
    mailing: Server, postman: Postman, visit: Visit, size: str
) -> None:
    said = words("ar")
    options: dict[str, Any] = PHONE if size == "phone" else {}
    page = visit("/mnemonic/", at=mailing, locale="ar", **options)
    wanted = {"endpoint": "mnemonic", "language": "spanish", "words": "24"}
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    page.get_by_label(said["workshop.language"], exact=True).select_option("spanish")
    page.get_by_role("radio", name="24").check()
    if size == "phone":
        wanted["seed"] = SEED
        page.get_by_text(said["workshop.seed.own"]).click()
        page.get_by_label(said["workshop.seed"], exact=True).fill(SEED)
    take_picture(page, f"ar-{size}-1-form")

    page.locator("button.main").click()
    box = dialog(page)
    expect(box.get_by_role("heading")).to_have_text(said["workshop.sign-in"])
    box.locator("#email").fill(MISTYPED)
    take_picture(page, f"ar-{size}-2-address")
    box.get_by_role("button", name=said["workshop.continue"]).click()
    expect(box.locator(".address")).to_have_text(MISTYPED)
    take_picture(page, f"ar-{size}-3-check")
    box.get_by_role("button", name=said["workshop.correct"]).click()
    expect(box.locator("#email")).to_have_value(MISTYPED)
    assert not postman.got
    ask_by_dialog(page, TYPED)
    expect(box.get_by_role("heading")).to_have_text(said["workshop.sent"])
    take_picture(page, f"ar-{size}-4-sent")

    link = mailed_link(page, postman)
    message, envelope, _ = postman.got[0]
    assert (envelope.mail_from, envelope.rcpt_tos) == ("noreply@hashpass.example", [TYPED.lower()])
    assert message["Subject"] == LANGUAGES["ar"].subject
    assert re.search("[\u0627-\u064a]{3}", message["Subject"])
    assert '<html lang="ar" dir="rtl">' in body_of(message, "html")
    assert link.startswith(f"{mailing.url}/?magiclink=")

    # As from a mail program: in another tab of this browser.
    tab = page.context.new_page()
    tab.goto(link)
    phrase = made(tab)
    take_picture(tab, f"ar-{size}-5-result")
    address = urlsplit(tab.url)
    assert address.path == "/result/"
    assert parse_qs(address.query) == {name: [value] for name, value in wanted.items()}
    expect(tab.locator("html")).to_have_attribute("dir", "rtl")
    expect(tab.locator("textarea")).to_have_attribute("dir", "ltr")
    seed = tab.locator(".facts dd code").first.text_content() or ""
    assert Mnemonic("spanish").check(phrase)
    assert is_normalized("NFD", phrase)
    assert bytes(Mnemonic("spanish").to_entropy(phrase)) == parse_seed(seed)
    assert (seed == SEED) == (size == "phone")
    expect_user(page)
    expect(dialog(page)).to_have_count(0)

    token = parse_qs(urlsplit(link).query)["magiclink"][0]
    user = tab.evaluate("localStorage.getItem('hashpass.user')")
    places = {
        "what the browser kept": kept_by(tab),
        "the page": tab.content().encode(),
        "the first page": page.content().encode(),
        **{f"{name}, open": content for name, content in files_of(mailing).items()},
    }
    mailing.stop()
    places |= {**files_of(mailing), "what it said": "\n".join(mailing.lines).encode()}
    for email in (TYPED, MISTYPED):
        assert not traces(email, places)
    assert not [name for name, content in places.items() if token.encode() in content]
    # The search would have found something.
    names = {Path(name).name for name, content in places.items() if str(user).encode() in content}
    assert {"store.db", "what the browser kept"} <= names
    assert {"hashpass.log", "store.db-wal, open"} <= {Path(name).name for name in places}


def assert_no_link_is_left(page: Page, link: str) -> None:
    token = parse_qs(urlsplit(link).query)["magiclink"][0]
    assert not [address for address in addresses_of(page) if "magiclink" in address or token in address]


def test_a_link_opened_again_says_so_and_a_new_one_keeps_the_form(
    mailing: Server, postman: Postman, visit: Visit, trouble: Trouble
) -> None:
    trouble.expect(REFUSED)
    owner = visit("/custom/?length=40&alphabet=numeric&prefix=a%26b%23", at=mailing)
    owner.locator("button.main").click()
    ask_by_dialog(owner)
    link = mailed_link(owner, postman)
    owner.goto(link)
    assert re.fullmatch(r"a&b#\d{40}", made(owner))
    assert_no_link_is_left(owner, link)

    # Again where it worked: nobody who is signed in has to sign in.
    owner.goto(link)
    refusal = owner.get_by_role("alert")
    expect(refusal).to_contain_text("This link does not work", timeout=SHOWN)
    expect(refusal).to_contain_text("You are signed in.")
    take_picture(owner, "en-desktop-link-used-signed-in")
    owner.get_by_role("button", name="Generate").click()
    assert re.fullmatch(r"a&b#\d{40}", made(owner))
    assert_no_link_is_left(owner, link)

    # And in a browser where nobody is.
    other = visit("/generators", at=mailing, color_scheme="dark", **PHONE)
    other.goto(link)
    expect(other.get_by_role("alert")).to_contain_text("It was used before", timeout=SHOWN)
    assert_no_link_is_left(other, link)
    take_picture(other, "en-phone-dark-link-used")
    expect_user(other, signed_in=False)
    other.get_by_role("button", name="Get a new link").click()
    ask_by_dialog(other)
    other.goto(mailed_link(other, postman, 2))
    assert re.fullmatch(r"a&b#\d{40}", made(other))


@pytest.mark.parametrize(
    "token",
    [
        "2ZcbRop",
        "0OIl",
        "<b>",
        "9" * 5000,
        make_token(b"\x2c" * 32, Link(b"\1" * 32, 2**40)),
        make_token(b"\x2b" * 32, Link(b"\1" * 32, 2**40)),
        make_token(b"\x2b" * 32, Link(b"\1" * 32, int(time.time()) - 1)),
    ],
    ids=["short", "no base58", "markup", "long", "forged", "never opened", "expired"],
)
def test_a_link_that_is_none_says_so_and_offers_a_new_one(
    server: Server, serve: Serve, visit: Visit, trouble: Trouble, token: str
) -> None:
    trouble.expect(REFUSED)
    link = f"/?magiclink={quote(token)}"
    page = visit("/robots.txt", at=serve(**KEYS))
    page.goto(link)
    expect(page.get_by_role("alert")).to_contain_text("This link does not work", timeout=SHOWN)
    assert_no_link_is_left(page, link)
    page.get_by_role("button", name="Get a new link").click()
    expect(dialog(page).locator("#email")).to_be_focused()


@pytest.mark.parametrize("next_", [EVIL, "//evil.example", "/admin", "javascript:alert(1)", "2ZcbRop"])
def test_what_comes_next_is_a_form_or_the_menu_and_never_an_address(serve: Serve, visit: Visit, next_: str) -> None:
    server = serve(**DEV)
    page = visit("/robots.txt", at=server)
    page.goto(f"{ask(server)}&next={quote(next_, safe='')}")
    expect_user(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Generators")
    assert page.url == f"{server.url}/generators"
    assert addresses_of(page)[-1] == page.url


def watch(page: Page, path: str) -> list[Response]:
    """The answers to come from a path of the API, in every tab."""
    seen: list[Response] = []
    page.context.on("response", lambda response: seen.append(response) if urlsplit(response.url).path == path else None)
    return seen


def test_two_tabs_reloaded_at_once_stay_signed_in_and_leave_together(serve: Serve, visit: Visit) -> None:
    server = serve(**DEV)
    one = visit("/robots.txt", at=server)
    sign_in(one, server)
    other = one.context.new_page()
    other.goto("/result/?endpoint=password")
    made(other)
    refreshed = watch(one, "/api/refresh")
    for _ in range(3):
        for tab in (one, other):
            tab.evaluate("void setTimeout(() => location.reload())")
        for tab in (one, other):
            tab.wait_for_load_state()
        made(other)
    one.goto("/result/?endpoint=custom")
    made(one)
    assert len(refreshed) >= 3
    assert {response.status for response in refreshed} == {200}
    expect_user(other)

    one.locator(".way .user").click()
    expect(dialog(one)).to_be_visible()
    take_picture(one, "en-desktop-log-out")
    dialog(one).get_by_role("button", name="Log out").click()
    for tab in (one, other):
        expect_user(tab, signed_in=False)
        expect(tab.get_by_role("heading", level=1)).to_have_text("Generators")
        expect(tab.locator("textarea")).to_have_count(0)
    # What was in the cookie is worth nothing either.
    assert "refresh_token" not in {cookie.get("name") for cookie in one.context.cookies()}
    assert one.evaluate("localStorage.getItem('hashpass.user')") is None


def test_an_old_access_token_is_renewed_without_a_word(serve: Serve, visit: Visit) -> None:
    server = serve(**DEV, HASHPASS_ACCESS_TTL="2")
    page = visit("/robots.txt", at=server)
    sign_in(page, server)
    refreshed = watch(page, "/api/refresh")
    page.goto("/custom/")
    page.locator("button.main").click()
    first = made(page)
    before = len(refreshed)
    page.get_by_role("button", name="Generate another").click()
    expect(page.locator("textarea")).not_to_have_value(first, timeout=SHOWN)
    made(page)
    assert len(refreshed) > before
    assert {response.status for response in refreshed} == {200}
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(dialog(page)).to_have_count(0)


def test_a_token_that_only_the_server_finds_too_old_is_renewed_as_well(
    serve: Serve, visit: Visit, trouble: Trouble
) -> None:
    trouble.expect("status of 401 .*/api/custom")
    server = serve(**DEV, HASHPASS_ACCESS_TTL="1")
    page = visit("/robots.txt", at=server)
    given = watch(page, "/api/login/")
    sign_in(page, server)
    access = given[-1].json()["access_token"]
    # As if this machine's clock had been set back meanwhile.
    page.clock.set_fixed_time(time.time() - 3600)
    headers = {"Authorization": f"Bearer {access}"}
    eventually(page, lambda: page.request.get("/api/password", headers=headers).status == 401)
    made_by = watch(page, "/api/custom")
    page.get_by_role("link", name="Custom text").click()
    page.locator("button.main").click()
    made(page)
    assert [response.status for response in made_by] == [401, 200]
    expect(dialog(page)).to_have_count(0)


def test_a_session_that_was_ended_elsewhere_asks_to_sign_in_and_goes_on(
    serve: Serve, visit: Visit, trouble: Trouble
) -> None:
    trouble.expect("status of 401 ")
    server = serve(**DEV)
    page = visit("/robots.txt", at=server)
    sign_in(page, server)
    (cookie,) = (cookie for cookie in page.context.cookies() if cookie.get("name") == "refresh_token")
    page.context.request.delete("/api/login/")
    assert cookie.get("httpOnly")
    assert cookie.get("secure")
    assert cookie.get("sameSite") == "Strict"
    page.goto("/mnemonic/?words=24")
    expect_user(page, signed_in=False)
    page.locator("button.main").click()
    expect(dialog(page).locator("#email")).to_be_focused()
    # The link is opened in another tab, and this one goes on by itself.
    page.keyboard.press("Escape")
    page.goto("/result/?endpoint=mnemonic&words=24")
    expect(dialog(page)).to_be_visible(timeout=SHOWN)
    tab = page.context.new_page()
    sign_in(tab, server)
    assert len(made(page).split()) == 24
