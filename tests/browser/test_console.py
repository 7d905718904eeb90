"""The operator's console on a real server: coming in and being thrown out, what is seen, and who is banned."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Dialog, Page, expect
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

from tests.browser.conftest import PHONE, SECONDS, Serve, Server, Trouble, Visit
from tests.browser.racing import ENDLESS, SHOWN
from tests.browser.test_access import faults, tab, tab_to

TOKEN: Final = "operator-of-the-tests"
BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64)"
HOSTILE: Final = """"><img src=x onerror=alert(1)>' onmouseover='alert(2)');alert(document.domain)//"""
MINERS: Final = ("203.0.113.7", "203.0.113.40", "2001:db8:77:1::5")


def operated(serve: Serve, **env: str) -> Server:
    return serve(**{**ENDLESS, "HASHPASS_GATE": "open", "ADMIN_TOKEN": TOKEN, **env})


def log_in(page: Page, token: str = TOKEN) -> None:
    page.get_by_label("Admin token").fill(token)
    page.get_by_role("button", name="Log in", exact=True).click()


def reach(page: Page) -> Any:
    return page.locator(".reach [role=status]")


def visitor(server: Server, address: str, visitor_id: str) -> str:
    """Opens a session from there, as whoever; its token."""
    with httpx.Client(base_url=server.url, headers={"User-Agent": BROWSER, "X-Real-IP": address}) as client:
        token: str = client.post("/api/session", json={"token": ""}).raise_for_status().json()["session_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        client.post("/api/puzzle", json={"visitorId": visitor_id}, headers=bearer).raise_for_status()
    return token


class Miner:
    """A socket that says it mines."""

    def __init__(self, server: Server, address: str, rate: float, visitor_id: str = "somebody") -> None:
        parts = urlsplit(server.url)
        token = visitor(server, address, visitor_id)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=SECONDS)
        self._wire = WSConnection(ConnectionType.CLIENT)
        headers = [(b"user-agent", BROWSER.encode()), (b"x-real-ip", address.encode())]
        self._send(Request(host=parts.netloc, target=f"/api/ws?token={token}", extra_headers=headers))
        self._await(AcceptConnection)
        self._send(TextMessage('{"type":"mining_start"}'))
        self._send(TextMessage(f'{{"type":"hashrate","payload":{{"rate":{rate}}}}}'))

    def reason(self) -> str:
        """Why it was closed; waits until it is."""
        return str(self._await(CloseConnection).reason)

    def close(self) -> None:
        self._socket.close()

    def _send(self, event: Any) -> None:
        self._socket.sendall(self._wire.send(event))

    def _await(self, kind: type[Any]) -> Any:
        while True:
            for event in self._wire.events():
                if isinstance(event, kind):
                    return event
            data = self._socket.recv(65536)
            assert data, "The socket ended without a word."
            self._wire.receive_data(data)


@contextmanager
def mining(server: Server) -> Iterator[list[Miner]]:
    miners = [
        Miner(server, address, 10.0 * place + 5, HOSTILE if place == 0 else f"visitor {place}")
        for place, address in enumerate(MINERS)
    ]
    yield miners
    for miner in miners:
        miner.close()


@pytest.fixture
def no_dialogs(trouble: Trouble) -> Any:
    """A script of somebody else's would open one."""

    def opened(dialog: Dialog) -> None:
        trouble.seen.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    return lambda page: page.on("dialog", opened)


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


def test_a_miner_is_banned_in_two_clicks_and_let_in_again(serve: Serve, visit: Visit, no_dialogs: Any) -> None:
    server = operated(serve)
    with mining(server) as miners:
        page = visit("/admin#/miners", at=server)
        no_dialogs(page)
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
        visitor(server, MINERS[2], "somebody")


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


@pytest.mark.parametrize(
    "options",
    [{}, {"color_scheme": "dark"}, PHONE, {"viewport": {"width": 320, "height": 640}}],
    ids=["desktop", "dark", "phone", "small"],
)
def test_axe_finds_nothing_and_nothing_sticks_out(serve: Serve, visit: Visit, options: dict[str, Any]) -> None:
    server = operated(serve)
    with mining(server):
        page = visit("/admin", at=server, **options)
        expect(page.get_by_label("Admin token")).to_be_visible(timeout=SHOWN)
        assert faults(page) == []
        log_in(page)
        expect(reach(page)).to_have_text("Live", timeout=SHOWN)
        for place in ("now", "miners"):
            page.goto(f"/admin#/{place}")
            if place == "miners":
                expect(page.locator("tbody tr")).to_have_count(3, timeout=SHOWN)
                page.locator("summary").click()
            assert faults(page) == []
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
