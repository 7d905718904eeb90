"""The pages' files: by exact name, in the encoding that fits, and fetched again only when they have changed."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from hashpass.web import pages
from hashpass.web.errors import Application
from tests.house import open_house

HTML = b"<!doctype html><title>HashPass</title>"
SCRIPT = b"export const answer = 42;" * 20
SECRET = b"not a page"


def build(place: Path) -> Path:
    """What a build leaves, with a file beside it that is nobody's business."""
    directory = place / "static"
    (directory / "assets").mkdir(parents=True)
    (place / "secret.txt").write_bytes(SECRET)
    for name, content in {
        "index.html": HTML,
        "index.html.gz": gzip.compress(HTML),
        "licenses.txt": b"MIT",
        "favicon.ico": b"icon",
        ".sources": SECRET,
        "notes.md": SECRET,
        "assets/main-a1b2.js": SCRIPT,
        "assets/main-a1b2.js.gz": gzip.compress(SCRIPT),
        "assets/main-a1b2.js.br": b"brotli",
        "assets/kernel-c3d4.wasm": b"\0asm",
    }.items():
        (directory / name).write_bytes(content)
    return directory


@pytest.fixture
def built(tmp_path: Path) -> Path:
    return build(tmp_path)


def application(directory: Path) -> Application:
    app = Application(__name__, static_folder=None)
    pages.install(app, directory)
    return app


async def get(app: Application, path: str, /, **headers: str) -> Any:
    return await app.test_client().get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def test_the_page_is_asked_for_anew_each_time_and_sent_only_when_it_has_changed(built: Path) -> None:
    app = application(built)
    first = await get(app, "/")
    assert (first.status_code, await first.data) == (200, HTML)
    assert first.headers["Content-Type"] == "text/html; charset=utf-8"
    assert first.headers["Cache-Control"] == "no-cache"

    again = await get(app, "/", If_None_Match=first.headers["ETag"])
    assert (again.status_code, await again.data) == (304, b"")
    for name in ("ETag", "Cache-Control", "Vary"):
        assert again.headers[name] == first.headers[name]

    (built / "index.html").write_bytes(HTML + b"!")
    changed = await get(application(built), "/", If_None_Match=first.headers["ETag"])
    assert (changed.status_code, await changed.data) == (200, HTML + b"!")


async def test_a_file_named_by_its_content_is_kept_for_a_year(built: Path) -> None:
    app = application(built)
    named = await get(app, "/static/assets/main-a1b2.js")
    assert (named.status_code, await named.data) == (200, SCRIPT)
    assert named.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert named.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert (await get(app, "/static/licenses.txt")).headers["Cache-Control"] == "no-cache"


async def test_webassembly_has_the_type_that_streaming_compilation_asks_for(built: Path) -> None:
    answer = await get(application(built), "/static/assets/kernel-c3d4.wasm", Accept_Encoding="br, gzip")
    assert answer.headers["Content-Type"] == "application/wasm"
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=0.1", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0", None),
        ("identity", None),
        ("*", None),
        ("", None),
        (';;q=,"', None),
    ],
)
async def test_a_file_comes_in_the_best_encoding_that_the_client_names(
    built: Path, accepted: str, encoding: str | None
) -> None:
    answer = await get(application(built), "/static/assets/main-a1b2.js", Accept_Encoding=accepted)
    body = {"br": b"brotli", "gzip": gzip.compress(SCRIPT), None: SCRIPT}[encoding]
    assert answer.status_code == 200
    assert answer.headers.get("Content-Encoding") == encoding
    assert len(await answer.data) == int(answer.headers["Content-Length"]) == len(body)
    assert answer.headers["Vary"] == "Accept-Encoding"


async def test_every_encoding_has_a_tag_of_its_own(built: Path) -> None:
    app = application(built)
    answers = [await get(app, "/static/assets/main-a1b2.js", Accept_Encoding=name) for name in ("br", "gzip", "")]
    tags = [answer.headers["ETag"] for answer in answers]
    assert len(set(tags)) == 3
    for tag, status in zip(tags, (304, 200, 200), strict=True):
        kept = await get(app, "/static/assets/main-a1b2.js", Accept_Encoding="br", If_None_Match=f'"other", W/{tag}')
        assert kept.status_code == status


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/assets",
        "/static/.sources",
        "/static/notes.md",
        "/static/index.html",
        "/static/index.html.gz",
        "/static/assets/main-a1b2.js.br",
        "/static/../secret.txt",
        "/static/assets/../../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static//etc/passwd",
        "/static/\0",
        "/index.html",
    ],
)
async def test_what_the_build_did_not_mean_to_serve_is_not_there(built: Path, path: str) -> None:
    answer = await get(application(built), path)
    assert answer.status_code in {308, 404}  # 308: two slashes are read as one
    assert SECRET not in await answer.data


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Application:
    return application(build(tmp_path_factory.mktemp("served")))


@given(path=st.text(st.sampled_from("./%25eE2fF\\:a\0é ")) | st.text() | st.sampled_from(["..", "secret.txt"]))
async def test_no_name_leads_out_of_the_table(served: Application, path: str) -> None:
    for before in ("", "assets/../", "../static/"):
        answer = await get(served, f"/static/{before}{quote(path, errors='replace')}")
        body = await answer.data
        assert SECRET not in body
        assert answer.status_code in {308, 404} or body in {SCRIPT, b"MIT", b"icon", b"\0asm"}


async def test_robots_are_told_what_is_not_for_them(built: Path) -> None:
    answer = await get(application(built), "/robots.txt")
    text = (await answer.data).decode()
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert text.startswith("User-agent: *\n")
    assert "Disallow: /api/" in text


async def test_the_icon_is_the_builds_or_nothing(built: Path) -> None:
    icon = await get(application(built), "/favicon.ico")
    assert (icon.status_code, icon.headers["Content-Type"], await icon.data) == (200, "image/x-icon", b"icon")
    (built / "favicon.ico").unlink()
    assert (await get(application(built), "/favicon.ico")).status_code == 204


async def test_a_checkout_that_was_never_built_says_so(tmp_path: Path) -> None:
    app = application(tmp_path / "static")
    answer = await get(app, "/")
    assert answer.status_code == 503
    assert (await answer.data).decode().startswith("The pages have not been built")
    assert (await get(app, "/robots.txt")).status_code == 200
    assert (await get(app, "/static/main.js")).status_code == 404


async def test_a_page_can_only_be_read(built: Path) -> None:
    app = application(built)
    for path in ("/", "/static/assets/main-a1b2.js", "/favicon.ico"):
        refused = await app.test_client().post(path)
        assert refused.status_code == 405
        assert set(refused.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


async def test_the_server_has_the_pages_beside_its_api(tmp_path: Path) -> None:
    with trio.fail_after(20):
        async with open_house(tmp_path) as running:
            whole = await running.http.get("/", headers={"Accept-Encoding": "identity"})
            assert whole.status_code == 200
            assert "text/html" in whole.headers["Content-Type"]
            assert "'unsafe-inline'" not in whole.headers["Content-Security-Policy"]

            head = await running.http.head("/", headers={"Accept-Encoding": "identity"})
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["Content-Length"] == str(len(whole.content))
            assert head.headers["ETag"] == whole.headers["ETag"]

            kept: httpx.Response = await running.http.get(
                "/", headers={"Accept-Encoding": "identity", "If-None-Match": whole.headers["ETag"]}
            )
            assert (kept.status_code, kept.content) == (304, b"")
            assert {"content-type", "content-length", "transfer-encoding"}.isdisjoint(kept.headers)
            assert "Content-Security-Policy" in kept.headers
            assert (await running.http.get("/api/health")).status_code == 200
