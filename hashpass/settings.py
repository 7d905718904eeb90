"""The only reader of the environment. The class body of `Settings` is the table: one line or two a setting, and no
setting is known anywhere else."""

from __future__ import annotations

import base64
import difflib
import io
import secrets
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import attrs
from attrs import frozen
from dotenv import dotenv_values

from hashpass import settings_text as text
from hashpass.identity.mail.smtp import Server
from hashpass.settings_text import UNSET, Network, Setting, setting

OURS = ("HASHPASS_", "TURNSTILE_", "WEBHOOK_", "SPIN_VARIABLE_")
"""A name that starts so and is no setting is probably a slip of the pen."""


@frozen
class Problem:
    """One setting that is wrong. `value` is fit to be shown, `must` completes the sentence "it must be ..."."""

    name: str
    value: str
    must: str

    def __str__(self) -> str:
        return f"{self.name} is {self.value}; it must be {self.must}."


class SettingsError(Exception):
    """Every wrong setting at once, so that nobody has to start the server five times to learn of five."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


@frozen
class Settings:
    """What the operator decided. Each attribute is the name of its variable in lower case, without HASHPASS_."""

    host: str = setting("HOST", "127.0.0.1", text.host, "where to listen")
    port: int = setting("PORT", 8000, text.whole(0, 65535), "where to listen; 0 is any free port")
    bind: tuple[str, ...] = setting("HASHPASS_BIND", (), text.binds, "host:port or unix:path, instead of HOST and PORT")
    tls_cert: Path | None = setting(
        "HASHPASS_TLS_CERT", None, text.file, "certificate chain, for a server without a proxy"
    )
    tls_key: Path | None = setting("HASHPASS_TLS_KEY", None, text.file, "the certificate's private key")
    data_dir: Path = setting("HASHPASS_DATA_DIR", Path(), Path, "where the server keeps its files")
    store: str = setting(
        "HASHPASS_STORE", "memory", text.store, "memory, or sqlite:///path in the data directory", show=text.store_place
    )
    log_level: str = setting(
        "HASHPASS_LOG_LEVEL", "INFO", text.one_of("DEBUG", "INFO", "WARNING", "ERROR"), "how much is logged"
    )
    disable_uvloop: str | None = setting("HASHPASS_DISABLE_UVLOOP", None, str, "ignored: Trio has its own loop")

    difficulty: int = setting("HASHPASS_DIFFICULTY", 3, text.whole(1, 64), "leading zero bits of the first puzzle")
    min_difficulty: int = setting("HASHPASS_MIN_DIFFICULTY", 1, text.whole(1, 64), "never easier than this")
    max_difficulty: int = setting("HASHPASS_MAX_DIFFICULTY", 32, text.whole(1, 64), "never harder than this")
    difficulty_policy: Literal["step", "steady"] = setting(
        "HASHPASS_DIFFICULTY_POLICY",
        "step",
        text.one_of("step", "steady"),
        "how the difficulty follows the solve times",
    )
    target_time: float = setting("HASHPASS_TARGET_TIME", 60.0, text.decimal(0.1, 86400), "seconds a round should take")
    target_time_min: float | None = setting(
        "HASHPASS_TARGET_TIME_MIN", None, text.decimal(0.1, 86400), "with _MAX: the window, instead of TARGET_TIME"
    )
    target_time_max: float | None = setting(
        "HASHPASS_TARGET_TIME_MAX", None, text.decimal(0.1, 86400), "with _MIN: the window, instead of TARGET_TIME"
    )
    target_timeout: float = setting(
        "HASHPASS_TARGET_TIMEOUT", 300.0, text.decimal(0.1, 86400), "seconds of mining after which a puzzle is given up"
    )
    timeout_award: bool = setting(
        "HASHPASS_TIMEOUT_AWARD", False, text.flag, "a code for the best answer at a time-out"
    )
    argon2_type: Literal["d", "id"] = setting(
        "HASHPASS_ARGON2_TYPE", "d", text.one_of("d", "id"), "Argon2d or Argon2id"
    )
    argon2_time_cost: int = setting("HASHPASS_ARGON2_TIME_COST", 3, text.whole(1, 16), "passes over the memory")
    argon2_memory_cost: int = setting("HASHPASS_ARGON2_MEMORY_COST", 65536, text.whole(8, 4194304), "KiB for one hash")
    argon2_parallelism: int = setting("HASHPASS_ARGON2_PARALLELISM", 1, text.whole(1, 16), "lanes of one hash")
    worker_count: int = setting("HASHPASS_WORKER_COUNT", 4, text.whole(1, 32), "workers a browser mines with")
    verify_threads: int = setting(
        "HASHPASS_VERIFY_THREADS",
        text.cores(),
        text.whole(1, 64),
        "threads that check answers; each takes one hash's memory",
    )
    max_nonce_speed: float = setting(
        "HASHPASS_MAX_NONCE_SPEED", 0.0, text.decimal(0, 10**12), "nonces a second that are believable; 0 is any"
    )

    gate: Literal["turnstile", "cap", "open"] = setting(
        "HASHPASS_GATE", "cap", text.one_of("turnstile", "cap", "open"), "who may open a session"
    )
    turnstile_site_key: str | None = setting(
        "TURNSTILE_SITE_KEY",
        None,
        text.matching(r"[!-~]{1,256}", "the key Cloudflare shows"),
        "the widget's public key",
    )
    turnstile_secret_key: str | None = setting(
        "TURNSTILE_SECRET_KEY", None, text.secret, "the widget's secret key", secret=True
    )
    turnstile_test_mode: bool = setting("TURNSTILE_TEST_MODE", False, text.flag, "let every Turnstile token pass")
    turnstile_verify_url: str = setting(
        "TURNSTILE_VERIFY_URL", "https://challenges.cloudflare.com/turnstile/v0/siteverify", text.url, "who is asked"
    )
    turnstile_hostname: str | None = setting(
        "TURNSTILE_HOSTNAME",
        None,
        text.matching(r"[A-Za-z0-9.-]{1,253}", "a host name"),
        "the hostname an answer must name",
    )
    turnstile_action: str | None = setting(
        "TURNSTILE_ACTION",
        None,
        text.matching(r"[A-Za-z0-9_-]{1,32}", "1 to 32 letters, digits, _ or -"),
        "the action an answer must name",
    )

    cap_secret: str | None = setting(
        "HASHPASS_CAP_SECRET", None, text.secret, "signs captchas; unset: a key of its own in keys.json", secret=True
    )
    cap_count: int = setting("HASHPASS_CAP_COUNT", 50, text.whole(1, 1000), "sub-challenges of one captcha")
    cap_difficulty: int = setting(
        "HASHPASS_CAP_DIFFICULTY", 4, text.whole(1, 16), "hex digits each must match; one more is 16 times the work"
    )
    cap_size: int = setting("HASHPASS_CAP_SIZE", 32, text.whole(8, 48), "hex digits of a salt")
    cap_challenge_expiry: float = setting(
        "HASHPASS_CAP_CHALLENGE_EXPIRY", 600.0, text.decimal(1, 31_536_000), "seconds to solve a captcha in"
    )
    cap_token_expiry: float = setting(
        "HASHPASS_CAP_TOKEN_EXPIRY", 7200.0, text.decimal(1, 86_399), "seconds to use its token in; under a day"
    )
    cap_format: Literal["list", "seeded"] = setting(
        "HASHPASS_CAP_FORMAT", "list", text.one_of("list", "seeded"), "seeded is for old clients, and weaker"
    )
    cap_site_secret: str | None = setting(
        "HASHPASS_CAP_SITE_SECRET", None, text.secret, "lets other sites' back ends ask siteverify", secret=True
    )
    cap_origins: tuple[str, ...] = setting(
        "HASHPASS_CAP_ORIGINS", (), text.origins, "other sites whose pages may show our captcha"
    )

    ip_binding: Literal["prefix", "strict", "off"] = setting(
        "HASHPASS_IP_BINDING", "prefix", text.one_of("prefix", "strict", "off"), "how far a session may move"
    )
    connections_per_ip: int = setting(
        "HASHPASS_CONNECTIONS_PER_IP", 8, text.whole(1, 100000), "WebSockets from one address"
    )
    trusted_proxies: tuple[Network, ...] = setting(
        "HASHPASS_TRUSTED_PROXIES",
        (ip_network("127.0.0.0/8"), ip_network("::1/128")),
        text.networks,
        "peers that may name the client's address",
    )
    ip_header: str | None = setting(
        "HASHPASS_IP_HEADER",
        None,
        text.matching(r"[A-Za-z0-9-]{1,64}", "the name of a header"),
        "the header in which they name it",
    )
    trace: Literal["auto", "signed", "any"] = setting(
        "HASHPASS_TRACE", "auto", text.one_of("auto", "signed", "any"), "which traces are believed"
    )
    ua_filter: bool = setting("HASHPASS_UA_FILTER", True, text.flag, "turn script clients away by their name")
    hashrate_interval: float = setting(
        "HASHPASS_HASHRATE_INTERVAL", 5.0, text.decimal(0.1, 3600), "seconds between two NETWORK_HASHRATE messages"
    )
    public_url: str | None = setting("HASHPASS_PUBLIC_URL", None, text.origin, "the origin people see")
    cors_origins: tuple[str, ...] = setting(
        "HASHPASS_CORS_ORIGINS", (), text.origins, "other sites that may call the API"
    )

    admin_token: str | None = setting(
        "ADMIN_TOKEN", None, text.secret, "the operator's bearer token; unset: made at start, printed once", secret=True
    )
    metrics_token: str | None = setting(
        "HASHPASS_METRICS_TOKEN", None, text.secret, "bearer token that /metrics asks for", secret=True
    )
    hmac_secret: bytes | None = setting(
        "HASHPASS_HMAC_SECRET", None, text.hex_secret, "the code key; unset: made once, kept in keys.json", secret=True
    )
    code_prefix: str = setting(
        "HASHPASS_CODE_PREFIX",
        "HASHPASS-",
        text.matching(r"[!-~]{1,32}", "1 to 32 printable ASCII characters without spaces"),
        "how a code begins",
    )
    code_style: Literal["code", "hash", "password", "api-key", "mnemonic"] = setting(
        "HASHPASS_CODE_STYLE",
        "code",
        text.one_of("code", "hash", "password", "api-key", "mnemonic"),
        "what a winner is given; all but a code have no prefix",
    )
    code_language: str = setting(
        "HASHPASS_CODE_LANGUAGE", "english", text.phrase_language, "of the mnemonic phrases given to winners"
    )
    code_ttl: int = setting(
        "HASHPASS_CODE_TTL", 0, text.whole(0, 315_360_000), "seconds a code can be redeemed in; 0 is for ever"
    )
    code_limit: int = setting(
        "HASHPASS_CODE_LIMIT", 0, text.whole(0, 10**9), "codes there are to win, then the race closes; 0 is no limit"
    )
    wins_per_visitor: int = setting(
        "HASHPASS_WINS_PER_VISITOR", 0, text.whole(0, 10**6), "codes one visitor, or one address, may win; 0 is any"
    )
    win_cooldown: float = setting(
        "HASHPASS_WIN_COOLDOWN", 0.0, text.decimal(0, 31_536_000), "seconds until a winner may submit again"
    )
    opens_at: float | None = setting(
        "HASHPASS_OPENS_AT", None, text.instant, "when the race opens; unset: at once", show=text.shown_instant
    )
    closes_at: float | None = setting(
        "HASHPASS_CLOSES_AT", None, text.instant, "when the race closes; unset: never", show=text.shown_instant
    )
    retention_days: int = setting(
        "HASHPASS_RETENTION_DAYS",
        0,
        text.whole(0, 36500),
        "days until addresses and visitor ids are erased; 0 is never",
    )
    webhook_url: str | None = setting(
        "WEBHOOK_URL", None, text.url, "who is told of every code; unset is off", show=text.host_only
    )
    webhook_token: str | None = setting(
        "WEBHOOK_TOKEN", None, text.secret, "bearer token that is sent to it", secret=True
    )
    webhook_secret: str | None = setting(
        "WEBHOOK_SECRET", None, text.signing_secret, "signs what is sent to it (Standard Webhooks)", secret=True
    )

    generators: bool = setting("HASHPASS_GENERATORS", True, text.flag, "the generators, and the sign-in they need")
    jwt_secret: str | None = setting(
        "JWT_SECRET",
        None,
        text.hex_text,
        "signs access and refresh tokens; unset: made at every start",
        secret=True,
        aliases=("SPIN_VARIABLE_JWT_SECRET",),
    )
    magic_link_hmac_key: bytes | None = setting(
        "MAGIC_LINK_HMAC_KEY",
        None,
        text.hex_secret,
        "signs sign-in links; unset: made at every start",
        secret=True,
        aliases=("SPIN_VARIABLE_MAGIC_LINK_HMAC_KEY",),
    )
    pbkdf2_salt: bytes | None = setting(
        "PBKDF2_SALT",
        None,
        text.hex_secret,
        "makes users of addresses; another salt makes other users; unset: made at every start",
        secret=True,
        aliases=("SPIN_VARIABLE_PBKDF2_SALT",),
    )
    access_ttl: int = setting("HASHPASS_ACCESS_TTL", 900, text.whole(1, 86400), "seconds an access token lives")
    refresh_ttl: int = setting(
        "HASHPASS_REFRESH_TTL", 604_800, text.whole(1, 31_536_000), "seconds a sign-in lasts without a refresh"
    )
    login_hosts: tuple[str, ...] = setting(
        "HASHPASS_LOGIN_HOSTS", (), text.origins, "origins that sign-in links may lead to, beside the public one"
    )
    login_dev: bool = setting(
        "HASHPASS_LOGIN_DEV", False, text.flag, "answer the sign-in link itself, to programs on this machine"
    )
    smtp_url: str | None = setting(
        "SMTP_URL", None, text.mail_server, "the mail server; unset: links are printed", show=text.mail_host
    )
    mail_from: str = setting("MAIL_FROM", "HashPass <noreply@localhost>", text.sender, "who sends the mails")
    mailtrap_api_token: str | None = setting(
        "MAILTRAP_API_TOKEN", None, text.secret, "sends mail through Mailtrap, without SMTP_URL", secret=True
    )
    mailtrap_inbox_id: str | None = setting(
        "MAILTRAP_INBOX_ID", None, text.matching(r"[0-9]{1,20}", "the inbox's number"), "Mailtrap's inbox"
    )
    mails_per_hour: int = setting(
        "HASHPASS_MAILS_PER_HOUR", 200, text.whole(1, 1_000_000), "sign-in mails in any hour, to everybody together"
    )

    warnings: tuple[str, ...] = ()
    """What `load` noticed and let pass."""

    @property
    def binds(self) -> tuple[str, ...]:
        """Where to listen, in the form `host:port`, `[IPv6]:port` or `unix:path`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.bind or (f"{host}:{self.port}",)

    @property
    def target_low(self) -> float:
        return 0.4 * self.target_time if self.target_time_min is None else self.target_time_min

    @property
    def target_high(self) -> float:
        return 1.6 * self.target_time if self.target_time_max is None else self.target_time_max

    @property
    def listens_publicly(self) -> bool:
        """Whether a peer on another machine can reach the server without a proxy on this one."""
        return any(not _is_local(bind) for bind in self.binds)

    @property
    def serves_itself(self) -> bool:
        """Whether a browser on this machine reaches every listener as http://localhost, and nobody else does."""
        return self.tls_cert is None and not any(bind.startswith("unix:") or not _is_local(bind) for bind in self.binds)

    @property
    def store_path(self) -> Path | None:
        """The store's file, if it is one."""
        path = self.store.removeprefix("sqlite:///")
        return None if path == self.store else self.data_dir / path


TABLE: tuple[Setting, ...] = tuple(
    column.metadata["setting"] for column in attrs.fields(Settings) if "setting" in column.metadata
)


def load(environ: Mapping[str, str], dotenv: Path | None = None) -> Settings:
    """Read the environment and, for what it leaves open, the `.env` file. An empty value counts as none."""
    from_file, problems = _read_dotenv(dotenv)
    values: dict[str, Any] = {}
    wrong = set()
    for row, given in _given(environ, from_file):
        try:
            values[row.attribute] = row.read(given)
        except ValueError as error:
            wrong.add(row.attribute)
            problems.append(Problem(row.name, row.quote(given), str(error)))
    given_names = values.keys() | wrong
    settings = _resolve(Settings(**values), given_names)
    problems += [problem for names, problem in _contradictions(settings) if wrong.isdisjoint(names)]
    if problems:
        raise SettingsError(tuple(problems))
    slips = [*_unknown(from_file.keys() | environ.keys()), *_unused(given_names)]
    if values.get("verify_threads", 0) > settings.verify_threads:
        slips.append(f"HASHPASS_VERIFY_THREADS is more than there are cores; {settings.verify_threads} are used.")
    return attrs.evolve(settings, warnings=tuple(slips))


def _read_dotenv(path: Path | None) -> tuple[Mapping[str, str | None], list[Problem]]:
    if path is None:
        return {}, []
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError):
        return {}, [Problem(str(path), "unreadable", "a text file in UTF-8 that this user may read")]
    return dotenv_values(stream=io.StringIO(content), interpolate=False), []


def _given(*sources: Mapping[str, str | None]) -> Iterator[tuple[Setting, str]]:
    """Each setting that has a value, the first source winning. Blanks around a value are a copying accident."""
    for row in TABLE:
        values = ((source.get(name) or "").strip() for source in sources for name in row.names)
        if value := next(filter(None, values), None):
            yield row, value


def _resolve(settings: Settings, given: AbstractSet[str]) -> Settings:
    """Fill in the defaults that depend on other settings."""
    changes: dict[str, Any] = {}
    # Hashes keep a core busy each: more threads than cores would only make an answer wait for those behind it.
    changes["verify_threads"] = min(settings.verify_threads, text.cores())
    if "gate" not in given and (settings.turnstile_site_key or settings.turnstile_secret_key):
        changes["gate"] = "turnstile"
    host = urlsplit(settings.public_url or "").hostname
    if "mail_from" not in given and host and ":" not in host:
        changes["mail_from"] = f"HashPass <noreply@{host}>"
    if settings.target_time_min is not None and settings.target_time_max is not None:
        changes["target_time"] = (settings.target_time_min + settings.target_time_max) / 2
        if "target_timeout" not in given:
            changes["target_timeout"] = settings.target_time_max
    return attrs.evolve(settings, **changes)


def _contradictions(s: Settings) -> Iterator[tuple[set[str], Problem]]:
    """Values that are right alone and wrong together, each with the attributes it was judged by."""
    least, most = s.min_difficulty, s.max_difficulty
    if least > most:
        must = f"at most HASHPASS_MAX_DIFFICULTY ({most})"
        yield {"min_difficulty", "max_difficulty"}, Problem("HASHPASS_MIN_DIFFICULTY", str(least), must)
    elif not least <= s.difficulty <= most:
        must = f"from HASHPASS_MIN_DIFFICULTY ({least}) to HASHPASS_MAX_DIFFICULTY ({most})"
        names = {"difficulty", "min_difficulty", "max_difficulty"}
        yield names, Problem("HASHPASS_DIFFICULTY", str(s.difficulty), must)
    low, high = s.target_time_min, s.target_time_max
    if (low is None) != (high is None):
        missing = "HASHPASS_TARGET_TIME_MIN" if low is None else "HASHPASS_TARGET_TIME_MAX"
        yield {"target_time_min", "target_time_max"}, Problem(missing, UNSET, "set too: the window has two ends")
    elif low is not None and high is not None and low > high:
        names = {"target_time_min", "target_time_max"}
        yield names, Problem("HASHPASS_TARGET_TIME_MIN", f"{low:g}", f"at most HASHPASS_TARGET_TIME_MAX ({high:g})")
    elif s.target_timeout < s.target_time:
        must = f"at least the target time ({s.target_time:g})"
        names = {"target_time", "target_time_min", "target_time_max", "target_timeout"}
        yield names, Problem("HASHPASS_TARGET_TIMEOUT", f"{s.target_timeout:g}", must)
    if s.argon2_memory_cost < 8 * s.argon2_parallelism:
        must = f"at least 8 KiB for each lane ({8 * s.argon2_parallelism})"
        names = {"argon2_memory_cost", "argon2_parallelism"}
        yield names, Problem("HASHPASS_ARGON2_MEMORY_COST", str(s.argon2_memory_cost), must)
    if s.opens_at is not None and s.closes_at is not None and s.opens_at >= s.closes_at:
        must = f"later than HASHPASS_OPENS_AT ({text.shown_instant(s.opens_at)})"
        names = {"opens_at", "closes_at"}
        yield names, Problem("HASHPASS_CLOSES_AT", text.shown_instant(s.closes_at), must)
    if (s.tls_cert is None) != (s.tls_key is None):
        missing = "HASHPASS_TLS_CERT" if s.tls_cert is None else "HASHPASS_TLS_KEY"
        yield {"tls_cert", "tls_key"}, Problem(missing, UNSET, "set too: TLS needs the certificate and its key")
    if s.gate == "turnstile" and not s.turnstile_test_mode:
        names = {"gate", "turnstile_site_key", "turnstile_secret_key", "turnstile_test_mode"}
        for name, key in (
            ("TURNSTILE_SITE_KEY", s.turnstile_site_key),
            ("TURNSTILE_SECRET_KEY", s.turnstile_secret_key),
        ):
            if key is None:
                yield names, Problem(name, UNSET, "set too: the turnstile gate has two keys")
    yield from _workshop_contradictions(s)


def _workshop_contradictions(s: Settings) -> Iterator[tuple[set[str], Problem]]:
    if s.generators and s.store_path is not None and s.pbkdf2_salt is None:
        must = "set too: without it, whoever is in the store would be somebody else after every start"
        yield {"generators", "store", "pbkdf2_salt"}, Problem("PBKDF2_SALT", UNSET, must)
    if s.access_ttl > s.refresh_ttl:
        must = f"at most HASHPASS_REFRESH_TTL ({s.refresh_ttl})"
        yield {"access_ttl", "refresh_ttl"}, Problem("HASHPASS_ACCESS_TTL", str(s.access_ttl), must)
    if (s.mailtrap_api_token is None) != (s.mailtrap_inbox_id is None):
        missing = "MAILTRAP_API_TOKEN" if s.mailtrap_api_token is None else "MAILTRAP_INBOX_ID"
        must = "set too: Mailtrap needs the token and the inbox"
        yield {"mailtrap_api_token", "mailtrap_inbox_id"}, Problem(missing, UNSET, must)


def _unknown(names: Iterable[str]) -> Iterator[str]:
    known = [name for row in TABLE for name in row.names]
    for name in sorted(set(names).difference(known)):
        if name.startswith(OURS):
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
            yield f"{ascii(name)[1:-1]} is no setting of this server." + (f" Is {near[0]} meant?" if near else "")


def _unused(given: AbstractSet[str]) -> Iterator[str]:
    if "disable_uvloop" in given:
        yield "HASHPASS_DISABLE_UVLOOP is ignored: this server runs on Trio, which has its own loop."
    if "target_time" in given and "target_time_min" in given:
        yield "HASHPASS_TARGET_TIME is not used: HASHPASS_TARGET_TIME_MIN and _MAX say the same more exactly."
    if "bind" in given and ("host" in given or "port" in given):
        yield "HOST and PORT are not used: HASHPASS_BIND says where to listen."
    if "smtp_url" in given and "mailtrap_api_token" in given:
        yield "MAILTRAP_API_TOKEN is not used: SMTP_URL says how mail is sent."


def _is_local(bind: str) -> bool:
    host = bind.rpartition(":")[0].strip("[]")
    if bind.startswith("unix:") or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def describe(settings: Settings) -> list[tuple[str, str]]:
    """Every setting as it is in force, for `hashpass check`; secrets as dots."""
    pairs = ((row, getattr(settings, row.attribute)) for row in TABLE)
    return [
        (row.name, UNSET if value is None or value == () == row.default else row.show(value)) for row, value in pairs
    ]


def fresh_secrets() -> dict[str, str]:
    """New random values for the secrets that an operator makes up."""
    return {
        "ADMIN_TOKEN": secrets.token_urlsafe(32),
        "HASHPASS_HMAC_SECRET": secrets.token_hex(32),
        "HASHPASS_METRICS_TOKEN": secrets.token_urlsafe(32),
        "WEBHOOK_TOKEN": secrets.token_urlsafe(32),
        "HASHPASS_CAP_SECRET": secrets.token_urlsafe(32),
        "HASHPASS_CAP_SITE_SECRET": secrets.token_urlsafe(32),
        "WEBHOOK_SECRET": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "JWT_SECRET": secrets.token_hex(32),
        "MAGIC_LINK_HMAC_KEY": secrets.token_hex(32),
        "PBKDF2_SALT": secrets.token_hex(32),
    }


def secret_values(settings: Settings) -> list[str]:
    """The secrets themselves, for what has to keep them out of sight."""
    values = [getattr(settings, row.attribute) for row in TABLE if row.secret]
    if settings.smtp_url is not None:
        values.append(Server.parse(settings.smtp_url).password)
    return [value.hex() if isinstance(value, bytes) else value for value in values if value is not None]
