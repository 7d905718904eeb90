from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from standardwebhooks import Webhook
from trio.testing import wait_all_tasks_blocked

from hashpass.applog import configure
from hashpass.domain.notifications import parse
from hashpass.testing import WebhookSink
from hashpass.webhooks import Webhooks

BODY = {"visitor_id": "visitor-1", "invite_code": "HASHPASS-4fGh7JkLmNpQrStU"}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Far:
    """A sink that listens, and webhooks that point at it and keep their file on the disk."""

    def __init__(self, sink: WebhookSink, url: str, path: Path) -> None:
        self.sink = sink
        self.url = url
        self.path = path

    def webhooks(self, **settings: Any) -> Webhooks:
        return Webhooks(
            url=self.url,
            token="a-token-of-theirs",
            secret=SECRET,
            load=lambda: self.path.read_bytes() if self.path.exists() else None,
            save=self._save,
            wall=time.time,
            chance=lambda: 0.0,
            # No proxy of the machine that runs the tests shall come between.
            client=lambda: httpx.AsyncClient(follow_redirects=False, trust_env=False),
            **settings,
        )

    def _save(self, data: bytes) -> None:
        self.path.write_bytes(data)


async def until(reached: Callable[[], bool]) -> None:
    """Return when it is so; the caller's deadline is the bound."""
    while not reached():
        await wait_all_tasks_blocked(0.01)


@pytest.fixture
async def far(nursery: trio.Nursery, tmp_path: Path) -> AsyncIterator[Far]:
    sink = WebhookSink()
    url = await nursery.start(sink.serve)
    with trio.fail_after(20):
        yield Far(sink, url, tmp_path / "webhooks.json")


async def test_a_signed_notification_arrives(far: Far, nursery: trio.Nursery) -> None:
    webhooks = far.webhooks()
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await far.sink.wait_for(1)
    (delivery,) = far.sink.deliveries
    assert delivery.method == "POST"
    assert delivery.headers["authorization"] == "Bearer a-token-of-theirs"
    assert Webhook(SECRET).verify(delivery.body, dict(delivery.headers)) == BODY
    await webhooks.close()
    assert webhooks.delivered == 1
    assert parse(far.path.read_bytes()) == []


async def test_a_refusal_is_tried_again_with_the_same_id(far: Far, nursery: trio.Nursery) -> None:
    statuses = [503, 200]
    far.sink.answer = lambda delivery: statuses.pop(0)
    webhooks = far.webhooks()
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await far.sink.wait_for(2)
    first, second = far.sink.deliveries
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    await webhooks.close()


async def test_a_redirect_is_not_followed(far: Far, nursery: trio.Nursery) -> None:
    statuses = [302, 200]
    far.sink.answer = lambda delivery: statuses.pop(0)
    webhooks = far.webhooks()
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await far.sink.wait_for(2)
    assert [delivery.target.partition("?")[0] for delivery in far.sink.deliveries] == ["/hook", "/hook"]
    assert {delivery.method for delivery in far.sink.deliveries} == {"POST"}
    await webhooks.close()


async def test_hanging_answers_hold_up_no_other_and_not_the_end(far: Far, nursery: trio.Nursery) -> None:
    far.sink.answer = lambda delivery: None if b"hang" in delivery.body else 204
    webhooks = far.webhooks(grace=0.3)
    await nursery.start(webhooks.run)
    for _ in range(3):
        webhooks.put({"visitor_id": "hang"})
    for _ in range(5):
        webhooks.put(BODY)
    with trio.fail_after(3):
        await until(lambda: webhooks.delivered == 5)
    with trio.fail_after(2):
        await webhooks.close()
    assert len(parse(far.path.read_bytes())) == 3


async def test_nobody_listening_is_survived_and_delivered_after_the_restart(far: Far, nursery: trio.Nursery) -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()
    url, far.url = far.url, f"http://127.0.0.1:{port}/"
    before = far.webhooks()
    await nursery.start(before.run)
    before.put(BODY)
    await until(lambda: next(iter(before._kept.values())).tries > 0)
    await before.close()
    (kept,) = parse(far.path.read_bytes())
    assert kept.last_error == "ConnectError"
    far.url = url
    after = far.webhooks()
    await nursery.start(after.run)
    await far.sink.wait_for(1)
    assert far.sink.deliveries[0].headers["webhook-id"] == kept.id
    await after.close()


async def test_an_endless_answer_fills_no_memory(nursery: trio.Nursery, tmp_path: Path) -> None:
    sent = 0

    async def flood(stream: trio.SocketStream) -> None:
        nonlocal sent
        await stream.receive_some(65536)
        await stream.send_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
        try:
            while True:
                await stream.send_all(b"x" * 65536)
                sent += 65536
        except trio.BrokenResourceError:
            pass

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, flood, listeners)
    port = listeners[0].socket.getsockname()[1]
    webhooks = Far(WebhookSink(), f"http://127.0.0.1:{port}/", tmp_path / "webhooks.json").webhooks()
    await nursery.start(webhooks.run)
    with trio.fail_after(10):
        webhooks.put(BODY)
        await until(lambda: webhooks.delivered > 0)
        await webhooks.close()
    assert sent < 20_000_000


async def test_no_secret_reaches_the_log(far: Far, nursery: trio.Nursery, tmp_path: Path) -> None:
    statuses = [500, 200]
    far.sink.answer = lambda delivery: statuses.pop(0)
    with configure(tmp_path, "DEBUG", console=None):
        webhooks = far.webhooks()
        await nursery.start(webhooks.run)
        webhooks.put(BODY)
        await far.sink.wait_for(2)
        await webhooks.close()
        logging.getLogger("hashpass").info("the end")
    text = (tmp_path / "log" / "hashpass.log").read_text()
    assert "status 500" in text
    assert "from-the-url" not in text
    assert "/hook" not in text
    for secret in ("a-token-of-theirs", SECRET, BODY["invite_code"]):
        assert secret not in text
