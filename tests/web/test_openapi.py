"""The document is valid, complete and shown to people without a script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import openapi_spec_validator
import pytest
from openapi_schema_validator import OAS31Validator

from hashpass.web.docs import CSS, blueprint, render
from hashpass.web.errors import PROBLEM_JSON, TABLE, Application, kind
from hashpass.web.openapi import admin, document

CALLS = {
    ("post", "/api/session"),
    ("get", "/api/puzzle"),
    ("post", "/api/puzzle"),
    ("post", "/api/verify"),
    ("post", "/api/submit"),
    ("get", "/api/code"),
    ("get", "/api/trace"),
    ("get", "/api/dev/trace"),
    ("get", "/api/gate/config"),
    ("get", "/api/turnstile/config"),
    ("post", "/api/cap/challenge"),
    ("post", "/api/cap/redeem"),
    ("post", "/api/cap/siteverify"),
    ("post", "/api/login/"),
    ("get", "/api/login/"),
    ("delete", "/api/login/"),
    ("post", "/api/refresh"),
    ("get", "/api/users"),
    ("post", "/api/users"),
    ("get", "/api/users/{username}"),
    ("delete", "/api/users/{username}"),
    *((method, f"/api/{name}") for name in ("custom", "password", "api-key", "mnemonic") for method in ("get", "post")),
    ("get", "/api/generate"),
    ("get", "/api/version"),
    ("get", "/api/health"),
    ("get", "/api/drop"),
    ("get", "/.well-known/jwks.json"),
    ("get", "/metrics"),
    *((method, path) for path, methods in admin.paths().items() for method in methods),
}

SOCKETS_ONLY = {"too_many_connections", "origin_refused"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document("1.0")["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


@pytest.mark.parametrize("url", [None, "https://race.example"])
def test_the_document_is_valid(url: str | None) -> None:
    openapi_spec_validator.validate(document("1.0", url))


def test_every_call_is_there_and_has_a_name_of_its_own() -> None:
    assert {(method, path) for method, path, _ in operations()} == CALLS
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)


def test_every_problem_is_as_the_table_has_it() -> None:
    seen = set()
    for _, _, operation in operations():
        for status, response in operation["responses"].items():
            for code, example in response["content"].get(PROBLEM_JSON, {}).get("examples", {}).items():
                seen.add(code)
                assert example["value"]["status"] == int(status)
                assert example["value"]["type"] == kind(code)
            if status in {"429", "503"}:
                assert "Retry-After" in response["headers"]
    assert {refusal.code for refusal in TABLE} - seen == SOCKETS_ONLY


def test_every_call_with_a_session_can_be_refused_for_it() -> None:
    for _, path, operation in operations():
        if operation["security"] == [{"session": []}]:
            assert {"401", "403", "500"} <= operation["responses"].keys()
        if "requestBody" in operation and path != "/api/cap/siteverify":  # which says so in a 200
            assert {"400", "408", "413"} <= operation["responses"].keys()


def test_examples_fit_their_schemas() -> None:
    described = document("1.0")
    for schema in described["components"]["schemas"].values():
        whole = {**schema, "components": described["components"]}
        for example in schema.get("examples", ()):
            OAS31Validator(whole).validate(example)


def test_two_documents_share_nothing() -> None:
    first, second = document("1.0"), document("1.0")
    first["components"]["schemas"].clear()
    first["paths"]["/api/puzzle"]["get"].clear()
    assert second == document("1.0")


class Reader(HTMLParser):
    """Notes what a browser would act on, and demands that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "src"}:
                self.links.append(value or "")
        if tag not in {"meta", "link"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_shows_every_call_without_script_or_other_hosts() -> None:
    page = render(document("1.0", "https://race.example"))
    reader = read(page)
    assert reader.tags.isdisjoint({"script", "style", "img", "iframe"})
    assert not any(name.startswith("on") or name == "style" for name in reader.attributes)
    assert all(link.startswith(("#", "/")) and not link.startswith("//") for link in reader.links)
    assert {link[1:] for link in reader.links if link.startswith("#")} == set(reader.ids)
    assert len(reader.ids) == len(CALLS)
    for code in ("round_lost", "PUZZLE_RESET", "Retry-After"):
        assert code in page
    assert "prefers-color-scheme: dark" in CSS
    assert "url(" not in CSS
    assert "@import" not in CSS


def test_whatever_the_document_says_is_escaped() -> None:
    def poison(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: poison(member) if name != "$ref" else member for name, member in value.items()}
        if isinstance(value, list):
            return [poison(member) for member in value]
        return value + '"><script>alert(1)</script>' if isinstance(value, str) else value

    described = document("1.0")
    for path in described["paths"].values():
        for operation in path.values():
            for name in ("summary", "description", "responses"):
                operation[name] = poison(operation[name])
    described["info"] = poison(described["info"])
    described["components"] = poison(described["components"])
    page = render(described)
    assert "script" not in read(page).tags
    assert page.count("alert(1)") > 100


async def test_the_three_files_are_served() -> None:
    app = Application(__name__)
    app.register_blueprint(blueprint("1.0"))
    client = app.test_client()
    for path, content_type in (
        ("/openapi.json", "application/json"),
        ("/docs", "text/html; charset=utf-8"),
        ("/docs.css", "text/css; charset=utf-8"),
    ):
        response = await client.get(path)
        assert response.status_code == 200
        assert response.content_type == content_type
        assert (await client.head(path)).status_code == 200
        assert (await client.post(path)).status_code == 405
    assert json.loads(await (await client.get("/openapi.json")).get_data()) == document("1.0")
    used = set(re.findall(r'class="(\w+)"', await (await client.get("/docs")).get_data(as_text=True)))
    assert all(f".{name} " in CSS for name in used)
