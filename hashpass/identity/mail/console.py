"""No mail at all: the link is printed, for whoever runs a server on their own machine."""

from __future__ import annotations

import logging
from collections.abc import Callable

from hashpass.identity.mail.message import Mail

log = logging.getLogger("hashpass.identity.mail")


class Console:
    """The link goes past the log, which would rightly black it out. The address is not printed."""

    def __init__(self, write: Callable[[str], object] = print) -> None:
        self._write = write
        log.warning("Neither SMTP_URL nor MAILTRAP_API_TOKEN is set: sign-in links are printed here, not mailed")

    async def send(self, mail: Mail) -> None:
        self._write(f"Sign-in link: {mail.link}")

    async def aclose(self) -> None:
        """There is nothing to close."""
