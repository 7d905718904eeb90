"""What an operator does with codes: check one, redeem it, and change the keys they and their receipts are made with."""

from __future__ import annotations

from attrs import frozen
from quart import Blueprint
from quart.typing import ResponseReturnValue

from hashpass.domain.errors import BadRequest
from hashpass.invites import Invites
from hashpass.receipts import Receipts
from hashpass.web.admin import acting, read_body
from hashpass.web.admin_entrance import AdminEntrance
from hashpass.web.admin_values import read_code, read_secret


@frozen
class AdminCodes:
    entrance: AdminEntrance
    invites: Invites
    receipts: Receipts

    def add_to(self, doors: Blueprint) -> None:
        doors.add_url_rule("/codes/check", view_func=self.check, methods=["POST"])
        doors.add_url_rule("/codes/redeem", view_func=self.redeem, methods=["POST"])
        doors.add_url_rule("/regenerate-hmac", view_func=self.renew_key, methods=["POST"])
        doors.add_url_rule("/receipt-key", view_func=self.renew_receipt_key, methods=["POST"])

    async def check(self) -> ResponseReturnValue:
        return (await self.invites.check(read_code(await read_body()))).as_json()

    async def redeem(self) -> ResponseReturnValue:
        code = read_code(await read_body())
        async with acting(self.entrance, "codes/redeem") as done:
            status = await self.invites.redeem(code)
            done.update(invite_code=code, round=status.round)
        return {"invite_code": code, **status.as_json()}

    async def renew_key(self) -> ResponseReturnValue:
        """The key itself is told to nobody, and stands in no log."""
        secret = read_secret(await read_body())
        async with acting(self.entrance, "regenerate-hmac") as done:
            try:
                done["key_id"] = await self.invites.renew(secret)
            except ValueError:
                raise BadRequest("This key has been used before. Give another one.", field="hmac_secret") from None
        return done

    async def renew_receipt_key(self) -> ResponseReturnValue:
        async with acting(self.entrance, "receipt-key") as done:
            done["kid"] = await self.receipts.rotate()
        return done
