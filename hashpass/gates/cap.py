"""Our own captcha as the gate: nothing outside this server is asked."""

from __future__ import annotations

from typing import Any

from hashpass.cap import CapServer
from hashpass.domain.errors import GateRefused, GateTokenUsed
from hashpass.domain.values import Address
from hashpass.gates.base import Sources

ENDPOINT = "/api/cap/"


class CapGate:
    """Takes the verification tokens of our own Cap server, each once."""

    name = "cap"
    csp = Sources()
    remembers = False  # the server that made a token spends it

    def __init__(self, server: CapServer) -> None:
        self._server = server

    def public(self) -> dict[str, Any]:
        return {"site_key": None, "test_mode": False, "cap_endpoint": ENDPOINT}

    async def check(self, token: str, address: Address) -> None:
        match await self._server.spend_async(token):
            case "used":
                raise GateTokenUsed
            case "expired":
                raise GateRefused("This captcha token has expired. Solve another one.", field="token")
            case "invalid":
                raise GateRefused("token must be one that POST /api/cap/redeem has given out.", field="token")
