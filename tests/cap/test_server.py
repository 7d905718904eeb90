"""Challenge, redeem, validate: what is given out, once, and everything that is not."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import trio
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from hashpass.cap import CapServer, MemoryNonceStore, StoreFailed
from hashpass.cap.challenge import seeded_pairs
from hashpass.cap.testing import solve
from hashpass.cap.tokens import Tokens
from hashpass.domain.errors import StoreFull, StoreUnavailable
from hashpass.storage.memory import MemoryStore
from tests.cap import vectors
from tests.cap.answers import right_answer, wrong_answer
from tests.cap.clocks import HandClock

SECRET = vectors.SECRET
FORMATS = ["list", "seeded"]


def make(challenge_format: Any = "list", **options: Any) -> CapServer:
    small = {"challenge_count": 3, "challenge_size": 8, "challenge_difficulty": 1}
    return CapServer(SECRET, challenge_format=challenge_format, **{**small, **options})


def solved(cap: CapServer) -> tuple[str, list[int]]:
    challenge = cap.create_challenge()
    return challenge["token"], right_answer(challenge)


def token_of(cap: CapServer) -> str:
    token = cap.redeem(*solved(cap))["token"]
    assert isinstance(token, str)
    return token


@pytest.mark.parametrize("challenge_format", FORMATS)
def test_a_solved_challenge_becomes_a_token_that_is_good_once(challenge_format: str) -> None:
    clock = HandClock()
    cap = make(challenge_format, clock=clock)
    challenge = cap.create_challenge()
    assert set(challenge) == {"challenge", "token", "expires"}
    assert challenge["expires"] == clock.now * 1000 + 600_000
    result = cap.redeem(challenge["token"], right_answer(challenge))
    assert set(result) == {"success", "token", "expires"}
    assert result["success"] is True
    assert result["expires"] == clock.now * 1000 + 7_200_000
    assert [cap.validate(result["token"]) for _ in range(3)] == [True, False, False]
    json.dumps([challenge, result])


def test_by_default_the_pairs_are_sent_in_full() -> None:
    challenge = CapServer(SECRET).create_challenge()["challenge"]
    assert len(challenge) == 50
    assert all(len(salt) == 32 and len(target) == 4 for salt, target in challenge)


def test_the_seeded_format_sends_three_numbers() -> None:
    assert CapServer(SECRET, challenge_format="seeded").create_challenge()["challenge"] == {"c": 50, "s": 32, "d": 4}


@pytest.mark.parametrize("challenge_format", FORMATS)
def test_the_full_work_of_the_defaults_but_for_the_difficulty(challenge_format: Any) -> None:
    cap = CapServer(SECRET, challenge_difficulty=2, challenge_format=challenge_format)
    assert cap.validate(token_of(cap))


def test_nobody_can_tell_the_pairs_from_the_token() -> None:
    """With another secret the same token text would have other pairs, and the widget's own are not among them."""
    challenge = make().create_challenge()
    assert [tuple(pair) for pair in challenge["challenge"]] != list(seeded_pairs(challenge["token"], 3, 8, 1))
    fixed: dict[str, Any] = {"clock": HandClock(), "random_bytes": bytes}
    one = CapServer(SECRET, **fixed).create_challenge()["challenge"]
    two = CapServer(SECRET + "!", **fixed).create_challenge()["challenge"]
    assert not {salt for salt, _ in one} & {salt for salt, _ in two}


def test_no_two_challenges_share_their_pairs() -> None:
    cap = CapServer(SECRET)
    salts = [salt for _ in range(50) for salt, _ in cap.create_challenge()["challenge"]]
    assert len(set(salts)) == 50 * 50


# Vectors


@pytest.mark.parametrize("vector", [vectors.SIGNED, vectors.SMALL], ids=lambda vector: vector.name)
def test_the_seeded_format_redeems_the_vectors_whatever_its_own_sizes(vector: vectors.Pairs) -> None:
    cap = CapServer(SECRET, challenge_format="seeded", nonce_store=MemoryNonceStore())
    assert cap.redeem(vector.token, list(vector.solutions))["success"]
    assert "again" in cap.redeem(vector.token, list(vector.solutions))["error"]
    assert not CapServer(SECRET).redeem(vector.token, list(vector.solutions))["success"]


def test_the_seeded_format_validates_the_vector_once() -> None:
    cap = CapServer(SECRET, challenge_format="seeded")
    assert cap.validate(vectors.VERIFICATION)
    assert not cap.validate(vectors.VERIFICATION)
    assert not CapServer(SECRET).validate(vectors.VERIFICATION)


def test_colliding_tokens_have_the_same_pairs_in_the_seeded_format() -> None:
    one, two = ([*seeded_pairs(token, 50, 32, 4)] for token in vectors.COLLISION)
    assert one == two


def test_answers_of_one_colliding_challenge_redeem_the_other_only_in_the_seeded_format() -> None:
    one, two = vectors.OWN_COLLISION
    solutions = solve(one, {"c": 50, "s": 32, "d": 1})
    seeded, listed = CapServer(SECRET, challenge_format="seeded"), CapServer(SECRET)
    assert [seeded.redeem(token, solutions)["success"] for token in (one, two)] == [True, True]
    assert [listed.redeem(token, solutions)["success"] for token in (one, two)] == [False, False]


def test_in_the_list_format_the_answers_of_one_challenge_do_not_redeem_another() -> None:
    cap = CapServer(SECRET, challenge_difficulty=1)
    (_, solutions), (other, _) = solved(cap), solved(cap)
    assert cap.redeem(other, solutions)["error"] == "The solution is wrong. Try again."


# Once


@pytest.mark.parametrize("challenge_format", FORMATS)
def test_a_wrong_answer_does_not_burn_the_challenge(challenge_format: str) -> None:
    cap = make(challenge_format)
    challenge = cap.create_challenge()
    token, solutions = challenge["token"], right_answer(challenge)
    for bad in (wrong_answer(challenge), [], solutions[:-1], [*solutions, 0], None, "x"):
        assert not cap.redeem(token, bad)["success"]
    assert cap.redeem(token, solutions)["success"]
    assert cap.redeem(token, solutions) == {
        "success": False,
        "error": "This challenge cannot be redeemed again. Try a new one.",
    }


def race(call: Callable[[], bool]) -> int:
    """How many of fifty threads that start together hear yes."""
    start = threading.Barrier(50)

    def run() -> bool:
        start.wait()
        return call()

    with ThreadPoolExecutor(50) as pool:
        return sum(future.result() for future in [pool.submit(run) for _ in range(50)])


@pytest.mark.parametrize("challenge_format", FORMATS)
def test_fifty_racing_threads_redeem_once_and_validate_once(challenge_format: str) -> None:
    cap = make(challenge_format)
    for _ in range(5):
        token, solutions = solved(cap)
        assert race(lambda: bool(cap.redeem(token, solutions)["success"])) == 1  # noqa: B023  # called at once
        token = token_of(cap)
        assert race(lambda: cap.validate(token)) == 1  # noqa: B023  # the same


@pytest.mark.parametrize("challenge_format", FORMATS)
async def test_fifty_racing_tasks_redeem_once_and_validate_once(challenge_format: str) -> None:
    cap = make(challenge_format, store=MemoryStore())
    token, solutions = solved(cap)
    results: list[dict[str, Any]] = []
    verdicts: list[bool] = []

    async def redeem() -> None:
        results.append(await cap.redeem_async(token, solutions))

    async def validate() -> None:
        verdicts.append(await cap.validate_async(good["token"]))

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(redeem)
    (good,) = [result for result in results if result["success"]]
    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(validate)
    assert verdicts.count(True) == 1


async def test_the_async_methods_share_their_memory_through_the_store() -> None:
    store = MemoryStore()
    one, two = make(store=store), make(store=store)
    token, solutions = solved(one)
    assert not (await two.redeem_async(token, None))["success"]
    result = await two.redeem_async(token, solutions)
    assert not (await one.redeem_async(token, solutions))["success"]
    assert await one.validate_async(result["token"])
    assert not await two.validate_async(result["token"])
    assert await two.spend_async(result["token"]) == "used"
    assert await two.spend_async("x") == "invalid"


async def test_the_async_methods_say_at_once_that_they_need_a_store() -> None:
    with pytest.raises(RuntimeError, match="need a store"):
        await make().redeem_async(None, None)
    with pytest.raises(RuntimeError, match="need a store"):
        await make().validate_async(None)


def test_a_shared_nonce_store_makes_it_once_across_servers_and_formats_keep_apart() -> None:
    nonces = MemoryNonceStore()
    one, two = make(nonce_store=nonces), make(nonce_store=nonces)
    token, solutions = solved(one)
    token = two.redeem(token, solutions)["token"]
    assert one.validate(token)
    assert not two.validate(token)
    assert not make("seeded", nonce_store=nonces).validate(token_of(one))


def test_a_token_is_not_a_challenge_nor_the_other_way_round() -> None:
    for challenge_format in FORMATS:
        cap = make(challenge_format)
        token, solutions = solved(cap)
        assert not cap.validate(token)
        assert not cap.redeem(token_of(cap), solutions)["success"]


def test_the_reasons_of_a_no() -> None:
    clock = HandClock()
    cap = make(clock=clock)
    token = token_of(cap)
    assert [cap.spend(token), cap.spend(token), cap.spend("x")] == ["good", "used", "invalid"]
    late = token_of(cap)
    clock.now += 7200
    assert cap.spend(late) == "expired"


# Time


@pytest.mark.parametrize("challenge_format", FORMATS)
def test_challenges_and_tokens_expire_to_the_millisecond(challenge_format: str) -> None:
    clock = HandClock()
    cap = make(challenge_format, challenge_expiry_ms=5000, token_expiry_ms=8000, clock=clock)
    first, second = solved(cap), solved(cap)
    clock.now += 4.999
    result = cap.redeem(*first)
    assert result["success"]
    clock.now += 0.001
    assert cap.redeem(*second)["error"] == "This challenge has expired. Try again."
    clock.now += 7.998
    assert cap.validate(result["token"])
    late = token_of(cap)
    clock.now += 8
    assert not cap.validate(late)


@define
class Recorder:
    calls: list[tuple[str, float]] = field(factory=list)

    def mark_used(self, nonce: str, ttl_seconds: float) -> bool:
        self.calls.append((nonce, ttl_seconds))
        return True

    def __len__(self) -> int:
        return 0


def test_a_store_is_asked_with_the_nonce_and_its_remaining_life_even_if_it_looks_empty() -> None:
    clock, nonces = HandClock(), Recorder()
    cap = make(clock=clock, nonce_store=nonces)
    token, solutions = solved(cap)
    clock.now += 100
    result = cap.redeem(token, solutions)
    clock.now += 100
    assert cap.validate(result["token"])
    assert nonces.calls == [(token.split(":")[0], 500.0), (result["token"].split(":")[0], 7100.0)]


@pytest.mark.parametrize("challenge_format", FORMATS)
def test_tokens_from_before_a_start_are_refused_and_later_ones_taken(challenge_format: str) -> None:
    clock = HandClock()
    before = make(challenge_format, clock=clock)
    challenge, solutions = solved(before)
    token = token_of(before)
    clock.now += 1
    after = make(challenge_format, clock=clock, accept_from=clock.now)
    assert not after.redeem(challenge, solutions)["success"]
    assert not after.validate(token)
    assert after.validate(token_of(after))


# Settings


@pytest.mark.parametrize(
    "options",
    [
        {"challenge_count": 0},
        {"challenge_count": 1001},
        {"challenge_count": True},
        {"challenge_count": 5.0},
        {"challenge_count": "5"},
        {"challenge_size": 7},
        {"challenge_size": 49},
        {"challenge_difficulty": 0},
        {"challenge_difficulty": 17},
        {"challenge_difficulty": None},
        {"challenge_expiry_ms": 0},
        {"challenge_expiry_ms": float("nan")},
        {"challenge_expiry_ms": float("inf")},
        {"token_expiry_ms": 0},
        {"token_expiry_ms": -1},
        {"token_expiry_ms": True},
        {"token_expiry_ms": 86_400_000},
        {"token_expiry_ms": "7200000"},
        {"challenge_format": "pairs"},
        {"challenge_format": None},
    ],
    ids=str,
)
def test_settings_that_switch_the_work_off_are_refused(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=name):
        CapServer(SECRET, **options)


@pytest.mark.parametrize("secret", ["", "x" * 15, None, b"x" * 16, 16, "\ud800" * 16])
def test_a_short_secret_is_refused(secret: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the last is Python's own
        CapServer(secret)


@pytest.mark.parametrize(
    "options",
    [
        {"challenge_count": 1, "challenge_size": 8, "challenge_difficulty": 1},
        {"challenge_count": 1000, "challenge_size": 48, "challenge_difficulty": 16},
        {"challenge_expiry_ms": 1, "token_expiry_ms": 86_399_999.9},
    ],
    ids=str,
)
def test_the_limits_themselves_are_taken(options: dict[str, Any]) -> None:
    cap = CapServer("x" * 16, **options)
    challenge = cap.create_challenge()
    assert len(challenge["challenge"]) == options.get("challenge_count", 50)
    assert not cap.redeem(challenge["token"], [0] * 2000)["success"]


def test_a_store_that_is_none_or_async_is_refused() -> None:
    class Async:
        async def mark_used(self, nonce: str, ttl_seconds: float) -> bool:
            return False

    for store in (object(), Async(), MemoryStore(), "path"):
        with pytest.raises(TypeError, match="mark_used"):
            make(nonce_store=store)


def test_tokens_signed_under_looser_limits_are_refused() -> None:
    """Another server with the same secret may have signed away the work."""
    for labelled, challenge_format in ((False, "seeded"), (True, "list")):
        tokens, cap = Tokens(SECRET, labelled=labelled), make(challenge_format)
        for shape in ((0, 32, 4), (1001, 32, 4), (3, 7, 4), (3, 49, 4), (3, 32, 0), (3, 32, 17)):
            token = tokens.challenge("ab" * 25, 1, vectors.FAR, ":".join(map(str, shape)))
            assert cap.redeem(token, [0] * shape[0])["error"] == "This challenge is not valid. Try again."


# A store that breaks


class Broken:
    def __init__(self, error: Exception) -> None:
        self.error = error

    def mark_used(self, nonce: str, ttl_seconds: float) -> bool:
        raise self.error

    async def put_if_absent(self, key: str, value: bytes, *, ttl: float | None = None) -> bool:
        raise self.error


@pytest.mark.parametrize("error", [OSError("no route"), StoreFull(), StoreUnavailable(), KeyError("x")], ids=repr)
async def test_a_store_that_raises_gives_nothing_out_and_is_logged(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    token, solutions = solved(make())
    verification = token_of(make())
    cap = make(nonce_store=Broken(error), store=Broken(error))
    with pytest.raises(StoreFailed):
        cap.redeem(token, solutions)
    with pytest.raises(StoreFailed):
        cap.validate(verification)
    with pytest.raises(StoreFailed):
        await cap.redeem_async(token, solutions)
    with pytest.raises(StoreFailed):
        await cap.validate_async(verification)
    assert [(record.levelno, record.name) for record in caplog.records] == [(logging.ERROR, "hashpass.cap.server")] * 4
    assert not any(secret in caplog.text for secret in (token, verification, SECRET))
    # A refusal that needs no store is given without it, and what nobody could redeem is not burnt.
    assert cap.redeem(token, [])["success"] is False
    assert make().redeem(token, solutions)["success"]


# Whatever comes in

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def is_refusal(result: dict[str, Any]) -> bool:
    return set(result) == {"success", "error"} and result["success"] is False and 0 < len(result["error"]) <= 80


@settings(max_examples=60)
@given(JUNK, JUNK)
def test_whatever_is_handed_in_is_refused_in_words(token: object, solutions: object) -> None:
    for challenge_format in FORMATS:
        cap = make(challenge_format)
        assert is_refusal(cap.redeem(token, solutions))
        assert cap.validate(token) is False


@settings(max_examples=60)
@given(JUNK, st.lists(JUNK, min_size=3, max_size=3))
def test_whatever_is_handed_in_as_solutions_is_refused_in_words(solutions: object, three: list[object]) -> None:
    for challenge_format in FORMATS:
        cap = make(challenge_format, challenge_difficulty=16)
        token = cap.create_challenge()["token"]
        assert is_refusal(cap.redeem(token, solutions))
        assert is_refusal(cap.redeem(token, three))


@pytest.mark.parametrize("bad", [True, False, -1, 2**53, 1.0, "1", None, [1]], ids=repr)
@pytest.mark.parametrize("challenge_format", FORMATS)
def test_a_solution_is_a_whole_number_of_53_bits(challenge_format: str, bad: object) -> None:
    cap = make(challenge_format)
    token, solutions = solved(cap)
    assert cap.redeem(token, [bad, *solutions[1:]])["error"] == "The solutions are not valid. Try again."
    assert cap.redeem(token, tuple(solutions))["success"]


def test_the_server_shows_its_secret_to_nobody() -> None:
    assert SECRET not in repr(make())
    assert SECRET not in str(vars(make()))


def test_importing_it_brings_in_no_server() -> None:
    heavy = "{'trio', 'quart', 'quart_trio', 'hypercorn', 'argon2', 'django', 'asyncio', 'httpx'}"
    code = f"import sys, hashpass.cap, hashpass.cap.testing; print({heavy} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "set()"
