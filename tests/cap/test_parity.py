"""Beside capjs-server itself: the same calls, the same dictionaries, and tokens that each takes from the other."""

from __future__ import annotations

import inspect
from typing import Any

import capjs_server  # type: ignore[import-untyped]  # it has no py.typed
import capjs_server.testing  # type: ignore[import-untyped]  # the same
import pytest

from hashpass.cap import CapServer, MemoryNonceStore, NonceStore, testing
from hashpass.cap.challenge import prng, seeded_pairs
from tests.cap import vectors
from tests.cap.answers import right_answer, wrong_answer

SECRET = vectors.SECRET
SMALL = {"challenge_count": 4, "challenge_size": 16, "challenge_difficulty": 1}


def ours(**options: Any) -> CapServer:
    return CapServer(SECRET, challenge_format="seeded", **{**SMALL, **options})


def theirs(**options: Any) -> Any:
    return capjs_server.CapServer(SECRET, **{**SMALL, **options})


def parameters(function: Any) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}


def test_every_argument_of_theirs_is_one_of_ours_with_the_same_default_but_for_the_life_of_a_token() -> None:
    expected = {**parameters(capjs_server.CapServer), "token_expiry_ms": 7_200_000}
    assert parameters(CapServer).items() >= expected.items()
    for name in ("create_challenge", "redeem", "validate"):
        assert list(parameters(getattr(CapServer, name))) == list(parameters(getattr(capjs_server.CapServer, name)))
    assert list(parameters(NonceStore.mark_used)) == list(parameters(capjs_server.NonceStore.mark_used))


def test_our_solver_is_called_like_theirs() -> None:
    assert [*parameters(testing.solve).values()][2:] == [*parameters(capjs_server.testing.solve).values()][2:]
    assert [*parameters(testing.solve)][::2] == ["token", "max_nonce"]


def test_the_dictionaries_have_the_same_names_and_types() -> None:
    mine, other = ours().create_challenge(), theirs().create_challenge()
    assert mine.keys() == other.keys()
    assert mine["challenge"] == other["challenge"]
    assert [len(part) for part in mine["token"].split(":")] == [len(part) for part in other["token"].split(":")]
    results = [
        server.redeem(made["token"], capjs_server.testing.solve(made["token"], made["challenge"]))
        for server, made in ((ours(), mine), (theirs(), other))
    ]
    assert results[0].keys() == results[1].keys()
    assert len(results[0]["token"]) == len(results[1]["token"]) == 109
    assert ours().redeem("x", []).items() > theirs().redeem("x", []).items()


@pytest.mark.parametrize("names", [("ours", "theirs"), ("theirs", "ours")])
def test_each_redeems_and_validates_what_the_other_gave_out(names: tuple[str, str]) -> None:
    servers = {"ours": ours(), "theirs": theirs()}
    giver, taker = (servers[name] for name in names)
    challenge = giver.create_challenge()
    solutions = right_answer(challenge)
    assert solutions == capjs_server.testing.solve(challenge["token"], challenge["challenge"])
    result = taker.redeem(challenge["token"], solutions)
    assert result["success"]
    assert giver.validate(result["token"])


def test_a_store_written_for_theirs_works_here_and_keeps_both_from_redeeming_twice() -> None:
    for store in (capjs_server.MemoryNonceStore(), MemoryNonceStore()):
        mine, other = ours(nonce_store=store), theirs(nonce_store=store)
        challenge = other.create_challenge()
        solutions = right_answer(challenge)
        assert mine.redeem(challenge["token"], solutions)["success"]
        assert not other.redeem(challenge["token"], solutions)["success"]


def test_what_differs_on_purpose() -> None:
    challenge = theirs().create_challenge()
    solutions = right_answer(challenge)
    mine, other = ours(), theirs()
    for server in (mine, other):
        assert not server.redeem(challenge["token"], wrong_answer(challenge))["success"]
    # A wrong answer burns the challenge there, not here.
    assert not other.redeem(challenge["token"], solutions)["success"]
    token = mine.redeem(challenge["token"], solutions)["token"]
    # A verification token can be shown as often as one likes there, once here.
    assert [other.validate(token), other.validate(token)] == [True, True]
    assert [mine.validate(token), mine.validate(token)] == [True, False]
    # They sign away the work; we redeem no such challenge, whoever signed it.
    free = theirs(challenge_count=0)
    assert free.redeem(free.create_challenge()["token"], [])["success"]
    assert not mine.redeem(free.create_challenge()["token"], [])["success"]


def test_pairs_are_those_their_solver_solves() -> None:
    token = ours().create_challenge()["token"]
    for (salt, target), solution in zip(
        seeded_pairs(token, 12, 8, 2), capjs_server.testing.solve(token, {"c": 12, "s": 8, "d": 2}), strict=True
    ):
        assert testing.solve(token, [[salt, target]]) == [solution]
    assert prng(token, 0) == ""
