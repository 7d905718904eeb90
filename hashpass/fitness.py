"""What an operator should know before the open internet does."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hashpass.settings import Settings
from hashpass.settings_text import plain

TURNSTILE_TEST_KEYS = re.compile(r"[123]x0+A+")
"""Cloudflare's published keys: they let everybody pass, or nobody."""


def unfit(settings: Settings) -> list[str]:
    """One sentence for each setting that is unfit for it."""
    return [sentence for applies, sentence in _doubts(settings) if applies]


def _doubts(s: Settings) -> Iterator[tuple[bool, str]]:
    turnstile = s.gate == "turnstile"
    default_proxies = s.trusted_proxies == Settings().trusted_proxies
    yield s.gate == "open", "HASHPASS_GATE is open: anybody, and any script, may open sessions."
    yield turnstile and s.turnstile_test_mode, "TURNSTILE_TEST_MODE is on: the gate lets everybody pass."
    yield (
        turnstile and TURNSTILE_TEST_KEYS.fullmatch(s.turnstile_secret_key or "") is not None,
        "TURNSTILE_SECRET_KEY is one of Cloudflare's published test keys: it does not tell people from scripts.",
    )
    yield (
        turnstile and not s.turnstile_verify_url.startswith("https://"),
        "TURNSTILE_VERIFY_URL is not https: its answers can be forged on the way.",
    )
    yield (
        s.listens_publicly and s.tls_cert is None,
        f"The server listens on {plain(s.binds)} without TLS: unless a proxy adds it, tokens travel in clear.",
    )
    yield (
        s.listens_publicly and default_proxies,
        (
            "The server listens on more than this machine and HASHPASS_TRUSTED_PROXIES is the default: behind a proxy "
            "on another machine, everybody would have that proxy's address."
        ),
    )
    for network in s.trusted_proxies:
        wide = network.prefixlen < (8 if network.version == 4 else 16)
        yield wide, f"HASHPASS_TRUSTED_PROXIES holds {network}: all of it may claim any client's address."
    yield (
        (s.ip_header or "").casefold() == "cf-connecting-ip",
        (
            "HASHPASS_IP_HEADER is CF-Connecting-IP: anybody can send that header, so the proxy must accept it from "
            "Cloudflare's own networks alone."
        ),
    )
    yield (
        s.cap_format == "seeded",
        "HASHPASS_CAP_FORMAT is seeded: all its challenges can be solved ahead, once for every site that uses it.",
    )
    yield s.ip_binding == "off", "HASHPASS_IP_BINDING is off: a stolen session token works from everywhere."
    yield s.trace == "any", "HASHPASS_TRACE is any: a trace proves nothing, clients may write their own."
    yield not s.ua_filter, "HASHPASS_UA_FILTER is off: script clients are not even asked to hide."
    yield (
        s.difficulty_policy == "step",
        (
            "HASHPASS_DIFFICULTY_POLICY is step: a client that says it mines and does not can lower the difficulty; "
            "steady cannot be steered so."
        ),
    )
    yield (
        s.argon2_memory_cost < 32768,
        (
            f"HASHPASS_ARGON2_MEMORY_COST is {s.argon2_memory_cost} KiB: the less memory, the greater the lead of "
            "graphics cards over browsers."
        ),
    )
    yield (
        s.metrics_token is None,
        "HASHPASS_METRICS_TOKEN is not set: anybody who reaches the server can read /metrics.",
    )
    if s.generators:
        yield from _workshop_doubts(s)
    yield (
        s.webhook_url is not None and s.webhook_url.startswith("http://"),
        "WEBHOOK_URL is not https: invite codes travel to it in clear.",
    )
    yield (
        s.webhook_url is not None and s.webhook_token is None and s.webhook_secret is None,
        "WEBHOOK_URL is set without WEBHOOK_SECRET or WEBHOOK_TOKEN: its receiver cannot tell us from a stranger.",
    )


def _workshop_doubts(s: Settings) -> Iterator[tuple[bool, str]]:
    yield s.jwt_secret is None, "JWT_SECRET is not set: one is made at every start, and everybody is signed out by it."
    yield (
        s.magic_link_hmac_key is None,
        "MAGIC_LINK_HMAC_KEY is not set: one is made at every start, and links mailed before it are void.",
    )
    yield (
        s.pbkdf2_salt is None,
        "PBKDF2_SALT is not set: one is made at every start, and everybody is somebody else after it.",
    )
    yield (
        not (s.public_url or s.login_hosts or s.serves_itself),
        "HASHPASS_PUBLIC_URL is not set, nor HASHPASS_LOGIN_HOSTS: nobody can sign in, for links would lead nowhere.",
    )
    yield s.login_dev, "HASHPASS_LOGIN_DEV is on: every program on this machine can sign in as anybody."
