"""A solver for tests and scripts, slow and without a browser."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from hashpass.cap.challenge import seeded_pairs


def solve(
    token: str, challenge: Mapping[str, int] | Iterable[Sequence[str]], *, max_nonce: int = 10_000_000
) -> list[int]:
    """The solutions a widget finds: for each pair the smallest number that fits.

    `challenge` is what `create_challenge()` has under that name, in either format. RuntimeError if a pair has no
    solution below `max_nonce`.
    """
    if isinstance(challenge, Mapping):
        pairs: Iterable[Sequence[str]] = seeded_pairs(token, challenge["c"], challenge["s"], challenge["d"])
    else:
        pairs = challenge
    return [_solve_pair(salt, target, max_nonce) for salt, target in pairs]


def _solve_pair(salt: str, target: str, max_nonce: int) -> int:
    start = sha256(salt.encode())
    for n in range(max_nonce):
        attempt = start.copy()
        attempt.update(b"%d" % n)
        if attempt.hexdigest().startswith(target):
            return n
    raise RuntimeError(f"No solution below {max_nonce} for salt {salt} and target {target}.")
