from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from trio.testing import MockClock, assert_no_checkpoints, wait_all_tasks_blocked

from hashpass.domain.notifications import PAUSES, TRIES, Notification, parse, render, sign, signing_key
from hashpass.testing import Clock
from hashpass.webhooks import AT_ONCE, MAX_KEPT, Webhooks

BODY = {"visitor_id": "visitor-1", "invite_code": "HASHPASS-4fGh7JkLmNpQrStU"}
URL = "https://example.org/hook?key=in-the-query"
Answer = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


class File:
    """What stands in for webhooks.json."""

    def __init__(self, data: bytes | None = None) -> None:
        self.data = data
        self.error: OSError | None = None
        self.writes = 0
        self.free = threading.Event()
        self.free.set()

    def load(self) -> bytes | None:
        return self.data

    def save(self, data: bytes) -> None:
        self.free.wait(10)
        if self.error is not None:
            raise self.error
        self.data = data
        self.writes += 1

    @property
    def kept(self) -> list[Notification]:
        return parse(self.data)


class Receiver:
    """The far end without a network: answers with the statuses it was given, then with the last of them."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.times.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return httpx.Response(status, headers={"location": "https://example.org/elsewhere"})

    @property
    def pauses(self) -> list[float]:
        return [round(b - a, 3) for a, b in zip(self.times, self.times[1:], strict=False)]


def build(answer: Answer, file: File | None = None, **settings: Any) -> Webhooks:
    file = file or File()
    return Webhooks(
        **{
            "url": URL,
            "token": "",
            "secret": "",
            "load": file.load,
            "save": file.save,
            "wall": lambda: 1_750_000_000.0 + trio.current_time(),
            "chance": lambda: 0.5,
            "client": lambda: httpx.AsyncClient(transport=httpx.MockTransport(answer), follow_redirects=True),
            **settings,
        }
    )


async def settle() -> None:
    """Let every task come to rest, real time allowing for the thread that writes."""
    await wait_all_tasks_blocked(0.02)


async def test_a_notification_is_posted_as_it_was_given(nursery: trio.Nursery) -> None:
    receiver = Receiver(204)
    webhooks = build(receiver, token="a-token-of-theirs")
    await nursery.start(webhooks.run)
    with assert_no_checkpoints():
        webhooks.put(BODY)
    await settle()
    (request,) = receiver.requests
    assert request.method == "POST"
    assert str(request.url) == URL
    assert json.loads(request.content) == BODY
    assert request.headers["content-type"] == "application/json"
    assert request.headers["authorization"] == "Bearer a-token-of-theirs"
    assert "webhook-signature" not in request.headers
    assert (webhooks.pending, webhooks.failed, webhooks.delivered) == (0, 0, 1)


async def test_without_a_token_there_is_no_authorization(nursery: trio.Nursery) -> None:
    receiver = Receiver(200)
    webhooks = build(receiver)
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await settle()
    assert "authorization" not in receiver.requests[0].headers


KEY = b"thirty-two bytes of a secret key"
ENCODED = "whsec_" + base64.b64encode(KEY).decode()


@pytest.mark.parametrize(
    ("secret", "theirs"),
    [
        (ENCODED, ENCODED),
        ("correcthorsebattery1", b"correcthorsebattery1"),
        ("schlüssel der tür", "schlüssel der tür".encode()),
    ],
)
async def test_the_signature_is_what_standard_webhooks_expects(
    nursery: trio.Nursery, secret: str, theirs: str | bytes
) -> None:
    receiver = Receiver(200)
    webhooks = build(receiver, secret=secret, wall=time.time)
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await settle()
    (request,) = receiver.requests
    assert Webhook(theirs).verify(request.content, dict(request.headers)) == BODY
    assert request.headers["webhook-id"].startswith("msg_")


def test_the_published_example_signs_alike() -> None:
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    assert (
        sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


@pytest.mark.parametrize("secret", ["whsec_", "whsec_YWJj base64!ZGVm", "whsec_abc", "whsec_ä"])
def test_a_prefixed_secret_that_is_no_base64_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="WEBHOOK_SECRET") as info:
        signing_key(secret)
    assert "base64!" not in str(info.value)


@pytest.mark.parametrize("url", ["example.org", "ftp://example.org", "https://", "http://[::1", "/hook"])
def test_an_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="WEBHOOK_URL"):
        build(Receiver(200), url=url)


async def test_failures_are_tried_again_with_growing_pauses_then_hourly_for_three_days(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    receiver = Receiver(500)
    file = File()
    webhooks = build(receiver, file)
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await trio.sleep(341 + 72 * 3600 + 1)
    assert receiver.pauses == [1, 4, 16, 64, 256, *[3600] * 72]
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert len({request.headers["webhook-timestamp"] for request in receiver.requests}) == TRIES
    assert (webhooks.pending, webhooks.failed) == (0, 1)
    for _ in range(2):
        await trio.sleep(40_000)
    assert len(receiver.requests) == TRIES
    (failure,) = webhooks.status()["failures"]
    assert failure["last_error"] == "status 500"


async def test_the_pauses_are_spread_by_chance(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    receiver = Receiver(500)
    chances = [0.0, 1.0]
    webhooks = build(receiver, chance=lambda: chances.pop(0) if chances else 0.5)
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await trio.sleep(30)
    assert receiver.pauses == [0.8, 4.8, 16]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_2xx_is_success(nursery: trio.Nursery, status: int) -> None:
    webhooks = build(Receiver(status))
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await settle()
    assert webhooks.delivered == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 410, 429, 503])
async def test_anything_else_is_tried_again_and_redirects_are_not_followed(
    autojump_clock: MockClock, nursery: trio.Nursery, status: int
) -> None:
    receiver = Receiver(status, 200)
    webhooks = build(receiver)
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await trio.sleep(0.9)
    assert (webhooks.pending, webhooks.delivered) == (1, 0)
    await trio.sleep(0.2)
    assert (webhooks.pending, webhooks.delivered) == (0, 1)
    assert {str(request.url) for request in receiver.requests} == {URL}


async def test_a_receiver_that_hangs_is_given_five_seconds_and_stalls_nobody(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    at_once = most = 0
    done: list[float] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        try:
            if b"hang" in request.content:
                await trio.sleep_forever()
            await trio.sleep(0.1)
            done.append(trio.current_time() - began)
            return httpx.Response(200)
        finally:
            at_once -= 1

    numbers = count()
    # Rising ids: those that fall due at the same instant are taken in order of their ids.
    webhooks = build(answer, message_id=lambda: f"msg_{next(numbers):03d}")
    await nursery.start(webhooks.run)
    began = trio.current_time()
    for _ in range(AT_ONCE - 1):
        webhooks.put({"visitor_id": "hang"})
    for _ in range(10):
        webhooks.put({"visitor_id": "quick"})
    await trio.sleep(4)
    assert len(done) == 10
    assert max(done) < 1.5
    assert most == AT_ONCE
    await trio.sleep(1.5)
    assert webhooks.pending == AT_ONCE - 1
    assert [kept.last_error for kept in webhooks._kept.values()] == ["no answer in time"] * (AT_ONCE - 1)


async def test_a_connection_that_fails_is_tried_again(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    tries = []

    async def answer(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        if len(tries) == 1:
            raise httpx.ConnectError("https://example.org/hook?key=in-the-query refused", request=request)
        return httpx.Response(200)

    webhooks = build(answer)
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await trio.sleep(2)
    assert webhooks.delivered == 1


async def test_retry_now_tries_the_waiting_and_the_failed(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    given_up = Notification("msg_1", "{}", 1.0, 1.0, tries=TRIES, last_error="status 500")
    waiting = Notification("msg_2", "{}", 1.0, 1_750_000_000.0 + 9e6, tries=7, last_error="status 500")
    receiver = Receiver(200)
    webhooks = build(receiver, File(render([given_up, waiting])))
    await nursery.start(webhooks.run)
    await trio.sleep(10)
    assert (webhooks.pending, webhooks.failed, receiver.requests) == (1, 1, [])
    assert webhooks.retry_now() == 2
    await trio.sleep(0.1)
    assert sorted(request.headers["webhook-id"] for request in receiver.requests) == ["msg_1", "msg_2"]
    assert (webhooks.pending, webhooks.failed) == (0, 0)
    assert webhooks.retry_now() == 0


async def test_retry_now_does_not_send_twice_what_is_under_way(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    requests = []

    async def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        await trio.sleep(1)
        return httpx.Response(200)

    webhooks = build(answer)
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await trio.sleep(0.5)
    assert webhooks.retry_now() == 0
    await trio.sleep(10)
    assert len(requests) == 1


async def test_what_is_given_up_starts_its_three_days_anew(autojump_clock: MockClock, nursery: trio.Nursery) -> None:
    receiver = Receiver(500)
    webhooks = build(receiver, File(render([Notification("msg_1", "{}", 1.0, 1.0, tries=TRIES)])))
    await nursery.start(webhooks.run)
    webhooks.retry_now()
    await trio.sleep(22)
    assert receiver.pauses == [1, 4, 16]
    assert (webhooks.pending, webhooks.failed) == (1, 0)


# The file


async def test_the_undelivered_survive_a_restart_with_their_id_and_their_turn() -> None:
    file = File()
    receiver = Receiver(500)
    async with trio.open_nursery() as nursery:
        webhooks = build(receiver, file)
        await nursery.start(webhooks.run)
        webhooks.put(BODY)
        await settle()
        await webhooks.close()
    (kept,) = file.kept
    assert json.loads(kept.body) == BODY
    assert (kept.tries, kept.last_error) == (1, "status 500")
    receiver.statuses = [200]
    async with trio.open_nursery() as nursery:
        webhooks = build(receiver, file)
        with trio.fail_after(5):
            await nursery.start(webhooks.run)
            while not webhooks.delivered:
                await settle()
        await webhooks.close()
    first, second = receiver.requests
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.content == second.content
    assert file.kept == []


async def test_what_is_delivered_does_not_come_back_after_a_kill(nursery: trio.Nursery) -> None:
    file = File()
    webhooks = build(Receiver(200), file)
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await settle()
    assert file.writes > 0
    assert file.kept == []


async def test_what_was_put_before_the_start_is_kept_beside_what_the_file_has() -> None:
    file = File(render([Notification("msg_old", "{}", 1.0, 1.0)]))
    receiver = Receiver(200)
    webhooks = build(receiver, file)
    webhooks.put(BODY)
    async with trio.open_nursery() as nursery:
        await nursery.start(webhooks.run)
        await settle()
        await webhooks.close()
    assert len(receiver.requests) == 2
    assert file.kept == []


async def test_a_clock_set_back_holds_nothing_for_longer_than_an_hour(
    autojump_clock: MockClock, nursery: trio.Nursery
) -> None:
    receiver = Receiver(200)
    webhooks = build(receiver, File(render([Notification("msg_1", "{}", 1.0, 9e10)])))
    began = trio.current_time()
    await nursery.start(webhooks.run)
    await trio.sleep(3601)
    assert [round(when - began) for when in receiver.times] == [3600]


async def test_a_disk_that_refuses_is_tried_again_and_the_winner_never_hears_of_it(nursery: trio.Nursery) -> None:
    file = File(render([Notification("msg_1", "{}", 1.0, 1.0)]))
    file.error = OSError(28, "No space left on device")
    webhooks = build(Receiver(200), file)
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await settle()
    assert webhooks.delivered == 2
    assert webhooks.status()["saved"] is False
    file.error = None
    with trio.fail_after(5):
        while not webhooks.status()["saved"]:
            await settle()
    assert file.kept == []


async def test_a_disk_that_hangs_holds_neither_a_delivery_nor_the_end_for_long(autojump_clock: MockClock) -> None:
    autojump_clock.autojump_threshold = 0.02
    file = File()
    file.free.clear()
    webhooks = build(Receiver(200), file)
    async with trio.open_nursery() as nursery:
        await nursery.start(webhooks.run)
        webhooks.put(BODY)
        await trio.sleep(1)
        assert webhooks.delivered == 1
        with trio.fail_after(15):
            await webhooks.close()
    file.free.set()


async def test_an_older_write_that_was_left_behind_never_overtakes_a_newer_one() -> None:
    file = File()
    webhooks = build(Receiver(200), file)
    webhooks._write(2, (Notification("msg_new", "{}", 1.0, 1.0),))
    webhooks._write(1, (Notification("msg_old", "{}", 1.0, 1.0),))
    assert [kept.id for kept in file.kept] == ["msg_new"]


async def test_no_write_left_behind_touches_the_file_after_the_end() -> None:
    file = File()
    webhooks = build(Receiver(200), file)
    kept = (Notification("msg_1", "{}", 1.0, 1.0),)
    webhooks._write(1, kept)
    webhooks._write(1, kept)
    assert file.writes == 1


GOOD: dict[str, Any] = {
    "id": "msg_1",
    "body": "{}",
    "created_at": 1.0,
    "next_try_at": 2,
    "tries": 3,
    "last_error": None,
}


def test_the_file_reads_back_as_it_was_written() -> None:
    kept = [Notification("msg_1", '{"a":"\\u00e9"}', 1.5, 2.5, 3, "status 500"), Notification("msg_2", "{}", 1.0, 1.0)]
    assert parse(render(kept)) == kept
    assert parse(render([])) == []
    assert parse(None) == []
    assert parse(json.dumps([GOOD]).encode()) == [Notification("msg_1", "{}", 1.0, 2.0, 3)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": 1},
        {"id": "msg\r\nx: y"},
        {"id": "msg_ä"},
        {"body": {}},
        {"body": "\ud800"},
        {"created_at": float("nan")},
        {"created_at": "now"},
        {"next_try_at": float("inf")},
        {"next_try_at": 10**400},
        {"next_try_at": -1},
        {"tries": -1},
        {"tries": TRIES + 1},
        {"tries": 0.5},
        {"last_error": 5},
    ],
)
def test_a_wrong_entry_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"webhooks\.json cannot be read: entry 2 is not a notification\."):
        parse(json.dumps([GOOD, GOOD | wrong]).encode())


@given(
    st.one_of(st.binary(), st.recursive(st.none() | st.text() | st.floats(), st.lists).map(json.dumps).map(str.encode))
)
def test_garbage_is_read_or_refused_with_a_sentence(data: bytes) -> None:
    refusal = ""
    try:
        parse(data)
    except ValueError as error:
        refusal = str(error)
    assert not refusal or refusal.startswith("webhooks.json cannot be read: ")


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"a": 1}', b"[" * 100_000, b"\xff\xfe", b'[{"code": "HASHPASS-abc"}, 7]']
)
async def test_a_file_that_makes_no_sense_stops_the_start_and_is_left_alone(data: bytes) -> None:
    file = File(data)
    webhooks = build(Receiver(200), file)
    webhooks.put(BODY)
    async with trio.open_nursery() as nursery:
        with pytest.raises(ValueError, match=r"webhooks\.json cannot be read") as info:
            await nursery.start(webhooks.run)
    await webhooks.close()
    assert "HASHPASS-abc" not in str(info.value)
    assert file.data == data
    assert file.writes == 0


# Bounds, the end, and what is told


async def test_a_full_queue_refuses_in_the_log_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    webhooks = build(Receiver(500))
    for _ in range(MAX_KEPT + 2):
        webhooks.put(BODY)
    assert webhooks.pending == MAX_KEPT
    assert webhooks.status()["refused"] == 2
    assert "audit log" in caplog.text


async def test_a_thousand_waiting_are_delivered_in_a_breath(nursery: trio.Nursery) -> None:
    webhooks = build(Receiver(200))
    for _ in range(1000):
        webhooks.put(BODY)
    with trio.fail_after(20):
        await nursery.start(webhooks.run)
        while webhooks.pending:
            await settle()
    assert webhooks.delivered == 1000


async def test_close_gives_what_is_due_its_try_and_leaves_the_rest_in_the_file(autojump_clock: MockClock) -> None:
    autojump_clock.autojump_threshold = 0.5  # longer than the thread that writes may need
    later = Notification("msg_later", "{}", 1.0, 1_750_000_000.0 + 9e6, tries=1)
    file = File(render([later]))
    receiver = Receiver(200)
    webhooks = build(receiver, file)
    async with trio.open_nursery() as nursery:
        await nursery.start(webhooks.run)
        for _ in range(20):
            webhooks.put(BODY)
        began = trio.current_time()
        await webhooks.close()
        assert trio.current_time() - began < 1
    assert len(receiver.requests) == 20
    assert [kept.id for kept in file.kept] == ["msg_later"]


async def test_close_is_bounded_when_the_receiver_hangs(autojump_clock: MockClock) -> None:
    autojump_clock.autojump_threshold = 0.5  # longer than the thread that writes may need

    async def answer(request: httpx.Request) -> httpx.Response:
        await trio.sleep_forever()
        raise AssertionError

    file = File()
    webhooks = build(answer, file, grace=1.0)
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        await nursery.start(webhooks.run)
        for _ in range(50):
            webhooks.put(BODY)
        await webhooks.close()
    assert trio.current_time() - began == pytest.approx(1)
    assert len(file.kept) == 50


async def test_a_cancelled_run_still_writes_the_file() -> None:
    file = File()
    webhooks = build(Receiver(500), file)
    async with trio.open_nursery() as nursery:
        await nursery.start(webhooks.run)
        webhooks.put(BODY)
        nursery.cancel_scope.cancel()
    assert len(file.kept) == 1


async def test_after_a_crash_the_next_run_goes_on_with_what_was_under_way(caplog: pytest.LogCaptureFixture) -> None:
    tries = []

    async def answer(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        if len(tries) == 1:
            raise ZeroDivisionError
        return httpx.Response(200)

    webhooks = build(answer)
    webhooks.put(BODY)
    with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
        await webhooks.run()
    assert webhooks.retry_now() == 1
    async with trio.open_nursery() as nursery:
        await nursery.start(webhooks.run)
        await settle()
        await webhooks.close()
    assert webhooks.delivered == 1


async def test_with_no_url_it_is_off() -> None:
    file = File(b"left alone")
    webhooks = build(Receiver(200), file, url="")
    webhooks.put(BODY)
    with trio.fail_after(1):
        await webhooks.run()
        await webhooks.close()
    assert webhooks.status()["enabled"] is False
    assert webhooks.pending == 0
    assert file.data == b"left alone"


async def test_neither_log_nor_status_nor_repr_holds_a_secret(
    autojump_clock: MockClock, nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="hashpass")
    file = File()
    webhooks = build(Receiver(500), file, token="a-token-of-theirs", secret=ENCODED)
    await nursery.start(webhooks.run)
    webhooks.put(BODY)
    await trio.sleep(341 + 73 * 3600)
    assert webhooks.failed == 1
    told = caplog.text + repr(webhooks) + repr(webhooks._kept) + json.dumps(webhooks.status())
    for secret in ("in-the-query", "a-token-of-theirs", ENCODED, BODY["invite_code"], BODY["visitor_id"]):
        assert secret not in told


def test_the_promise_of_three_days_is_kept() -> None:
    assert PAUSES[:5] == (1, 4, 16, 64, 256)
    assert sum(PAUSES[5:]) == 3 * 86400


def test_two_instances_share_nothing() -> None:
    clock = Clock()
    first = build(Receiver(200), clock=clock.monotonic, wall=clock.wall)
    second = build(Receiver(200), clock=clock.monotonic, wall=clock.wall)
    first.put(BODY)
    assert (first.pending, second.pending) == (1, 0)
