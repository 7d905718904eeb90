"""A mail server of tests' own, on the loopback: real SMTP, and whatever it takes is kept."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from attrs import define, field


@define
class Postman:
    """Keeps what it is given, or answers as told."""

    answer: str = "250 OK"
    recipient: str = "250 OK"
    got: list[tuple[EmailMessage, Envelope, Session]] = field(factory=list)

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        if self.recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.got.append((message, envelope, session))
        return self.answer


@contextmanager
def mail_server(postman: Postman, ssl_context: ssl.SSLContext | None = None, **options: Any) -> Iterator[int]:
    """The port of a mail server that runs on a thread, on a loop of its own, until the block ends."""
    started: Future[tuple[int, Callable[[], object]]] = Future()

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        def speak() -> SMTP:
            return SMTP(postman, loop=loop, hostname="mail.example", ident="a test", **options)

        server = await loop.create_server(speak, "127.0.0.1", 0, ssl=ssl_context)
        started.set_result((server.sockets[0].getsockname()[1], lambda: loop.call_soon_threadsafe(stop.set)))
        await stop.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    port, stop = started.result(5)
    try:
        yield port
    finally:
        stop()
        thread.join(5)


def body_of(message: EmailMessage, kind: str) -> str:
    """The part of this kind, `plain` or `html`, as it reads."""
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def link_in(message: EmailMessage) -> str:
    """The link in the part that is text, where it has a line of its own."""
    (link,) = (line for line in body_of(message, "plain").splitlines() if line.startswith("http"))
    return link
