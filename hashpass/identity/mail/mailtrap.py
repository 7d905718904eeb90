"""Mail through Mailtrap's send API."""

from __future__ import annotations

import httpx

from hashpass.identity.derive import deliverable
from hashpass.identity.mail.message import Mail, MailFailed, Sender

API = "https://sandbox.api.mailtrap.io/api/send"
TRY_SECONDS = 10.0


class Mailtrap:
    def __init__(
        self, token: str, inbox: str, sender: Sender, *, url: str = API, client: httpx.AsyncClient | None = None
    ) -> None:
        """`client` is closed with the transport."""
        self._url = f"{url.rstrip('/')}/{inbox}"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._sender = sender
        self._client = client or httpx.AsyncClient(timeout=TRY_SECONDS, follow_redirects=False)

    async def send(self, mail: Mail) -> None:
        to = deliverable(mail.to)
        body = {
            "from": {"email": self._sender.email, "name": self._sender.name},
            "to": [{"email": to, "name": to.rpartition("@")[0]}],
            "subject": mail.subject,
            "text": mail.text,
            "html": mail.html,
            "category": "Authentication",
        }
        try:
            response = await self._client.post(self._url, json=body, headers=self._headers, timeout=TRY_SECONDS)
        except httpx.HTTPError as error:
            raise MailFailed(type(error).__name__, again=True) from None
        if response.status_code not in {200, 202}:
            status = response.status_code
            raise MailFailed(f"Mailtrap answered {status}", again=status == 429 or status >= 500)

    async def aclose(self) -> None:
        await self._client.aclose()
