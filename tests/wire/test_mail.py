"""Sign-in mail over real sockets: a mail server on the loopback, spoken to as any other."""

from __future__ import annotations

import json
import logging
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme
from aiosmtpd.smtp import AuthResult, LoginPassword

from hashpass import applog
from hashpass.addresses import AddressReader
from hashpass.bans import Bans
from hashpass.identity.derive import Derivation
from hashpass.identity.links import Origins
from hashpass.identity.mail.message import Mail, MailFailed, Sender, compose
from hashpass.identity.mail.outbox import Outbox
from hashpass.identity.mail.smtp import Server, SmtpTransport
from hashpass.identity.mail.texts import LANGUAGES
from hashpass.identity.service import SignIn
from hashpass.identity.tokens import Tokens
from hashpass.identity.users import Users
from hashpass.limits import RateLimit
from hashpass.storage.sqlite import SqliteStore
from hashpass.web.errors import Application
from hashpass.web.login import LoginApi
from tests.identity.desk import JWT_SECRET, LINK_KEY, ORIGIN, SALT, HandClock, operator
from tests.mailbox import Postman, body_of, link_in, mail_server

PERSON = "zuzanna.nobody@mail.example"
LINK = "https://hashpass.example/?magiclink=2ZcbRop&next=3FTYu8"
SENDER = Sender("HashPass", "noreply@hashpass.example")
USER, PASSWORD = "mailer", "p/w@:x"


def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


def server_context() -> ssl.SSLContext:
    """A certificate that nobody but its maker trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


async def send(url: str, mail: Mail | None = None, **options: Any) -> None:
    with trio.fail_after(20):
        await SmtpTransport(Server.parse(url), SENDER, **options).send(mail or compose(PERSON, LINK, "en"))


async def failure(url: str, **options: Any) -> tuple[str, bool]:
    with pytest.raises(MailFailed) as failed:
        await send(url, **options)
    assert PERSON not in repr(failed.value)
    return str(failed.value), failed.value.again


async def test_a_mail_arrives_as_it_was_written() -> None:
    postman = Postman()
    with mail_server(postman) as port:
        for code in LANGUAGES:
            await send(f"smtp://127.0.0.1:{port}", compose(PERSON, LINK, code))
    for (message, envelope, _), (code, words) in zip(postman.got, LANGUAGES.items(), strict=True):
        written = compose(PERSON, LINK, code)
        assert (envelope.mail_from, envelope.rcpt_tos) == ("noreply@hashpass.example", [PERSON])
        assert (message["Subject"], message["To"], message["Content-Language"]) == (words.subject, PERSON, code)
        assert body_of(message, "plain") == written.text
        assert body_of(message, "html") == written.html


async def test_a_name_beyond_ascii_is_written_to_where_the_server_knows_how() -> None:
    postman = Postman()
    mail = compose("名字@bücher.example", LINK, "zh")
    with mail_server(postman, enable_SMTPUTF8=True) as port:
        await send(f"smtp://127.0.0.1:{port}", mail)
    assert postman.got[0][1].rcpt_tos == ["名字@xn--bcher-kva.example"]
    with mail_server(Postman(), enable_SMTPUTF8=False) as port, pytest.raises(MailFailed, match="SMTPUTF8"):
        await send(f"smtp://127.0.0.1:{port}", mail)


async def test_tls_and_a_password_where_the_server_wants_them() -> None:
    postman, tls = Postman(), server_context()
    with mail_server(postman, authenticator=authenticate, auth_required=True, tls_context=tls) as port:
        await send(f"smtp://{USER}:p%2Fw%40%3Ax@127.0.0.1:{port}")
        assert await failure(f"smtp://{USER}:wrong@127.0.0.1:{port}") == ("the mail server answered 535", False)
        assert await failure(f"smtp://127.0.0.1:{port}") == ("the mail server answered 530", False)
    # Of TLS from the first byte aiosmtpd knows nothing, so it must be told not to ask for it.
    with mail_server(postman, tls, authenticator=authenticate, auth_require_tls=False) as port:
        await send(f"smtps://{USER}:p%2Fw%40%3Ax@127.0.0.1:{port}")
        assert await failure(f"smtps://{USER}:wrong@127.0.0.1:{port}") == ("the mail server answered 535", False)
    assert [session.authenticated for _, _, session in postman.got] == [True, True]
    assert postman.got[0][2].ssl is not None


async def test_a_certificate_that_nobody_trusts_is_refused_unless_the_server_is_on_this_machine() -> None:
    """0.0.0.0 leads to this machine, too, yet is no address of the loopback: a server elsewhere, so to speak."""
    postman = Postman()
    with mail_server(postman, tls_context=server_context()) as port:
        assert await failure(f"smtp://0.0.0.0:{port}") == ("SSLCertVerificationError", False)
        await send(f"smtp://127.0.0.1:{port}")
    assert len(postman.got) == 1


async def test_a_password_is_not_told_in_the_clear_to_another_machine() -> None:
    postman = Postman()
    with mail_server(postman, authenticator=authenticate, auth_require_tls=False) as port:
        reason, again = await failure(f"smtp://{USER}:{PASSWORD.encode().hex()}@0.0.0.0:{port}")
        assert (reason, again) == ("the mail server offers no TLS, so it was not told the password", False)
        await send(f"smtp://0.0.0.0:{port}")
        await send(f"smtp://{USER}:p%2Fw%40%3Ax@127.0.0.1:{port}")
    assert [bool(session.authenticated) for _, _, session in postman.got] == [False, True]


async def test_a_password_is_told_to_another_machine_once_it_has_proved_who_it_is() -> None:
    authority, postman = trustme.CA(), Postman()
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("0.0.0.0").configure_cert(theirs)
    authority.configure_trust(ours)
    with mail_server(postman, authenticator=authenticate, tls_context=theirs) as port:
        await send(f"smtp://{USER}:p%2Fw%40%3Ax@0.0.0.0:{port}", trust=ours)
    assert postman.got[0][2].authenticated


@pytest.mark.parametrize(
    ("postman", "reason", "again"),
    [
        (Postman(recipient=f"550 no {PERSON} here"), "the recipient was refused with 550", False),
        (Postman(recipient=f"450 {PERSON} later"), "the recipient was refused with 450", True),
        (Postman(answer=f"554 no mail for {PERSON}"), "the mail server answered 554", False),
        (Postman(answer=f"451 not now, {PERSON}"), "the mail server answered 451", True),
    ],
)
async def test_a_refusal_is_told_by_its_number_alone(postman: Postman, reason: str, again: bool) -> None:
    with mail_server(postman) as port:
        assert await failure(f"smtp://127.0.0.1:{port}") == (reason, again)


async def test_a_server_that_is_not_there_or_speaks_something_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert await failure(f"smtp://127.0.0.1:{port}") == ("ConnectionRefusedError", True)
    with mail_server(Postman()) as port:
        reason, again = await failure(f"smtps://127.0.0.1:{port}")
    assert ("SSL" in reason, again) == (True, False)


async def test_a_server_that_never_answers_holds_nobody_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = SmtpTransport(Server.parse(f"smtp://127.0.0.1:{listener.getsockname()[1]}"), SENDER)
        with trio.fail_after(5):
            with trio.move_on_after(0.1) as scope:
                await transport.send(compose(PERSON, LINK, "en"))
        assert scope.cancelled_caught
        listener.accept()[0].close()


# The whole way


async def nothing() -> bytes | None:
    return None


async def keep(_data: bytes) -> None:
    """Bans are kept nowhere."""


def read_all(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


async def test_from_the_request_to_the_session_and_no_trace_of_the_address(
    tmp_path: Path, nursery: trio.Nursery, capfd: pytest.CaptureFixture[str]
) -> None:
    """Everything is real here. Afterwards every file, the log among them, is searched for the address."""
    postman, clock = Postman(), HandClock()
    store = await SqliteStore.open(tmp_path / "store.sqlite", wall=clock)
    users = Users(store, wall=clock)
    with mail_server(postman) as port, applog.configure(tmp_path, "DEBUG", console=None):
        transport = SmtpTransport(Server.parse(f"smtp://127.0.0.1:{port}"), SENDER, wall=clock)
        outbox = Outbox(transport, RateLimit(200, 3600), wall=clock)
        sign_in = SignIn(
            store,
            users,
            derivation=Derivation(SALT),
            link_key=LINK_KEY,
            tokens=Tokens(JWT_SECRET, clock),
            post=outbox,
            origins=lambda: Origins.of(ORIGIN, []),
            recipients=RateLimit(5, 900),
            mailboxes=RateLimit(20, 900),
            wall=clock,
        )
        app = Application("test")
        bans = Bans(save=keep, load=nothing)
        LoginApi(sign_in, users, AddressReader([]), bans, RateLimit(10, 60), operator("an-operators-token")).install(
            app
        )
        await nursery.start(outbox.run)
        client = app.test_client(use_cookies=False)

        async def call(method: str, path: str, **options: Any) -> Any:
            response = await client.open(path, method=method, scope_base={"client": ("192.0.2.7", 5)}, **options)
            return response.status_code, await response.get_json(force=True)

        async def ask() -> None:
            body = json.dumps({"email": PERSON.upper(), "email_lang": "ar"}).encode()
            assert (await call("POST", "/api/login/", data=body))[0] == 200

        with trio.fail_after(30):
            await ask()
            while not postman.got:  # noqa: ASYNC110 - it comes from another thread
                await trio.sleep(0.01)
            postman.recipient = f"550 {PERSON} is not known here"
            await ask()
            await call("POST", "/api/login/", data=json.dumps({"email": PERSON + ">"}).encode())
            await outbox.close()
        link = link_in(postman.got[0][0])
        assert link.startswith(ORIGIN)
        token = link.partition("magiclink=")[2]
        status, body = await call("GET", "/api/login/", query_string={"magiclink": token})
        assert status == 200
        assert (await call("GET", "/api/login/", query_string={"magiclink": token}))[0] == 400
        access = body["access_token"]
        headers = {"Authorization": f"Bearer {access}"}
        assert (await call("DELETE", f"/api/users/{body['user_id']}", headers=headers))[0] == 200
        logging.getLogger("hashpass.test").error("the last line")
    files = read_all(tmp_path)
    await store.aclose()
    assert (outbox.sent, outbox.failed) == (1, 1)
    assert b"refused with 550" in files["hashpass.log"]
    assert b"the last line" in files["hashpass.log"]
    assert "store.sqlite-wal" in files
    everything = b"".join(files.values()) + "".join(capfd.readouterr()).encode()
    for secret in ("zuzanna", "mail.example", token, access):
        assert secret.encode() not in everything.lower() + everything
