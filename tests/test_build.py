"""How the pages come to be in the package: built when a source changed, carried by whatever is installed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import hashpass
from hashpass.web import pages as web
from hatch_build import Pages

ROOT = Path(__file__).parents[1]
STATIC = Path(hashpass.__file__).parent / "static"


@pytest.fixture
def pages(tmp_path: Path) -> Pages:
    """A checkout whose pages are built, as far as the stamp says."""
    for name in (
        "frontend/package-lock.json",
        "frontend/.npmrc",
        "frontend/index.html",
        "frontend/src/main.ts",
        "frontend/src/old.ts",
        "frontend/tests/main.test.ts",
        "frontend/node_modules/preact/index.js",
        "frontend/kernel/generated/kernel.wasm",
        "hashpass/static/index.html",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    pages = Pages(tmp_path)
    pages.stamp.write_text(pages.digest())
    return pages


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "frontend/src/main.ts").write_text("changed"),
        lambda root: (root / "frontend/src/new.ts").touch(),
        lambda root: (root / "frontend/src/old.ts").unlink(),
        lambda root: (root / "frontend/src/old.ts").rename(root / "frontend/src/young.ts"),
        lambda root: (root / "frontend/.npmrc").write_text("changed"),
        lambda root: (root / "hashpass/static/.sources").unlink(),
    ],
    ids=["changed", "new", "gone", "renamed", "npmrc", "unfinished"],
)
def test_a_change_of_the_sources_makes_the_pages_stale(
    pages: Pages, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    assert not pages.stale()
    change(tmp_path)
    assert pages.stale()


@pytest.mark.parametrize(
    "name",
    [
        "frontend/node_modules/preact/index.js",
        "frontend/kernel/generated/kernel.wasm",
        "frontend/tests/new.test.ts",
        "frontend/src/.main.ts.swp",
    ],
)
def test_what_is_no_source_of_a_page_does_not(pages: Pages, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("changed")
    assert not pages.stale()


def test_pages_without_sources_are_as_good_as_any(pages: Pages, tmp_path: Path) -> None:
    (tmp_path / "frontend").rename(tmp_path / "elsewhere")
    assert not pages.stale()


def test_neither_pages_nor_sources_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="The pages are not built"):
        Pages(tmp_path).stale()


def test_a_build_that_fails_leaves_the_pages_stale(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(pages, "npm", fail)
    with pytest.raises(RuntimeError):
        pages.build()
    assert pages.stale()


def test_the_package_carries_its_pages() -> None:
    """In a checkout the build just made them; in the `build` session they came out of the wheel."""
    assets = web.read(STATIC)
    assert {"index.html", "favicon.ico", "licenses.txt"} <= assets.keys()
    for file in web.PAGES.values():
        assert {"br", "gzip", ""} == assets[file].bodies.keys()


def test_what_is_bundled_is_named_with_its_licence_also_what_only_a_worker_uses() -> None:
    named = re.findall(r"^(\S+) \d+\.\d+\.\d+$", (STATIC / "licenses.txt").read_text(), re.MULTILINE)
    assert {"preact", "@thumbmarkjs/thumbmarkjs", "hash-wasm"} <= set(named)


def test_every_built_file_has_a_type_to_be_served_with() -> None:
    unknown = [
        path.name
        for path in STATIC.rglob("*")
        if path.is_file() and path.suffix not in {*web.TYPES, ".br", ".gz"} and path.name != ".sources"
    ]
    assert unknown == []


def test_the_pages_name_no_other_host_to_load_from() -> None:
    for path in STATIC.rglob("*.html"):
        text = path.read_text()
        assert re.findall(r'(?:src|href|action)="(?:https?:)?//', text) == []
        assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", text) == []


def test_the_packages_of_the_front_end_are_locked_by_content_and_not_by_address() -> None:
    packages = json.loads((ROOT / "frontend" / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name


def test_the_scripts_of_the_front_end_call_node_and_not_npm() -> None:
    """The npm beside the Node from PyPI cannot be called by name; what npm itself runs finds only `node`."""
    scripts = json.loads((ROOT / "frontend" / "package.json").read_text())["scripts"]
    assert not [script for script in scripts.values() if re.search(r"\bnp[mx] ", script)]
