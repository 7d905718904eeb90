"""One sign-in mail: subject, text and HTML, from the words of its language."""

from __future__ import annotations

from email.utils import parseaddr
from html import escape
from typing import Final, Protocol

from attrs import field, frozen

from hashpass.identity.mail.texts import LANGUAGES, Words

BLUE: Final = "#2563eb"


@frozen
class Mail:
    to: str = field(repr=False)
    language: str
    link: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


@frozen
class Sender:
    name: str
    email: str

    @classmethod
    def parse(cls, text: str) -> Sender:
        """Read `Name <name@example.org>` or a bare address; ValueError if it is neither."""
        name, email = parseaddr(text)
        local, _, domain = email.rpartition("@")
        if not (local and domain and email.isascii() and email.isprintable() and name.isprintable()) or " " in email:
            raise ValueError("an address, or a name and an address in angle brackets")
        return cls(name or "HashPass", email)

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2]


class MailFailed(Exception):
    """A mail did not leave. The text is for the log and never holds what a mail server said, which may well be the
    recipient's address; `again` if another try may help."""

    def __init__(self, reason: str, *, again: bool) -> None:
        self.again = again
        super().__init__(reason)


class Transport(Protocol):
    async def send(self, mail: Mail) -> None:
        """Hand a mail over, or raise MailFailed. The caller sets the deadline."""

    async def aclose(self) -> None: ...


def compose(to: str, link: str, language: str) -> Mail:
    words = LANGUAGES[language]
    return Mail(to, language, link, words.subject, _text(words, link), _html(words, link, language))


def _cautions(words: Words) -> tuple[str, ...]:
    return words.expires, words.once, words.private, words.unasked


def _text(words: Words, link: str) -> str:
    cautions = "\n".join(f"- {caution}" for caution in _cautions(words))
    return "\n\n".join(
        (words.title, words.ready, link, f"{words.caution}\n{cautions}", f"{words.footer}\n{words.automatic}\n")
    )


def _html(words: Words, link: str, language: str) -> str:
    """Styles stand at each element, since many mail readers know nothing else. No image, nothing from elsewhere."""
    direction = "rtl" if words.right_to_left else "ltr"
    side = "right" if words.right_to_left else "left"
    href = escape(link)
    cautions = "".join(f"<li>{escape(caution)}</li>" for caution in _cautions(words))
    return f"""\
<!DOCTYPE html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(words.subject)}</title>
</head>
<body dir="{direction}" style="margin:0;padding:16px;background:#f3f4f6;color:#111827;\
font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;line-height:1.5;text-align:{side}">
<div style="max-width:600px;margin:0 auto;background:#ffffff;border-radius:8px;overflow:hidden">
<h1 style="margin:0;padding:20px 24px;background:{BLUE};color:#ffffff;font-size:20px">{escape(words.title)}</h1>
<div style="padding:24px">
<p style="margin-top:0">{escape(words.ready)} {escape(words.press)}</p>
<p style="text-align:center;margin:24px 0"><a href="{href}" style="display:inline-block;padding:12px 28px;\
background:{BLUE};color:#ffffff;text-decoration:none;border-radius:6px;font-weight:bold">{escape(words.button)}</a></p>
<p style="margin-bottom:4px"><strong>{escape(words.caution)}</strong></p>
<ul style="margin-top:0;padding-inline-start:20px">{cautions}</ul>
<p style="margin-bottom:4px">{escape(words.copy)}</p>
<p dir="ltr" style="margin-top:0;padding:12px;background:#f3f4f6;border-radius:6px;font-family:monospace;\
font-size:13px;word-break:break-all;text-align:left">{href}</p>
</div>
<div style="padding:16px 24px;border-top:1px solid #e5e7eb;color:#4b5563;font-size:13px">
<p style="margin:0">{escape(words.footer)}</p>
<p style="margin:0">{escape(words.automatic)}</p>
</div>
</div>
</body>
</html>
"""
