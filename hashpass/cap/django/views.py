"""The two addresses that the widget posts to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, UnreadablePostError
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from hashpass.cap.bodies import MAX_BODY, RedeemBody
from hashpass.cap.django import get_cap_server, validate_cap_token
from hashpass.cap.errors import Malformed, StoreFailed
from hashpass.domain.errors import BodyTooLarge, HashPassError

__all__ = ["CapChallengeView", "CapRedeemView", "validate_cap_token"]


@method_decorator(csrf_exempt, name="dispatch")
class CapView(View):
    """Exempt from CSRF: it reads no cookie, and what it gives out is worth nothing without the work."""

    http_method_names = ["post", "options"]  # noqa: RUF012  # Django reads it so, and nobody changes it

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        """Django's own; bad settings come to light here, when the URLs are read, and not with the first visitor."""
        if settings.configured:
            get_cap_server()
        return super().as_view(**initkwargs)


class CapChallengeView(CapView):
    def post(self, request: HttpRequest) -> HttpResponse:
        return JsonResponse(get_cap_server().create_challenge())


class CapRedeemView(CapView):
    def post(self, request: HttpRequest) -> HttpResponse:
        try:
            body = RedeemBody.parse_json(_read(request))
            return JsonResponse(get_cap_server().redeem(body.token, body.solutions))
        except BodyTooLarge as error:
            return _failure(error, 413)
        except Malformed as error:
            return _failure(error, 400)
        except StoreFailed as error:
            return _failure(error, 503)


def _read(request: HttpRequest) -> bytes:
    """The body, unless it is longer than any widget's; where its length is told, without reading it."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        body = request.body if length <= MAX_BODY else b""
    except (ValueError, UnreadablePostError):
        raise Malformed("The body could not be read.") from None
    if max(length, len(body)) > MAX_BODY:
        raise BodyTooLarge(f"The body is larger than {MAX_BODY} bytes.")
    return body


def _failure(error: HashPassError, status: int) -> JsonResponse:
    return JsonResponse({"success": False, "error": error.detail}, status=status)
