"""The page for everybody: by keyboard, by screen reader, in other directions, without motion, over a thin line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Serve, Server, Trouble, Visit
from tests.browser.racing import ENDLESS, QUICK, SHOWN, codes_on, eventually, main_button, newest_code, records, start

AXE: Final = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
RULES: Final = {"rules": {"color-contrast-enhanced": {"enabled": True}, "target-size": {"enabled": True}}}
"""What axe asks for only if it is named: contrasts of 7:1, and targets that a thumb can hit."""

MOVES: Final = """
window.moves = [];
for (const kind of ["animationstart", "transitionrun"]) {
  addEventListener(kind, (event) => window.moves.push(event.animationName ?? event.propertyName), true);
}
"""
SHIFTS: Final = """
window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
LOADED: Final = """
performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource"))
  .map((entry) => [entry.name.replace(location.origin, ""), entry.encodedBodySize])
"""
FOCUSED: Final = """
() => {
  const element = document.activeElement;
  if (element === document.body) return null;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const { top, bottom, left, right, width, height } = element.getBoundingClientRect();
  // Browsers scroll by whole pixels.
  const isInside = top > -1 && left > -1 && bottom < innerHeight + 1 && right < innerWidth + 1;
  const isThere = width > 0 && height > 0 && isInside;
  const isMarked = element.matches(":focus-visible") && outlineStyle === "solid" && parseFloat(outlineWidth) >= 2;
  return {
    tag: element.localName,
    name: element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent,
    isThere, isMarked,
  };
}
"""


def faults(page: Page) -> list[str]:
    """What axe finds."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("(rules) => axe.run(rules)", RULES)
    return [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]


def tab(page: Page) -> str:
    """Move the focus on by one. What gets it has to show it; its name comes back."""
    page.keyboard.press("Tab")
    focused = page.evaluate(FOCUSED)
    if focused is None:
        return ""
    assert focused["isThere"], f"{focused} is out of sight"
    assert focused["isMarked"], f"{focused} does not show its focus"
    return str(focused["name"]).strip()


def tab_to(page: Page, name: str) -> None:
    passed: list[str] = []
    while not re.match(name, here := tab(page)):
        passed.append(here)
        assert len(passed) < 20, f"no way to {name}: {passed}"


@pytest.mark.parametrize("options", [{}, {**PHONE, "locale": "ar"}], ids=["desktop", "arabic phone"])
def test_axe_finds_nothing_in_any_state(serve: Serve, visit: Visit, trouble: Trouble, options: dict[str, Any]) -> None:
    trouble.expect(r"net::ERR_|status of 401 ")
    server = serve(**ENDLESS)
    # Colours on their way from light to dark are neither.
    page = visit(at=server, reduced_motion="reduce", **options)
    seen: dict[str, list[str]] = {}

    def look(state: str) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            seen[f"{state}, {scheme}"] = faults(page)

    main_button(page).wait_for()
    look("idle")
    main_button(page).click()
    expect(page.locator(".rates .you dd")).to_contain_text(re.compile("[1-9]"), timeout=SHOWN)
    page.locator("summary").first.click()
    page.locator("summary").last.click()
    look("mining")
    server.stop()
    expect(page.locator(".notice")).to_be_visible(timeout=SHOWN)
    look("away")
    server.start(**QUICK)
    page.locator(".notice button").click()
    expect(newest_code(page)).to_be_visible(timeout=SHOWN)
    main_button(page).click()
    look("won")
    assert not {state: found for state, found in seen.items() if found}
    assert len(seen) == 8


def test_the_keyboard_alone_is_enough(serve: Serve, visit: Visit) -> None:
    server = serve(**QUICK)
    page = visit(at=server, permissions=["clipboard-write"])
    main_button(page).wait_for()
    page.locator(".foot a").wait_for()
    assert [tab(page) for _ in range(8)] == [
        "Language",
        "Theme: as the system",
        "Start mining",
        "Gentle",
        "What is going on?",
        "Log",
        "Generators",
        "",
    ]
    tab_to(page, "Start mining")
    page.keyboard.press("Enter")
    expect(newest_code(page)).to_be_visible(timeout=SHOWN)
    expect(main_button(page)).to_be_focused()
    expect(main_button(page)).to_have_text("Pause")
    page.keyboard.press("Space")
    expect(main_button(page)).to_have_text("Start mining")
    # An answer may still be out, and a newer code would take the place of the one that is to be copied.
    eventually(page, lambda: len(codes_on(page)) == len(records(server)))

    tab_to(page, "Copy")
    page.keyboard.press("Enter")
    expect(page.locator(".copy.first")).to_have_text("Copied")
    tab_to(page, "Gentle")
    page.keyboard.press("Space")
    expect(page.get_by_role("switch")).to_be_checked()
    for fold in ("What is going on?", "Log"):
        tab_to(page, re.escape(fold))
        page.keyboard.press("Enter")
        expect(page.locator("details[open] > summary", has_text=fold)).to_be_focused()
    tab_to(page, "Theme: as the system")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    tab_to(page, "Language")
    page.keyboard.type("Deu")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_label("Sprache")).to_be_focused()


@pytest.mark.parametrize(
    ("locale", "lang", "direction"), [("ar-EG", "ar", "rtl"), ("pt-BR", "pt", "ltr"), ("xh", "en", "ltr")]
)
def test_the_page_speaks_the_visitors_language_and_says_so(
    server: Server, visit: Visit, locale: str, lang: str, direction: str
) -> None:
    page = visit(at=server, locale=locale)
    html = page.locator("html")
    expect(main_button(page)).to_be_visible()
    expect(html).to_have_attribute("lang", lang)
    expect(html).to_have_attribute("dir", direction)
    page.locator("select.language").select_option("ar")
    expect(html).to_have_attribute("dir", "rtl")
    page.reload()
    expect(main_button(page)).to_be_visible()
    expect(html).to_have_attribute("lang", "ar")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_where_motion_is_not_wanted(serve: Serve, visit: Visit, motion: str) -> None:
    page = visit(at=serve(**QUICK), reduced_motion=motion)
    page.evaluate(MOVES)
    start(page)
    expect(newest_code(page)).to_be_visible(timeout=SHOWN)
    main_button(page).hover()
    main_button(page).click()
    page.locator("summary").last.click()
    page.get_by_role("switch").click()
    moves = page.evaluate("window.moves")
    assert bool(moves) == (motion == "no-preference"), moves
    if moves:
        assert "rise" in moves
        rising = "document.getAnimations().filter(one => one.animationName === 'rise')"
        lasting = page.evaluate(f"Math.max(0, ...{rising}.map(one => one.effect.getComputedTiming().endTime))")
        assert lasting < 1000


@pytest.mark.parametrize("options", [{}, PHONE, {"locale": "ar"}], ids=["desktop", "phone", "arabic"])
def test_nothing_jumps_while_it_loads_and_when_mining_starts(
    serve: Serve, visit: Visit, options: dict[str, Any]
) -> None:
    server = serve(**ENDLESS)
    page = visit("/robots.txt", at=server, **options)
    page.context.add_init_script(SHIFTS)
    page.goto("/")
    expect(main_button(page)).to_be_visible()
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("window.shift") < 0.02
    main_button(page).click()
    expect(page.locator(".rates .you dd")).to_contain_text(re.compile("[1-9]"), timeout=SHOWN)
    expect(page.locator(".ceiling")).to_be_visible(timeout=SHOWN)
    shift = page.evaluate("window.shift")
    print(f"layout shift: {shift:.4f}")
    assert shift < 0.02


def test_little_is_fetched_before_the_start(server: Server, visit: Visit) -> None:
    page = visit(at=server)
    expect(main_button(page)).to_be_visible()
    page.wait_for_load_state("networkidle")
    loaded: dict[str, int] = dict(page.evaluate(LOADED))
    print(f"{sum(loaded.values())} bytes before the start: {loaded}")
    assert not [name for name in loaded if re.search(r"wasm|worker|thumbmark|cap", name)]
    assert {name for name in loaded if "/api/" in name} == {"/api/drop", "/api/gate/config"}
    assert len(loaded) >= 3
    assert sum(loaded.values()) < 150_000
