from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.views.decorators.csrf import csrf_exempt

from hashpass.cap.django import validate_cap_token


@csrf_exempt
def contact(request: HttpRequest) -> HttpResponse:
    if not validate_cap_token(request):
        return HttpResponseForbidden()
    return HttpResponse("Thank you.")
