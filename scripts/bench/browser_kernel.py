"""One Argon2 hash in Chromium, by our kernel and by hash-wasm, next to native code on the same core.

All run interleaved, one at a time and in a new order each round; ratios are taken within a round. Read those:
milliseconds are this machine's, and this minute's.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

from argon2.low_level import Type, hash_secret_raw
from playwright.sync_api import Page, sync_playwright

from hashpass.argon import Arena
from hashpass.domain.proof import password
from hashpass.domain.values import Argon2Params

ROOT = Path(__file__).resolve().parents[2]
FRONTEND = ROOT / "frontend"
SALT = "5" * 64 + "visitor" + "ip=192.0.2.1\n" * 8
OURS = "the miner's worker"
RESETS = 40
POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'"
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

Times = list[float]
"""Milliseconds of each hash."""

Timed = Callable[[int], Times]


# Native


def timed(hash_one: Callable[[bytes], bytes], hashes: int) -> Times:
    times = []
    for nonce in range(hashes):
        started = time.perf_counter()
        hash_one(password(nonce))
        times.append((time.perf_counter() - started) * 1000)
    return times


def plain(secret: bytes, params: Argon2Params) -> bytes:
    kind = Type.D if params.variant == "d" else Type.ID
    costs = params.time_cost, params.memory_cost, params.parallelism
    return hash_secret_raw(secret, SALT.encode(), *costs, 32, kind)


def on_arena(arena: Arena, params: Argon2Params, secret: bytes) -> bytes:
    return arena.hash(secret, SALT.encode(), params)


# What the interpreter with bindings of its own runs: a number of hashes in, their times out.
ANSWERER = """
import json, sys, time
from hashpass.argon import Arena
from hashpass.domain.values import Argon2Params

variant, passes, memory, salt = sys.argv[1:]
params = Argon2Params(variant=variant, time_cost=int(passes), memory_cost=int(memory))
arena = Arena()
for line in sys.stdin:
    times = []
    for nonce in range(int(line)):
        started = time.perf_counter()
        arena.hash(b"%d" % nonce, salt.encode(), params)
        times.append((time.perf_counter() - started) * 1000)
    print(json.dumps(times), flush=True)
"""


@contextmanager
def built_for_this_processor(params: Argon2Params) -> Iterator[Timed]:
    """An interpreter whose argon2-cffi-bindings the compiler has fitted to this very processor."""
    with tempfile.TemporaryDirectory(prefix="hashpass-bench-") as name:
        venv.create(name, with_pip=True)
        python = str(Path(name) / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        bindings = f"argon2-cffi-bindings=={version('argon2-cffi-bindings')}"
        fitted = {**os.environ, "CFLAGS": "-O3 -march=native"}
        source = ["--no-binary", "argon2-cffi-bindings", "--no-cache-dir"]
        others = [f"{package}=={version(package)}" for package in ("argon2-cffi", "attrs")]
        subprocess.run([*install, *source, bindings], env=fitted, check=True)
        subprocess.run([*install, *others], check=True)
        with subprocess.Popen(
            [python, "-c", ANSWERER, params.variant, str(params.time_cost), str(params.memory_cost), SALT],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            stdin, stdout = process.stdin, process.stdout

            def ask(hashes: int) -> Times:
                print(hashes, file=stdin, flush=True)
                times: Times = json.loads(stdout.readline())
                return times

            yield ask
            stdin.close()


# Browser


class Quiet(SimpleHTTPRequestHandler):
    """The files of the page, under the policy that our own pages have."""

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is the base class's
        pass


@contextmanager
def served(directory: str) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=directory)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def opened_page(chromium: str) -> Iterator[tuple[Page, str]]:
    """The page in Chromium, and which Chromium that is."""
    with ExitStack() as stack:
        built = stack.enter_context(tempfile.TemporaryDirectory(prefix="hashpass-bench-"))
        vite = ["node", "node_modules/vite/bin/vite.js", "build", "--config", "bench/vite.config.ts"]
        subprocess.run(["node", "kernel/build.mjs"], cwd=FRONTEND, check=True)
        subprocess.run([*vite, "--outDir", built, "--emptyOutDir", "--logLevel", "warn"], cwd=FRONTEND, check=True)
        url = stack.enter_context(served(built))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        stack.callback(browser.close)
        page = browser.new_page()
        page.goto(url)
        page.wait_for_function("window.timeHashes !== undefined")
        yield page, browser.version


class Browser:
    """What the page offers, with these parameters."""

    def __init__(self, page: Page, params: Argon2Params) -> None:
        self.page = page
        self.params = {
            "algorithm": params.algorithm,
            "timeCost": params.time_cost,
            "memoryCost": params.memory_cost,
            "parallelism": params.parallelism,
        }

    def hash(self, who: str, hashes: int) -> dict[str, Any]:
        request = {"who": who, "hashes": hashes, "salt": SALT, "params": self.params}
        timing: dict[str, Any] = self.page.evaluate("(request) => window.timeHashes(request)", request)
        return timing

    def time(self, who: str, hashes: int) -> Times:
        times: Times = self.hash(who, hashes)["times"]
        return times

    def mine(self, hashes: int) -> Times:
        return self._spans("timeMiner", hashes)

    def reset(self, resets: int) -> Times:
        return self._spans("timeResets", resets)

    def _spans(self, what: str, count: int) -> Times:
        spans: Times = self.page.evaluate(f"([params, count]) => window.{what}(params, count)", [self.params, count])
        return spans


# Rounds


def run_rounds(variants: dict[str, Timed], rounds: int, hashes: int) -> dict[str, Times]:
    """Each variant once a round, in a new order each round: the median of its hashes. A first round warms up."""
    medians: dict[str, Times] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name in random.sample(list(variants), len(variants)):
            times = variants[name](hashes)
            if number:
                medians[name].append(statistics.median(times))
    return medians


def report(medians: dict[str, Times]) -> None:
    width = max(map(len, medians))
    print(f"{'':{width}}  ms a hash (least - median - most)   its time / that of the miner, in one round")
    for name, values in medians.items():
        ratios = [value / our for value, our in zip(values, medians[OURS], strict=True)]
        print(f"{name:{width}}  {spread(values, 1):34}   {spread(ratios, 2)}")


def spread(values: Sequence[float], digits: int) -> str:
    return " - ".join(f"{value:.{digits}f}" for value in (min(values), statistics.median(values), max(values)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count (at least 5)")
    parser.add_argument("--hashes", type=int, default=5, help="hashes a round, of which the median counts")
    parser.add_argument("--memory", type=int, default=65536, help="KiB")
    parser.add_argument("--time", type=int, default=3, help="passes")
    parser.add_argument("--variant", choices=["d", "id"], default="d")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--fitted", action="store_true", help="also build the native code for this processor")
    options = parser.parse_args()
    params = Argon2Params(variant=options.variant, time_cost=options.time, memory_cost=options.memory)

    arena = Arena()
    with ExitStack() as stack:
        page, release = stack.enter_context(opened_page(options.chromium))
        browser = Browser(page, params)
        expected = plain(password(0), params).hex()
        for who in ("kernel", "hash-wasm"):
            if browser.hash(who, 1)["last"] != expected:
                sys.exit(f"The hash of {who} is wrong, so nothing here means anything.")
        variants: dict[str, Timed] = {
            OURS: browser.mine,
            "our kernel, not sliced": partial(browser.time, "kernel"),
            "hash-wasm": partial(browser.time, "hash-wasm"),
            "native wheel, plain": partial(timed, partial(plain, params=params)),
            "native wheel, memory kept": partial(timed, partial(on_arena, arena, params)),
        }
        if options.fitted:
            fitted = stack.enter_context(built_for_this_processor(params))
            variants["native for this processor, memory kept"] = fitted

        wasm = (FRONTEND / "kernel" / "generated" / "argon2.wasm").stat().st_size
        print(
            f"{params.algorithm}, {params.memory_cost} KiB, {params.time_cost} passes; Chromium {release}, "
            f"Python {platform.python_version()}, argon2-cffi-bindings {version('argon2-cffi-bindings')}, "
            f"kernel of {wasm} bytes, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
        )
        medians = run_rounds(variants, max(5, options.rounds), options.hashes)
        report(medians)
        print(f"from a new puzzle to its first answer: {spread(browser.reset(RESETS), 1)} ms")
        print(f"load afterwards {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
