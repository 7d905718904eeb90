"""Reading what a widget posts, so that every front door refuses the same bodies in the same words."""

from __future__ import annotations

import json

from attrs import frozen

from hashpass.cap.challenge import is_solution
from hashpass.cap.errors import Malformed

MAX_BODY = 32 * 1024
"""Bytes. A thousand solutions of sixteen digits and the token need less than 20 KB."""


@frozen
class RedeemBody:
    token: str
    solutions: list[int]

    @classmethod
    def parse(cls, body: object) -> RedeemBody:
        """Read the decoded body of a redeem; Malformed says what is wrong with it."""
        if not isinstance(body, dict):
            raise Malformed("The body must be a JSON object.")
        token, solutions = body.get("token"), body.get("solutions")
        if not isinstance(token, str):
            raise Malformed("token must be text.", field="token")
        if not isinstance(solutions, list) or not all(map(is_solution, solutions)):
            raise Malformed("solutions must be a list of whole numbers from 0 to 2^53 - 1.", field="solutions")
        return cls(token, solutions)

    @classmethod
    def parse_json(cls, data: bytes) -> RedeemBody:
        """The same from the bytes as they came."""
        try:
            body = json.loads(data.decode())
        except (ValueError, RecursionError):  # not UTF-8, not JSON, a number without end, or nested without end
            raise Malformed("The body must be JSON in UTF-8.") from None
        return cls.parse(body)
