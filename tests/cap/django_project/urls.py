from __future__ import annotations

from django.urls import path

from hashpass.cap.django.views import CapChallengeView, CapRedeemView
from tests.cap.django_project.views import contact

urlpatterns = [
    path("cap/challenge", CapChallengeView.as_view()),
    path("cap/redeem", CapRedeemView.as_view()),
    path("contact", contact),
]
