"""`python -m hashpass`: serve, check, mine, audit, codes, secrets. Exit code 2: something must be put right first."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import trio
from attrs import evolve

from hashpass import __version__, app, applog, audit_command, codes_command, parts, settings
from hashpass.bans import BansUnreadable
from hashpass.directory import DirectoryError, DirectoryLock, KeyFile
from hashpass.fitness import unfit
from hashpass.generators import command as generate
from hashpass.house import House
from hashpass.mine import mine
from hashpass.settings import Settings, SettingsError
from hashpass.state import StateUnreadable
from hashpass.storage.base import Store
from hashpass.supervisor import TaskGaveUp
from hashpass.verifier import Verifier

FAILED = 1
UNFIT = 2
SIGNALS = (signal.SIGINT, signal.SIGTERM)
START_ERRORS = (DirectoryError, StateUnreadable, BansUnreadable, OSError, ValueError)
"""What stops a start with a sentence instead of a traceback."""

log = logging.getLogger("hashpass")


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
    except SettingsError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return UNFIT
    except DirectoryError as error:
        print(error, file=sys.stderr)
        return UNFIT
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hashpass", description="Hands out invite codes fairly.")
    parser.add_argument("--version", action="version", version=f"hashpass {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(run=run)
        return one

    command("serve", _serve, "Run the server.")
    command("check", _check, "Show the settings, measure one hash, and say what is unfit for the open internet.")
    command("secrets", _secrets, "Print fresh secrets, ready for .env.")
    miner = command("mine", _mine, "Race at a server without a browser.")
    miner.add_argument("url", metavar="URL", help="the server, such as https://race.example")
    miner.add_argument("--threads", type=_count, default=os.cpu_count() or 1, metavar="N", help="default: all cores")
    miner.add_argument("--rounds", type=_count_or_none, default=0, metavar="N", help="stop after so many; 0 is never")
    miner.add_argument("--token", default="", help="a gate token, where the gate needs a browser")
    miner.add_argument("--visitor", default="", metavar="ID", help="default: a random one")
    generate.add_arguments(command("generate", _generate, "Make a password, a key or a phrase, without a server."))
    audit_command.add_arguments(command("audit", _audit, "Prove the logs, or erase people's data from them."))
    codes_command.add_arguments(command("codes", _codes, "Check, redeem or export codes; change the key of receipts."))
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _count_or_none(text: str) -> int:
    return 0 if text == "0" else _count(text)


def _settings() -> Settings:
    return settings.load(os.environ, Path(".env"))


# serve


def _serve(chosen: argparse.Namespace) -> int:
    wanted = _settings()
    made_token = None if wanted.admin_token else secrets.token_urlsafe(32)
    # From here on it is a setting like any other, and so kept out of the log.
    wanted = evolve(wanted, admin_token=wanted.admin_token or made_token)
    with DirectoryLock(wanted.data_dir):
        try:
            logs = applog.configure(
                wanted.data_dir,
                wanted.log_level,
                code_prefix=wanted.code_prefix,
                secrets=settings.secret_values(wanted),
                console=sys.stderr,
            )
        except OSError as error:
            print(f"The log cannot be written in {wanted.data_dir}: {error.strerror}.", file=sys.stderr)
            return UNFIT
        with logs:
            for sentence in (*wanted.warnings, *unfit(wanted)):
                log.warning("%s", sentence)
            return _run(wanted, made_token)


def _run(wanted: Settings, made_token: str | None) -> int:
    addresses: list[str] = []
    try:
        trio.run(_open, wanted, addresses, made_token, strict_exception_groups=True)
    except Exception as error:
        reasons = list(_leaves(error))
        if any(isinstance(reason, TaskGaveUp) for reason in reasons):
            log.critical("The server gave up.", exc_info=error)
            return FAILED
        if addresses or not all(isinstance(reason, START_ERRORS) for reason in reasons):
            log.critical("The server failed.", exc_info=error)
            return FAILED
        for reason in reasons:
            sentence = _sentence(reason, wanted)
            log.critical("The server did not start: %s", sentence, exc_info=log.isEnabledFor(logging.DEBUG))
        return UNFIT
    return 0


def _sentence(error: BaseException, wanted: Settings) -> str:
    """The system's own words, and what they are about: of an address it says only that it cannot be had."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return f"{error.filename or ', '.join(wanted.binds)}: {error.strerror}."


async def _open(wanted: Settings, addresses: list[str], made_token: str | None) -> None:
    closing = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_watch_signals, closing)
        house = await app.build(wanted)
        addresses += await nursery.start(_until_closed, house, closing, nursery.cancel_scope)
        for address in addresses:
            log.info("HashPass %s is open at %s", __version__, address)
        if made_token is not None:
            # Past the log, which is kept.
            print(f"ADMIN_TOKEN is not set; until the server ends it is {made_token}", file=sys.stderr, flush=True)
        # What lives now lives as long as the server: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 1000)


async def _until_closed(  # noqa: ASYNC128 - the house reports
    house: House, closing: trio.Event, scope: trio.CancelScope, *, task_status: trio.TaskStatus[list[str]]
) -> None:
    await house.run(closing, task_status=task_status)
    log.info("Closed.")
    scope.cancel()


async def _watch_signals(closing: trio.Event, *, task_status: trio.TaskStatus[None]) -> None:
    """The first signal asks the server to finish, a second one does not ask."""
    with trio.open_signal_receiver(*SIGNALS) as signals:
        task_status.started()
        async for _ in signals:
            if closing.is_set():
                os._exit(FAILED)
            log.info("Closing. Another signal ends it at once.")
            closing.set()


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


# check, secrets, mine


def _check(chosen: argparse.Namespace) -> int:
    wanted = _settings()
    for name, value in settings.describe(wanted):
        print(f"{name}={value}")
    params = parts.rules_of(wanted).argon2
    threads = wanted.verify_threads
    print()
    try:
        seconds = trio.run(Verifier(threads=1).measure, params)
    except MemoryError:
        print(f"There is no memory for one hash of {params.memory_cost} KiB.", file=sys.stderr)
        return UNFIT
    print(f"One hash takes {seconds * 1000:.0f} ms here and {params.memory_cost / 1024:.4g} MiB.")
    print(f"{threads} threads check answers, with {threads * params.memory_cost / 1024:.4g} MiB between them.")
    for sentence in (*wanted.warnings, *unfit(wanted)):
        print(f"- {sentence}")
    return 0


def _secrets(chosen: argparse.Namespace) -> int:
    for name, value in settings.fresh_secrets().items():
        print(f"{name}={value}")
    return 0


def _generate(chosen: argparse.Namespace) -> int:
    return generate.generate_from_arguments(
        chosen,
        new_seed=partial(secrets.token_bytes, 32),
        wall=time.time,
        stdin=sys.stdin,
        stdout=sys.stdout,
        stderr=sys.stderr,
    )


def _mine(chosen: argparse.Namespace) -> int:
    return trio.run(
        partial(
            mine,
            chosen.url,
            threads=chosen.threads,
            rounds=chosen.rounds,
            token=chosen.token,
            visitor=chosen.visitor,
            out=sys.stdout,
        )
    )


# audit


def _audit(chosen: argparse.Namespace) -> int:
    wanted = _settings()
    keys = KeyFile(wanted.data_dir / "keys.json", code_secret=wanted.hmac_secret).read()
    place = audit_command.Place(wanted.data_dir, keys, wanted.code_prefix)
    return audit_command.run(chosen, place, stdout=sys.stdout, stderr=sys.stderr)


# codes


def _codes(chosen: argparse.Namespace) -> int:
    wanted = _settings()

    async def open_store() -> Store | None:
        path = wanted.store_path
        return None if path is None or not path.exists() else await parts.open_store(wanted, time.time)

    place = codes_command.Place(
        directory=wanted.data_dir,
        keys=KeyFile(wanted.data_dir / "keys.json", code_secret=wanted.hmac_secret),
        ttl=wanted.code_ttl,
        open_store=open_store,
        wall=time.time,
    )
    return codes_command.run(chosen, place, stdin=sys.stdin, stdout=sys.stdout, stderr=sys.stderr)
