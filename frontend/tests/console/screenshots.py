"""Takes a picture of every view of the console, and asks axe about each.

`npx vite --port 5199` in `frontend/`, then `python tests/console/screenshots.py FOLDER [STATE ...]`, with CHROMIUM set
to the browser's path if Playwright has none of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

AXE = (Path(__file__).parent / "../../node_modules/axe-core/axe.min.js").read_text()
# 7:1 is not asked for unless it is named.
RULES = "{ rules: { 'color-contrast-enhanced': { enabled: true }, 'target-size': { enabled: true } } }"
ADDRESS = os.environ.get("DEMO", "http://localhost:5199/static/tests/console/demo.html")
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]

# Name, width, height, scheme, language.
LOOKS = [
    ("desktop", 1280, 800, "light", "en"),
    ("dark", 1280, 800, "dark", "en"),
    ("phone", 390, 844, "light", "en"),
    ("phone-dark", 390, 844, "dark", "en"),
    ("arabic", 390, 844, "light", "ar"),
    ("arabic-wide", 1280, 800, "dark", "ar"),
    ("small", 320, 640, "light", "de"),
    ("german", 1280, 800, "light", "de"),
]


def press(selector: str, place: int = 0) -> Callable[[Page], object]:
    return lambda page: page.locator(selector).nth(place).click()


def check(page: Page) -> None:
    page.locator(".log-of-codes code").first.wait_for()
    code = page.locator(".log-of-codes code").nth(3).get_attribute("title") or ""
    page.locator(".code-check input").fill(code)
    page.keyboard.press("Enter")
    page.locator(".code-state button").wait_for()


def change(page: Page) -> None:
    page.locator("[data-name=difficulty] input").fill("17")
    page.locator("[data-name=max_difficulty] input").fill("40")
    page.locator("[data-name=memory_cost] input").fill("4000000")
    page.locator("[data-name=code_limit] input").fill("lots")
    page.locator("[data-name=opens_at] input").fill("2031-05-04T18:00")
    page.locator("[data-name=code_limit] input").press("Enter")
    page.locator("[data-name=memory_cost] input").press("Enter")
    page.wait_for_timeout(200)


# What the made-up server tells, the place, and what is done there.
STATES: dict[str, tuple[str, str, Callable[[Page], object] | None]] = {
    "login": ("login", "now", None),
    "ended": ("ended", "now", None),
    "now": ("live", "now", None),
    "troubled": ("troubled", "now", None),
    "away": ("away", "now", None),
    "miners": ("live", "miners", press("summary")),
    "ban": ("live", "miners", press("td.acts button", 4)),
    "codes": ("live", "codes", None),
    "check": ("live", "codes", check),
    "record": ("live", "codes", press("td.acts button", 1)),
    "table": ("live", "codes", press(".chart summary")),
    "logs": ("live", "logs", None),
    "controls": ("live", "controls", None),
    "change": ("live", "controls", change),
    "kick": ("live", "controls", press(".operations button", 1)),
    "revoke": ("live", "controls", press(".operations button", 5)),
}
DIALOGS = {"ban", "record", "kick", "revoke"}


def shoot(browser: Browser, folder: Path, state: str, look: tuple[str, int, int, str, str]) -> list[str]:
    """Returns what is wrong with it."""
    name, width, height, scheme, language = look
    show, place, act = STATES[state]
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        locale=language,
        device_scale_factor=2 if width < 600 else 1,
    )
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{ADDRESS}?show={show}#/{place}")
    page.locator("main").wait_for()
    page.wait_for_timeout(600)
    if act is not None:
        act(page)
        page.wait_for_timeout(300)
    page.screenshot(path=folder / f"{name}-{state}.png", full_page=state not in DIALOGS)
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append("scrolls sideways")
    page.evaluate(AXE)
    result = page.evaluate(f"axe.run({RULES})")
    faults += [f"{found['id']}: {found['nodes'][0]['html'][:120]}" for found in result["violations"]]
    page.close()
    return [f"{name} {state}: {fault}" for fault in faults]


def main(folder: Path, wanted: list[str]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    looks = os.environ.get("LOOKS", "").split() or [name for name, *_ in LOOKS]
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM"), args=ARGUMENTS)
        for state in wanted or STATES:
            for look in LOOKS:
                if look[0] in looks:
                    faults += shoot(browser, folder, state, look)
        browser.close()
    print(*faults or ["Nothing wrong."], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
