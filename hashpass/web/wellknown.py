"""`/.well-known/`: what others may look up about this server without knowing its API."""

from __future__ import annotations

import json
from typing import Final

from attrs import frozen
from quart import Response
from quart_trio.wrappers import TrioResponse

from hashpass.receipts import Receipts
from hashpass.web.errors import Application

JWKS: Final = "/.well-known/jwks.json"
CACHE: Final = "public, max-age=300"
"""A key is used from the moment it is made. Who meets an unknown `kid` in a fresh receipt asks again, as all do."""


@frozen
class WellKnown:
    receipts: Receipts

    def install(self, app: Application) -> None:
        app.add_url_rule(JWKS, view_func=self.jwks, methods=["GET"])

    async def jwks(self) -> Response:
        """The public keys of receipts, those that have been replaced included."""
        return TrioResponse(
            json.dumps(self.receipts.jwks()),
            content_type="application/jwk-set+json",
            headers={"Cache-Control": CACHE},
        )
