"""The log: one line a record, no secret in it, and no wait for the disk.

Records are cleaned and put into lines where they are made, then written by a thread of our own. The loggers belong to
the `logging` module, which is global; everything done to them here is undone by `close()`.
"""

from __future__ import annotations

import logging
import queue
import re
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import TimedRotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from attrs import field, frozen

KEPT_DAYS = 14
QUEUE_SIZE = 10_000
MAX_LINE = 32_768
"""Characters of one record; the middle of a longer one is left out."""
CLOSE_SECONDS = 5.0

TAMED = ("hypercorn.error", "hypercorn.access", "quart", "httpx", "httpcore", "trio")
"""Loggers of what we are built on. They write into our log, but only warnings: httpx tells every URL at INFO."""

_CUT = "[redacted]"
_SHORTEST_SECRET = 8

_NAMES = "token|secret|password|magiclink|invite_code"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(hps_|whsec_|\bak_)[\w+/=.%-]+"), rf"\1{_CUT}"),
    (re.compile(r"\b(Bearer|Basic)(?:\s+|%20)[^\s\"',;)\]}]{8,}", re.IGNORECASE), rf"\1 {_CUT}"),
    # ?token=..., token='...', and where the sign itself is percent-encoded
    (re.compile(rf"((?:{_NAMES}|\bsig)(?:=|%3D)b?[\"']?)[^\s&\"'<>;,)\]}}]+", re.IGNORECASE), rf"\1{_CUT}"),
    # "session_token": "...", also inside a text that is quoted itself
    (re.compile(rf"((?:{_NAMES})\\?[\"']\s*:\s*b?\\?[\"'])[^\"'\\]+", re.IGNORECASE), rf"\1{_CUT}"),
    (re.compile(r"\bv1,[A-Za-z0-9+/_-]{16,}={0,2}"), f"v1,{_CUT}"),
    # scheme://user:password@host
    (re.compile(r"(://[^\s/:@]*):[^\s/@]+@"), rf"\1:{_CUT}@"),
)


@frozen
class Redactor:
    """Takes out of a text what nobody may read in a log."""

    code_prefix: str = "HASHPASS-"
    """Codes are known by it; where it is empty they cannot be told from other words."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Secrets known by their exact value; very short ones are passed over, for they would blot out plain words."""
    _known: re.Pattern[str] | None = field(init=False, repr=False)
    _code: re.Pattern[str] | None = field(init=False, repr=False)

    @_known.default
    def _find_known(self) -> re.Pattern[str] | None:
        long_enough = sorted({one for one in self.secrets if len(one) >= _SHORTEST_SECRET}, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, long_enough))) if long_enough else None

    @_code.default
    def _find_code(self) -> re.Pattern[str] | None:
        return re.compile(re.escape(self.code_prefix) + r"[A-Za-z0-9]{4,}") if self.code_prefix else None

    def clean(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(_CUT, text)
        if self._code is not None:
            text = self._code.sub(lambda found: self.code_prefix + _CUT, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text


def escape(text: str) -> str:
    """The text on one line: whatever breaks lines, moves a terminal's cursor or cannot be encoded is spelt out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _spell(c) for c in text)


def _spell(character: str) -> str:
    if character in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _shorten(text: str) -> str:
    """The start says what was tried, the end of a traceback what went wrong: keep both."""
    if len(text) <= MAX_LINE:
        return text
    half = MAX_LINE // 2
    return f"{text[:half]} [{len(text) - 2 * half} characters left out] {text[-half:]}"


class _Enqueue(logging.Handler):
    """Turns a record into its two lines, for the file and for the console, and hands them to the writer."""

    def __init__(self, redactor: Redactor, put: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._redactor = redactor
        self._put = put

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception as error:  # noqa: BLE001  (a wrong log call must not bring down what it reports on)
            message = f"A log call in {record.pathname}:{record.lineno} is wrong: {type(error).__name__}."
        self._put(_written(record, self._redactor.clean(message), self._redactor.clean(_trace(record))))


def _trace(record: logging.LogRecord) -> str:
    parts = []
    if record.exc_info and record.exc_info[1] is not None:
        parts.append("".join(traceback.format_exception(record.exc_info[1])).rstrip())
    elif record.exc_text:
        parts.append(record.exc_text)
    if record.stack_info:
        parts.append(record.stack_info)
    return "\n".join(parts)


def _written(record: logging.LogRecord, message: str, trace: str) -> logging.LogRecord:
    """A record that holds nothing but its finished lines; it keeps no frame and no argument alive."""
    date = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    whole = escape(_shorten(f"{message}\n{trace}" if trace else message))
    line = f"{date} {record.levelname} {escape(record.name)}: {whole}"
    clock = time.strftime("%H:%M:%S", time.localtime(record.created))
    short = [f"{clock} {record.levelname:<8} {escape(_shorten(message))}"]
    # Indented, so that no text inside a traceback can pass for a record of its own.
    short += [f"    {escape(part)}" for part in _shorten(trace).splitlines()]
    return logging.makeLogRecord(
        {"name": record.name, "levelno": record.levelno, "levelname": record.levelname, "line": line}
        | {"short": "\n".join(short)}
    )


class _File(TimedRotatingFileHandler):
    """The daily file. A disk that refuses costs lines, which are counted, and nothing else."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, when="midnight", utc=True, backupCount=KEPT_DAYS, encoding="utf-8")
        self.setFormatter(logging.Formatter("%(line)s"))
        self.lost = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (the name is logging's)
        self.lost += 1


class _Console(logging.StreamHandler[TextIO]):
    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.setFormatter(logging.Formatter("%(short)s"))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (the name is logging's)
        """A console that is gone is no reason to stop: the file has the line."""


class AppLog:
    """The running log. `close()` writes what is waiting and gives the loggers back as they were."""

    def __init__(self, redactor: Redactor, file: _File, console: TextIO | None, level: int, queue_size: int) -> None:
        self._file = file
        self._outputs: list[logging.Handler] = [file, *([_Console(console)] if console is not None else [])]
        self._queue: queue.Queue[logging.LogRecord | None] = queue.Queue(queue_size)
        self._dropped = 0
        self._handler = _Enqueue(redactor, self._put)
        self._closed = False
        self._before: list[tuple[logging.Logger, int, bool]] = []
        for name in ("hashpass", *TAMED):
            logger = logging.getLogger(name)
            self._before.append((logger, logger.level, logger.propagate))
            logger.setLevel(level if name == "hashpass" else max(level, logging.WARNING))
            logger.propagate = False
            logger.addHandler(self._handler)
        self._thread = threading.Thread(target=self._write, name="hashpass log", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Records that were lost because the writer could not keep up, or the disk refused them."""
        return self._dropped + self._file.lost

    def close(self) -> None:
        """Give the loggers back, and the writer a few seconds to finish; a blocked console cannot hold us longer."""
        if self._closed:
            return
        self._closed = True
        for logger, level, propagate in self._before:
            logger.removeHandler(self._handler)
            logger.setLevel(level)
            logger.propagate = propagate
        try:
            self._queue.put(None, timeout=CLOSE_SECONDS)
        except queue.Full:
            return
        self._thread.join(CLOSE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _put(self, record: logging.LogRecord) -> None:
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self._dropped += 1

    def _write(self) -> None:
        told = 0
        while (record := self._queue.get()) is not None:
            self._hand_out(record)
            if (dropped := self._dropped) != told:
                self._hand_out(_own_record(f"{dropped - told} log records were dropped: there were too many at once."))
                told = dropped
        for output in self._outputs:
            with suppress(OSError):  # what the disk refuses now is lost, and nobody is left to be told
                output.close()

    def _hand_out(self, record: logging.LogRecord) -> None:
        for output in self._outputs:
            output.handle(record)


def _own_record(message: str) -> logging.LogRecord:
    record = logging.LogRecord("hashpass.applog", logging.WARNING, __file__, 0, message, None, None)
    return _written(record, message, "")


def configure(
    directory: Path,
    level: str = "INFO",
    *,
    code_prefix: str = "HASHPASS-",
    secrets: Iterable[str] = (),
    console: TextIO | None,
    queue_size: int = QUEUE_SIZE,
) -> AppLog:
    """Log to `log/hashpass.log` in the data directory, and to the console (standard error) unless that is None.

    `secrets` are values to be kept out wherever they turn up. OSError if the directory or file cannot be made.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"There is no log level named {level!r}.")
    folder = directory / "log"
    folder.mkdir(parents=True, exist_ok=True)
    redactor = Redactor(code_prefix, tuple(secrets))
    return AppLog(redactor, _File(folder / "hashpass.log"), console, number, queue_size)
