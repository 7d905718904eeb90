"""What this library raises; a refused challenge or token is an answer, not an error."""

from __future__ import annotations

from hashpass.domain.errors import BadRequest, StoreUnavailable


class StoreFailed(StoreUnavailable):
    """The store could not say whether a nonce was used, so nothing was given out. Over HTTP this is a 503."""

    default = "The server cannot check this at the moment. Try again soon."


class Malformed(BadRequest):
    """The body is none that a widget sends. Over HTTP this is a 400."""

    default = "The request is not valid."
