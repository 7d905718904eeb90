"""The users that have been here: a derived name and two dates each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Final

from attrs import asdict, evolve, frozen

from hashpass.domain.errors import BadRequest, StoreUnavailable
from hashpass.generators.seeds import decode_base58
from hashpass.identity.derive import USER_ID_BYTES
from hashpass.storage.base import Store

USER_KEY: Final = "user:"
MAX_USERNAME: Final = 44
ATTEMPTS: Final = 16


@frozen
class User:
    username: str
    created_at: int
    updated_at: int
    """When they last signed in."""

    def shown(self) -> dict[str, Any]:
        return {"id": self.username, **asdict(self)}


class Users:
    def __init__(self, store: Store, *, wall: Callable[[], float] = time.time) -> None:
        self._store = store
        self._wall = wall

    async def find(self, username: str) -> User | None:
        stored = await self._store.get(USER_KEY + username)
        return None if stored is None else _unpack(username, stored)

    async def add(self, username: str) -> User | None:
        """A new user; None if there is one of that name."""
        now = int(self._wall())
        user = User(username, now, now)
        return user if await self._store.put_if_absent(USER_KEY + username, _pack(user)) else None

    async def greet(self, username: str) -> None:
        """Note that somebody has signed in, for the first time or again."""
        for _ in range(ATTEMPTS):
            stored = await self._store.get(USER_KEY + username)
            if stored is None:
                if await self.add(username) is not None:
                    return
                continue
            user = evolve(_unpack(username, stored), updated_at=int(self._wall()))
            if await self._store.compare_and_set(USER_KEY + username, stored, _pack(user)):
                return
        raise StoreUnavailable

    async def remove(self, username: str) -> bool:
        return await self._store.delete(USER_KEY + username)

    async def listing(self, limit: int) -> list[User]:
        """The newest first."""
        users = [_unpack(key.removeprefix(USER_KEY), value) for key, value in await self._store.items(USER_KEY)]
        users.sort(key=lambda user: user.created_at, reverse=True)
        return users[:limit]


def parse_username(text: str) -> str:
    """The base58 of 32 bytes, and no other spelling of it; BadRequest otherwise."""
    try:
        fits = len(text) <= MAX_USERNAME and len(decode_base58(text)) == USER_ID_BYTES
    except ValueError:
        fits = False
    if not fits:
        raise BadRequest("Invalid user ID format", field="username")
    return text


def _pack(user: User) -> bytes:
    return json.dumps([user.created_at, user.updated_at]).encode()


def _unpack(username: str, stored: bytes) -> User:
    created_at, updated_at = json.loads(stored)
    return User(username, created_at, updated_at)
