from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock, assert_checkpoints

from hashpass.supervisor import Supervisor, TaskGaveUp, TaskState

Status = trio.TaskStatus[None]


class Task:
    """Runs as its plan says: each start takes the next deed; after the last it sleeps until cancelled."""

    def __init__(self, *deeds: BaseException | float | Callable[[], object]) -> None:
        self.deeds = list(deeds)
        self.starts: list[float] = []

    async def run(self, *, task_status: Status = trio.TASK_STATUS_IGNORED) -> None:
        self.starts.append(trio.current_time())
        task_status.started()
        if self.deeds:
            deed = self.deeds.pop(0)
            if isinstance(deed, float):
                await trio.sleep(deed)
                raise OSError("after a while")
            if isinstance(deed, BaseException):
                raise deed
            deed()
        await trio.sleep_forever()

    @property
    def pauses(self) -> list[float]:
        return [round(b - a, 6) for a, b in zip(self.starts, self.starts[1:], strict=False)]


async def serve(supervisor: Supervisor, task: Task) -> None:
    async with trio.open_nursery() as nursery:
        await supervisor.start(nursery, "t", task.run)


async def test_a_crash_is_logged_with_its_traceback_counted_and_started_again(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    crashed: list[str] = []
    supervisor = Supervisor(on_crash=crashed.append)
    task = Task(ValueError("secret text"))
    async with trio.open_nursery() as nursery:
        await supervisor.start(nursery, "miners", task.run)
        await trio.sleep(0.05)
        assert supervisor.states() == {"miners": TaskState("restarting", 1, "ValueError")}
        ill = supervisor.healthy
        await trio.sleep(0.1)
        assert supervisor.states() == {"miners": TaskState("running", 1, "ValueError")}
        assert (ill, supervisor.healthy) == (False, True)
        nursery.cancel_scope.cancel()
    assert crashed == ["miners"]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[2] is not None
    assert "secret text" not in record.getMessage()


async def test_the_pauses_grow(autojump_clock: MockClock) -> None:
    task = Task(*[ValueError()] * 4)
    supervisor = Supervisor()
    async with trio.open_nursery() as nursery:
        await supervisor.start(nursery, "t", task.run)
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    assert task.pauses == [0.1, 0.2, 0.4, 0.8]


async def test_the_pauses_stop_growing_at_ten_seconds(autojump_clock: MockClock) -> None:
    task = Task(*[20.0] * 12)
    supervisor = Supervisor()
    async with trio.open_nursery() as nursery:
        await supervisor.start(nursery, "t", task.run)
        await trio.sleep(1000)
        nursery.cancel_scope.cancel()
    assert task.pauses[:3] == [20.1, 20.2, 20.4]
    assert task.pauses[-1] == 30


async def test_a_minute_without_a_crash_is_forgiven(autojump_clock: MockClock) -> None:
    task = Task(ValueError(), ValueError(), 60.0, ValueError())
    supervisor = Supervisor()
    async with trio.open_nursery() as nursery:
        await supervisor.start(nursery, "t", task.run)
        await trio.sleep(100)
        nursery.cancel_scope.cancel()
    assert task.pauses == [0.1, 0.2, 60.1, 0.2]


async def test_five_crashes_within_a_minute_end_the_server_with_the_last_error(autojump_clock: MockClock) -> None:
    last = ValueError("the fifth")
    task = Task(*[OSError()] * 4, last)
    supervisor = Supervisor()
    with pytest.RaisesGroup(TaskGaveUp) as info:
        await serve(supervisor, task)
    gave_up = info.value.exceptions[0]
    assert gave_up.__cause__ is last
    assert str(gave_up) == "Task t crashed 5 times within 60 seconds (last: ValueError)."
    assert supervisor.states()["t"] == TaskState("failed", 5, "ValueError")


async def test_five_crashes_over_more_than_a_minute_are_survived(autojump_clock: MockClock) -> None:
    task = Task(*[16.0] * 20)
    supervisor = Supervisor()
    async with trio.open_nursery() as nursery:
        await supervisor.start(nursery, "t", task.run)
        await trio.sleep(200)
        assert supervisor.states()["t"].crashes > 5
        nursery.cancel_scope.cancel()


async def test_the_first_start_is_waited_for(autojump_clock: MockClock) -> None:
    async def slow(*, task_status: Status) -> None:
        await trio.sleep(3)
        task_status.started()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        began = trio.current_time()
        await Supervisor().start(nursery, "slow", slow)
        assert trio.current_time() - began == 3
        nursery.cancel_scope.cancel()


async def test_a_task_that_cannot_start_raises_its_own_error_with_its_traceback() -> None:
    async def broken(*, task_status: Status) -> None:
        raise ValueError("webhooks.json cannot be read")

    supervisor = Supervisor()
    async with trio.open_nursery() as nursery:
        with pytest.raises(ValueError, match=r"webhooks\.json") as info:
            await supervisor.start(nursery, "broken", broken)
    assert info.traceback[-1].name == "broken"
    assert supervisor.states()["broken"].state == "failed"


async def test_a_restart_that_fails_before_it_has_started_is_a_crash_too(autojump_clock: MockClock) -> None:
    starts = []

    async def run(*, task_status: Status) -> None:
        starts.append(trio.current_time())
        if len(starts) in (2, 3):
            raise OSError("not yet")
        task_status.started()
        if len(starts) == 1:
            raise OSError("first")
        await trio.sleep_forever()

    supervisor = Supervisor()
    async with trio.open_nursery() as nursery:
        await supervisor.start(nursery, "t", run)
        await trio.sleep(10)
        assert supervisor.states()["t"] == TaskState("running", 3, "OSError")
        nursery.cancel_scope.cancel()


async def test_a_task_that_returns_has_finished(autojump_clock: MockClock) -> None:
    async def short(*, task_status: Status) -> None:
        task_status.started()

    supervisor = Supervisor()
    async with trio.open_nursery() as nursery:
        await supervisor.start(nursery, "short", short)
    assert supervisor.states() == {"short": TaskState("finished")}
    assert supervisor.healthy


async def test_cancellation_passes_through_without_a_trace(caplog: pytest.LogCaptureFixture) -> None:
    supervisor = Supervisor()
    async with trio.open_nursery() as nursery:
        await supervisor.start(nursery, "t", Task().run)
        nursery.cancel_scope.cancel()
    assert supervisor.states()["t"].crashes == 0
    assert caplog.records == []


async def test_a_crash_beside_a_cancellation_is_told_and_the_cancellation_is_obeyed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def spoiler() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("while leaving")

    starts = []

    async def run(*, task_status: Status) -> None:
        starts.append(1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(spoiler)
            nursery.start_soon(trio.sleep_forever)
            await trio.testing.wait_all_tasks_blocked()
            task_status.started()

    supervisor = Supervisor()
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            await supervisor.start(nursery, "t", run)
            nursery.cancel_scope.cancel()
    assert starts == [1]
    assert supervisor.states()["t"].last_error == "ValueError"
    assert len(caplog.records) == 1


async def test_a_group_is_named_by_all_that_is_in_it(autojump_clock: MockClock) -> None:
    supervisor = Supervisor()
    task = Task(ExceptionGroup("", [KeyError(), ExceptionGroup("", [OSError(), KeyError()])]))
    async with trio.open_nursery() as nursery:
        await supervisor.start(nursery, "t", task.run)
        await trio.sleep(1)
        assert supervisor.states()["t"].last_error == "KeyError, OSError"
        nursery.cancel_scope.cancel()


async def test_an_interrupt_is_no_crash() -> None:
    supervisor = Supervisor()
    with pytest.RaisesGroup(KeyboardInterrupt):
        await serve(supervisor, Task(KeyboardInterrupt()))
    assert supervisor.states()["t"].crashes == 0


async def test_an_exit_beside_an_error_goes_up_with_it() -> None:
    supervisor = Supervisor()
    with pytest.RaisesGroup(pytest.RaisesGroup(SystemExit, ValueError)):
        await serve(supervisor, Task(BaseExceptionGroup("", [SystemExit(2), ValueError()])))
    assert supervisor.states()["t"].crashes == 0


async def test_two_tasks_cannot_have_one_name() -> None:
    supervisor = Supervisor()
    async with trio.open_nursery() as nursery:
        with assert_checkpoints():
            await supervisor.start(nursery, "t", Task().run)
        with pytest.raises(ValueError, match="t is supervised"):
            await supervisor.start(nursery, "t", Task().run)
        nursery.cancel_scope.cancel()
