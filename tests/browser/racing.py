"""What the tests of the miner's page have in common: rounds of a known length, and where things stand on the page."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SECONDS, Server
from tests.process import PROGRAM, environment

SHOWN: Final = 1000 * SECONDS
"""Milliseconds until the page shows what it should; `expect` would give up after five seconds."""


def fixed(bits: int, **env: str) -> dict[str, str]:
    """Settings for hashes of some tenths of a millisecond, and a difficulty that stays as it is."""
    names = ("HASHPASS_DIFFICULTY", "HASHPASS_MIN_DIFFICULTY", "HASHPASS_MAX_DIFFICULTY")
    return {
        **dict.fromkeys(names, str(bits)),
        "HASHPASS_ARGON2_MEMORY_COST": "256",
        "HASHPASS_WORKER_COUNT": "1",
        "HASHPASS_HASHRATE_INTERVAL": "0.5",
        **env,
    }


QUICK: Final = fixed(12)
"""A round takes about half a second."""
ENDLESS: Final = fixed(60)
"""Nobody will ever win."""


def main_button(page: Page) -> Locator:
    return page.locator("button.main")


def start(page: Page) -> None:
    """The one click."""
    expect(main_button(page)).to_have_text("Start mining", timeout=SHOWN)
    main_button(page).click()


def expect_mining(page: Page) -> None:
    expect(main_button(page)).to_have_text("Pause", timeout=SHOWN)
    expect(page.locator(".notice")).to_have_count(0, timeout=SHOWN)


def newest_code(page: Page) -> Locator:
    return page.locator(".win > .code code")


def codes_on(page: Page) -> list[str]:
    return page.locator(".win .code code").all_inner_texts()


def records(server: Server) -> list[dict[str, Any]]:
    """The audit log."""
    path = server.directory / "verify.json"
    read: list[dict[str, Any]] = json.loads(path.read_bytes()) if path.exists() else []
    return read


def eventually(page: Page, condition: Callable[[], bool]) -> None:
    """For what is not on one page alone. The page goes on meanwhile."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)


@contextmanager
def rival(server: Server) -> Iterator[None]:
    """`python -m hashpass mine` beside the page, on one core, until the block ends."""
    arguments = [*PROGRAM, "mine", "--threads", "1", server.url]
    miner = subprocess.Popen(
        arguments, env=environment(server.directory, {}), stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    try:
        yield
    finally:
        miner.terminate()
        miner.wait(SECONDS)
