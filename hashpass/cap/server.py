"""The server side of Cap: it hands out challenges, redeems their solutions, and spends the tokens it gave for them."""

from __future__ import annotations

import inspect
import logging
import os
import time
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from hashpass.cap.challenge import are_solved, is_solution, listed_pairs, seeded_pairs
from hashpass.cap.errors import StoreFailed
from hashpass.cap.nonces import MemoryNonceStore, NonceStore
from hashpass.cap.tokens import Challenge, Signature, Tokens, Verification
from hashpass.storage.base import Store

log = logging.getLogger(__name__)

Verdict: TypeAlias = Literal["good", "invalid", "expired", "used"]
"""What became of a verification token. Only one caller ever hears "good"."""

MAX_COUNT = 1000
MAX_DIFFICULTY = 16
MIN_SIZE = 8
MAX_SIZE = 48
"""The widget's solver never ends when salt and number have 56 characters or more together."""
MIN_SECRET = 16
DAY_MS = 86_400_000
"""A day. The widget calls a token broken that lives as long or longer."""

PAIRS_LABEL = b"hashpass cap pairs\n"

INVALID_TOKEN = "This challenge is not valid. Try again."  # noqa: S105  # a sentence
EXPIRED = "This challenge has expired. Try again."
INVALID_SOLUTIONS = "The solutions are not valid. Try again."
WRONG = "The solution is wrong. Try again."
USED = "This challenge cannot be redeemed again. Try a new one."


class CapServer:
    """All that is known of a challenge travels in its token; only used nonces are remembered.

    The plain methods ask `nonce_store`, those named `_async` ask `store`. A store that raises makes them raise
    StoreFailed, and nothing is given out. No other argument of a method, whatever it is, raises anything.
    """

    def __init__(
        self,
        secret_key: str,
        challenge_count: int = 50,
        challenge_size: int = 32,
        challenge_difficulty: int = 4,
        challenge_expiry_ms: float = 600_000,
        token_expiry_ms: float = 7_200_000,
        nonce_store: NonceStore | None = None,
        challenge_format: Literal["list", "seeded"] = "list",
        *,
        store: Store | None = None,
        accept_from: float = 0.0,
        clock: Callable[[], float] = time.time,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Refuse, with ValueError, settings under which there is no work to do or the widget gets stuck.

        `accept_from` is a time, in seconds since 1970: tokens made before it are refused, which a server needs whose
        store was empty then. `clock` gives that same time, now.
        """
        if not isinstance(secret_key, str) or len(secret_key) < MIN_SECRET:
            raise ValueError(f"secret_key must be text of at least {MIN_SECRET} characters.")
        _check_whole("challenge_count", challenge_count, 1, MAX_COUNT)
        _check_whole("challenge_size", challenge_size, MIN_SIZE, MAX_SIZE)
        _check_whole("challenge_difficulty", challenge_difficulty, 1, MAX_DIFFICULTY)
        _check_life("challenge_expiry_ms", challenge_expiry_ms, days=365)
        _check_life("token_expiry_ms", token_expiry_ms, days=1)
        if challenge_format not in ("list", "seeded"):
            raise ValueError('challenge_format must be "list" or "seeded".')
        if nonce_store is None:
            nonce_store = MemoryNonceStore(clock=clock)
        # An async mark_used would return a coroutine, and that is true for every caller.
        elif not isinstance(nonce_store, NonceStore) or inspect.iscoroutinefunction(nonce_store.mark_used):
            raise TypeError("nonce_store needs a plain method mark_used(nonce, ttl_seconds); an async one is `store`.")
        self._count = challenge_count
        self._size = challenge_size
        self._difficulty = challenge_difficulty
        self._shape = f"{challenge_count}:{challenge_size}:{challenge_difficulty}"
        self._challenge_life = int(challenge_expiry_ms)
        self._token_life = int(token_expiry_ms)
        self._listed = challenge_format == "list"
        self._tokens = Tokens(secret_key, labelled=self._listed)
        self._pairs = Signature(secret_key.encode(), PAIRS_LABEL)
        self._nonce_store = nonce_store
        self._store = store
        self._accept_from = int(accept_from * 1000)
        self._clock = clock
        self._random_bytes = random_bytes

    def create_challenge(self) -> dict[str, Any]:
        """A new challenge, as the widget wants it."""
        now = self._now()
        expires = now + self._challenge_life
        token = self._tokens.challenge(self._random_bytes(25).hex(), now, expires, self._shape)
        challenge: object
        if self._listed:
            challenge = listed_pairs(self._pairs.digest(token), self._count, self._size, self._difficulty)
        else:
            challenge = {"c": self._count, "s": self._size, "d": self._difficulty}
        return {"challenge": challenge, "token": token, "expires": expires}

    def redeem(self, token: object, solutions: object) -> dict[str, Any]:
        """A verification token for a solved challenge, else the reason why not. Only a right answer uses it up."""
        now = self._now()
        challenge = self._judge(token, solutions, now)
        if isinstance(challenge, str):
            return _refused(challenge)
        if not self._mark(challenge, now):
            return _refused(USED)
        return self._give_token(now)

    async def redeem_async(self, token: object, solutions: object) -> dict[str, Any]:
        """The same, over `store`."""
        store = self._async_store()
        now = self._now()
        challenge = self._judge(token, solutions, now)
        if isinstance(challenge, str):
            return _refused(challenge)
        if not await _mark_in(store, challenge, now):
            return _refused(USED)
        return self._give_token(now)

    def validate(self, token: object) -> bool:
        """Whether this is a living verification token that nobody has shown before. It is spent by the asking."""
        return self.spend(token) == "good"

    async def validate_async(self, token: object) -> bool:
        """The same, over `store`."""
        return await self.spend_async(token) == "good"

    def spend(self, token: object) -> Verdict:
        """What `validate` does, with the reason for a no."""
        now = self._now()
        read = self._read_verification(token, now)
        if isinstance(read, Verification):
            return "good" if self._mark(read, now) else "used"
        return read

    async def spend_async(self, token: object) -> Verdict:
        """The same, over `store`."""
        store = self._async_store()
        now = self._now()
        read = self._read_verification(token, now)
        if isinstance(read, Verification):
            return "good" if await _mark_in(store, read, now) else "used"
        return read

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _judge(self, token: object, solutions: object, now: int) -> Challenge | str:
        """The challenge, if its token is good and its work is done, else what the person is told."""
        challenge = self._tokens.read_challenge(token)
        if challenge is None or not isinstance(token, str) or not _is_work(challenge):
            return INVALID_TOKEN
        if self._is_over(challenge, self._challenge_life, now):
            return EXPIRED
        if not isinstance(solutions, list | tuple) or len(solutions) != challenge.count:
            return INVALID_SOLUTIONS
        if not all(map(is_solution, solutions)):
            return INVALID_SOLUTIONS
        shape = (challenge.count, challenge.size, challenge.difficulty)
        pairs = listed_pairs(self._pairs.digest(token), *shape) if self._listed else seeded_pairs(token, *shape)
        return challenge if are_solved(pairs, solutions) else WRONG

    def _read_verification(self, token: object, now: int) -> Verification | Literal["invalid", "expired"]:
        verification = self._tokens.read_verification(token)
        if verification is None:
            return "invalid"
        return "expired" if self._is_over(verification, self._token_life, now) else verification

    def _is_over(self, token: Challenge | Verification, life: int, now: int) -> bool:
        """Whether the token has expired or is older than what the store remembers.

        A token without the time of its making is taken to have had the life that such tokens have here.
        """
        issued = token.expires - life if token.issued is None else token.issued
        return token.expires <= now or issued < self._accept_from

    def _mark(self, token: Challenge | Verification, now: int) -> bool:
        try:
            return bool(self._nonce_store.mark_used(token.nonce, _life(token, now)))
        except Exception as error:  # whatever a store of somebody else's raises: it could not tell
            raise _failed(error) from error

    def _async_store(self) -> Store:
        if self._store is None:
            raise RuntimeError("The async methods need a store: CapServer(..., store=...).")
        return self._store

    def _give_token(self, now: int) -> dict[str, Any]:
        expires = now + self._token_life
        token = self._tokens.verification(self._random_bytes(15).hex(), now, expires)
        return {"success": True, "token": token, "expires": expires}


async def _mark_in(store: Store, token: Challenge | Verification, now: int) -> bool:
    kind = "challenge" if isinstance(token, Challenge) else "token"
    try:
        return await store.put_if_absent(f"cap:{kind}:{token.nonce}", b"", ttl=_life(token, now))
    except Exception as error:  # as in `_mark`
        raise _failed(error) from error


def _life(token: Challenge | Verification, now: int) -> float:
    """The seconds it still has, for which its nonce must be remembered."""
    return (token.expires - now) / 1000


def _refused(error: str) -> dict[str, Any]:
    return {"success": False, "error": error}


def _failed(error: Exception) -> StoreFailed:
    log.error("The nonce store failed, so nothing was given out.", exc_info=error)
    return StoreFailed()


def _is_work(challenge: Challenge) -> bool:
    """Whether a token, perhaps signed by another server with this secret, keeps to our limits."""
    return (
        1 <= challenge.count <= MAX_COUNT
        and MIN_SIZE <= challenge.size <= MAX_SIZE
        and 1 <= challenge.difficulty <= MAX_DIFFICULTY
    )


def _check_whole(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{name} must be a whole number from {least} to {most}.")


def _check_life(name: str, value: object, *, days: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value < days * DAY_MS:
        raise ValueError(f"{name} must be at least 1 and less than {days * DAY_MS}, in milliseconds.")
