"""The User-Agent filter: a speed bump for script clients, and no more than that."""

from __future__ import annotations

from typing import Final

SCRIPT_CLIENTS: Final = frozenset(
    """
    aiohttp apache-httpclient aria2 axios bun curl dart deno faraday fasthttp go-http-client got guzzlehttp httpclient
    httpie httpx insomnia java java-http-client jakarta libcurl libwww libwww-perl lwp-request mechanize node
    node-fetch node-superagent okhttp perl php postmanruntime python reqwest restsharp ruby scrapy superagent undici
    ureq wget windowspowershell
    """.split()  # noqa: SIM905 - as a list it fills fifty lines
)
"""Names of products, in lower case, that a page is never read with."""

SCRIPT_FAMILIES: Final = ("lwp::", "python-")

EXEMPT: Final = frozenset({"/api/health", "/api/trace", "/api/dev/trace", "/api/drop", "/api/cap/siteverify"})

EXEMPT_TREES: Final = (
    "/api/admin",
    # The workshop beside the race, made for scripts.
    "/api/custom",
    "/api/password",
    "/api/api-key",
    "/api/mnemonic",
    "/api/generate",
    "/api/version",
    "/api/login",
    "/api/refresh",
    "/api/users",
)


def refused(user_agent: str | None) -> bool:
    """Whether this User-Agent is missing or names a script client.

    Whole product names are compared, never parts of them: there are phones called CUBOT, and what stands in a comment,
    such as `(compatible; HashPassMiner/1.0)`, is not a product.
    """
    names = _products(user_agent or "")
    return not names or any(name in SCRIPT_CLIENTS or name.startswith(SCRIPT_FAMILIES) for name in names)


def exempt(path: str) -> bool:
    """Whether the filter leaves this path alone: all but the public API, and of that what scripts are meant to ask."""
    if not path.startswith("/api/"):
        return True
    return path in EXEMPT or any(path == tree or path.startswith(tree + "/") for tree in EXEMPT_TREES)


def _products(user_agent: str) -> list[str]:
    """The product names of a User-Agent (RFC 9110, 10.1.5) in lower case, without versions and comments."""
    kept: list[str] = []
    depth = 0
    for char in user_agent:
        if char == "(":
            depth += 1
            kept.append(" ")
        elif char == ")":
            depth = max(0, depth - 1)
        elif depth == 0:
            kept.append(char)
    words = "".join(kept).lower().split()
    return [name for word in words if (name := word.partition("/")[0])]
