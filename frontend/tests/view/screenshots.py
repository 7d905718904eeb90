"""Takes a picture of every state of the miner's page, and asks axe about each.

`./scripts/nox -s screenshots -- FOLDER [STATE ...]` does all that it takes. By hand: `npx vite --port 5199` in
`frontend/`, then `python tests/view/screenshots.py FOLDER [STATE ...]`, with CHROMIUM set to the browser's path if
Playwright has none of its own.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
AXE = (HERE / "../../node_modules/axe-core/axe.min.js").read_text()
# 7:1 is not asked for unless it is named.
RULES = "{ rules: { 'color-contrast-enhanced': { enabled: true }, 'target-size': { enabled: true } } }"
STATES = re.findall(r'^  "?([\w-]+)"?: \(\)', (HERE / "fixtures.ts").read_text(), re.MULTILINE)
ADDRESS = os.environ.get("DEMO", "http://localhost:5199/static/demo.html")
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]

# Name, width, height, scheme, language; the first few show every state.
LOOKS = [
    ("desktop", 1280, 800, "light", "en"),
    ("phone", 390, 844, "light", "en"),
    ("dark", 1280, 800, "dark", "en"),
    ("phone-dark", 390, 844, "dark", "en"),
    ("arabic", 390, 844, "light", "ar"),
    ("arabic-wide", 1280, 800, "dark", "ar"),
    ("small", 320, 640, "light", "en"),
    ("german", 320, 640, "light", "de"),
    ("german-wide", 1280, 800, "light", "de"),
    ("japanese", 390, 844, "light", "ja"),
    ("russian", 320, 640, "dark", "ru"),
    ("hindi", 390, 844, "light", "hi"),
    ("zoomed", 640, 400, "light", "eu"),
]
FOR_EVERY_STATE = 6
EVERYWHERE = {"idle", "mining", "won", "wonAgain", "server-away", "race-opens"}


def shoot(browser: Browser, folder: Path, state: str, look: tuple[str, int, int, str, str], unfold: bool) -> list[str]:
    """Returns what is wrong with it."""
    name, width, height, scheme, language = look
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        locale=language,
        device_scale_factor=2 if width < 600 else 1,
    )
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{ADDRESS}?state={state}")
    page.wait_for_selector("main")
    if unfold:
        page.evaluate("document.querySelectorAll('details').forEach((element) => { element.open = true; })")
    page.wait_for_timeout(150)
    page.screenshot(path=folder / f"{name}-{state}{'-open' if unfold else ''}.png", full_page=True)
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append("scrolls sideways")
    page.evaluate(AXE)
    result = page.evaluate(f"axe.run({RULES})")
    faults += [f"{found['id']}: {found['nodes'][0]['html'][:120]}" for found in result["violations"]]
    page.close()
    return [f"{name} {state}: {fault}" for fault in faults]


def main(folder: Path, wanted: list[str]) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        for state in wanted or STATES:
            for place, look in enumerate(LOOKS):
                if place < FOR_EVERY_STATE or state in EVERYWHERE:
                    faults += shoot(browser, folder, state, look, unfold=False)
            if state in ("mining", "idle"):
                for look in LOOKS:
                    faults += shoot(browser, folder, state, look, unfold=True)
        browser.close()
    print(*faults or ["Nothing wrong."], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
