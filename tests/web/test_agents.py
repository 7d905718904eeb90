"""Whom the User-Agent filter lets by, and where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.web.agents import SCRIPT_CLIENTS, exempt, refused

BROWSERS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/96.0 Mobile Safari/1",
    "Mozilla/5.0 (Linux; Android 9; CUBOT_NOVA Build/X) curlew/1.0 Javalin/2 nodejs-phone/1 bunny/3",
    "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; HashPassMiner/1.0)",
    "Mozilla/5.0 (compatible; curl is a word in a comment (and here: wget/1))",
    "w3m/0.5.3",
]

SCRIPTS = [
    "curl/8.5.0",
    "CURL/8.5.0",
    "Wget/1.21.4",
    "python-requests/2.31.0",
    "Python-urllib/3.11",
    "python-httpx/0.28.1",
    "Python/3.11 aiohttp/3.9.1",
    "Go-http-client/1.1",
    "node-fetch/1.0 (+https://github.com/bitinn/node-fetch)",
    "axios/1.6.0",
    "okhttp/4.12.0",
    "Java/17.0.9",
    "Java-http-client/17",
    "libwww-perl/6.72",
    "LWP::Simple/6.00",
    "HTTPie/3.2.2",
    "Apache-HttpClient/4.5.14 (Java/17.0.9)",
    "Ruby",
    "PHP/8.3",
    "Scrapy/2.11 (+https://scrapy.org)",
    "undici",
    "node",
    "Deno/2.1",
    "Bun/1.1",
    "PostmanRuntime/7.36.0",
    "Mozilla/5.0 (Windows NT 10.0) WindowsPowerShell/5.1",
    "curl/8.5.0 (unclosed",
    "(a comment first) wget/1.0",
    "Mozilla/5.0)) curl/8",
]


@pytest.mark.parametrize("agent", BROWSERS)
def test_browsers_and_our_miner_pass(agent: str) -> None:
    assert not refused(agent)


@pytest.mark.parametrize("agent", SCRIPTS)
def test_script_clients_are_refused(agent: str) -> None:
    assert refused(agent)


@pytest.mark.parametrize("agent", [None, "", "   ", "(only a comment)", "/", "\t"])
def test_a_missing_agent_is_refused(agent: str | None) -> None:
    assert refused(agent)


@given(st.text())
def test_any_text_is_judged(agent: str) -> None:
    assert refused(agent) in (True, False)


@given(st.sampled_from(sorted(SCRIPT_CLIENTS)), st.sampled_from(["", "/1.0", "/"]))
def test_a_listed_name_is_refused_as_a_product_and_not_inside_a_word(name: str, version: str) -> None:
    assert refused(f"Mozilla/5.0 (X11) {name}{version}")
    assert not refused(f"Mozilla/5.0 (X11) x{name}x{version}")
    assert not refused(f"Mozilla/5.0 ({name}{version})")


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/metrics",
            "/docs",
            "/docs.css",
            "/openapi.json",
            "/.well-known/security.txt",
            "/static/app.js",
            "/admin",
        ),
        *("/api/health", "/api/trace", "/api/dev/trace", "/api/drop", "/api/cap/siteverify"),
        *("/api/admin/status", "/api/admin/ws", "/api/custom", "/api/password", "/api/api-key", "/api/mnemonic"),
        *("/api/generate", "/api/version", "/api/login/", "/api/refresh", "/api/users", "/api/users/abc"),
    ],
)
def test_paths_made_for_scripts_are_exempt(path: str) -> None:
    assert exempt(path)


@pytest.mark.parametrize(
    "path",
    [
        *("/api/session", "/api/puzzle", "/api/verify", "/api/submit", "/api/code", "/api/ws", "/api/gate/config"),
        *("/api/turnstile/config", "/api/cap/challenge", "/api/cap/redeem"),
        *("/api/administrator", "/api/health/", "/api/customs", "/api/new"),
    ],
)
def test_the_public_api_is_not(path: str) -> None:
    assert not exempt(path)
