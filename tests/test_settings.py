"""The settings: what they default to, what they refuse and how they say so, and the example file that lists them."""

from __future__ import annotations

import base64
import contextlib
import re
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.fitness import unfit
from hashpass.settings import TABLE, Settings, SettingsError, describe, fresh_secrets, load, secret_values
from hashpass.settings_text import SAMPLES

ROOT = Path(__file__).parents[1]
KEYS = {"TURNSTILE_SITE_KEY": "0x4AAAAAAADnPIDROrmt1Wwj", "TURNSTILE_SECRET_KEY": "0x4AAAAAAADnOjc0PNeA8qVm8TEST"}
SECRET = "correct horse battery staple"
NAMES = {row.name: row for row in TABLE}


def complaints(environ: dict[str, str], dotenv: Path | None = None) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load(environ, dotenv)
    return {problem.name: str(problem) for problem in caught.value.problems}


def example_lines() -> Iterator[tuple[str, str]]:
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"# ([A-Z][A-Z0-9_]*)=(.*)", line):
            yield match[1], match[2]


# What is read


def test_nothing_set_gives_the_defaults_of_the_contract() -> None:
    settings = load({})
    assert (settings.host, settings.port, settings.binds) == ("127.0.0.1", 8000, ("127.0.0.1:8000",))
    assert (settings.min_difficulty, settings.difficulty, settings.max_difficulty) == (1, 3, 32)
    assert (settings.target_low, settings.target_time, settings.target_high) == (24, 60, 96)
    assert settings.target_timeout == 300
    assert (settings.argon2_type, settings.argon2_time_cost, settings.argon2_memory_cost) == ("d", 3, 65536)
    assert (settings.worker_count, settings.connections_per_ip, settings.hashrate_interval) == (4, 8, 5)
    assert settings.trusted_proxies == (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    assert 1 <= settings.verify_threads <= 64
    assert settings == Settings()


def test_an_attribute_is_the_name_without_the_prefix() -> None:
    columns = {column.name for column in attrs.fields(Settings)} - {"warnings"}
    assert columns == {row.name.lower().removeprefix("hashpass_") for row in TABLE} == {row.attribute for row in TABLE}


def test_an_empty_value_is_no_value() -> None:
    assert load({row.name: " " for row in TABLE}) == Settings()


def test_blanks_around_a_value_do_not_matter() -> None:
    assert load({"PORT": " 9000\r"}).port == 9000


@pytest.mark.parametrize("text", ["true", "TRUE", "1", "yes", "On"])
def test_a_switch_is_on(text: str) -> None:
    assert load({"HASHPASS_TIMEOUT_AWARD": text}).timeout_award is True


@pytest.mark.parametrize("text", ["false", "0", "No", "OFF"])
def test_a_switch_is_off(text: str) -> None:
    assert load({"HASHPASS_UA_FILTER": text}).ua_filter is False


def test_a_word_is_taken_in_any_case() -> None:
    settings = load({"HASHPASS_IP_BINDING": "Strict", "HASHPASS_LOG_LEVEL": "debug"})
    assert (settings.ip_binding, settings.log_level) == ("strict", "DEBUG")


def test_the_two_ends_of_the_window_replace_target_time() -> None:
    settings = load({"HASHPASS_TARGET_TIME_MIN": "30", "HASHPASS_TARGET_TIME_MAX": "120"})
    assert (settings.target_low, settings.target_time, settings.target_high) == (30, 75, 120)
    assert settings.target_timeout == 120
    settings = load(
        {"HASHPASS_TARGET_TIME_MIN": "30", "HASHPASS_TARGET_TIME_MAX": "120", "HASHPASS_TARGET_TIMEOUT": "300"}
    )
    assert settings.target_timeout == 300


def test_places_to_listen() -> None:
    binds = load({"HASHPASS_BIND": "0.0.0.0:80, [::1]:8000,unix:/run/hashpass.sock"}).binds
    assert binds == ("0.0.0.0:80", "[::1]:8000", "unix:/run/hashpass.sock")
    assert load({"HOST": "::1", "PORT": "1"}).binds == load({"HOST": "[::1]", "PORT": "1"}).binds == ("[::1]:1",)


def test_proxies_are_networks_and_mapped_ones_become_ipv4() -> None:
    settings = load({"HASHPASS_TRUSTED_PROXIES": "10.1.2.3/8, 192.0.2.7, 2001:db8::/32, ::ffff:172.16.0.0/108"})
    assert [str(network) for network in settings.trusted_proxies] == [
        "10.0.0.0/8",
        "192.0.2.7/32",
        "2001:db8::/32",
        "172.16.0.0/12",
    ]
    assert load({"HASHPASS_TRUSTED_PROXIES": "none"}).trusted_proxies == ()


def test_origins_are_written_as_browsers_write_them() -> None:
    settings = load({"HASHPASS_PUBLIC_URL": "HTTPS://Example.org:443/", "HASHPASS_CORS_ORIGINS": "http://a.example:81"})
    assert (settings.public_url, settings.cors_origins) == ("https://example.org", ("http://a.example:81",))


def test_an_admin_token_may_be_written_in_any_script() -> None:
    token = "この合言葉は誰にも教えないでください🗝️👩‍💻"
    assert load({"ADMIN_TOKEN": token}).admin_token == token


def test_the_code_key_is_the_bytes_its_hex_stands_for() -> None:
    assert load({"HASHPASS_HMAC_SECRET": "0A" * 32}).hmac_secret == b"\x0a" * 32


# Sign-in, mail and the store


WORKSHOP = {"JWT_SECRET": "Ab" * 32, "MAGIC_LINK_HMAC_KEY": "0c" * 32, "PBKDF2_SALT": "0d" * 32}


def test_the_key_of_tokens_is_kept_as_it_is_written_and_the_others_as_bytes() -> None:
    settings = load(WORKSHOP)
    assert settings.jwt_secret == "Ab" * 32
    assert (settings.magic_link_hmac_key, settings.pbkdf2_salt) == (b"\x0c" * 32, b"\x0d" * 32)


def test_the_names_of_spin_work_and_our_own_win(tmp_path: Path) -> None:
    assert load({f"SPIN_VARIABLE_{name}": value for name, value in WORKSHOP.items()}) == load(WORKSHOP)
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"JWT_SECRET={'e' * 64}\n", encoding="utf-8")
    assert load({"SPIN_VARIABLE_JWT_SECRET": "f" * 64}, dotenv).jwt_secret == "f" * 64
    assert load({"SPIN_VARIABLE_JWT_SECRET": "f" * 64, "JWT_SECRET": "d" * 64}).jwt_secret == "d" * 64
    assert load({"SPIN_VARIABLE_JWT_SECRETS": "f" * 64}).warnings == (
        "SPIN_VARIABLE_JWT_SECRETS is no setting of this server. Is SPIN_VARIABLE_JWT_SECRET meant?",
    )


@pytest.mark.parametrize("name", [*WORKSHOP, "HASHPASS_HMAC_SECRET"])
@pytest.mark.parametrize("sample", sorted(SAMPLES))
def test_the_samples_that_hashrand_printed_are_refused(name: str, sample: str) -> None:
    for spelled in (sample, sample.upper()):
        refusal = complaints({name: spelled})[name]
        assert "value of your own" in refusal
        assert spelled not in refusal


def test_the_store_is_memory_or_a_file_in_the_data_directory() -> None:
    assert load({"HASHPASS_STORE": "Memory"}).store_path is None
    given = WORKSHOP | {"HASHPASS_DATA_DIR": "/srv/data"}
    assert load(given | {"HASHPASS_STORE": "sqlite:///kept/store.db"}).store_path == Path("/srv/data/kept/store.db")
    assert load(given | {"HASHPASS_STORE": "sqlite:////var/store.db"}).store_path == Path("/var/store.db")
    assert load({"HASHPASS_STORE": "sqlite:///store.db", "HASHPASS_GENERATORS": "false"}).pbkdf2_salt is None


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("https://invite.example.org:8443", "HashPass <noreply@invite.example.org>"),
        ("http://[::1]:8000", "HashPass <noreply@localhost>"),
    ],
)
def test_mail_comes_from_the_host_that_people_see(url: str, sender: str) -> None:
    assert load({"HASHPASS_PUBLIC_URL": url}).mail_from == sender
    assert load({"HASHPASS_PUBLIC_URL": url, "MAIL_FROM": "a@example.net"}).mail_from == "a@example.net"


def test_the_password_of_the_mail_server_is_shown_nowhere_and_kept_out_of_the_log() -> None:
    settings = load({"SMTP_URL": "smtp://us%40er:correct%20horse@mail.example.org"})
    assert dict(describe(settings))["SMTP_URL"] == "smtp://mail.example.org:587"
    assert "horse" not in repr(settings)
    assert "correct horse" in secret_values(settings)
    for wrong in ("user:horse@mail.example.org", "http://user:horse@mail.example.org", "smtp://user:horse/@x:y"):
        assert "horse" not in complaints({"SMTP_URL": wrong})["SMTP_URL"]


@pytest.mark.parametrize(
    ("bind", "alone"),
    [("127.0.0.1:80", True), ("localhost:1,[::1]:2", True), ("unix:/run/x", False), ("127.0.0.1:1,0.0.0.0:2", False)],
)
def test_a_server_of_this_machine_alone_is_known_as_such(bind: str, alone: bool) -> None:
    assert load({"HASHPASS_BIND": bind}).serves_itself is alone


def test_of_two_ways_to_send_mail_one_is_said_to_be_unused() -> None:
    both = {"SMTP_URL": "smtp://localhost", "MAILTRAP_API_TOKEN": SECRET, "MAILTRAP_INBOX_ID": "1"}
    assert load(both).warnings == ("MAILTRAP_API_TOKEN is not used: SMTP_URL says how mail is sent.",)


# The .env file


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("PORT=1\nHASHPASS_DIFFICULTY=7   # bits\nHASHPASS_GATE=open\n", encoding="utf-8")
    settings = load({"PORT": "2", "HASHPASS_GATE": ""}, dotenv)
    assert (settings.port, settings.difficulty, settings.gate) == (2, 7, "open")


def test_a_dollar_in_the_file_is_a_dollar(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("ADMIN_TOKEN='a${HOME}-long-$PATH-token'\n", encoding="utf-8")
    assert load({"HOME": "/root"}, dotenv).admin_token == "a${HOME}-long-$PATH-token"


def test_no_file_is_no_matter_and_an_unreadable_one_is_named(tmp_path: Path) -> None:
    assert load({}, tmp_path / ".env") == Settings()
    assert str(tmp_path) in complaints({}, tmp_path)
    (tmp_path / "latin").write_bytes(b"ADMIN_TOKEN=\xe9\xe9")
    assert str(tmp_path / "latin") in complaints({}, tmp_path / "latin")


def test_a_file_with_a_byte_order_mark_and_windows_line_ends_is_read(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"\xef\xbb\xbfPORT=81\r\nHOST=localhost\r\n")
    assert load({}, dotenv).binds == ("localhost:81",)


# What is refused


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "٨٠٨٠"),
        ("PORT", "8" * 5000),
        ("HOST", "a b"),
        ("HOST", "1::2::3"),
        ("HASHPASS_BIND", "::1:80"),
        ("HASHPASS_BIND", "localhost"),
        ("HASHPASS_BIND", "unix:"),
        ("HASHPASS_BIND", "localhost:80,"),
        ("HASHPASS_BIND", "[localhost]:80"),
        ("HASHPASS_TLS_CERT", "/nonexistent/chain.pem"),
        ("HASHPASS_DIFFICULTY", "0"),
        ("HASHPASS_DIFFICULTY", "65"),
        ("HASHPASS_DIFFICULTY", "3.5"),
        ("HASHPASS_TARGET_TIME", "nan"),
        ("HASHPASS_TARGET_TIME", "1e9"),
        ("HASHPASS_TARGET_TIME", "0"),
        ("HASHPASS_MAX_NONCE_SPEED", "inf"),
        ("HASHPASS_ARGON2_TYPE", "i"),
        ("HASHPASS_ARGON2_TIME_COST", "17"),
        ("HASHPASS_ARGON2_MEMORY_COST", "7"),
        ("HASHPASS_ARGON2_PARALLELISM", "17"),
        ("HASHPASS_WORKER_COUNT", "33"),
        ("HASHPASS_VERIFY_THREADS", "0"),
        ("HASHPASS_UA_FILTER", "maybe"),
        ("HASHPASS_GATE", "closed"),
        ("HASHPASS_CAP_COUNT", "0"),
        ("HASHPASS_CAP_COUNT", "1001"),
        ("HASHPASS_CAP_DIFFICULTY", "0"),
        ("HASHPASS_CAP_DIFFICULTY", "17"),
        ("HASHPASS_CAP_SIZE", "7"),
        ("HASHPASS_CAP_SIZE", "49"),
        ("HASHPASS_CAP_SECRET", "too short"),
        ("HASHPASS_CAP_TOKEN_EXPIRY", "86400"),
        ("HASHPASS_CAP_FORMAT", "format2"),
        ("HASHPASS_STORE", "redis://localhost/0"),
        ("HASHPASS_STORE", "sqlite://x"),
        ("HASHPASS_STORE", "sqlite:///"),
        ("HASHPASS_STORE", "sqlite:///:memory:"),
        ("JWT_SECRET", "0a" * 31),
        ("MAGIC_LINK_HMAC_KEY", "zz" * 32),
        ("PBKDF2_SALT", "0a" * 33),
        ("HASHPASS_ACCESS_TTL", "0"),
        ("HASHPASS_LOGIN_HOSTS", "*"),
        ("SMTP_URL", "mail.example.org"),
        ("SMTP_URL", "http://mail.example.org"),
        ("MAIL_FROM", "HashPass"),
        ("MAILTRAP_INBOX_ID", "../1"),
        ("HASHPASS_MAILS_PER_HOUR", "0"),
        ("HASHPASS_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("HASHPASS_TRUSTED_PROXIES", "*"),
        ("HASHPASS_CORS_ORIGINS", "*"),
        ("HASHPASS_IP_HEADER", "X Real IP"),
        ("HASHPASS_CODE_PREFIX", "A B"),
        ("HASHPASS_CODE_PREFIX", "é"),
        ("HASHPASS_CODE_PREFIX", "A" * 33),
        ("HASHPASS_CODE_STYLE", "poem"),
        ("HASHPASS_CODE_LANGUAGE", "basque"),
        ("HASHPASS_CODE_TTL", "-1"),
        ("HASHPASS_CODE_LIMIT", "1.5"),
        ("HASHPASS_WINS_PER_VISITOR", "many"),
        ("HASHPASS_WIN_COOLDOWN", "inf"),
        ("HASHPASS_OPENS_AT", "tomorrow"),
        ("HASHPASS_OPENS_AT", "2027-01-31T18:00:00"),
        ("HASHPASS_OPENS_AT", "0001-01-01T00:00:00+23:59"),
        ("HASHPASS_CLOSES_AT", "2027-02-30T18:00:00Z"),
        ("HASHPASS_PUBLIC_URL", "example.org"),
        ("HASHPASS_PUBLIC_URL", "https://example.org/path"),
        ("HASHPASS_PUBLIC_URL", "https://example.org:99999"),
        ("HASHPASS_CORS_ORIGINS", "null"),
        ("HASHPASS_CORS_ORIGINS", "https://a.example,*"),
        ("WEBHOOK_URL", "file:///etc/passwd"),
        ("WEBHOOK_URL", "https://user:secret@example.org/"),
        ("WEBHOOK_URL", "https://[::1"),
        ("TURNSTILE_VERIFY_URL", "https://"),
        ("ADMIN_TOKEN", "fifteen letters"),
        ("ADMIN_TOKEN", "two lines are\nno token at all"),
        ("ADMIN_TOKEN", "x" * 1025),
        ("ADMIN_TOKEN", "not utf-8 at all \udce9"),
        ("HASHPASS_HMAC_SECRET", "0a" * 31),
        ("HASHPASS_HMAC_SECRET", "zz" * 32),
        ("WEBHOOK_SECRET", "whsec_this is no base64!"),
        ("HASHPASS_METRICS_TOKEN", "short"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, text: str) -> None:
    assert list(complaints({name: text})) == [name]


def test_all_wrong_settings_are_reported_together() -> None:
    found = complaints(
        {
            "PORT": "http",
            "HASHPASS_DIFFICULTY": "40",
            "HASHPASS_ARGON2_MEMORY_COST": "64",
            "HASHPASS_ARGON2_PARALLELISM": "16",
            "HASHPASS_GATE": "turnstile",
            "ADMIN_TOKEN": "hunter2",
        }
    )
    assert found == {
        "PORT": "PORT is 'http'; it must be a whole number from 0 to 65535.",
        "HASHPASS_DIFFICULTY": "HASHPASS_DIFFICULTY is 40; it must be from HASHPASS_MIN_DIFFICULTY (1) to "
        "HASHPASS_MAX_DIFFICULTY (32).",
        "HASHPASS_ARGON2_MEMORY_COST": "HASHPASS_ARGON2_MEMORY_COST is 64; it must be at least 8 KiB for each lane "
        "(128).",
        "TURNSTILE_SITE_KEY": "TURNSTILE_SITE_KEY is (not set); it must be set too: the turnstile gate has two keys.",
        "TURNSTILE_SECRET_KEY": "TURNSTILE_SECRET_KEY is (not set); it must be set too: the turnstile gate has two "
        "keys.",
        "ADMIN_TOKEN": "ADMIN_TOKEN is ........; it must be 16 to 1024 characters long.",
    }


def test_a_value_that_is_wrong_alone_is_not_blamed_for_more() -> None:
    assert list(complaints({"HASHPASS_MAX_DIFFICULTY": "4o", "HASHPASS_DIFFICULTY": "40"})) == [
        "HASHPASS_MAX_DIFFICULTY"
    ]
    assert list(complaints({"TURNSTILE_SITE_KEY": "0x4A", "TURNSTILE_SECRET_KEY": "short"})) == ["TURNSTILE_SECRET_KEY"]


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"HASHPASS_MIN_DIFFICULTY": "9", "HASHPASS_MAX_DIFFICULTY": "8"}, "HASHPASS_MIN_DIFFICULTY"),
        ({"HASHPASS_MIN_DIFFICULTY": "4"}, "HASHPASS_DIFFICULTY"),
        ({"HASHPASS_TARGET_TIME_MIN": "30"}, "HASHPASS_TARGET_TIME_MAX"),
        ({"HASHPASS_TARGET_TIME_MAX": "30"}, "HASHPASS_TARGET_TIME_MIN"),
        ({"HASHPASS_TARGET_TIME_MIN": "31", "HASHPASS_TARGET_TIME_MAX": "30"}, "HASHPASS_TARGET_TIME_MIN"),
        ({"HASHPASS_TARGET_TIME": "400"}, "HASHPASS_TARGET_TIMEOUT"),
        ({"HASHPASS_TARGET_TIMEOUT": "59"}, "HASHPASS_TARGET_TIMEOUT"),
        (
            {"HASHPASS_OPENS_AT": "2027-01-31T18:00:00Z", "HASHPASS_CLOSES_AT": "2027-01-31T19:00:00+01:00"},
            "HASHPASS_CLOSES_AT",
        ),
        ({"HASHPASS_TLS_CERT": __file__}, "HASHPASS_TLS_KEY"),
        ({"HASHPASS_TLS_KEY": __file__}, "HASHPASS_TLS_CERT"),
        ({"TURNSTILE_SITE_KEY": KEYS["TURNSTILE_SITE_KEY"]}, "TURNSTILE_SECRET_KEY"),
        ({"TURNSTILE_SECRET_KEY": KEYS["TURNSTILE_SECRET_KEY"]}, "TURNSTILE_SITE_KEY"),
        ({"HASHPASS_STORE": "sqlite:///store.db"}, "PBKDF2_SALT"),
        ({"HASHPASS_ACCESS_TTL": "61", "HASHPASS_REFRESH_TTL": "60"}, "HASHPASS_ACCESS_TTL"),
        ({"MAILTRAP_API_TOKEN": SECRET}, "MAILTRAP_INBOX_ID"),
        ({"MAILTRAP_INBOX_ID": "1"}, "MAILTRAP_API_TOKEN"),
    ],
)
def test_values_that_contradict_each_other_are_refused(environ: dict[str, str], name: str) -> None:
    assert list(complaints(environ)) == [name]


@given(st.sampled_from(sorted(NAMES)), st.text(max_size=40))
def test_garbage_is_read_or_refused_and_nothing_else_happens(name: str, text: str) -> None:
    with contextlib.suppress(SettingsError):
        load({name: text})


@given(st.binary(max_size=200))
def test_a_garbled_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    dotenv = tmp_path_factory.getbasetemp() / "garbled.env"
    dotenv.write_bytes(b"PORT=" + content)
    with contextlib.suppress(SettingsError):
        load({}, dotenv)


def test_an_instant_has_a_zone_and_is_shown_in_utc() -> None:
    given = load({"HASHPASS_OPENS_AT": "2027-01-31T19:30:00+01:30"})
    assert given.opens_at == 1801418400
    assert ("HASHPASS_OPENS_AT", "2027-01-31T18:00:00.000Z") in describe(given)


def test_the_language_of_phrases_may_be_a_code() -> None:
    assert load({"HASHPASS_CODE_LANGUAGE": "ES"}).code_language == "spanish"


def test_no_more_threads_check_answers_than_there_are_cores() -> None:
    settings = load({"HASHPASS_VERIFY_THREADS": "64"})
    assert settings.verify_threads == Settings().verify_threads
    assert any("HASHPASS_VERIFY_THREADS" in warning for warning in settings.warnings) == (settings.verify_threads < 64)
    assert load({"HASHPASS_VERIFY_THREADS": "1"}).verify_threads == 1


# The gate


def test_the_gate_is_turnstile_when_its_keys_are_set() -> None:
    assert load(KEYS).gate == "turnstile"
    assert load(KEYS | {"HASHPASS_GATE": "open"}).gate == "open"
    assert load({}).gate == "cap"


def test_test_mode_needs_no_keys_and_is_no_gate_by_itself() -> None:
    assert load({"TURNSTILE_TEST_MODE": "true", "HASHPASS_GATE": "turnstile"}).gate == "turnstile"
    assert load({"TURNSTILE_TEST_MODE": "true"}).gate == "cap"


def test_the_quick_start_of_the_first_readme_still_works() -> None:
    settings = load(
        {
            "TURNSTILE_TEST_MODE": "true",
            "TURNSTILE_SITE_KEY": "1x00000000000000000000AA",
            "TURNSTILE_SECRET_KEY": "1x0000000000000000000000000000000AA",
            "HASHPASS_DIFFICULTY": "3",
            "HASHPASS_MIN_DIFFICULTY": "1",
            "HASHPASS_MAX_DIFFICULTY": "6",
            "HASHPASS_TARGET_TIME": "60",
            "HASHPASS_TARGET_TIMEOUT": "300",
            "HASHPASS_DISABLE_UVLOOP": "whatever",
        }
    )
    assert (settings.gate, settings.turnstile_test_mode, settings.max_difficulty) == ("turnstile", True, 6)
    assert any("HASHPASS_DISABLE_UVLOOP" in warning for warning in settings.warnings)
    assert any("published test keys" in sentence for sentence in unfit(settings))


# Slips that are let pass


def test_an_unknown_name_is_a_warning_with_the_name_that_was_meant(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("WEBHOOK_URI=https://example.org\nOTHER=1\n", encoding="utf-8")
    warnings = load({"HASHPASS_DIFICULTY": "4", "TURNSTILE_\udce9": "", "PATH": "/bin"}, dotenv).warnings
    assert warnings == (
        "HASHPASS_DIFICULTY is no setting of this server. Is HASHPASS_DIFFICULTY meant?",
        "TURNSTILE_\\udce9 is no setting of this server.",
        "WEBHOOK_URI is no setting of this server. Is WEBHOOK_URL meant?",
    )


def test_a_setting_that_another_one_silences_is_a_warning() -> None:
    window = {"HASHPASS_TARGET_TIME": "60", "HASHPASS_TARGET_TIME_MIN": "30", "HASHPASS_TARGET_TIME_MAX": "120"}
    assert load(window).target_time == 75
    assert "HASHPASS_TARGET_TIME is not used" in load(window).warnings[0]
    assert "PORT are not used" in load({"PORT": "80", "HASHPASS_BIND": "localhost:81"}).warnings[0]


# Secrets


SECRETS = {
    "HASHPASS_CAP_SECRET": "cap-horse-battery-staple",
    "HASHPASS_CAP_SITE_SECRET": "site-horse-battery-staple",
    "ADMIN_TOKEN": SECRET,
    "HASHPASS_METRICS_TOKEN": SECRET,
    "HASHPASS_HMAC_SECRET": "c0ffee00" * 8,
    "TURNSTILE_SECRET_KEY": SECRET,
    "TURNSTILE_SITE_KEY": "public",
    "WEBHOOK_TOKEN": SECRET,
    "WEBHOOK_SECRET": "whsec_" + base64.b64encode(SECRET.encode()).decode(),
    "WEBHOOK_URL": "https://hooks.example/" + SECRET.replace(" ", "/"),
    "JWT_SECRET": "c0ffee00" * 8,
    "MAGIC_LINK_HMAC_KEY": "c0ffee00" * 8,
    "PBKDF2_SALT": "c0ffee00" * 8,
    "MAILTRAP_API_TOKEN": SECRET,
    "MAILTRAP_INBOX_ID": "1",
    "SMTP_URL": "smtp://me:horse@localhost",
}
PUBLIC = {"TURNSTILE_SITE_KEY", "WEBHOOK_URL", "MAILTRAP_INBOX_ID", "SMTP_URL"}


def test_no_secret_is_shown() -> None:
    settings = load(SECRETS)
    shown = repr(settings) + repr(describe(settings)) + repr(unfit(settings))
    for leak in ("horse", "c0ffee00", repr(bytes.fromhex("c0ffee00"))[2:-1], SECRETS["WEBHOOK_SECRET"]):
        assert leak not in shown
    assert dict(describe(settings))["ADMIN_TOKEN"] == "........"
    assert dict(describe(settings))["WEBHOOK_URL"] == "https://hooks.example/..."


def test_no_secret_is_shown_in_a_refusal() -> None:
    assert {row.name for row in TABLE if row.secret} == SECRETS.keys() - PUBLIC
    wrong = dict.fromkeys(SECRETS, "short-horse") | {"HASHPASS_STORE": "redis://:horse@localhost/0"}
    wrong |= {"WEBHOOK_URL": "https://horse:horse@example.org/horse", "TURNSTILE_SITE_KEY": "public"}
    wrong |= {"MAILTRAP_INBOX_ID": "one"}
    assert "horse" not in "\n".join(complaints(wrong).values())


def test_every_placeholder_of_the_example_file_is_refused() -> None:
    placeholders = [(name, value) for name, value in example_lines() if NAMES[name].secret]
    assert {name for name, _ in placeholders} == {row.name for row in TABLE if row.secret}
    for name, value in placeholders:
        assert "value of your own" in complaints({name: value})[name]


def test_a_secret_copied_from_the_readme_is_refused() -> None:
    cloudflare = re.compile(r"[123]x0+A+")  # these are published by their maker, and no secret
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("**/*.md"), *(ROOT / "deploy").glob("**/*")]
    for page in filter(Path.is_file, pages):
        for name, value in re.findall(r"\b([A-Z][A-Z0-9_]+)=[\"']?([^\s\"'`<$]+)", page.read_text(encoding="utf-8")):
            if name in NAMES and NAMES[name].secret and not cloudflare.fullmatch(value):
                assert name in complaints({name: value}), f"{page}: {name}={value}"


@pytest.mark.parametrize("value", ["your_secure_admin_token", "YOUR-SECRET-BEARER-TOKEN", "changeme-changeme-changeme"])
def test_a_secret_copied_from_an_older_readme_is_refused(value: str) -> None:
    assert "ADMIN_TOKEN" in complaints({"ADMIN_TOKEN": value})


def test_fresh_secrets_are_accepted_and_never_twice_the_same() -> None:
    one, two = fresh_secrets(), fresh_secrets()
    assert one.keys() == {row.name for row in TABLE if row.secret} - {"TURNSTILE_SECRET_KEY", "MAILTRAP_API_TOKEN"}
    assert not set(one.values()) & set(two.values())
    assert load(one).hmac_secret == bytes.fromhex(one["HASHPASS_HMAC_SECRET"])


# What an operator is told


def test_every_setting_is_described_as_it_is_in_force() -> None:
    shown = describe(load(KEYS | {"HASHPASS_TRUSTED_PROXIES": "none"}))
    assert [name for name, _ in shown] == [row.name for row in TABLE]
    assert dict(shown)["HASHPASS_GATE"] == "turnstile"
    assert dict(shown)["HASHPASS_TARGET_TIME"] == "60"
    assert dict(shown)["HASHPASS_TRUSTED_PROXIES"] == "none"
    assert dict(shown)["HASHPASS_BIND"] == dict(shown)["WEBHOOK_URL"] == "(not set)"


FIT = KEYS | WORKSHOP | {"HASHPASS_DIFFICULTY_POLICY": "steady", "HASHPASS_METRICS_TOKEN": SECRET}
FIT |= {"HASHPASS_PUBLIC_URL": "https://invite.example.org"}


def test_a_careful_operator_is_told_nothing() -> None:
    assert unfit(load(FIT)) == []


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [
        ("HASHPASS_GATE", "open", 1),
        ("HASHPASS_CAP_FORMAT", "seeded", 1),
        ("TURNSTILE_TEST_MODE", "true", 1),
        ("TURNSTILE_SECRET_KEY", "1x0000000000000000000000000000000AA", 1),
        ("TURNSTILE_VERIFY_URL", "http://localhost:1/verify", 1),
        ("HOST", "0.0.0.0", 2),
        ("HOST", "invite.example.org", 2),
        ("HASHPASS_BIND", "[::]:80", 2),
        ("HASHPASS_BIND", "unix:/run/x,localhost:80,[::1]:80", 0),
        ("HASHPASS_TRUSTED_PROXIES", "0.0.0.0/0,::/0", 2),
        ("HASHPASS_IP_HEADER", "cf-connecting-ip", 1),
        ("HASHPASS_IP_BINDING", "off", 1),
        ("HASHPASS_TRACE", "any", 1),
        ("HASHPASS_UA_FILTER", "off", 1),
        ("HASHPASS_DIFFICULTY_POLICY", "step", 1),
        ("HASHPASS_ARGON2_MEMORY_COST", "8192", 1),
        ("HASHPASS_METRICS_TOKEN", "", 1),
        ("WEBHOOK_URL", "http://localhost/", 2),
        ("JWT_SECRET", "", 1),
        ("MAGIC_LINK_HMAC_KEY", "", 1),
        ("PBKDF2_SALT", "", 1),
        ("HASHPASS_LOGIN_DEV", "on", 1),
    ],
)
def test_each_setting_unfit_for_the_internet_is_named(name: str, value: str, count: int) -> None:
    sentences = unfit(load(FIT | {name: value}))
    assert len(sentences) == count
    assert all(name in sentence or name in {"HOST", "HASHPASS_BIND"} for sentence in sentences)


@pytest.mark.parametrize(("bind", "said"), [("0.0.0.0:80", 1), ("unix:/run/x", 1), ("localhost:80", 0)])
def test_a_server_nobody_can_sign_in_at_says_so(bind: str, said: int) -> None:
    nowhere = FIT | {"HASHPASS_PUBLIC_URL": "", "HASHPASS_BIND": bind}
    for more, count in (
        ({}, said),
        ({"HASHPASS_LOGIN_HOSTS": "https://a.example"}, 0),
        ({"HASHPASS_GENERATORS": "0"}, 0),
    ):
        assert sum("HASHPASS_LOGIN_HOSTS" in sentence for sentence in unfit(load(nowhere | more))) == count


# The example file


def test_the_example_lists_every_setting_once_and_nothing_else() -> None:
    assert sorted(name for name, _ in example_lines()) == sorted(NAMES)


def test_a_copy_of_the_example_changes_nothing() -> None:
    assert load({}, ROOT / ".env.example") == Settings()


def test_the_example_shows_the_defaults_of_the_code() -> None:
    shown = dict(example_lines())
    for row in TABLE:
        if not row.secret and row.default not in (None, ()) and row.name != "HASHPASS_VERIFY_THREADS":
            assert row.read(shown[row.name]) == row.default, row.name


def test_what_the_example_shows_instead_of_a_default_is_allowed() -> None:
    for name, value in example_lines():
        if not NAMES[name].secret and not name.startswith("HASHPASS_TLS_"):
            NAMES[name].read(value)


def test_each_setting_of_the_example_has_a_comment_above_it() -> None:
    for block in re.split(r"\n\n+", (ROOT / ".env.example").read_text(encoding="utf-8").strip()):
        assert all(line.startswith("# ") or line == "#" for line in block.splitlines())
        assert not re.match(r"# [A-Z][A-Z0-9_]*=", block)
