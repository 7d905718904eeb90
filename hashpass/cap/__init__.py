"""A Cap.js server without a framework: challenges, their redemption, and tokens that are good once.

It needs nothing but the standard library and attrs, and runs in threads as well as under Trio.
"""

from __future__ import annotations

from hashpass.cap.bodies import RedeemBody
from hashpass.cap.errors import Malformed, StoreFailed
from hashpass.cap.nonces import MemoryNonceStore, NonceStore
from hashpass.cap.server import CapServer

__all__ = ["CapServer", "Malformed", "MemoryNonceStore", "NonceStore", "RedeemBody", "StoreFailed"]
