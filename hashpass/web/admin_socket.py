"""The operator's WebSocket: the status, every two seconds. It is apart from the public room, and no ban closes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import Any, Final

import trio
from attrs import define, field

from hashpass.domain.errors import HashPassError, OperatorRequired, OriginRefused
from hashpass.frames import POLICY
from hashpass.hub import Hub
from hashpass.lane import Handshake
from hashpass.sockets import Socket
from hashpass.web.admin_entrance import AdminEntrance
from hashpass.web.security import origin_allowed

PLACES: Final = 16
INTERVAL: Final = 2.0
MAX_ERRORS: Final = 5
TOPIC: Final = "STATUS_UPDATE"


def new_hub() -> Hub:
    """A room of its own, so that no crowd of miners can keep an operator out."""
    return Hub(limit=PLACES, limit_per_key=PLACES)


@define(eq=False)
class AdminRoom:
    """Operators' consoles. A slow one is overtaken by newer news, and in the end cut off, like any socket."""

    entrance: AdminEntrance
    status: Callable[[], dict[str, Any]]
    origins: Collection[str]
    """Pages of other addresses that are this server's as well."""
    hub: Hub = field(factory=new_hub)

    async def door(self, handshake: Handshake, socket: Socket) -> None:
        """The whole stay of one console. A refusal is told in the close, where a browser can read it."""
        try:
            address = self.entrance.receive(handshake.peer, handshake)
            if not origin_allowed(handshake.header("origin"), handshake.header("host"), self.origins):
                raise OriginRefused
            ticket, token = handshake.query.get("ticket"), handshake.query.get("token")
            del handshake
            if ticket:
                self.entrance.take_ticket(ticket)
            elif token:
                await self.entrance.recognise(token, address)
            else:
                raise OperatorRequired("This socket needs ?ticket= of POST /api/admin/ws-ticket, or ?token=.")
            with self.hub.join(socket, key=address.key) as member:
                self.hub.send(member, self._news(), topic=TOPIC)
                await self._listen(socket)
        except HashPassError as refusal:
            socket.close(POLICY, refusal.detail)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tell every console the status, every two seconds; while there is none, nothing is worked out."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.hub.run)
            task_status.started()
            while True:
                await trio.sleep(INTERVAL)
                if self.hub.count:
                    self.hub.publish(self._news(), topic=TOPIC)

    async def _listen(self, socket: Socket) -> None:
        errors = 0
        async for text in socket:
            if _kind(text) == "ping":
                socket.send(json.dumps({"type": "PONG", "online": self.hub.count}), topic="PONG")
                continue
            errors += 1
            socket.send(json.dumps({"type": "ERROR", "detail": "The only message that this socket takes is a ping."}))
            if errors >= MAX_ERRORS:
                socket.close(POLICY, "Too many messages that make no sense.")

    def _news(self) -> dict[str, Any]:
        return {"type": TOPIC, **self.status()}


def _kind(text: str | bytes) -> object:
    try:
        message = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return message.get("type") if isinstance(message, dict) else None
