"""Headers on every answer, CORS for the listed, and the Origin rule of the WebSocket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.web import security
from hashpass.web.errors import Application
from hashpass.web.security import Csp, origin_allowed

TURNSTILE = "https://challenges.cloudflare.com"


def application(csp: Csp | None = None, **cors: tuple[str, ...]) -> Application:
    app = Application(__name__)
    security.install(app, csp or Csp(), {name.replace("_", "/"): origins for name, origins in cors.items()})

    @app.get("/")
    async def page() -> str:
        return "page"

    @app.get("/api/thing")
    @app.post("/api/thing")
    async def thing() -> str:
        return "thing"

    @app.get("/api/admin/thing")
    async def admin() -> str:
        return "admin"

    @app.get("/api/bug")
    async def bug() -> str:
        raise RuntimeError

    return app


def directives(header: str) -> dict[str, list[str]]:
    return {name: sources for name, *sources in (part.split() for part in header.split(";"))}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/", 200), ("GET", "/api/thing", 200), ("PUT", "/", 405), ("GET", "/no", 404), ("GET", "/api/bug", 500)],
)
async def test_every_answer_carries_the_headers(method: str, path: str, status: int) -> None:
    response = await getattr(application().test_client(), method.lower())(path)
    assert response.status_code == status
    for name, value in security.headers(Csp()).items():
        assert response.headers.getlist(name) == [value]
    assert (response.headers.get("Cache-Control") == "no-store") == path.startswith("/api")
    assert "Access-Control-Allow-Origin" not in response.headers
    assert "Cross-Origin-Embedder-Policy" not in response.headers


def test_the_policy_allows_nothing_unsafe() -> None:
    policy = directives(Csp().header())
    assert policy["script-src"] == ["'self'", "'wasm-unsafe-eval'"]
    assert policy["worker-src"] == ["'self'", "blob:"]
    assert policy["img-src"] == ["'self'", "data:"]
    assert policy["style-src"] == ["'self'"]
    assert policy["default-src"] == policy["frame-ancestors"] == policy["frame-src"] == policy["base-uri"] == ["'none'"]


def test_a_gate_adds_its_own_sources_and_no_more() -> None:
    gate = Csp(script_src=(TURNSTILE,), frame_src=(TURNSTILE,))
    policy = directives((Csp(style_src=("'sha256-abc='",)) + gate + gate).header())
    assert policy["script-src"] == ["'self'", "'wasm-unsafe-eval'", TURNSTILE]
    assert policy["frame-src"] == [TURNSTILE]
    assert policy["style-src"] == ["'self'", "'sha256-abc='"]
    assert TURNSTILE not in Csp().header()


@pytest.mark.parametrize("source", ["", "a b", "a;b", "a,b", "a\n", "'unsafe-inline'", "'unsafe-eval'", "é"])
def test_a_source_that_would_undo_the_policy_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="script_src"):
        Csp(script_src=(source,))


def test_the_permissions_allow_the_wake_lock_and_copying_only() -> None:
    entries = dict(entry.split("=") for entry in security.PERMISSIONS.split(", "))
    assert {name for name, value in entries.items() if value != "()"} == {"screen-wake-lock", "clipboard-write"}
    assert entries["camera"] == entries["geolocation"] == "()"


async def test_a_listed_origin_reads_and_a_foreign_one_does_not() -> None:
    client = application(_api_=("https://a.example/", "HTTPS://B.example:443")).test_client()
    for origin in ("https://a.example", "https://b.example"):
        response = await client.get("/api/thing", headers={"Origin": origin})
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]
        assert "Access-Control-Allow-Credentials" not in response.headers
    for origin in ("https://c.example", "http://a.example", "https://a.example:444", "null", "*"):
        response = await client.get("/api/thing", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in response.headers
        assert response.headers["Vary"] == "Origin"
    page = await client.get("/", headers={"Origin": "https://a.example"})
    assert "Access-Control-Allow-Origin" not in page.headers


async def test_an_error_can_be_read_across_origins_too() -> None:
    response = (
        await application(_api_=("https://a.example",))
        .test_client()
        .get("/api/bug", headers={"Origin": "https://a.example"})
    )
    assert response.status_code == 500
    assert response.headers["Access-Control-Allow-Origin"] == "https://a.example"


async def test_the_longest_path_decides() -> None:
    client = application(_api_=("https://a.example",), _api_admin_=()).test_client()
    response = await client.get("/api/admin/thing", headers={"Origin": "https://a.example"})
    assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_preflight_names_the_methods_of_its_route() -> None:
    client = application(_api_=("https://a.example",)).test_client()
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    response = await client.options("/api/thing", headers={"Origin": "https://a.example", **asking})
    assert response.status_code == 200
    assert set(response.headers["Access-Control-Allow-Methods"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert response.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    foreign = await client.options("/api/thing", headers={"Origin": "https://c.example", **asking})
    assert not any(name.startswith("Access-Control") for name, _ in foreign.headers)


SAME = [
    # Origin, Host
    (None, None),
    (None, "race.example"),
    ("https://race.example", "race.example"),
    ("https://RACE.example", "race.EXAMPLE"),
    ("http://race.example:8080", "race.example"),  # Host has no port: the host alone
    ("https://race.example", "race.example:443"),
    ("http://race.example", "race.example:80"),
    ("http://race.example:8080", "race.example:8080"),
    ("http://127.0.0.1:8000", "127.0.0.1:8000"),
    ("http://[::1]:8000", "[::1]:8000"),
    ("https://race.example", "race.example:"),
]

FOREIGN = [
    ("https://evil.example", "race.example"),
    ("https://race.example.evil.example", "race.example"),
    ("https://evil-race.example", "race.example"),
    ("https://race.example", "race.example:8443"),
    ("https://race.example:8443", "race.example:443"),
    ("http://race.example", "race.example:443"),
    ("http://race.example:8081", "race.example:8080"),
    ("null", "null"),
    ("", "race.example"),
    ("race.example", "race.example"),
    ("file://", ""),
    ("chrome-extension://abc", "abc"),
    ("https://user@race.example", "race.example"),
    ("https://race.example/", "race.example"),
    ("https://race.example, https://evil.example", "race.example"),
    ("https://race.example", None),
    ("https://race.example", ""),
    ("https://race.example\n", "race.example"),
]


@pytest.mark.parametrize(("origin", "host"), SAME)
def test_the_servers_own_pages_may_connect(origin: str | None, host: str | None) -> None:
    assert origin_allowed(origin, host, ())


@pytest.mark.parametrize(("origin", "host"), FOREIGN)
def test_foreign_pages_may_not(origin: str | None, host: str | None) -> None:
    assert not origin_allowed(origin, host, ())


def test_listed_pages_may_connect_wherever_the_server_is() -> None:
    allowed = ["https://Race.example/start", "http://127.0.0.1:3000"]
    assert origin_allowed("https://race.example", "10.0.0.1:8000", allowed)
    assert origin_allowed("https://race.example:443", None, allowed)
    assert origin_allowed("http://127.0.0.1:3000", "x", allowed)
    assert not origin_allowed("http://race.example", "10.0.0.1:8000", allowed)
    assert not origin_allowed("http://127.0.0.1", "x", allowed)
    assert not origin_allowed("null", "x", ["null", "*", ""])


labels = st.from_regex(r"[a-z][a-z0-9-]{0,10}(\.[a-z]{2,5})?", fullmatch=True)
ports = st.none() | st.integers(1, 65535)


@given(st.sampled_from(["http", "https"]), labels, ports, labels, ports)
def test_the_rule_is_host_and_port(scheme: str, name: str, port: int | None, host: str, host_port: int | None) -> None:
    def with_port(text: str, number: int | None) -> str:
        return text if number is None else f"{text}:{number}"

    default = {"http": 80, "https": 443}[scheme]
    origin = f"{scheme}://{with_port(name, port)}"
    expected = name == host and host_port in (None, port or default)
    assert origin_allowed(origin, with_port(host, host_port), ()) == expected
    assert origin_allowed(origin, with_port(name, port or default), ())
    assert origin_allowed(origin, with_port(host, host_port), [f"{scheme}://{with_port(name, port or default)}/x"])


@given(st.text(), st.none() | st.text(), st.lists(st.text()))
def test_any_text_is_judged(origin: str, host: str | None, allowed: list[str]) -> None:
    assert origin_allowed(origin, host, allowed) in (True, False)
