"""Long-lived tasks, kept alive: a crash is logged, counted and followed by a new start; too many end the server."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Literal, Protocol

import trio
from attrs import define, field, frozen

State = Literal["running", "restarting", "failed", "finished"]


class Run(Protocol):
    """What can be supervised: it calls `task_status.started()` when it is ready, and runs until cancelled."""

    async def __call__(self, *, task_status: trio.TaskStatus[None]) -> None: ...


class TaskGaveUp(Exception):
    """A task crashed too often to be started again. Its `__cause__` is the last of those errors."""


@frozen
class TaskState:
    """What health shows of one task."""

    state: State
    crashes: int = 0
    last_error: str | None = None
    """The type only: the text may hold what nobody should read."""

    @property
    def up(self) -> bool:
        return self.state in ("running", "finished")


@define
class _Task:
    limit: int
    state: State = "running"
    crashes: int = 0
    last_error: str | None = None
    streak: int = 0
    """Crashes since it last ran well; the pause grows with them."""
    recent: deque[float] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.recent = deque(maxlen=self.limit)


@define
class _Status:
    """Passes `started()` on and remembers that it came."""

    task: _Task
    pass_on: Callable[[], None]
    started_once: bool = False

    def started(self, value: Any = None) -> None:
        self.started_once = True
        self.task.state = "running"
        self.pass_on()


@define
class Supervisor:
    """Starts tasks in a nursery and starts them again when they crash.

    Five crashes within a minute raise `TaskGaveUp` into that nursery. A task that cannot even start the first time
    raises its own error out of `start()`: a server that never worked should say so and stop.
    """

    log: logging.Logger = field(factory=lambda: logging.getLogger("hashpass.supervisor"))
    clock: Callable[[], float] = trio.current_time
    on_crash: Callable[[str], None] = field(default=lambda name: None, kw_only=True)
    """Told the name of each task that crashes, for the metrics."""
    limit: int = field(default=5, kw_only=True)
    within: float = field(default=60.0, kw_only=True)
    first_pause: float = field(default=0.1, kw_only=True)
    longest_pause: float = field(default=10.0, kw_only=True)
    _tasks: dict[str, _Task] = field(factory=dict, init=False, repr=False)

    async def start(self, nursery: trio.Nursery, name: str, run: Run) -> None:
        """Run `run` in the nursery, and return when it says that it has started."""
        if name in self._tasks:
            raise ValueError(f"A task named {name} is supervised already.")
        task = self._tasks[name] = _Task(self.limit)
        try:
            await nursery.start(self._keep, name, task, run)
        except BaseException:
            task.state = "failed"
            raise

    def states(self) -> dict[str, TaskState]:
        return {name: TaskState(task.state, task.crashes, task.last_error) for name, task in self._tasks.items()}

    @property
    def healthy(self) -> bool:
        return all(state.up for state in self.states().values())

    async def _keep(self, name: str, task: _Task, run: Run, *, task_status: trio.TaskStatus[None]) -> None:
        def first_start() -> None:
            task_status.started()

        status = _Status(task, first_start)
        while True:
            began = self.clock()
            try:
                await run(task_status=status)
            except trio.Cancelled:
                raise
            except BaseException as error:  # also a group in which a crash stands beside a cancellation
                crash = _real(error)
                if crash is None or not status.started_once:
                    raise
                pause = self._note(name, task, crash, self.clock() - began)
            else:
                task.state = "finished"
                self.log.debug("Task %s has nothing more to do.", name)
                return
            status = _Status(task, lambda: None, started_once=True)
            # Where the crash came with a cancellation, this is where that is felt again.
            await trio.sleep(pause)

    def _note(self, name: str, task: _Task, crash: BaseException, lasted: float) -> float:
        """Record a crash; returns the pause before the next start, or raises TaskGaveUp."""
        now = self.clock()
        task.crashes += 1
        task.last_error = ", ".join(sorted({type(leaf).__name__ for leaf in _leaves(crash)}))
        task.recent.append(now)
        task.streak = 1 if lasted >= self.within else task.streak + 1
        self.log.error("Task %s crashed (%s).", name, task.last_error, exc_info=crash)
        self.on_crash(name)
        if len(task.recent) == self.limit and now - task.recent[0] <= self.within:
            task.state = "failed"
            raise TaskGaveUp(
                f"Task {name} crashed {self.limit} times within {self.within:g} seconds (last: {task.last_error})."
            ) from crash
        task.state = "restarting"
        # The exponent is capped so that a streak of any length stays a float.
        return min(self.longest_pause, self.first_pause * 2.0 ** min(task.streak - 1, 64))


def _real(error: BaseException) -> Exception | None:
    """What of an error is a crash; None where it only passes on a cancellation, an interrupt or an exit.

    In a group of both, the crash is what must be told: the cancellation comes back by itself at the next checkpoint.
    """
    if isinstance(error, Exception):
        return error
    if isinstance(error, BaseExceptionGroup):
        _, rest = error.split(trio.Cancelled)
        return rest if isinstance(rest, Exception) else None
    return None


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
