"""WebSocket frames for a server: made once to be sent to many, and read one peer at a time within a fixed memory.

wsproto does the reading; the rest of this file is what it leaves to its user: putting a message together without
ever holding more than the limit, and saying with which code to close when the peer breaks the rules.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen
from wsproto.frame_protocol import Frame, FrameProtocol, Opcode, ParseFailed

PING = b"\x89\x00"
MAX_CONTROL = 125
MAX_PARTS = 16
"""Pieces of a message kept apart; a message that trickles in must not become thousands of tiny objects."""

NORMAL = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
NO_STATUS = 1005
ABNORMAL = 1006
BAD_DATA = 1007
POLICY = 1008
TOO_BIG = 1009
INTERNAL = 1011


class Violation(Exception):
    """The peer broke the protocol or a limit; `code` is what to close with."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code} {reason}")


@frozen
class Ping:
    payload: bytes


@frozen
class Pong:
    payload: bytes


@frozen
class Close:
    code: int
    reason: str


Event = str | bytes | Ping | Pong | Close
"""What a peer can say; `str` and `bytes` are whole text and binary messages."""


def text_frame(text: str) -> bytes:
    payload = text.encode()
    size = len(payload)
    if size <= MAX_CONTROL:
        return bytes((0x81, size)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def pong_frame(payload: bytes) -> bytes:
    return bytes((0x8A, len(payload))) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; a reason that is too long is cut between two characters. 1005 and 1006 never go on the wire."""
    if code in (NO_STATUS, ABNORMAL):
        return b"\x88\x00"
    text = reason.encode()[: MAX_CONTROL - 2].decode(errors="ignore").encode()
    return bytes((0x88, 2 + len(text))) + code.to_bytes(2, "big") + text


def open_frame(frame: bytes) -> str | Close | None:
    """What one of our own frames says, for a transport that makes its own. None for pings and pongs."""
    size = frame[1]
    payload = frame[{126: 4, 127: 10}.get(size, 2) :]
    if frame[0] == 0x81:
        return payload.decode()
    if frame[0] == 0x88:
        return Close(int.from_bytes(payload[:2], "big") or NORMAL, payload[2:].decode())
    return None


class Reader:
    """Turns the bytes of one peer into events, holding at most one message of `limit` bytes and the chunk it was fed.

    A fragment that completes nothing is handed out as None, so that the caller can count it: it is no message, but
    work all the same. After a `Violation` or a `Close` the reader is finished and ignores whatever else comes.
    """

    __slots__ = ("_limit", "_parser", "_parts", "_size", "finished")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parser: FrameProtocol | None = None  # made when a peer first speaks; most only listen
        self._parts: list[str | bytes] = []
        self._size = 0
        self.finished = False

    def feed(self, data: bytes) -> Iterator[Event | None]:
        """The events that `data` completes. Raises `Violation`, and nothing else."""
        if self.finished:
            return
        if self._parser is None:
            self._parser = FrameProtocol(client=False, extensions=[])
        try:
            self._parser.receive_bytes(data)
            for frame in self._parser.received_frames():
                event = self._event(frame)
                if event is not None or frame.frame_finished:
                    yield event
        except ParseFailed as error:
            self.finish()
            raise Violation(int(error.code), "The frames do not follow the WebSocket protocol.") from error
        except Violation:
            self.finish()
            raise

    def finish(self) -> None:
        """Read nothing more, and let go of what was held."""
        self.finished = True
        self._parser = None
        self._parts = []

    def _event(self, frame: Frame) -> Event | None:
        payload = frame.payload
        if isinstance(payload, tuple):
            self.finish()
            return Close(int(payload[0]), payload[1])
        if frame.opcode is Opcode.PING:
            return Ping(_bytes(payload))
        if frame.opcode is Opcode.PONG:
            return Pong(_bytes(payload))
        self._add(payload)
        if not frame.message_finished:
            return None
        parts, self._parts, self._size = self._parts, [], 0
        return _join(parts, text=frame.opcode is Opcode.TEXT)

    def _add(self, payload: str | bytes) -> None:
        """Keep a piece of a message, unless the message has become too large with it."""
        if not payload:
            return  # an empty fragment must not leave even an empty string behind
        self._size += len(payload) if isinstance(payload, bytes) or payload.isascii() else len(payload.encode())
        if self._size > self._limit:
            raise Violation(TOO_BIG, f"A message may have at most {self._limit} bytes.")
        self._parts.append(payload)
        if len(self._parts) > MAX_PARTS:
            self._parts = [_join(self._parts, text=isinstance(payload, str))]


def _join(parts: list[str | bytes], *, text: bool) -> str | bytes:
    if text:
        return "".join(part for part in parts if isinstance(part, str))
    return b"".join(part for part in parts if isinstance(part, bytes))


def _bytes(payload: str | bytes) -> bytes:
    assert isinstance(payload, bytes)  # noqa: S101  only text frames carry str
    return payload
