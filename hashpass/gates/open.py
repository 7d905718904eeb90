"""The gate that stands open: for private networks, trials and tests."""

from __future__ import annotations

from typing import Any

from hashpass.domain.values import Address
from hashpass.gates.base import Sources


class OpenGate:
    """Lets any token pass, an empty one too, as often as it likes."""

    name = "open"
    csp = Sources()
    remembers = False

    def public(self) -> dict[str, Any]:
        return {"site_key": None, "test_mode": False}

    async def check(self, token: str, address: Address) -> None:
        """Nothing is asked."""
