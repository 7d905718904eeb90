"""The storage port. Every backend passes `tests/contracts/test_storage.py`; nothing else is promised."""

from __future__ import annotations

from typing import Protocol


class Store(Protocol):
    """Small values under text keys, each with an optional life in seconds.

    Every method is atomic by itself. An entry whose life has passed is as if it had never been. A store that is
    full raises `StoreFull`, one that cannot be reached `StoreUnavailable`; both leave what was there untouched.
    """

    async def get(self, key: str) -> bytes | None: ...

    async def put(self, key: str, value: bytes, *, ttl: float | None = None) -> None: ...

    async def put_if_absent(self, key: str, value: bytes, *, ttl: float | None = None) -> bool:
        """True for exactly one of any number of racing callers."""
        ...

    async def take(self, key: str) -> bytes | None:
        """Get and delete in one step: exactly one of any number of racing callers gets the value."""
        ...

    async def compare_and_set(
        self, key: str, expected: bytes | None, value: bytes | None, *, ttl: float | None = None
    ) -> bool:
        """Replace `expected` by `value`, where None means absent; False, and nothing changed, if it was otherwise."""
        ...

    async def touch(self, key: str, *, ttl: float | None) -> bool:
        """Give a living entry a new life; False if there is none."""
        ...

    async def delete(self, key: str) -> bool: ...

    async def items(self, prefix: str) -> list[tuple[str, bytes]]:
        """All living entries whose key starts so, in order of their keys."""
        ...

    async def aclose(self) -> None: ...
