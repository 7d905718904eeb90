"""What the mail says and how it is handed on; the conversation with a mail server is in tests/wire/test_mail.py."""

from __future__ import annotations

import json
import logging
import re
from html.parser import HTMLParser

import attrs
import httpx
import pytest
import trio
from attrs import define, field

from hashpass.domain.errors import NotReady, QueueFull
from hashpass.identity.mail.console import Console
from hashpass.identity.mail.mailtrap import Mailtrap
from hashpass.identity.mail.message import Mail, MailFailed, Sender, compose
from hashpass.identity.mail.outbox import MAX_WAITING, Outbox
from hashpass.identity.mail.smtp import Server, build_message
from hashpass.identity.mail.texts import LANGUAGES, MINUTES, Words, find_language
from hashpass.limits import RateLimit
from tests.identity.desk import PERSON, HandClock

LINK = "https://hashpass.example/?magiclink=2ZcbRop&next=3FTYu8"
SENDER = Sender("HashPass", "noreply@hashpass.example")


class Page(HTMLParser):
    """The pieces of an HTML mail that can be checked."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


# The words


def test_there_are_thirteen_languages_and_english_for_everybody_else() -> None:
    assert set(LANGUAGES) == {"es", "en", "fr", "de", "pt", "ru", "zh", "ja", "ar", "hi", "ca", "gl", "eu"}
    assert [find_language(code) for code in ("eu", "EU", "es-ES", "xx", "", None, 7, ["en"])] == ["eu", *["en"] * 7]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_language_says_everything_in_its_own_words(code: str) -> None:
    words = attrs.asdict(LANGUAGES[code])
    texts = {name: text for name, text in words.items() if isinstance(text, str)}
    assert all(text and text == text.strip() for text in texts.values())
    assert str(MINUTES) in LANGUAGES[code].expires
    assert "HashPass" in LANGUAGES[code].subject
    assert len(LANGUAGES[code].subject) < 60
    assert LANGUAGES[code].right_to_left == (code == "ar")
    for other, theirs in LANGUAGES.items():
        if other != code:
            same = [
                name
                for name, text in texts.items()
                if name not in {"button", "title"} and text == getattr(theirs, name)
            ]
            assert same == []


SCRIPTS = {
    "ru": "[а-я]",
    "zh": "[\u4e00-\u9fff]",
    "ja": "[\u3040-\u30ff]",
    "ar": "[\u0621-\u064a]",
    "hi": "[\u0900-\u097f]",
}


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_stays_in_its_script(code: str) -> None:
    for name, text in attrs.asdict(LANGUAGES[code], filter=lambda _, value: isinstance(value, str)).items():
        for other, script in SCRIPTS.items():
            if code == other:
                assert re.search(script, text), name
            elif (code, other) != ("ja", "zh"):
                assert not re.search(script, text), name


# The message


@pytest.mark.parametrize("code", LANGUAGES)
def test_both_parts_carry_the_link_and_every_caution(code: str) -> None:
    words, mail = LANGUAGES[code], compose(PERSON, LINK, code)
    page = Page(mail.html)
    assert page.open == []
    for sentence in (words.title, words.expires, words.once, words.private, words.unasked, words.automatic):
        assert sentence in mail.text
        assert any(sentence in found for found in page.words)
    assert f"\n{LINK}\n" in mail.text
    assert [a["href"] for a in page.all("a")] == [LINK]
    assert LINK in page.words
    assert page.all("html") == [{"lang": code, "dir": "rtl" if code == "ar" else "ltr"}]
    assert PERSON not in mail.text + mail.html + mail.subject
    assert not re.search(r"<(img|script|link|style)|url\(", mail.html)


def test_in_arabic_only_the_link_runs_from_left_to_right() -> None:
    page = Page(compose(PERSON, LINK, "ar").html)
    assert page.all("body")[0]["dir"] == "rtl"
    assert [attributes["dir"] for tag, attributes in page.tags if tag == "p" and "dir" in attributes] == ["ltr"]


def test_whatever_is_in_a_link_stays_text_in_html() -> None:
    hostile = "https://a.example/?magiclink=\"><script>alert(1)</script>&next='<b>&amp;"
    mail = compose(PERSON, hostile, "en")
    assert "<script" not in mail.html
    assert "&quot;&gt;&lt;script&gt;" in mail.html
    page = Page(mail.html)
    assert page.all("a")[0]["href"] == hostile
    assert page.all("script") == page.all("b") == []


def test_nothing_in_a_mail_is_shown_by_accident() -> None:
    assert repr(compose(PERSON, LINK, "en")) == "Mail(language='en')"


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_message_survives_the_wire(code: str) -> None:
    message = build_message(compose("Somebody+x@bücher.example".lower(), LINK, code), SENDER, 1_756_771_200)
    raw = message.as_bytes()
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.splitlines())
    assert message["To"] == "somebody+x@xn--bcher-kva.example"
    assert message["From"] == "HashPass <noreply@hashpass.example>"
    assert message["Subject"] == LANGUAGES[code].subject
    assert message["Content-Language"] == code
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@hashpass.example>")
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]


def test_senders_and_servers_are_parsed() -> None:
    assert Sender.parse("noreply@a.example") == Sender("HashPass", "noreply@a.example")
    assert Sender.parse("Our Site <noreply@a.example>") == Sender("Our Site", "noreply@a.example")
    for text in ("", "nobody", "@a.example", "a@", "a b@c.example", "ü@a.example"):
        with pytest.raises(ValueError, match="address"):
            Sender.parse(text)
    assert Server.parse("smtp://mail.example") == Server("mail.example", 587, "", "", tls=False)
    assert Server.parse("smtps://u%40a:p%2Fw@mail.example") == Server("mail.example", 465, "u@a", "p/w", tls=True)
    assert Server.parse("smtp://[::1]:25/").is_local
    assert "p/w" not in repr(Server.parse("smtps://u:p%2Fw@mail.example"))
    for url in (
        "",
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://a:x",
        "smtp://a/b",
        "smtp://a?b",
        "smtp://u:%C3%BC@a",
    ):
        with pytest.raises(ValueError, match="smtp"):
            Server.parse(url)


# The outbox


@define
class Carrier:
    """Takes mails as told: each of `fate` is raised for one, or None lets it pass."""

    fate: list[Exception | None] = field(factory=list)
    mails: list[Mail] = field(factory=list)
    delay: float = 0
    closed: bool = False

    async def send(self, mail: Mail) -> None:
        await trio.sleep(self.delay)
        if self.fate and (error := self.fate.pop(0)) is not None:
            raise error
        self.mails.append(mail)

    async def aclose(self) -> None:
        self.closed = True


def outbox(carrier: Carrier, cap: int = 1000) -> tuple[Outbox, HandClock]:
    clock = HandClock()
    return Outbox(carrier, RateLimit(cap, 3600, clock=clock), wall=clock), clock


async def test_mails_leave_in_order_and_the_end_waits_for_them(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery
) -> None:
    carrier = Carrier(delay=1)
    box, clock = outbox(carrier)
    await nursery.start(box.run)
    for code in ("ar", "xx", "eu"):
        box.put(PERSON, LINK, code, clock() + 900)
    assert box.waiting == 2  # and one is on its way
    await box.close()
    assert [mail.language for mail in carrier.mails] == ["ar", "en", "eu"]
    assert (box.sent, box.failed, carrier.closed) == (3, 0, True)
    with pytest.raises(NotReady):
        box.put(PERSON, LINK, "en", clock() + 900)


async def test_a_mail_that_may_yet_go_is_tried_again_and_no_failure_stops_the_next(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    carrier = Carrier(
        [
            MailFailed("451", again=True),
            None,
            MailFailed("550", again=False),
            MailFailed("451", again=True),
            MailFailed("452", again=True),
            RuntimeError(f"no such user: {PERSON}"),
        ]
    )
    box, clock = outbox(carrier)
    await nursery.start(box.run)
    for _ in range(5):
        box.put(PERSON, LINK, "en", clock() + 900)
    await box.close()
    assert (box.sent, box.failed) == (2, 3)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "A sign-in mail could not be sent: 550",
        "A sign-in mail could not be sent: 452",
        "A sign-in mail could not be sent: RuntimeError",
    ]
    assert PERSON not in caplog.text
    assert LINK not in caplog.text


async def test_a_server_that_hangs_is_given_up_and_a_dead_link_is_not_sent(
    autojump_clock: trio.testing.MockClock, nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    carrier = Carrier(delay=1000)
    box, clock = outbox(carrier)
    await nursery.start(box.run)
    box.put(PERSON, LINK, "en", clock() + 900)
    box.put(PERSON, LINK, "en", clock() - 1)
    await trio.sleep(63)
    assert (box.sent, box.failed) == (0, 2)
    assert "nothing within 30 s" in caplog.text
    assert "expired" in caplog.text


async def test_the_outbox_has_a_bound_and_an_hour_has_a_cap() -> None:
    box, clock = outbox(Carrier(), cap=3)
    for _ in range(3):
        box.put(PERSON, LINK, "en", clock() + 900)
    with pytest.raises(NotReady) as refused:
        box.put(PERSON, LINK, "en", clock() + 900)
    assert refused.value.retry_after == 3600
    full, clock = outbox(Carrier())
    for _ in range(MAX_WAITING):
        full.put(PERSON, LINK, "en", clock() + 900)
    with pytest.raises(QueueFull):
        full.check()
    with pytest.raises(QueueFull):
        full.put(PERSON, LINK, "en", clock() + 900)


async def test_an_end_without_a_beginning_does_not_wait(caplog: pytest.LogCaptureFixture) -> None:
    box, clock = outbox(Carrier())
    box.put(PERSON, LINK, "en", clock() + 900)
    with trio.fail_after(1):
        await box.close()
    assert "1 sign-in mails were not sent" in caplog.text


# Transports


async def test_the_console_prints_the_link_and_not_the_address(caplog: pytest.LogCaptureFixture) -> None:
    lines: list[str] = []
    console = Console(lines.append)
    await console.send(compose(PERSON, LINK, "en"))
    await console.aclose()
    assert lines == [f"Sign-in link: {LINK}"]
    assert "printed here" in caplog.text
    assert LINK not in caplog.text


async def test_mailtrap_is_told_everything_once() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200)

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    mailtrap = Mailtrap("secret-token", "4711", SENDER, url="https://mailtrap.example/api/send/", client=client)
    mail = compose("somebody@bücher.example", LINK, "hi")
    await mailtrap.send(mail)
    await mailtrap.aclose()
    assert client.is_closed
    assert str(asked[0].url) == "https://mailtrap.example/api/send/4711"
    assert asked[0].headers["Authorization"] == "Bearer secret-token"
    assert json.loads(asked[0].content) == {
        "from": {"email": "noreply@hashpass.example", "name": "HashPass"},
        "to": [{"email": "somebody@xn--bcher-kva.example", "name": "somebody"}],
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "category": "Authentication",
    }


@pytest.mark.parametrize(("status", "again"), [(401, False), (302, False), (422, False), (429, True), (503, True)])
async def test_what_mailtrap_refuses_is_told_without_its_words(status: int, again: bool) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text=f"no {PERSON}"))
    mailtrap = Mailtrap("t", "1", SENDER, client=httpx.AsyncClient(transport=transport))
    with pytest.raises(MailFailed) as failed:
        await mailtrap.send(compose(PERSON, LINK, "en"))
    assert (str(failed.value), failed.value.again) == (f"Mailtrap answered {status}", again)
    await mailtrap.aclose()


async def test_a_mailtrap_out_of_reach_is_tried_again() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"cannot send to {PERSON}", request=request)

    mailtrap = Mailtrap("t", "1", SENDER, client=httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    with pytest.raises(MailFailed) as failed:
        await mailtrap.send(compose(PERSON, LINK, "en"))
    assert (str(failed.value), failed.value.again) == ("ConnectError", True)
    await mailtrap.aclose()


def test_words_are_a_complete_form() -> None:
    """A language added without one of the sentences does not even load."""
    with pytest.raises(TypeError):
        Words(subject="x")  # type: ignore[call-arg]  # that is the point
