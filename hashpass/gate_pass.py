"""How a program passes a server's gate: an open one, a Turnstile in test mode, or Cap, by doing its work."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import httpx
import trio

from hashpass.cap.challenge import MAX_SOLUTION
from hashpass.cap.testing import solve

DUMMY_TOKEN: Final = "XXXX.DUMMY.TOKEN.XXXX"  # noqa: S105 - what Cloudflare's test key yields in a browser


class GivenUp(Exception):
    """There is no sense in trying again; the text says why."""


async def pass_gate(http: httpx.AsyncClient, config: Mapping[str, Any], say: Callable[[str], None]) -> str:
    """A token for the gate that `/api/gate/config` describes. GivenUp if only a browser can get one."""
    if config["gate"] == "open":
        return ""
    if config["gate"] == "turnstile" and config["test_mode"]:
        return DUMMY_TOKEN
    if config["gate"] == "cap":
        say("Solving the captcha.")
        return await _solve_captcha(http, config["cap_endpoint"])
    raise GivenUp(
        f"The gate here is {config['gate']}, which a program cannot pass. "
        "Give a fresh token of it with --token; each works once."
    )


async def _solve_captcha(http: httpx.AsyncClient, endpoint: str) -> str:
    challenge = (await http.post(f"{endpoint}challenge")).raise_for_status().json()
    token: str = challenge["token"]
    work = partial(solve, token, challenge["challenge"], max_nonce=MAX_SOLUTION)
    solutions = await trio.to_thread.run_sync(work, abandon_on_cancel=True)
    answer = (await http.post(f"{endpoint}redeem", json={"token": token, "solutions": solutions})).json()
    if not answer["success"]:
        raise httpx.HTTPError(answer["error"])
    return str(answer["token"])
