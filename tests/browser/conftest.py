"""A real server and a real browser. Tests here are plain functions; Playwright's synchronous calls wait by themselves.

A test opens a page with `visit`, in a context of its own: no cookie, no storage and no setting is left from another.
Whatever goes wrong behind the page's back (an error in the console, a request that fails or leaves for another host, a
breach of the content security policy) fails the test when it ends, unless the test has said `trouble.expect(...)`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import pytest
from attrs import define, field
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from tests.process import IS_OPEN, PROGRAM, environment

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing may leave the machine, whatever a page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
SECONDS: Final = 20.0
"""What a server has to open or to close, and a page to do as it is told, on a busy machine."""

PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 3,
    "is_mobile": True,
    "has_touch": True,
}
"""For `visit(**PHONE)`; so are `color_scheme="dark"`, `locale="de-DE"`, `reduced_motion="reduce"`."""

HARMLESS: Final = re.compile("GL Driver Message")
"""A renderer without a graphics card complains of its own speed, sometimes, when a fingerprint is taken."""

REPORT_VIOLATIONS: Final = """
addEventListener("securitypolicyviolation", (event) => {
  reportViolation(`${event.effectiveDirective} refused ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`);
});
"""


@define(eq=False)
class Server:
    """`python -m hashpass serve` in a process of its own, with hashes that cost nothing unless `env` says otherwise."""

    directory: Path
    env: dict[str, str]
    url: str = ""
    lines: list[str] = field(factory=list)
    _process: subprocess.Popen[str] | None = None
    _reader: threading.Thread | None = None
    _opened: threading.Event = field(factory=threading.Event)

    def start(self, **env: str) -> Server:
        """Open; after a stop, at the same address and with the same files, and with these settings added."""
        self.env.update(env)
        self._opened.clear()
        self._process = subprocess.Popen(
            [*PROGRAM, "serve"],
            env={**environment(self.directory, self.env), "PYTHONUNBUFFERED": "1"},
            cwd=self.directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._opened.wait(SECONDS), "The server did not open:\n" + "\n".join(self.lines)
        assert self.url, "The server ended:\n" + "\n".join(self.lines)
        self.env["PORT"] = str(urlsplit(self.url).port)
        return self

    def stop(self) -> None:
        """Close as an operator would; it has to end well."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(SECONDS)
        finally:
            process.kill()
            process.wait()
            if self._reader is not None:
                self._reader.join(SECONDS)
            if process.stdout is not None:
                process.stdout.close()
        said = "\n".join(self.lines)
        assert code == 0, f"The server ended with {code}:\n{said}"
        assert "Traceback" not in said, said

    def restart(self, **env: str) -> None:
        self.stop()
        self.start(**env)

    def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.rstrip("\n"))
            if IS_OPEN in line:
                self.url = "http://" + line.rpartition(IS_OPEN)[2].strip()
                self._opened.set()
        self._opened.set()


@define(eq=False)
class Trouble:
    """What went wrong where no assertion looks, and what of it a test has said it expects."""

    seen: list[str] = field(factory=list)
    _expected: list[re.Pattern[str]] = field(factory=list)

    def expect(self, pattern: str) -> None:
        """Troubles with this in them, before or after, are what the test is about."""
        self._expected.append(re.compile(pattern))

    @property
    def unexpected(self) -> list[str]:
        return [what for what in self.seen if not any(pattern.search(what) for pattern in self._expected)]

    def watch(self, context: BrowserContext, home: str) -> None:
        """Listen to every page of a context; `home` is the only host that it may talk to."""
        allowed = urlsplit(home).netloc

        def check_host(url: str) -> None:
            parts = urlsplit(url)
            if parts.scheme in {"http", "https", "ws", "wss"} and parts.netloc != allowed:
                self.seen.append(f"foreign request: {url}")

        def give_up(url: str, failure: str | None) -> None:
            if failure != "net::ERR_ABORTED":  # the page was left, or gave it up itself
                self.seen.append(f"failed: {url} {failure}")

        def welcome(page: Page) -> None:
            page.on("pageerror", lambda error: self.seen.append(f"uncaught: {error}"))
            page.on("websocket", lambda socket: check_host(socket.url))

        context.expose_function("reportViolation", lambda what: self.seen.append(f"policy: {what}"))
        context.add_init_script(REPORT_VIOLATIONS)
        context.on("page", welcome)
        context.on("request", lambda request: check_host(request.url))
        context.on("requestfailed", lambda request: give_up(request.url, request.failure))
        context.on(
            "console",
            lambda message: (
                self.seen.append(f"console: {message.text} {message.location.get('url', '')}")
                if message.type in {"error", "warning"} and not HARMLESS.search(message.text)
                else None
            ),
        )


class Serve(Protocol):
    """Open a server with these settings beside the cheap ones; it is closed when the test ends."""

    def __call__(self, **env: str) -> Server: ...


class Visit(Protocol):
    """Open a path of a server (the test's `server` if none is given) as a visitor who has never been here."""

    def __call__(self, path: str = "/", *, at: Server | None = None, **context: Any) -> Page: ...


def find_browser() -> str:
    named = os.environ.get("CHROMIUM")
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        wanted = f"CHROMIUM names {named}, and that is not there." if named else "There is no Chromium on PATH."
        pytest.fail(f"{wanted} Install it (on Debian: apt-get install chromium), or name it: CHROMIUM=/path/to/it")
    return found


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    # Not for the whole session: while it is open this thread looks like one with a running asyncio loop.
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One browser for all tests of this folder, with a profile that is thrown away."""
    browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    servers: list[Server] = []

    def start(**env: str) -> Server:
        directory = tmp_path / f"server {len(servers)}"
        directory.mkdir()
        server = Server(directory, env)
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def server(serve: Serve) -> Server:
    """A server for tests that do not care which."""
    return serve()


@pytest.fixture
def trouble() -> Iterator[Trouble]:
    trouble = Trouble()
    yield trouble
    assert not trouble.unexpected, "\n".join(["Behind the page's back:", *trouble.unexpected])


@pytest.fixture
def visit(browser: Browser, serve: Serve, request: pytest.FixtureRequest, trouble: Trouble) -> Iterator[Visit]:
    # `serve` is named so that no server is closed before its pages are.
    contexts: list[BrowserContext] = []

    def open_page(path: str = "/", *, at: Server | None = None, **options: Any) -> Page:
        server: Server = at or request.getfixturevalue("server")
        context = browser.new_context(base_url=server.url, **options)
        contexts.append(context)
        context.set_default_timeout(SECONDS * 1000)
        trouble.watch(context, server.url)
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            page.evaluate("0")  # what has happened up to here has been reported when this returns
    seen = list(trouble.seen)
    for context in contexts:
        context.close()
    trouble.seen[:] = seen  # requests cut off by closing are nobody's trouble


@pytest.fixture
def page(visit: Visit) -> Page:
    """The front page of the server, freshly opened."""
    return visit()
