"""Mail by SMTP, with the standard library on a thread."""

from __future__ import annotations

import smtplib
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

import trio
from attrs import field, frozen

from hashpass.identity.derive import deliverable
from hashpass.identity.mail.message import Mail, MailFailed, Sender

PORTS: Final = {"smtp": 587, "smtps": 465}
SEVEN_BIT: Final = SMTP.clone(cte_type="7bit")
"""What every mail server passes on unchanged."""
STEP_SECONDS: Final = 10.0
"""How long the server may take over one step of the conversation."""


@frozen
class Server:
    """What SMTP_URL says."""

    host: str
    port: int
    user: str = field(repr=False)
    password: str = field(repr=False)
    tls: bool
    """From the first byte; otherwise as soon as the server offers it."""

    @classmethod
    def parse(cls, url: str) -> Server:
        """Read `smtp://user:password@host:587` or `smtps://…`; ValueError if it is neither."""
        must = "smtp://user:password@host:587 or smtps://user:password@host:465, the user and the port as needed"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise ValueError(must) from None
        if parts.scheme not in PORTS or not parts.hostname or parts.path not in {"", "/"} or parts.query:
            raise ValueError(must)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        if not (user + password).isascii():
            raise ValueError(f"{must}; the standard library cannot sign in with letters outside ASCII")
        return cls(parts.hostname, port or PORTS[parts.scheme], user, password, parts.scheme == "smtps")

    @property
    def is_local(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class SmtpTransport:
    def __init__(
        self,
        server: Server,
        sender: Sender,
        *,
        wall: Callable[[], float] = time.time,
        trust: ssl.SSLContext | None = None,
        threads: int = 2,
    ) -> None:
        """`trust` says which certificates are believed: by default the system's, on this machine itself any."""
        self._server = server
        self._sender = sender
        self._wall = wall
        self._trust = trust or _trust(server)
        self._limiter = trio.CapacityLimiter(threads)  # two, so that one that hangs does not hold up all others

    async def send(self, mail: Mail) -> None:
        message = build_message(mail, self._sender, self._wall())
        await trio.to_thread.run_sync(self._send, message, mail.to, limiter=self._limiter, abandon_on_cancel=True)

    async def aclose(self) -> None:
        """There is nothing open between two mails."""

    def _send(self, message: EmailMessage, to: str) -> None:
        try:
            with self._connect() as connection:
                self._secure(connection)
                connection.send_message(message, self._sender.email, [deliverable(to)])
        except smtplib.SMTPRecipientsRefused as error:
            code = next(iter(error.recipients.values()), (0, b""))[0]
            raise MailFailed(f"the recipient was refused with {code}", again=code < 500) from None
        except smtplib.SMTPResponseException as error:
            raise MailFailed(f"the mail server answered {error.smtp_code}", again=error.smtp_code < 500) from None
        except smtplib.SMTPNotSupportedError:
            raise MailFailed("the mail server cannot do what is needed (AUTH or SMTPUTF8)", again=False) from None
        except (smtplib.SMTPException, OSError) as error:  # refused, reset, timed out, a wrong certificate
            raise MailFailed(type(error).__name__, again=not isinstance(error, ssl.SSLError)) from None

    def _connect(self) -> smtplib.SMTP:
        host, port, name = self._server.host, self._server.port, self._sender.domain
        if self._server.tls:
            return smtplib.SMTP_SSL(host, port, name, timeout=STEP_SECONDS, context=self._trust)
        return smtplib.SMTP(host, port, name, timeout=STEP_SECONDS)

    def _secure(self, connection: smtplib.SMTP) -> None:
        connection.ehlo_or_helo_if_needed()
        private = self._server.tls or self._server.is_local
        if not self._server.tls and connection.has_extn("starttls"):
            connection.starttls(context=self._trust)
            private = True
        if self._server.user:
            if not private:
                raise MailFailed("the mail server offers no TLS, so it was not told the password", again=False)
            connection.login(self._server.user, self._server.password)


def build_message(mail: Mail, sender: Sender, now: float) -> EmailMessage:
    local, _, domain = deliverable(mail.to).rpartition("@")
    message = EmailMessage(SEVEN_BIT)
    message["From"] = Address(sender.name, addr_spec=sender.email)
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    message["Message-ID"] = make_msgid(domain=sender.domain)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    message["Content-Language"] = mail.language  # last, since set_content would take it for the old content's
    return message


def _trust(server: Server) -> ssl.SSLContext:
    """Mail servers on this machine have certificates that nobody signed, and there is no wire to listen on."""
    context = ssl.create_default_context()
    if server.is_local:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
