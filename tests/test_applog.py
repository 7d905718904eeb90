from __future__ import annotations

import gc
import io
import logging
import os
import re
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.applog import MAX_LINE, TAMED, AppLog, Redactor, configure, escape

LOG = logging.getLogger("hashpass.somewhere")


@pytest.fixture
def console() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def applog(tmp_path: Path, console: io.StringIO) -> Iterator[AppLog]:
    with configure(tmp_path, secrets=["an-admin-token-of-ours"], console=console) as running:
        yield running


def lines(tmp_path: Path) -> list[str]:
    return (tmp_path / "log" / "hashpass.log").read_text("utf-8").splitlines()


def log_failure(message: str, error: Exception) -> None:
    try:
        raise error
    except type(error):
        LOG.exception(message)


def test_a_record_is_one_line_with_utc_date_level_and_logger(applog: AppLog, tmp_path: Path) -> None:
    LOG.info("Round %d is open.", 7)
    applog.close()
    (line,) = lines(tmp_path)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO hashpass\.somewhere: Round 7 is open\.", line)


def test_the_console_gets_the_short_form(applog: AppLog, console: io.StringIO) -> None:
    LOG.warning("Mind the gap.")
    applog.close()
    assert re.fullmatch(r"\d\d:\d\d:\d\d WARNING  Mind the gap\.\n", console.getvalue())


def test_a_line_cannot_be_forged(applog: AppLog, tmp_path: Path, console: io.StringIO) -> None:
    LOG.info("visitor %s", "x\n2030-01-01T00:00:00.000Z INFO hashpass: a lie\r\x1b[2K\u2028\x85\u202eevil")
    applog.close()
    (line,) = lines(tmp_path)
    assert r"x\n2030" in line
    assert r"\r\x1b[2K\u2028\x85\u202eevil" in line
    assert len(console.getvalue().splitlines()) == 1


def test_a_traceback_is_folded_into_its_line(applog: AppLog, tmp_path: Path, console: io.StringIO) -> None:
    log_failure("It broke.", ValueError("first\nsecond"))
    applog.close()
    (line,) = lines(tmp_path)
    assert line.endswith(r"ValueError: first\nsecond")
    assert r"It broke.\nTraceback" in line
    shown = console.getvalue().splitlines()
    assert len(shown) > 3
    assert all(part.startswith("    ") for part in shown[1:])


def test_secrets_are_taken_out_of_messages_and_exceptions(applog: AppLog, tmp_path: Path, console: io.StringIO) -> None:
    error = RuntimeError("GET /api/ws?token=0.abcDEF&x=1 with hps_0123456789abcdef, HASHPASS-4fGh7JkLmNpQrStU")
    log_failure("failed for an-admin-token-of-ours", error)
    applog.close()
    for text in (lines(tmp_path)[0], console.getvalue()):
        assert "&x=1" in text
        for secret in ("0.abcDEF", "0123456789abcdef", "4fGh7JkLmNpQrStU", "an-admin-token-of-ours"):
            assert secret not in text


SECRET = "Zq7hT0pXw9LmN2vB"


@pytest.mark.parametrize(
    "text",
    [
        "hps_{}",
        "xhps_{}",
        "%20hps_{}",
        "Authorization: Bearer {}",
        "authorization: bearer   {}",
        "Basic {}",
        "/api/ws?token={}",
        "?a=b&session_token={}&c=d",
        "token%3D{}",
        "https://example.org/?magiclink={} was opened",
        "Session(token='{}')",
        "b'token={}'",
        '{{"type": "SESSION_TOKEN", "token": "{}"}}',
        "{{'invite_code': '{}'}}",
        '"{{\\"invite_code\\": \\"{}\\"}}"',
        "webhook-signature: v1,{}/+AB=",
        "whsec_{}==",
        "code HASHPASS-{}.",
        "ak_{}",
        "redis://:{}@cache:6379/0",
        "rediss://user:{}@cache/0",
        "ts=1\nsig={}\nip=::1",
    ],
)
def test_what_is_redacted(text: str) -> None:
    cleaned = Redactor().clean(text.format(SECRET))
    assert SECRET not in cleaned
    assert "[redacted]" in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "Round 12 was won after 33.1 s at 14 bits by 2001:db8::1.",
        "The bearer sent a token that is not known.",
        "peak_memory is 64 MiB, v1, v2 and http://127.0.0.1:8000/api/puzzle",
        "hashpass.webhooks: status 503",
        "",
    ],
)
def test_plain_words_stay(text: str) -> None:
    assert Redactor().clean(text) == text


def test_the_code_prefix_is_a_setting_and_is_no_pattern() -> None:
    assert Redactor("A.B+").clean("A.B+abcd1234 AxBBabcd1234") == "A.B+[redacted] AxBBabcd1234"
    assert Redactor("").clean("abcd1234") == "abcd1234"


def test_short_known_values_do_not_blot_out_words() -> None:
    assert Redactor(secrets=("the", "")).clean("the end") == "the end"


def test_a_redactor_does_not_show_its_secrets() -> None:
    assert SECRET not in repr(Redactor(secrets=(SECRET,)))


@given(st.text(st.characters(codec=None)))
def test_any_text_becomes_one_line_that_encodes(text: str) -> None:
    line = escape(Redactor().clean(text))
    assert line.isprintable()
    assert len(line.splitlines()) <= 1
    line.encode("utf-8")


@given(st.text(st.sampled_from("\"':=\\/@ tokenvb1,hps_")))
def test_a_token_never_survives_whatever_stands_around_it(noise: str) -> None:
    assert SECRET not in Redactor().clean(f"{noise}hps_{SECRET}")


def test_a_hostile_text_is_cleaned_in_linear_time() -> None:
    began = time.perf_counter()
    for piece in ("token", "://", "://:", "'token\\", "Bearer ", "v1,", '"', "hps_", "sig="):
        Redactor().clean(piece * (200_000 // len(piece)))
    assert time.perf_counter() - began < 5


def test_a_long_record_keeps_its_start_and_its_end(applog: AppLog, tmp_path: Path) -> None:
    LOG.info("start %s end", "x" * 10 * MAX_LINE)
    applog.close()
    (line,) = lines(tmp_path)
    assert len(line) < MAX_LINE + 200
    assert "start x" in line
    assert "characters left out" in line
    assert line.endswith("x end")


def test_a_wrong_log_call_is_told_and_shows_no_argument(applog: AppLog, tmp_path: Path) -> None:
    # Given to our own handler alone: the one of pytest would raise.
    (ours,) = (one for one in logging.getLogger("hashpass").handlers if type(one).__module__ == "hashpass.applog")
    ours.handle(LOG.makeRecord(LOG.name, logging.INFO, __file__, 1, "%d", (SECRET,), None))
    applog.close()
    (line,) = lines(tmp_path)
    assert "test_applog.py" in line
    assert "TypeError" in line
    assert SECRET not in line


def test_the_servers_we_stand_on_write_only_warnings(applog: AppLog, tmp_path: Path) -> None:
    for name in TAMED:
        logging.getLogger(name).info("an URL with everything in it")
        logging.getLogger(name).warning("from %s", name)
    applog.close()
    assert [line.rpartition(" ")[2] for line in lines(tmp_path)] == list(TAMED)


def test_debug_records_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    with configure(tmp_path, console=None):
        LOG.debug("no")
    with configure(tmp_path, "debug", console=None):
        LOG.debug("yes")
    assert [line.rpartition(" ")[2] for line in lines(tmp_path)] == ["yes"]


def test_close_gives_the_loggers_back(tmp_path: Path) -> None:
    loggers = [logging.getLogger(name) for name in ("hashpass", *TAMED)]
    before = [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]
    threads = threading.active_count()
    applog = configure(tmp_path, console=None)
    applog.close()
    applog.close()
    assert [(logger.level, logger.propagate, list(logger.handlers)) for logger in loggers] == before
    assert threading.active_count() == threads


class StuckConsole(io.StringIO):
    """A terminal whose reader has gone to lunch."""

    def __init__(self) -> None:
        super().__init__()
        self.freed = threading.Event()

    def write(self, text: str) -> int:
        self.freed.wait(10)
        return super().write(text)


def test_a_stuck_console_costs_records_but_never_waits(tmp_path: Path) -> None:
    console = StuckConsole()
    with configure(tmp_path, console=console, queue_size=10) as applog:
        began = time.perf_counter()
        for number in range(500):
            LOG.info("record %d", number)
        assert time.perf_counter() - began < 2
        assert applog.dropped >= 500 - 10 - 2
        console.freed.set()
    assert f"{applog.dropped} log records were dropped" in "\n".join(lines(tmp_path))
    assert len(lines(tmp_path)) == 500 - applog.dropped + 1


def test_a_console_that_is_gone_leaves_the_file(tmp_path: Path) -> None:
    console = io.StringIO()
    console.close()
    with configure(tmp_path, console=console):
        LOG.info("still here")
    assert lines(tmp_path)[0].endswith("still here")


def test_a_refusing_disk_is_counted(tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):  # noqa: PTH110  (a device, not a path of ours)
        pytest.skip("there is no /dev/full here")
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "hashpass.log").symlink_to("/dev/full")
    with configure(tmp_path, console=None) as applog:
        LOG.info("into the void")
    assert applog.dropped == 1


def test_the_file_of_yesterday_is_put_aside_and_fourteen_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    for day in range(1, 21):
        (folder / f"hashpass.log.2025-01-{day:02d}").write_text("old\n")
    current = folder / "hashpass.log"
    current.write_text("yesterday\n")
    yesterday = time.time() - 86400
    os.utime(current, (yesterday, yesterday))
    with configure(tmp_path, console=None):
        LOG.info("today")
    kept = sorted(path.name for path in folder.iterdir())
    aside = time.strftime("hashpass.log.%Y-%m-%d", time.gmtime(yesterday))
    assert len(kept) == 1 + 14
    assert (folder / aside).read_text() == "yesterday\n"
    assert len(lines(tmp_path)) == 1


def test_an_unknown_level_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="LOUD"):
        configure(tmp_path, "LOUD", console=None)


class Thing:
    pass


def test_a_waiting_record_keeps_nothing_alive(tmp_path: Path) -> None:
    console = StuckConsole()
    with configure(tmp_path, console=console):
        thing = Thing()
        gone = weakref.ref(thing)
        LOG.info("about %s", thing)
        del thing
        gc.collect()
        assert gone() is None
        console.freed.set()
