"""`/docs`: the OpenAPI document as a page that needs no script and no other host."""

from __future__ import annotations

import html
import json
import re
from typing import Any, Final

from quart import Blueprint, Response
from quart_trio.wrappers import TrioResponse

from hashpass.web.openapi import document

CACHE: Final = "public, max-age=3600"

CSS: Final = """\
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #59636e; --paper: #fff; --well: #f3f5f7; --line: #d5dbe1;
  --accent: #0b62c4; --code: #8a2557; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --dim: #9aa5b1; --paper: #14171a; --well: #1d2226; --line: #343b42; --accent: #71b1ff;
    --code: #f19ec2; }
}
* { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 1rem/1.55 system-ui, sans-serif; }
main, header, nav { max-width: 54rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 2rem; }
main { padding-bottom: 4rem; }
h1 { margin: 0; font-size: 1.8rem; }
h2 { margin: 3rem 0 0.5rem; padding-bottom: 0.3rem; border-bottom: 1px solid var(--line); }
h3 { margin: 2rem 0 0.3rem; font-size: 1.05rem; overflow-wrap: anywhere; }
h4 { margin: 1rem 0 0.3rem; font-size: 0.9rem; color: var(--dim); }
p, ul { margin: 0.5rem 0; max-width: 44rem; }
a { color: var(--accent); }
nav ul { padding: 0; list-style: none; columns: 16rem; }
nav a { display: block; padding: 0.35rem 0; overflow-wrap: anywhere; }
code, pre { font: 0.875rem/1.45 ui-monospace, monospace; }
p code, li code, td code { color: var(--code); overflow-wrap: anywhere; }
pre { margin: 0.4rem 0; padding: 0.75rem; overflow-x: auto; background: var(--well); border-radius: 6px; }
.method { display: inline-block; min-width: 3.4rem; margin-right: 0.5rem; padding: 0.05rem 0.4rem; border-radius: 4px;
  background: var(--accent); color: var(--paper); font: 600 0.8rem/1.6 ui-monospace, monospace; text-align: center; }
.dim { color: var(--dim); }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 0.35rem 0.6rem 0.35rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--dim); font-size: 0.85rem; border-top: 0; }
summary { cursor: pointer; padding: 0.35rem 0; color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
"""


def blueprint(version: str, server_url: str | None = None) -> Blueprint:
    """The routes `/openapi.json`, `/docs` and `/docs.css`. All three are drawn once."""
    described = document(version, server_url)
    files = {
        "/openapi.json": (json.dumps(described), "application/json"),
        "/docs": (render(described), "text/html; charset=utf-8"),
        "/docs.css": (CSS, "text/css; charset=utf-8"),
    }
    routes = Blueprint("docs", __name__)
    for path, (body, content_type) in files.items():
        routes.add_url_rule(path, path.strip("/").replace(".", "_"), _serve(body, content_type), methods=["GET"])
    return routes


def _serve(body: str, content_type: str) -> Any:
    async def serve() -> Response:
        return TrioResponse(body, content_type=content_type, headers={"Cache-Control": CACHE})

    return serve


def render(described: dict[str, Any]) -> str:
    """The whole page."""
    info = described["info"]
    operations = [
        (tag, method, path, operation)
        for tag in described["tags"]
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if tag["name"] in operation["tags"]
    ]
    links = [
        f'<li><a href="#{_text(operation["operationId"])}"><span class="method">{_text(method.upper())}</span>'
        f"<code>{_text(path)}</code></a></li>"
        for _, method, path, operation in operations
    ]
    sections = []
    for tag in described["tags"]:
        own = [_operation(m, path, operation, described) for of, m, path, operation in operations if of is tag]
        sections.append(
            f"<section>\n<h2>{_text(tag['name'])}</h2>\n{_prose(tag['description'])}\n{''.join(own)}</section>"
        )
    title = f"{info['title']} {info['version']}"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(title)}: API</title>
<link rel="stylesheet" href="/docs.css">
</head>
<body>
<header><h1>{_text(title)}</h1>
<p class="dim">{_text(info["summary"])} This page as data: <a href="/openapi.json">openapi.json</a>.</p></header>
<nav aria-label="Calls"><ul>{"".join(links)}</ul></nav>
<main>
{_prose(info["description"])}
{"".join(sections)}
</main>
</body>
</html>
"""


def _operation(method: str, path: str, operation: dict[str, Any], described: dict[str, Any]) -> str:
    name = f'<span class="method">{_text(method.upper())}</span><code>{_text(path)}</code>'
    parts = [
        f'<h3 id="{_text(operation["operationId"])}">{name}</h3>',
        f"<p><strong>{_text(operation['summary'])}.</strong></p>",
        _prose(operation["description"]),
    ]
    schemes = [name for choice in operation["security"] for name in choice]
    if schemes:
        maybe = " (may be left out)" if {} in operation["security"] else ""
        parts.append(f'<p class="dim"><code>Authorization: Bearer</code> {_text(", ".join(schemes))}{maybe}</p>')
    if "parameters" in operation:
        rows = [(f"{p['name']} (in the {p['in']})", _resolve(p["schema"], described)) for p in operation["parameters"]]
        parts.append("<h4>Parameters</h4>" + _table(rows, ()))
    if "requestBody" in operation:
        parts.append("<h4>Body</h4>" + _content(operation["requestBody"]["content"], described))
    for status, response in operation["responses"].items():
        parts.append(_response(status, response, described))
    return "\n".join(parts) + "\n"


def _response(status: str, response: dict[str, Any], described: dict[str, Any]) -> str:
    named = ", ".join(response.get("headers", {}))
    headers = f'<p class="dim">With the header <code>{_text(named)}</code></p>' if named else ""
    title = f"{_text(status)}: {_text(response['description'])}"
    opened = " open" if status.startswith("2") else ""
    content = _content(response["content"], described)
    return f"<details{opened}><summary>{title}</summary>{headers}{content}</details>"


def _content(content: dict[str, Any], described: dict[str, Any]) -> str:
    parts = []
    for kind, body in content.items():
        schema = _resolve(body["schema"], described)
        examples = [example["value"] for example in body.get("examples", {}).values()]
        if "example" in body:
            examples.append(body["example"])
        if kind == "application/json":
            fields = [(name, _resolve(field, described)) for name, field in schema.get("properties", {}).items()]
            parts.append(_table(fields, schema.get("required", ())))
            examples += schema.get("examples", [])
        shown = "\n".join(e if isinstance(e, str) else json.dumps(e, indent=2, ensure_ascii=False) for e in examples)
        parts.append(f'<p class="dim"><code>{_text(kind)}</code></p>' + (f"<pre>{_text(shown)}</pre>" if shown else ""))
    return "".join(parts)


def _table(fields: list[tuple[str, dict[str, Any]]], required: Any) -> str:
    rows = [
        f"<tr><td><code>{_text(name)}</code></td><td>{_text(_kind(schema))}"
        f"{'' if name in required else ', may be missing'}</td><td>{_inline(schema.get('description', ''))}</td></tr>"
        for name, schema in fields
    ]
    head = "<tr><th>Field</th><th>Kind</th><th></th></tr>"
    return f'<div class="wide"><table>{head}{"".join(rows)}</table></div>'


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema["enum"])
    named = schema.get("type", "anything")
    words = named if isinstance(named, str) else " or ".join(named)
    if schema.get("pattern") == "^[0-9a-f]{64}$":
        return "64 hex digits"
    low = schema.get("minimum", schema.get("minLength"))
    high = schema.get("maximum", schema.get("maxLength"))
    if low is not None and high is not None:
        words += f", {low} to {high}"
    elif low is not None:
        words += f", at least {low}"
    elif high is not None:
        words += f", at most {high}"
    return words + (" characters" if "maxLength" in schema else "")


def _resolve(schema: dict[str, Any], described: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].rpartition("/")[2]
    found: dict[str, Any] = described["components"]["schemas"][name]
    return found


def _prose(text: str) -> str:
    """Paragraphs, lists and code: as much of Markdown as the document uses."""
    blocks = []
    for block in text.split("\n\n"):
        if block.startswith("- "):
            items = re.split(r"^- ", block, flags=re.MULTILINE)[1:]
            blocks.append("<ul>" + "".join(f"<li>{_inline(item.strip())}</li>" for item in items) + "</ul>")
        else:
            blocks.append(f"<p>{_inline(block)}</p>")
    return "\n".join(blocks)


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(text))


def _text(value: object) -> str:
    return html.escape(str(value))
