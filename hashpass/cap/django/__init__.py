"""Cap in a Django site: two views, and a look at the token in a form. Needs `hashpass[django]`."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import HttpRequest
from django.utils.module_loading import import_string

from hashpass.cap.errors import StoreFailed
from hashpass.cap.nonces import NonceStore
from hashpass.cap.server import CapServer

__all__ = ["get_cap_server", "validate_cap_token"]

SETTINGS = {
    "CAP_CHALLENGE_COUNT": "challenge_count",
    "CAP_CHALLENGE_SIZE": "challenge_size",
    "CAP_CHALLENGE_DIFFICULTY": "challenge_difficulty",
    "CAP_CHALLENGE_EXPIRY": "challenge_expiry_ms",
    "CAP_TOKEN_EXPIRY": "token_expiry_ms",
    "CAP_CHALLENGE_FORMAT": "challenge_format",
}
"""The two lives are in milliseconds, as capjs-server has them."""

_BUILDING = threading.Lock()
"""Two servers built by racing threads would have two memories of used nonces."""


def get_cap_server() -> CapServer:
    """The one server of this process, made from Django's settings."""
    with _BUILDING:
        return _build()


def validate_cap_token(request: HttpRequest, field_name: str = "cap-token") -> bool:
    """Whether the form that was posted carries a good token. The token is spent by the asking, so ask once.

    False, too, when the nonce store cannot tell; that is in the log.
    """
    try:
        return get_cap_server().validate(request.POST.get(field_name))
    except StoreFailed:
        return False


@lru_cache(maxsize=1)
def _build() -> CapServer:
    options: dict[str, Any] = {
        argument: getattr(settings, name) for name, argument in SETTINGS.items() if hasattr(settings, name)
    }
    try:
        return CapServer(
            getattr(settings, "CAP_SECRET_KEY", None) or settings.SECRET_KEY, nonce_store=_nonce_store(), **options
        )
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"Cap: {error}") from error


def _nonce_store() -> NonceStore | None:
    """CAP_NONCE_STORE: a store, or the dotted path of one or of what makes one."""
    store: Any = getattr(settings, "CAP_NONCE_STORE", None)
    if isinstance(store, str):
        store = import_string(store)
    if isinstance(store, type) or (callable(store) and not isinstance(store, NonceStore)):
        store = store()
    return store  # type: ignore[no-any-return]  # CapServer looks whether it is one


def _start_again(*, setting: str, **_: Any) -> None:
    if setting == "SECRET_KEY" or setting.startswith("CAP_"):
        _build.cache_clear()


setting_changed.connect(_start_again)  # sent by Django's test tools only
