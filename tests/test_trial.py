"""Parameters are tried before they count, and what could not be done is found out cheaply."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing
from attrs import define, field

from hashpass.domain.errors import BadRequest, NotReady
from hashpass.domain.values import Argon2Params
from hashpass.trial import Trial, free_memory
from hashpass.verifier import Verifier

MIB = 1 << 20


@define
class Machine:
    """One that hashes so many KiB a second."""

    speed: float = 1_000_000.0
    fails: BaseException | None = None
    tried: list[Argon2Params] = field(factory=list)

    async def measure(self, params: Argon2Params) -> float:
        await trio.lowlevel.checkpoint()
        self.tried.append(params)
        if self.fails is not None:
            raise self.fails
        return params.time_cost * params.memory_cost / self.speed


def trial(machine: Machine, *, threads: int = 2, free: int | None = None) -> Trial:
    return Trial(machine.measure, threads, lambda: free)


async def test_what_the_server_can_do_passes() -> None:
    machine = Machine()
    params = Argon2Params(time_cost=3, memory_cost=65536)
    await trial(machine).check(params)
    assert machine.tried == [Argon2Params(time_cost=1, memory_cost=16384), params]


async def test_a_small_hash_is_its_own_sample() -> None:
    machine = Machine()
    params = Argon2Params(time_cost=1, memory_cost=16)
    await trial(machine).check(params)
    assert machine.tried == [params]


async def test_a_sample_has_memory_for_its_lanes() -> None:
    machine = Machine()
    await trial(machine).check(Argon2Params(time_cost=2, memory_cost=65536, parallelism=16))
    assert all(params.memory_cost >= 8 * params.parallelism for params in machine.tried)


async def test_a_hash_that_would_take_minutes_is_refused_and_never_begun() -> None:
    machine = Machine(speed=100_000)
    with pytest.raises(BadRequest, match="would take this server 168 s"):
        await trial(machine).check(Argon2Params(time_cost=4, memory_cost=4_194_304))
    assert [params.memory_cost for params in machine.tried] == [16384]


async def test_a_hash_that_turns_out_to_be_too_slow_is_refused() -> None:
    class Treacherous(Machine):
        async def measure(self, params: Argon2Params) -> float:
            return 11.0 if params.memory_cost > 16384 else await super().measure(params)

    with pytest.raises(BadRequest, match="11 s"):
        await trial(Treacherous()).check(Argon2Params(time_cost=1, memory_cost=65536))


@pytest.mark.parametrize(("free", "fits"), [(None, True), (150 * MIB, True), (142 * MIB, False), (0, False)])
async def test_all_threads_must_fit_into_nine_tenths_of_the_free_memory(free: int | None, fits: bool) -> None:
    machine = Machine()
    params = Argon2Params(memory_cost=65536)
    if fits:
        await trial(machine, free=free).check(params)
    else:
        with pytest.raises(BadRequest, match="need 128 MiB") as refusal:
            await trial(machine, free=free).check(params)
        assert refusal.value.field == "memory_cost"
        assert machine.tried == []


async def test_a_system_without_memory_says_no() -> None:
    with pytest.raises(BadRequest, match="no memory"):
        await trial(Machine(fails=MemoryError())).check(Argon2Params())


async def test_a_trial_does_not_wait_for_ever(autojump_clock: trio.testing.MockClock) -> None:
    class Busy(Machine):
        async def measure(self, params: Argon2Params) -> float:
            await trio.sleep(1000)
            return 0.0

    with pytest.raises(NotReady):
        await trial(Busy()).check(Argon2Params())


async def test_the_real_verifier_can_be_asked() -> None:
    verifier = Verifier(threads=1)
    await Trial(verifier.measure, 1, free_memory).check(Argon2Params(time_cost=1, memory_cost=64, parallelism=4))


def test_free_memory_is_the_less_of_the_system_and_the_container(tmp_path: Path) -> None:
    proc, cgroup = tmp_path / "meminfo", tmp_path / "cgroup"
    assert free_memory(proc, cgroup) is None
    proc.write_text("MemTotal:  8000 kB\nMemAvailable:    4000 kB\n")
    assert free_memory(proc, cgroup) == 4000 * 1024
    cgroup.mkdir()
    (cgroup / "memory.current").write_text("900000\n")
    (cgroup / "memory.stat").write_text("anon 500000\ninactive_file 100000\n")
    (cgroup / "memory.max").write_text("max\n")
    assert free_memory(proc, cgroup) == 4000 * 1024
    (cgroup / "memory.max").write_text("1000000\n")
    assert free_memory(proc, cgroup) == 200_000
    (cgroup / "memory.current").write_text("2000000\n")
    assert free_memory(proc, cgroup) == 0
    proc.write_text("MemAvailable: lots\n")
    (cgroup / "memory.stat").write_text("nothing\n")
    assert free_memory(proc, cgroup) is None
