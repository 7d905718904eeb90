"""The generators' pages: addresses that can be shared, results that are exact, and everybody can use them."""

from __future__ import annotations

import re
from typing import Any, Final
from unicodedata import normalize
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Serve, Server, Trouble, Visit
from tests.browser.racing import SHOWN, eventually, main_button
from tests.browser.test_access import faults, tab, tab_to
from tests.browser.workshop import (
    DEV,
    REFUSED,
    SEED,
    addresses_of,
    dialog,
    expect_user,
    made,
    sign_in,
    take_picture,
    words,
)

PATHS: Final = ("/generators", "/custom/", "/password/", "/api-key/", "/mnemonic/", "/result/")
PHRASE: Final = (
    "profit hunt setup hamster guide embark quality sadness banana pencil owner candy "
    "rubber wasp emotion member joy luxury vibrant taste cash clinic time allow"
)
OFF: Final = {"HASHPASS_GENERATORS": "false"}
NARROW: Final[dict[str, Any]] = {"viewport": {"width": 320, "height": 640}, "is_mobile": True, "has_touch": True}


@pytest.fixture
def open_server(serve: Serve) -> Server:
    return serve(**DEV)


def query_of(page: Page) -> dict[str, str]:
    return dict(sorted((name, value) for name, (value,) in parse_qs(urlsplit(page.url).query).items()))


@pytest.mark.parametrize(
    ("order", "text"),
    [
        ("password&length=25", "xxFu2q4H4al2vNkW7r*uJoe!C"),
        ("password&length=44&alphabet=no-look-alike", "DgJdW6an7hxXByxAd8mAPWntGmf6pqwFeiapQHTDtACE"),
        ("api-key&length=50&alphabet=full", "ak_T4sHeyqXb1on6mAHwhLo9Nl0HZFc0dDR91qitMPziLJwQghFqq"),
        ("custom&length=16&alphabet=full&prefix=app_&suffix=_key", "app_T4sHeyqXb1on6mAH_key"),
        ("custom&length=16&alphabet=full-with-symbols&prefix=a__", "a__!@s+7RfBQUSGvbAv"),
        ("mnemonic&words=24", PHRASE),
        ("mnemonic&language=korean", "일반 손뼉 주말 설렁탕 선생 발걸음 자가용 정반대 공통 은행 웃어른 기숙사"),
    ],
)
def test_a_seed_in_the_address_gives_the_same_text_every_time(
    open_server: Server, visit: Visit, order: str, text: str
) -> None:
    page = visit("/robots.txt", at=open_server)
    sign_in(page, open_server)
    for _ in range(2):
        page.goto(f"/result/?endpoint={order}&seed={SEED}")
        assert made(page) == normalize("NFD", text)
        expect(page.locator(".facts dd code").first).to_have_text(SEED)
        expect(page.locator(".facts dd code").last).to_have_text("128063137")
        expect(page.get_by_role("button", name="Adjust settings")).to_be_visible()
        expect(page.get_by_role("button", name="Generate another")).to_have_count(0)


def test_without_a_seed_each_text_is_another_and_none_is_in_an_address(open_server: Server, visit: Visit) -> None:
    page = visit("/robots.txt", at=open_server, permissions=["clipboard-write"])
    sign_in(page, open_server)
    page.goto("/password/?length=30")
    main_button(page).click()
    texts = [made(page)]
    for _ in range(3):
        page.get_by_role("button", name="Generate another").click()
        expect(page.locator("textarea")).not_to_have_value(texts[-1], timeout=SHOWN)
        texts.append(made(page))
    assert len(set(texts)) == 4
    assert {len(text) for text in texts} == {30}
    assert query_of(page) == {"endpoint": "password", "length": "30", "alphabet": "full-with-symbols"}
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator(".copy.first")).to_have_text("Copied")
    # There and back does not make another.
    page.get_by_role("link", name="All generators").click()
    page.go_back()
    assert made(page) == texts[-1]

    # The same again, by its seed, from the form.
    page.get_by_role("button", name="Adjust settings").click()
    dialog(page).get_by_role("button", name="Keep this seed").click()
    expect(page.get_by_label("Seed", exact=True)).not_to_be_editable()
    main_button(page).click()
    assert made(page) == texts[-1]
    page.get_by_role("button", name="Adjust settings").click()
    dialog(page).get_by_role("button", name="New seed").click()
    assert set(query_of(page)) == {"length", "alphabet"}


def test_an_address_fills_the_form_and_follows_it(open_server: Server, visit: Visit) -> None:
    page = visit("/password/?length=30&alphabet=full&words=24&seed=", at=open_server)
    length, alphabet = page.get_by_role("slider"), page.get_by_label("Alphabet", exact=True)
    expect(length).to_have_value("30")
    expect(alphabet).to_have_value("full-with-symbols")
    alphabet.select_option("no-look-alike")
    length.fill("41")
    eventually(page, lambda: query_of(page) == {"alphabet": "no-look-alike", "length": "41"})
    page.get_by_text("Share these settings").click()
    shared = page.locator(".share code").inner_text()
    assert shared == page.url
    page.reload()
    expect(length).to_have_value("41")
    expect(alphabet).to_have_value("no-look-alike")

    # What the address says of another generator, and what is out of bounds, counts for nothing.
    page.goto("/password/?length=21&alphabet=no-look-alike")
    expect(length).to_have_value("24")
    page.goto("/api-key/?length=64&alphabet=no-look-alike")
    expect(length).to_have_value("64")
    page.goto("/custom/?length=1e9&alphabet=numeric&prefix=%F0%9F%8E%88&suffix=" + "x" * 33)
    expect(length).to_have_value("21")
    expect(page.get_by_label("Prefix")).to_have_value("🎈")
    expect(page.get_by_label("Suffix")).to_have_value("")
    page.goto("/mnemonic/?language=czech&words=24")
    expect(page.get_by_label("Language of the words")).to_have_value("czech")
    expect(page.get_by_role("radio", name="24")).to_be_checked()


def test_a_seed_of_the_address_is_shown_and_may_be_dropped(open_server: Server, visit: Visit) -> None:
    page = visit(f"/custom/?length=40&seed={SEED}", at=open_server)
    seed = page.get_by_label("Seed", exact=True)
    expect(seed).to_have_value(SEED)
    expect(seed).not_to_be_editable()
    page.get_by_role("button", name="Use a new seed").click()
    eventually(page, lambda: "seed" not in query_of(page))
    # A seed that is none is not passed over in silence.
    page.goto("/custom/?seed=abcdef1234567890")
    expect(page.get_by_role("alert")).to_contain_text("This is not a seed")
    main_button(page).click()
    expect(seed).to_be_focused()
    expect(dialog(page)).to_have_count(0)


def test_a_wrong_order_is_refused_in_words(open_server: Server, visit: Visit, trouble: Trouble) -> None:
    trouble.expect(REFUSED)
    page = visit("/robots.txt", at=open_server)
    sign_in(page, open_server)
    page.goto("/result/?endpoint=password&length=20")
    expect(page.get_by_role("alert")).to_contain_text("The length has to be from 21 to 44.", timeout=SHOWN)
    page.get_by_role("button", name="Adjust settings").click()
    expect(page.get_by_role("slider")).to_have_value("21")


def test_switched_off_there_are_no_pages_and_a_mailed_link_ends_at_the_race(
    serve: Serve, visit: Visit, trouble: Trouble
) -> None:
    trouble.expect("status of 404 ")
    server = serve(**OFF)
    for path in PATHS:
        assert httpx.get(server.url + path, follow_redirects=True).status_code == 404
    page = visit("/?magiclink=2ZcbRop&next=3FTYu8", at=server)
    expect(main_button(page)).to_have_text("Start mining", timeout=SHOWN)
    assert page.url == f"{server.url}/"
    assert not [address for address in addresses_of(page) if "magiclink" in address]
    page.wait_for_load_state("networkidle")
    expect(page.get_by_role("link", name="Generators")).to_have_count(0)


@pytest.mark.parametrize(
    ("language", "options"),
    [("en", {}), ("en", NARROW), ("ar", NARROW), ("de", NARROW)],
    ids=["desktop", "narrow", "arabic narrow", "german narrow"],
)
def test_axe_finds_nothing_and_nothing_sticks_out(
    open_server: Server, visit: Visit, trouble: Trouble, language: str, options: dict[str, Any]
) -> None:
    trouble.expect(REFUSED)
    said = words(language)
    # Colours on their way from light to dark are neither.
    page = visit("/generators", at=open_server, locale=language, reduced_motion="reduce", **options)
    seen: dict[str, list[str]] = {}
    size = "narrow" if options else "desktop"

    def look(state: str) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            seen[f"{state}, {scheme}"] = faults(page)
            take_picture(page, f"{language}-{size}-{scheme}-{state}")
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        seen[f"{state}, width"] = [f"{over} pixels"] if over > 0 else []

    def press(name: str) -> None:
        page.get_by_role("button", name=said[name], exact=True).click()

    expect(page.locator(".cards li")).to_have_count(4)
    look("menu")
    page.goto("/custom/?alphabet=full-with-symbols")
    page.get_by_label(said["workshop.prefix"], exact=True).fill("é" * 17)
    page.get_by_text(said["workshop.share"]).click()
    page.get_by_text(said["workshop.seed.own"]).click()
    look("faults")
    page.goto(f"/mnemonic/?words=24&seed={SEED}")
    main_button(page).wait_for()
    look("seed")
    main_button(page).click()
    box = dialog(page)
    press("workshop.continue")
    expect(box.get_by_role("alert")).to_be_visible()
    look("no-address")
    box.locator("#email").fill("a.person.with.a.long.name@department.university.example")
    press("workshop.continue")
    expect(box.locator(".address")).to_be_visible()
    look("check")
    press("workshop.send")
    expect(box.get_by_role("heading", name=said["workshop.sent"])).to_be_visible(timeout=SHOWN)
    look("sent")
    page.goto("/?magiclink=2ZcbRop")
    expect(page.get_by_role("alert")).to_be_visible(timeout=SHOWN)
    look("bad-link")
    sign_in(page, open_server)
    page.goto(f"/result/?endpoint=mnemonic&words=24&seed={SEED}")
    made(page)
    for fold in page.locator(".facts details").all():
        if fold.get_attribute("open") is None:
            fold.locator("summary").click()
    look("phrase")
    page.goto("/result/?endpoint=custom&length=128&alphabet=full-with-symbols")
    made(page)
    press("workshop.adjust")
    expect(box).to_be_visible()
    look("adjust")
    press("workshop.cancel")
    page.locator(".way .user").click()
    expect(box).to_be_visible()
    look("log-out")
    assert not {state: found for state, found in seen.items() if found}
    assert len(seen) == 30


def test_the_keyboard_alone_leads_from_the_menu_to_a_result(open_server: Server, visit: Visit) -> None:
    page = visit("/generators", at=open_server, permissions=["clipboard-write"])
    heading = page.get_by_role("heading", level=1)
    page.locator(".cards li").first.wait_for()
    names = ["Language", "Theme: as the system", "Race", "Generators", "Sign in"]
    assert [tab(page) for _ in names] == names
    # Of a card only the name has the focus, and the whole card shows it.
    for name in ("Custom text", "Password"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=name)).to_be_focused()
        assert page.evaluate("getComputedStyle(document.activeElement, '::after').outlineWidth") == "3px"
    page.keyboard.press("Enter")
    expect(heading).to_have_text("Password")
    expect(heading).to_be_focused()
    tab_to(page, "Length")
    page.keyboard.press("End")
    expect(page.get_by_role("slider")).to_have_value("44")
    tab_to(page, "Generate$")
    page.keyboard.press("Enter")

    expect(dialog(page).locator("#email")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    expect(main_button(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog(page).locator("#email")).to_be_focused()
    page.keyboard.type("somebody@example.orf")
    page.keyboard.press("Enter")
    expect(dialog(page).get_by_role("button", name="Send")).to_be_focused()
    tab_to(page, "Correct")
    page.keyboard.press("Enter")
    expect(dialog(page).locator("#email")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("Backspace")
    page.keyboard.type("g")
    page.keyboard.press("Enter")
    expect(dialog(page).locator(".address")).to_have_text("somebody@example.org")
    expect(dialog(page).get_by_role("button", name="Send")).to_be_focused()
    with page.expect_response("**/api/login/") as sent:
        page.keyboard.press("Enter")
    link = sent.value.json()["dev_magic_link"]
    expect(dialog(page).get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Enter")
    expect(main_button(page)).to_be_focused()

    page.goto(link)
    assert len(made(page)) == 44
    expect_user(page)
    tab_to(page, "Your password")
    tab_to(page, "Copy")
    page.keyboard.press("Enter")
    expect(page.locator(".copy.first")).to_have_text("Copied")
    before = made(page)
    tab_to(page, "Generate another")
    page.keyboard.press("Enter")
    expect(page.locator("textarea")).not_to_have_value(before, timeout=SHOWN)
    tab_to(page, "All generators")
    page.keyboard.press("Enter")
    expect(heading).to_be_focused()
    page.keyboard.press("Shift+Tab")
    assert re.match("Signed in as ", page.evaluate("document.activeElement.ariaLabel"))
    page.keyboard.press("Enter")
    expect(dialog(page)).to_be_visible()
    tab_to(page, "Log out")
    page.keyboard.press("Enter")
    expect_user(page, signed_in=False)
