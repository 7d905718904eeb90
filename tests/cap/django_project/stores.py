"""What CAP_NONCE_STORE may point at, and what it may not."""

from __future__ import annotations

from hashpass.cap import MemoryNonceStore


class Broken:
    def mark_used(self, nonce: str, ttl_seconds: float) -> bool:
        raise OSError("no route to the store")


def make_store() -> MemoryNonceStore:
    return MemoryNonceStore(max_nonces=1)


a_store = MemoryNonceStore()
