"""WebSocket upgrades that come as a later request on a kept-alive connection, and so reach Quart.

No browser sends one, but some proxies may. They get the same doors, the same hub and the same limits as the lane's own;
only the bytes travel through Quart and Hypercorn.
"""

from __future__ import annotations

from typing import Any, cast

import trio
from quart import websocket
from quart_trio import QuartTrio

from hashpass.frames import TOO_BIG, Close, Violation, open_frame
from hashpass.lane import Handshake, Lane, parse_query
from hashpass.sockets import Socket


def add_late_upgrades(app: QuartTrio, lane: Lane) -> None:
    """Route the lane's paths to the lane's doors."""

    async def visit() -> None:
        # The proxy object belongs to this task; the backlog is sent by another.
        real = cast("Any", websocket)._get_current_object()
        await real.accept()
        socket = QuartSocket(lane, real)
        await lane.serve(handshake_of(real.scope), socket)

    for path in lane.doors:
        app.add_websocket(path, f"late:{path}", visit)


def handshake_of(scope: dict[str, Any]) -> Handshake:
    client = scope.get("client")
    return Handshake(
        path=scope["path"],
        query=parse_query(scope["query_string"].decode("latin-1")),
        headers=tuple((bytes(name).lower(), bytes(value)) for name, value in scope["headers"]),
        peer=client[0] if client else None,
        secure=scope["scheme"] == "wss",
    )


class QuartSocket(Socket):
    """A WebSocket whose frames Hypercorn makes. Whether anybody is still there, the server sees to."""

    __slots__ = ("_reading", "_websocket")

    def __init__(self, lane: Lane, websocket: Any) -> None:
        super().__init__(lane)
        self._websocket = websocket
        self._reading: trio.CancelScope | None = None

    def ping(self) -> None:
        """Hypercorn pings by itself and tells nobody who answered; the server closes what stays silent."""

    async def _listen(self) -> None:
        with trio.CancelScope() as self._reading:
            # An empty binary message arrives as None.
            message: str | bytes = await self._websocket.receive() or b""
            try:
                self._budget(message=True)
                self._measure(message)
            except Violation as violation:
                self.close(violation.code, violation.reason)
            else:
                self._inbox.append(message)
        self._reading = None

    def _measure(self, message: str | bytes) -> None:
        limit = self._host.limits.message
        if len(message if isinstance(message, bytes) else message.encode()) > limit:
            raise Violation(TOO_BIG, f"A message may have at most {limit} bytes.")

    async def _read(self) -> bytes | None:
        raise NotImplementedError  # messages arrive whole

    def _write_now(self, item: bytes) -> bytes | None:
        return item

    async def _write(self, item: bytes) -> None:
        said = open_frame(item)
        if isinstance(said, str):
            await self._websocket.send(said)
        elif isinstance(said, Close):
            await self._websocket.close(said.code, said.reason)

    def _wake(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    async def _await_goodbye(self) -> None:
        """Hypercorn's business."""
