from __future__ import annotations

SECRET_KEY = "a key of the test project, long enough"
ALLOWED_HOSTS = ["127.0.0.1", "testserver"]
ROOT_URLCONF = "tests.cap.django_project.urls"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
USE_TZ = True
LOGGING_CONFIG = None

CAP_CHALLENGE_COUNT = 5
CAP_CHALLENGE_DIFFICULTY = 1
