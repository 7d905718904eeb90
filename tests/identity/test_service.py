"""From the request for a link to the end of a session, with every way to cheat in between."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from hashpass.domain.codes import base58
from hashpass.domain.errors import BadRequest, HashPassError, RateLimited, SessionRequired, SessionRevoked
from hashpass.identity.service import SignedIn
from hashpass.identity.users import User
from hashpass.storage.base import Store
from hashpass.storage.memory import MemoryStore
from hashpass.storage.sqlite import SqliteStore
from tests.identity.desk import ORIGIN, PERSON, Desk, HandClock, make_desk, quick

ACCESS, REFRESH = 900, 604_800


async def count(number: int, call: Callable[[], Awaitable[SignedIn]]) -> list[SignedIn | HashPassError]:
    """What so many racing callers get."""
    results: list[SignedIn | HashPassError] = []

    async def race() -> None:
        await trio.lowlevel.checkpoint()
        try:
            results.append(await call())
        except HashPassError as error:
            results.append(error)

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for _ in range(number):
                nursery.start_soon(race)
    return results


@asynccontextmanager
async def memory(_directory: Path, clock: HandClock) -> AsyncIterator[Store]:
    yield MemoryStore(clock)


@asynccontextmanager
async def sqlite(directory: Path, clock: HandClock) -> AsyncIterator[Store]:
    store = await SqliteStore.open(directory / "store.sqlite", wall=clock)
    yield store
    await store.aclose()


@pytest.fixture(params=[memory, sqlite])
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    clock = HandClock()
    async with request.param(tmp_path, clock) as store:
        yield make_desk(store, clock)


async def test_who_brings_the_link_is_who_asked_for_it(desk: Desk) -> None:
    one, other = await desk.enter(PERSON), await desk.enter("other@example.org")
    assert one.username == base58(await quick(PERSON)) != other.username
    assert await desk.sign_in.recognise(one.access_token) == one.username
    assert await desk.sign_in.recognise(other.access_token) == other.username
    assert desk.tokens.read(one.refresh_token, "refresh").username == one.username


async def test_tokens_are_minted_when_the_link_is_redeemed(desk: Desk) -> None:
    posted = await desk.ask()
    desk.clock.now += 899
    signed_in = await desk.sign_in.redeem(posted.token)
    desk.clock.now += ACCESS - 1
    assert await desk.sign_in.recognise(signed_in.access_token) == signed_in.username


async def test_one_link_raced_by_fifty_gives_one_session(desk: Desk) -> None:
    posted = await desk.ask()
    results = await count(50, lambda: desk.sign_in.redeem(posted.token))
    refused = [result for result in results if isinstance(result, BadRequest)]
    assert len(refused) == 49
    assert {error.detail for error in refused} == {"Invalid or expired magic link"}
    assert len(await desk.store.items("login:session:")) == 1


async def test_a_link_expires_after_fifteen_minutes(desk: Desk) -> None:
    posted = await desk.ask()
    desk.clock.now += 901
    with pytest.raises(BadRequest, match=r"^Magic link has expired$"):
        await desk.sign_in.redeem(posted.token)


async def test_a_link_that_this_store_never_opened_is_false(desk: Desk) -> None:
    posted = await make_desk(clock=desk.clock).ask()  # another server with the same keys
    with pytest.raises(BadRequest, match=r"^Invalid or expired magic link$"):
        await desk.sign_in.redeem(posted.token)


async def test_two_links_of_one_second_are_two_and_a_used_one_never_comes_back(desk: Desk) -> None:
    first = await desk.ask()
    await desk.sign_in.redeem(first.token)
    second, third = await desk.ask(), await desk.ask()
    assert len({first.token, second.token, third.token}) == 3
    with pytest.raises(BadRequest):
        await desk.sign_in.redeem(first.token)
    await desk.sign_in.redeem(third.token)
    await desk.sign_in.redeem(second.token)


async def test_a_caller_who_hangs_up_leaves_nothing_half_done(desk: Desk) -> None:
    posted = await desk.ask()
    with trio.CancelScope() as scope:
        scope.cancel()
        await desk.sign_in.redeem(posted.token)
    assert len(await desk.store.items("login:session:")) == len(await desk.store.items("user:")) == 1


async def test_a_session_goes_on_with_each_new_refresh_token(desk: Desk) -> None:
    signed_in = await desk.enter()
    for _ in range(5):
        desk.clock.now += REFRESH - 1
        with pytest.raises(SessionRequired, match="expired"):
            await desk.sign_in.recognise(signed_in.access_token)
        renewed = await desk.sign_in.refresh(signed_in.refresh_token)
        assert renewed.username == signed_in.username
        assert renewed.refresh_token != signed_in.refresh_token
        signed_in = renewed
        assert await desk.sign_in.recognise(signed_in.access_token) == signed_in.username
    desk.clock.now += REFRESH
    with pytest.raises(SessionRequired, match=r"^Invalid refresh token: ExpiredSignature$"):
        await desk.sign_in.refresh(signed_in.refresh_token)
    assert await desk.store.items("login:") == []


async def test_a_stolen_refresh_token_ends_the_session_for_thief_and_owner(desk: Desk) -> None:
    bystander = await desk.enter()
    stolen = await desk.enter()
    owner = await desk.sign_in.refresh(stolen.refresh_token)
    with pytest.raises(SessionRevoked, match="used"):
        await desk.sign_in.refresh(stolen.refresh_token)
    with pytest.raises(SessionRevoked, match="ended"):
        await desk.sign_in.refresh(owner.refresh_token)
    for token in (stolen.access_token, owner.access_token):
        with pytest.raises(SessionRevoked, match=r"^Invalid access token"):
            await desk.sign_in.recognise(token)
    assert await desk.sign_in.recognise(bystander.access_token) == bystander.username


async def test_one_refresh_token_raced_by_many_is_reuse(desk: Desk) -> None:
    signed_in = await desk.enter()
    results = await count(20, lambda: desk.sign_in.refresh(signed_in.refresh_token))
    assert sum(isinstance(result, SignedIn) for result in results) == 1
    assert await desk.store.items("login:session:") == []


async def test_logging_out_revokes_by_either_token_even_an_old_one(desk: Desk) -> None:
    by_cookie, by_bearer, by_old = await desk.enter(), await desk.enter(), await desk.enter()
    await desk.sign_in.log_out(by_cookie.refresh_token, "")
    await desk.sign_in.log_out("nonsense", by_bearer.access_token)
    for signed_in in (by_cookie, by_bearer):
        with pytest.raises(SessionRevoked):
            await desk.sign_in.recognise(signed_in.access_token)
        with pytest.raises(SessionRevoked):
            await desk.sign_in.refresh(signed_in.refresh_token)
    desk.clock.now += ACCESS
    await desk.sign_in.log_out("", by_old.access_token)
    with pytest.raises(SessionRevoked):
        await desk.sign_in.refresh(by_old.refresh_token)
    await desk.sign_in.log_out("", "")


async def test_an_access_token_is_no_refresh_token_and_the_other_way_round(desk: Desk) -> None:
    signed_in = await desk.enter()
    with pytest.raises(SessionRequired, match=r"^Invalid access token. Please authenticate again$"):
        await desk.sign_in.recognise(signed_in.refresh_token)
    with pytest.raises(SessionRequired, match=r"^Invalid refresh token: Invalid token type$"):
        await desk.sign_in.refresh(signed_in.access_token)
    with pytest.raises(SessionRequired, match=r"^Refresh token not found$"):
        await desk.sign_in.refresh("")
    for text in ("x", "ü", "a.b.c", "x" * 5000, "\x00"):
        with pytest.raises(SessionRequired):
            await desk.sign_in.recognise(text)
        with pytest.raises(SessionRequired):
            await desk.sign_in.refresh(text)


async def test_one_user_gets_five_links_in_fifteen_minutes_wherever_they_are_asked_from(desk: Desk) -> None:
    for _ in range(5):
        await desk.ask()
    with pytest.raises(RateLimited) as refused:
        await desk.ask()
    assert refused.value.retry_after == 900
    assert PERSON not in str(refused.value)
    await desk.ask("other@example.org")
    assert len(desk.box.mails) == 6
    desk.clock.now += 900
    await desk.ask()


async def test_tags_do_not_open_a_mailbox_to_a_flood(desk: Desk) -> None:
    for number in range(20):
        await desk.ask(f"somebody+{number}@example.org")
    with pytest.raises(RateLimited):
        await desk.ask("somebody+more@example.org")
    await desk.ask("somebody@example.net")


async def test_a_stranger_and_a_user_are_treated_alike(desk: Desk) -> None:
    await desk.enter()
    known, unknown = await desk.ask(), await desk.ask("stranger@example.org")
    assert len(known.link) - len(unknown.link) in {-1, 0, 1}
    assert (known.language, known.expires - 1) == (unknown.language, unknown.expires - 2)


async def test_a_link_leads_home_with_the_form(desk: Desk) -> None:
    form = "3FTYu8SWm4oR6tfvDLLJW4TXtQeLRmy9t6CN6C36TybPkfeVubxCaaPLfap7KHXiqYMinmK1e"
    posted = await desk.ask(form=form)
    assert posted.link == f"{ORIGIN}/?magiclink={posted.token}&next={form}"
    assert (await desk.ask()).link.startswith(f"{ORIGIN}/?magiclink=")


async def test_users_are_listed_greeted_and_forgotten_with_their_sessions(desk: Desk) -> None:
    start = int(desk.clock.now)
    one = await desk.enter()
    desk.clock.now += 10
    other = await desk.enter("other@example.org")
    desk.clock.now += 10
    again = await desk.enter()
    assert await desk.users.listing(10) == [
        User(other.username, start + 10, start + 10),
        User(one.username, start, start + 20),
    ]
    assert await desk.users.listing(1) == [User(other.username, start + 10, start + 10)]
    assert await desk.users.find(one.username) == User(one.username, start, start + 20)
    assert await desk.sign_in.forget(one.username)
    assert not await desk.sign_in.forget(one.username)
    for signed_in in (one, again):
        with pytest.raises(SessionRevoked):
            await desk.sign_in.recognise(signed_in.access_token)
    assert await desk.sign_in.recognise(other.access_token) == other.username
    assert await desk.users.find(one.username) is None


async def test_the_store_holds_neither_address_nor_token_nor_does_the_log(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    posted = await desk.ask()
    signed_in = await desk.sign_in.redeem(posted.token)
    renewed = await desk.sign_in.refresh(signed_in.refresh_token)
    with pytest.raises(SessionRevoked):
        await desk.sign_in.refresh(signed_in.refresh_token)
    await desk.enter()
    kept = repr(await desk.store.items("")) + caplog.text + repr(signed_in)
    for secret in (PERSON, "somebody", posted.token, signed_in.access_token, signed_in.refresh_token):
        assert secret not in kept
    assert renewed.refresh_token not in kept
