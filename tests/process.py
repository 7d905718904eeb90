"""The program itself, in a process of its own: for what only a process can show, such as being killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import trio
from attrs import define, field, frozen

from tests.house import CHEAP

PROGRAM = (sys.executable, "-m", "hashpass")
IS_OPEN = " is open at "


def environment(directory: Path, env: dict[str, str]) -> dict[str, str]:
    """Ours alone: whoever runs the tests may have settings of their own."""
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "PYTHONPATH", "LANG"}}
    return {**inherited, **CHEAP, "HASHPASS_DATA_DIR": str(directory), **env}


@frozen
class Done:
    """What a command has left."""

    code: int
    out: str
    err: str


async def run(directory: Path, *arguments: str, **env: str) -> Done:
    """Run a command to its end, in `directory` both as working and as data directory."""
    with trio.fail_after(60):
        done = await trio.run_process(
            [*PROGRAM, *arguments],
            env=environment(directory, env),
            cwd=directory,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


@define(eq=False)
class Program:
    """A process of ours that runs, and the lines it has said so far."""

    process: trio.Process
    lines: list[str] = field(factory=list)
    _said: trio.Event = field(factory=trio.Event)
    _ended: bool = False

    @property
    def url(self) -> str:
        """Where a server is, once it has said so."""
        return "http://" + next(line for line in self.lines if IS_OPEN in line).rpartition(IS_OPEN)[2]

    async def says(self, text: str, *, times: int = 1) -> None:
        """Wait until so many lines have this text in them."""
        while sum(text in line for line in self.lines) < times:
            assert not self._ended, f"It ended without {text!r}:\n" + "\n".join(self.lines)
            await self._said.wait()

    async def listen(self, stream: trio.abc.ReceiveStream) -> None:
        rest = b""
        async with stream:
            async for chunk in stream:
                *lines, rest = (rest + bytes(chunk)).split(b"\n")
                self.lines += [line.decode() for line in lines]
                self._wake()
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        self._said.set()
        self._said = trio.Event()

    async def end(self, *signals: signal.Signals) -> int:
        """Send these signals, one after another; the exit code."""
        for number in signals:
            self.process.send_signal(number)
        with trio.fail_after(60):
            return await self.process.wait()


@asynccontextmanager
async def running(directory: Path, *arguments: str, **env: str) -> AsyncIterator[Program]:
    """A program while the block lasts; if it has not ended by then, it is killed."""
    process = await trio.lowlevel.open_process(
        [*PROGRAM, *arguments],
        env={**environment(directory, env), "PYTHONUNBUFFERED": "1"},
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    program = Program(process)
    try:
        async with trio.open_nursery() as nursery:
            assert process.stdout is not None
            nursery.start_soon(program.listen, process.stdout)
            yield program
            nursery.cancel_scope.cancel()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        with trio.CancelScope(shield=True):  # a killed process ends at once
            await process.wait()


@asynccontextmanager
async def serving(directory: Path, **env: str) -> AsyncIterator[Program]:
    """A server that is open."""
    async with running(directory, "serve", **env) as server:
        await server.says(IS_OPEN)
        yield server
