"""An arena gives the hashes that argon2-cffi gives, on memory it keeps, and survives being refused some."""

from __future__ import annotations

import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from argon2.low_level import Type, hash_secret_raw
from hypothesis import given, settings
from hypothesis import strategies as st

from hashpass.argon import HUGE_PAGE, Arena
from hashpass.domain.values import Argon2Params, Variant

TINY = Argon2Params(time_cost=1, memory_cost=8)
MIB = 1024


def plain(password: bytes, salt: bytes, params: Argon2Params) -> bytes:
    variant = {"d": Type.D, "id": Type.ID}[params.variant]
    return hash_secret_raw(
        password, salt, params.time_cost, params.memory_cost, params.parallelism, 32, variant, version=0x13
    )


def no_callbacks(*_: Any) -> Any:
    raise MemoryError("Cannot allocate write+execute memory for ffi.callback().")


def no_closures(*_: Any) -> Any:
    raise SystemError("libffi failed to build this callback")


@st.composite
def params(draw: st.DrawFn) -> Argon2Params:
    variants: list[Variant] = ["d", "id"]
    parallelism = draw(st.integers(1, 4))
    return Argon2Params(
        variant=draw(st.sampled_from(variants)),
        time_cost=draw(st.integers(1, 4)),
        memory_cost=draw(st.integers(8 * parallelism, 1024)),
        parallelism=parallelism,
    )


shared = Arena()


@settings(max_examples=120, deadline=None)
@given(password=st.binary(max_size=80), salt=st.binary(min_size=8, max_size=200), params=params())
def test_every_hash_is_bit_for_bit_that_of_argon2_cffi(password: bytes, salt: bytes, params: Argon2Params) -> None:
    assert shared.hash(password, salt, params) == plain(password, salt, params)


def test_what_an_earlier_hash_left_in_memory_does_not_matter() -> None:
    arena = Arena()
    salt = b"s" * 64
    sizes = [8, 4096, 8, 12000, 64, 4096]
    for memory in sizes:
        params = Argon2Params(time_cost=2, memory_cost=memory)
        assert arena.hash(b"7", salt, params) == plain(b"7", salt, params)


def test_memory_is_kept_and_grows_and_shrinks_with_what_is_asked() -> None:
    arena = Arena()
    assert arena.held == 0
    held = []
    for mib in (8, 8, 16, 8, 6, 1):
        arena.hash(b"1", b"salt" * 4, Argon2Params(time_cost=1, memory_cost=mib * MIB))
        held.append(arena.held // HUGE_PAGE)
    # In pages of 2 MiB. Half of what is held is not reason enough for new memory; less than half is.
    assert held == [4, 4, 8, 8, 3, 1]


def test_released_memory_is_gone_and_the_arena_can_hash_again() -> None:
    arena = Arena()
    before = arena.hash(b"1", b"salt" * 4, TINY)
    arena.release()
    assert arena.held == 0
    arena.release()
    assert arena.hash(b"1", b"salt" * 4, TINY) == before


def test_a_dropped_arena_goes_at_once_with_its_memory() -> None:
    arena = Arena()
    arena.hash(b"1", b"salt" * 4, TINY)
    gone = weakref.ref(arena)
    del arena
    assert gone() is None


@pytest.mark.parametrize("callback", [no_callbacks, no_closures])
def test_without_callbacks_hashes_are_plain_and_the_same(callback: Any) -> None:
    arena = Arena(callback=callback)
    assert not arena.reused
    assert arena.hash(b"1", b"salt" * 4, TINY) == plain(b"1", b"salt" * 4, TINY) == shared.hash(b"1", b"salt" * 4, TINY)
    assert arena.held == 0
    arena.release()


@pytest.mark.parametrize("arena", [Arena(), Arena(callback=no_callbacks)], ids=["reused", "plain"])
@pytest.mark.parametrize(
    "params", [Argon2Params(memory_cost=8, parallelism=2), Argon2Params(time_cost=0), Argon2Params(memory_cost=7)]
)
def test_parameters_that_argon2_forbids_are_value_errors(arena: Arena, params: Argon2Params) -> None:
    with pytest.raises(ValueError, match="Argon2 refuses these parameters"):
        arena.hash(b"1", b"salt" * 4, params)
    arena.hash(b"1", b"salt" * 4, TINY)


STARVED = """
import resource
from hashpass.argon import Arena
from hashpass.domain.values import Argon2Params

def no_callbacks(*_): raise MemoryError

large, tiny = Argon2Params(time_cost=1, memory_cost=512 * 1024), Argon2Params(time_cost=1, memory_cost=8)
arenas = Arena(), Arena(callback=no_callbacks)
for arena in arenas: arena.hash(b"1", b"salt" * 4, tiny)
in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use + 200 * 2**20,) * 2)
for arena in arenas:
    try: arena.hash(b"1", b"salt" * 4, large)
    except MemoryError as error: print(error)
    assert arena.held == 0
    print(arena.hash(b"1", b"salt" * 4, tiny).hex())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to RLIMIT_AS")
def test_refused_memory_is_a_memory_error_and_the_arena_stays_usable() -> None:
    done = subprocess.run([sys.executable, "-c", STARVED], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    tiny = plain(b"1", b"salt" * 4, TINY).hex()
    assert done.stdout.splitlines() == [
        "The system refused 514 MiB of memory for Argon2.",
        tiny,
        "The system refused 524288 KiB of memory for Argon2.",
        tiny,
    ]


def test_a_hash_leaves_the_interpreter_free_and_its_arena_locked() -> None:
    arena = Arena()
    begun = threading.Event()
    results: list[bytes] = []
    long = Argon2Params(time_cost=4)

    def work() -> None:
        begun.set()
        results.append(arena.hash(b"1", b"salt" * 4, long))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # so that this thread runs on only when the other one lets go of the GIL by itself
    try:
        thread = threading.Thread(target=work)
        thread.start()
        assert begun.wait(10)
        assert not results
        with pytest.raises(RuntimeError, match="one thread at a time"):
            arena.hash(b"2", b"salt" * 4, TINY)
        with pytest.raises(RuntimeError, match="one thread at a time"):
            arena.release()
        thread.join(30)
    finally:
        sys.setswitchinterval(interval)
    assert results == [plain(b"1", b"salt" * 4, long)]


def test_ten_thousand_hashes_over_four_threads_are_right_and_leak_nothing() -> None:
    salt = b"salt" * 16
    expected = {b"%d" % n: plain(b"%d" % n, salt, TINY) for n in range(50)}

    def work(_: int) -> int:
        arena = Arena()
        wrong = 0
        for n in range(2500):
            password = b"%d" % (n % 50)
            wrong += arena.hash(password, salt, TINY) != expected[password]
            if n % 500 == 0:
                arena.release()
        return wrong

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 0
        before = resident()
        assert sum(pool.map(work, range(4))) == 0
    assert resident() - before < 8 * 2**20


def resident() -> int:
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4096 if statm.exists() else 0
