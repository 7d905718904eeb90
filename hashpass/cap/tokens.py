"""Signed lines of text in which the server's whole memory of a challenge travels to the client and back.

Plain tokens are those of capjs-server, byte for byte:

    challenge:     nonce:expires:count:size:difficulty:signature
    verification:  random:expires:signature

Labelled ones carry the time of their making too, and a label under the signature that differs by kind:

    challenge:     nonce:issued:expires:count:size:difficulty:signature
    verification:  random:issued:expires:signature

All four differ in their number of fields, so none can be read as another. Times are whole milliseconds since 1970.
"""

from __future__ import annotations

import hmac
import re
from hashlib import sha256

from attrs import frozen

CHALLENGE_LABEL = b"hashpass cap challenge\n"
VERIFICATION_LABEL = b"hashpass cap verification\n"

NONCE = "([0-9a-f]{16,128})"
TIME = "([0-9]{1,16})"
SMALL = "([0-9]{1,4})"
SIGNATURE = "([0-9a-f]{64})"


@frozen
class Challenge:
    """What a challenge token says, once its signature has been believed."""

    nonce: str
    issued: int | None
    expires: int
    count: int
    size: int
    difficulty: int


@frozen
class Verification:
    nonce: str
    issued: int | None
    expires: int


class Signature:
    """HMAC-SHA256 over a label and a text. The key and the label are absorbed once."""

    def __init__(self, key: bytes, label: bytes = b"") -> None:
        self._start = hmac.new(key, label, sha256)

    def of(self, text: str) -> str:
        mac = self._start.copy()
        mac.update(text.encode())
        return mac.hexdigest()

    def digest(self, text: str) -> bytes:
        mac = self._start.copy()
        mac.update(text.encode())
        return mac.digest()


class Tokens:
    """Makes and reads both kinds of token in one of the two layouts."""

    def __init__(self, secret: str, *, labelled: bool) -> None:
        key = secret.encode()
        self._labelled = labelled
        self._challenge = Signature(key, CHALLENGE_LABEL if labelled else b"")
        self._verification = Signature(key, VERIFICATION_LABEL if labelled else b"")
        times = [TIME, TIME] if labelled else [TIME]
        self._challenge_form = re.compile(":".join([NONCE, *times, SMALL, SMALL, SMALL, SIGNATURE]))
        self._verification_form = re.compile(":".join([NONCE, *times, SIGNATURE]))

    def challenge(self, nonce: str, issued: int, expires: int, shape: str) -> str:
        """`shape` is count:size:difficulty, which a server writes once for all its challenges."""
        text = f"{nonce}:{issued}:{expires}:{shape}" if self._labelled else f"{nonce}:{expires}:{shape}"
        return f"{text}:{self._challenge.of(text)}"

    def verification(self, nonce: str, issued: int, expires: int) -> str:
        text = f"{nonce}:{issued}:{expires}" if self._labelled else f"{nonce}:{expires}"
        return f"{text}:{self._verification.of(text)}"

    def read_challenge(self, token: object) -> Challenge | None:
        """The challenge in a token of ours, None for anything else."""
        fields = _fields(token, self._challenge_form, self._challenge)
        if fields is None:
            return None
        nonce, *numbers = fields
        *issued, expires, count, size, difficulty = map(int, numbers)
        return Challenge(nonce, issued[0] if issued else None, expires, count, size, difficulty)

    def read_verification(self, token: object) -> Verification | None:
        fields = _fields(token, self._verification_form, self._verification)
        if fields is None:
            return None
        nonce, *numbers = fields
        *issued, expires = map(int, numbers)
        return Verification(nonce, issued[0] if issued else None, expires)


def _fields(token: object, form: re.Pattern[str], signature: Signature) -> list[str] | None:
    """What stands before the signature, if the text has the form and the signature is right."""
    if not isinstance(token, str) or (match := form.fullmatch(token)) is None:
        return None
    *fields, claimed = match.groups()
    return fields if hmac.compare_digest(signature.of(token[: -len(claimed) - 1]), claimed) else None
