from __future__ import annotations

import math
from contextlib import suppress

import pytest
import trio
from attrs import define
from hypothesis import given, settings
from hypothesis import strategies as st

from hashpass.domain.errors import (
    HashPassError,
    SessionMoved,
    SessionRequired,
    SessionRevoked,
    StoreFull,
    VisitorMismatch,
)
from hashpass.domain.values import Address
from hashpass.sessions import Binding, Session, Sessions
from hashpass.storage.memory import MemoryStore

HOME = Address.parse("203.0.113.7")
NEXT_DOOR = Address.parse("203.0.113.200")
ELSEWHERE = Address.parse("198.51.100.7")
HOME6 = Address.parse("2001:db8:1:2::7")
SAME48 = Address.parse("2001:db8:1:ffff::9")
ELSEWHERE6 = Address.parse("2001:db8:2::7")


@define
class Clock:
    now: float = 5000.0

    def __call__(self) -> float:
        return self.now


class SlowStore(MemoryStore):
    """Gives way at every call, as a store behind a network does."""

    async def delete(self, key: str) -> bool:
        await trio.lowlevel.checkpoint()
        return await super().delete(key)

    async def get(self, key: str) -> bytes | None:
        await trio.lowlevel.checkpoint()
        value = await super().get(key)
        await trio.lowlevel.checkpoint()
        return value

    async def compare_and_set(
        self, key: str, expected: bytes | None, value: bytes | None, *, ttl: float | None = None
    ) -> bool:
        await trio.lowlevel.checkpoint()
        return await super().compare_and_set(key, expected, value, ttl=ttl)


def build(clock: Clock, binding: Binding = "prefix", *, slow: bool = False, max_entries: int = 1000) -> Sessions:
    store = (SlowStore if slow else MemoryStore)(clock, max_entries=max_entries)
    return Sessions(store, binding, clock=clock, wall=lambda: 1e9 + clock.now)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return build(clock)


async def use(sessions: Sessions, token: str, address: Address, visitor_id: str | None = None) -> Session:
    return await sessions.bind(await sessions.find(token), address, visitor_id)


async def test_a_token_has_its_prefix_and_finds_its_session(sessions: Sessions) -> None:
    opened = await sessions.open(HOME)
    assert opened.token.startswith("hps_")
    assert len(opened.token) == 4 + 43
    assert opened.expires_in == 300
    assert opened.token not in repr(opened)
    assert await sessions.find(opened.token) == opened.session
    assert opened.session.prefixes == ("203.0.113.0/24",)


async def test_the_token_itself_is_not_in_the_store(clock: Clock) -> None:
    store = MemoryStore(clock)
    opened = await Sessions(store, clock=clock).open(HOME)
    for key, value in await store.items(""):
        assert opened.token[4:] not in key
        assert opened.token[4:].encode() not in value


@pytest.mark.parametrize(
    "token", [None, "", "hps", "XXXX.DUMMY.TOKEN.XXXX", "a" * 47, "hps_" + "a" * 200, "hps_é", "hps_\ud800"]
)
async def test_what_is_no_session_token_is_told_so(sessions: Sessions, token: str | None) -> None:
    with pytest.raises(SessionRequired):
        await sessions.find(token)


async def test_a_token_nobody_gave_out_has_ended(sessions: Sessions) -> None:
    with pytest.raises(SessionRevoked):
        await sessions.find("hps_" + "a" * 43)


async def test_the_whole_digest_must_fit_and_not_only_its_key(clock: Clock) -> None:
    store = MemoryStore(clock)
    sessions = Sessions(store, clock=clock)
    opened = await sessions.open(HOME)
    [(key, stored)] = await store.items("")
    await store.put(key, stored.replace(opened.session.digest[32:].encode(), b"0" * 32))
    with pytest.raises(SessionRevoked):
        await sessions.find(opened.token)


@pytest.mark.parametrize(
    ("binding", "first", "then", "allowed"),
    [
        ("prefix", HOME, NEXT_DOOR, True),
        ("prefix", HOME, ELSEWHERE, False),
        ("prefix", HOME, HOME6, True),
        ("prefix", HOME6, SAME48, True),
        ("prefix", HOME6, ELSEWHERE6, False),
        ("prefix", HOME6, ELSEWHERE, True),
        ("strict", HOME, HOME, True),
        ("strict", HOME, NEXT_DOOR, False),
        ("strict", HOME, HOME6, False),
        ("off", HOME, ELSEWHERE, True),
        ("off", HOME6, ELSEWHERE, True),
    ],
)
async def test_where_a_session_may_be_used(
    clock: Clock, binding: Binding, first: Address, then: Address, allowed: bool
) -> None:
    sessions = build(clock, binding)
    token = (await sessions.open(first)).token
    if allowed:
        assert (await use(sessions, token, then)).addresses[-1] == then
        return
    with pytest.raises(SessionMoved):
        await use(sessions, token, then)
    with pytest.raises(SessionRevoked):  # from now on, from wherever
        await use(sessions, token, first)


async def test_the_second_family_is_bound_by_its_first_use(sessions: Sessions) -> None:
    token = (await sessions.open(HOME)).token
    assert (await use(sessions, token, HOME6)).prefixes == ("203.0.113.0/24", "2001:db8:1::/48")
    assert (await use(sessions, token, HOME)).prefixes == ("2001:db8:1::/48", "203.0.113.0/24")
    with pytest.raises(SessionMoved):
        await use(sessions, token, ELSEWHERE6)


async def test_the_first_visitor_stays(sessions: Sessions) -> None:
    token = (await sessions.open(HOME)).token
    assert (await use(sessions, token, HOME)).visitor_id is None
    assert (await use(sessions, token, HOME, "anna")).visitor_id == "anna"
    with pytest.raises(VisitorMismatch):
        await use(sessions, token, HOME, "bert")
    assert (await use(sessions, token, HOME)).visitor_id == "anna"
    assert (await use(sessions, token, HOME, "anna")).visitor_id == "anna"


async def test_a_refused_visitor_binds_no_address(sessions: Sessions) -> None:
    token = (await sessions.open(HOME)).token
    await use(sessions, token, HOME, "anna")
    with pytest.raises(VisitorMismatch):
        await use(sessions, token, HOME6, "bert")
    assert (await sessions.find(token)).prefixes == ("203.0.113.0/24",)


async def test_racing_first_uses_bind_one_visitor(clock: Clock) -> None:
    sessions = build(clock, slow=True)
    opened = await sessions.open(HOME)
    bound: list[str | None] = []

    async def try_to_bind(visitor_id: str) -> None:
        with suppress(VisitorMismatch):
            bound.append((await sessions.bind(opened.session, HOME, visitor_id)).visitor_id)

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(try_to_bind, f"visitor {number}")
    assert bound == [(await sessions.find(opened.token)).visitor_id]


async def test_racing_first_uses_bind_one_prefix_and_the_others_end_it(clock: Clock) -> None:
    sessions = build(clock, slow=True)
    opened = await sessions.open(HOME)
    refused: list[HashPassError] = []

    async def try_from(address: Address) -> None:
        try:
            await sessions.bind(opened.session, address)
        except (SessionMoved, SessionRevoked) as error:
            refused.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(try_from, HOME6)
        nursery.start_soon(try_from, ELSEWHERE6)
    assert any(isinstance(error, SessionMoved) for error in refused)
    with pytest.raises(SessionRevoked):
        await sessions.find(opened.token)


async def test_without_a_socket_it_lives_five_minutes_from_the_last_authorised_call(
    clock: Clock, sessions: Sessions
) -> None:
    token = (await sessions.open(HOME)).token
    for _ in range(3):
        clock.now += 299
        await sessions.sweep()
        await use(sessions, token, HOME, "anna")
    clock.now += 200
    await sessions.find(token)
    with pytest.raises(VisitorMismatch):
        await use(sessions, token, HOME, "bert")
    clock.now += 101  # neither looking nor being refused has prolonged it
    with pytest.raises(SessionRevoked):
        await sessions.find(token)


async def test_with_a_socket_it_lives_and_five_minutes_longer(clock: Clock, sessions: Sessions) -> None:
    opened = await sessions.open(HOME)

    async def pass_minutes(minutes: int) -> None:
        for _ in range(minutes):
            clock.now += 60
            await sessions.sweep()

    with sessions.attached(opened.session, "tab 1"):
        with sessions.attached(opened.session, "tab 2"):
            await pass_minutes(20)
        await pass_minutes(20)
        assert sessions.connections(opened.session.digest) == ("tab 1",)
    clock.now += 30
    await sessions.sweep()
    clock.now += 269
    await sessions.find(opened.token)
    clock.now += 2
    with pytest.raises(SessionRevoked):
        await sessions.find(opened.token)
    await sessions.sweep()
    assert sessions.count == 0


async def test_a_call_after_the_socket_has_gone_counts_five_minutes_anew(clock: Clock, sessions: Sessions) -> None:
    opened = await sessions.open(HOME)
    with sessions.attached(opened.session, "tab"):
        pass
    clock.now += 50
    await use(sessions, opened.token, HOME)
    await sessions.sweep()
    clock.now += 299
    await use(sessions, opened.token, HOME)


async def test_an_end_is_told_once_while_the_sockets_are_still_known(clock: Clock, sessions: Sessions) -> None:
    opened = await sessions.open(HOME)
    told: list[tuple[str, str, tuple[object, ...]]] = []
    sessions.on_ended.append(lambda digest, reason: told.append((digest, reason, sessions.connections(digest))))
    with sessions.attached(opened.session, "tab"):
        assert await sessions.revoke(opened.session.digest, "kicked")
        assert not await sessions.revoke(opened.session.digest, "kicked")
        await sessions.sweep()
    assert told == [(opened.session.digest, "kicked", ("tab",))]
    assert sessions.count == 0


async def test_a_socket_cannot_attach_to_what_has_ended(sessions: Sessions) -> None:
    opened = await sessions.open(HOME)
    await sessions.revoke(opened.session.digest, "kicked")
    with pytest.raises(SessionRevoked), sessions.attached(opened.session, "tab"):
        pass
    with pytest.raises(SessionRevoked):
        await sessions.bind(opened.session, HOME)
    assert sessions.count == 0


async def test_an_end_by_another_node_is_noticed_by_the_sweep(clock: Clock) -> None:
    store = MemoryStore(clock)
    here, there = Sessions(store, clock=clock), Sessions(store, clock=clock)
    told: list[str] = []
    here.on_ended.append(lambda digest, _reason: told.append(digest))
    opened = await here.open(HOME)
    with here.attached(opened.session, "tab"):
        assert await there.revoke(opened.session.digest, "kicked")
        await here.sweep()
        assert told == [opened.session.digest]


async def test_a_session_used_on_another_node_is_not_taken_for_dead(clock: Clock) -> None:
    store = MemoryStore(clock)
    here, there = Sessions(store, clock=clock), Sessions(store, clock=clock)
    opened = await here.open(HOME)
    clock.now += 200
    await use(there, opened.token, HOME)
    clock.now += 200
    await here.sweep()
    assert here.count == 1
    await here.find(opened.token)


async def test_a_caller_who_hangs_up_does_not_save_a_moved_session(clock: Clock) -> None:
    sessions = build(clock, slow=True)
    opened = await sessions.open(HOME)
    with trio.CancelScope() as scope:
        scope.cancel()
        await sessions.revoke(opened.session.digest, "moved")
    with pytest.raises(SessionRevoked):
        await sessions.find(opened.token)


async def test_the_operator_ends_some_or_all(sessions: Sessions) -> None:
    opened = [await sessions.open(address) for address in (HOME, NEXT_DOOR, HOME6)]
    assert await sessions.revoke_where(lambda session: HOME in session.addresses, "kicked") == 1
    assert sessions.count == 2
    await sessions.find(opened[1].token)
    assert await sessions.revoke_all() == 2
    assert await sessions.listing() == ([], 0)


async def test_the_listing_shows_who_is_there_and_no_part_of_a_token(clock: Clock, sessions: Sessions) -> None:
    first = await sessions.open(HOME)
    clock.now += 1
    second = await sessions.open(ELSEWHERE)
    await use(sessions, first.token, NEXT_DOOR, "anna")
    with sessions.attached(second.session, "tab"):
        views, total = await sessions.listing()
        assert total == 2
        assert [view.ip for view in views] == ["198.51.100.7", "203.0.113.200"]
        assert [view.is_connected for view in views] == [True, False]
        assert views[1].visitor_id == "anna"
        assert views[1].created_at == 1e9 + 5000
        assert views[1].token_preview == first.session.digest[:8]
        assert views[1].token_preview not in first.token
    clock.now += 1
    views, total = await sessions.listing(limit=1)
    assert total == 2
    assert [view.disconnected_at for view in views] == [1e9 + 5001]


async def test_a_full_store_opens_no_session(clock: Clock) -> None:
    sessions = build(clock, max_entries=1)
    await sessions.open(HOME)
    with pytest.raises(StoreFull):
        await sessions.open(HOME)
    assert sessions.count == 1


async def test_it_sweeps_every_minute(autojump_clock: trio.testing.MockClock) -> None:
    sessions = Sessions(MemoryStore())
    opened = await sessions.open(HOME)
    async with trio.open_nursery() as nursery:
        await nursery.start(sessions.run)
        with sessions.attached(opened.session, "tab"):
            await trio.sleep(3600)
        await trio.sleep(299)
        await sessions.find(opened.token)
        await trio.sleep(61)
        assert sessions.count == 0
        nursery.cancel_scope.cancel()


# Whatever happens to one session, it obeys the rules of a plain model.

STEPS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([20.0, 60.0, 250.0])),
    st.tuples(st.just("use"), st.sampled_from([HOME, NEXT_DOOR, HOME6, SAME48]), st.sampled_from([None, "anna"])),
    st.tuples(st.just("use"), st.sampled_from([ELSEWHERE, ELSEWHERE6, HOME]), st.sampled_from([None, "bert"])),
    st.tuples(st.just("open socket"), st.sampled_from([1, 2])),
    st.tuples(st.just("close socket"), st.sampled_from([1, 2])),
)


async def live(script: list[tuple[object, ...]]) -> None:  # noqa: C901 - one branch a step, which is how it reads best
    clock = Clock()
    sessions = build(clock)
    opened = await sessions.open(HOME)
    ends, families, visitor, alive = clock.now + 300, {4: HOME.prefix}, None, True
    sockets: dict[object, object] = {}

    async def pass_time(seconds: float) -> None:
        for _ in range(int(seconds / 10)):
            clock.now += 10
            await sessions.sweep()

    for name, *args in script:
        alive = alive and bool(sockets or clock.now < ends)
        if name == "wait":
            assert isinstance(args[0], float)
            await pass_time(args[0])
        elif name == "use":
            address, visitor_id = args
            assert isinstance(address, Address)
            assert isinstance(visitor_id, str | None)
            expected: type[HashPassError] | None = None
            if not alive:
                expected = SessionRevoked
            elif families.get(address.ip.version, address.prefix) != address.prefix:
                expected, alive = SessionMoved, False
                sockets.clear()
            elif visitor_id and visitor and visitor_id != visitor:
                expected = VisitorMismatch
            else:
                families[address.ip.version] = address.prefix
                visitor = visitor or visitor_id
                ends = clock.now + 300
            try:
                session = await use(sessions, opened.token, address, visitor_id)
            except HashPassError as error:
                assert type(error) is expected  # noqa: PT017 - the model says which, or none
            else:
                assert expected is None
                assert set(session.prefixes) == set(families.values())
                assert session.visitor_id == visitor
        elif name == "open socket" and alive and args[0] not in sockets:
            scope = sessions.attached(opened.session, args[0])
            scope.__enter__()
            sockets[args[0]] = scope
        elif name == "close socket" and args[0] in sockets:
            sockets.pop(args[0]).__exit__(None, None, None)  # type: ignore[attr-defined]  # the scope above
            ends = clock.now + 300
    assert sessions.count <= 1
    assert math.isfinite(ends)


@settings(max_examples=100, deadline=None)
@given(script=st.lists(STEPS, max_size=25))
def test_one_session_through_anything(script: list[tuple[object, ...]]) -> None:
    trio.run(live, script)
