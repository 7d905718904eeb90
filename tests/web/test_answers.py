"""Submitting an answer: what is looked at first, who is refused and how, what a liar pays, how a winner asks again."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from attrs import define, field

from hashpass.argon import Arena
from hashpass.domain.proof import Work
from hashpass.domain.values import Address
from hashpass.testing import Clock
from hashpass.verifier import Verifier
from tests.house import Player, Running, open_house
from tests.web.test_public import assert_problem

LIE = "0" * 64
"""A claim below every target and, but for a wonder, never true."""
BANNED, SHUT, CROWDED = "192.0.2.66", "192.0.2.67", "192.0.2.68"


def at(address: str) -> dict[str, str]:
    """Headers of a request that the proxy in front says comes from there."""
    return {"X-Real-IP": address}


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what other tasks bring about. The caller sets the deadline."""
    while not condition():
        await trio.sleep(0.002)


async def enter(running: Running, address: str, visitor: str = "visitor") -> Player:
    """A player there with a session, opened past the gate and its limit on openings."""
    opened = await running.house.sessions.open(Address.parse(address))
    headers = {**at(address), "Authorization": f"Bearer {opened.token}"}
    return Player(running.http, visitor, opened.token, headers=headers)


async def lie(player: Player) -> httpx.Response:
    if not player.puzzle:
        await player.look()
    return await player.submit(player.answer(0, LIE))


class Held:
    """A hasher that says what the claim says, and does so only when it is let go."""

    def __init__(self) -> None:
        self._go = threading.Event()
        self.started = 0

    def __call__(self, work: Work) -> bytes:
        self.started += 1
        self._go.wait(20)
        return work.expected

    def let_go(self) -> None:
        self._go.set()


@asynccontextmanager
async def held_house(directory: Path, **env: str) -> AsyncIterator[tuple[Running, Held, trio.Nursery]]:
    """A server whose one checking thread is stuck until the end of the block; what is submitted stays undecided."""
    held = Held()
    async with open_house(directory, verifier=Verifier(threads=1, hasher=held), **env) as running:
        async with trio.open_nursery() as nursery:
            try:
                yield running, held, nursery
            finally:
                held.let_go()


# The cheap checks, in the contract's order

ORDER = [
    ("banned", 403),
    ("session_required", 401),
    ("shut_out", 403),
    ("visitor_mismatch", 403),
    ("trace_refused", 403),
    ("round_stale", 409),
    ("nonce_too_fast", 400),
    ("hash_above_target", 400),
    ("answer_pending", 429),
    ("address_busy", 429),
    ("queue_full", 503),
]
"""The session's own winning answer stands between visitor and trace; the tests after this one are about it."""


@define
class Scene:
    """A server in which every refusal of ORDER can be had."""

    running: Running
    nursery: trio.Nursery
    _number: int = 0

    async def prepare(self) -> None:
        entrance = self.running.house.room.entrance
        await entrance.bans.ban(BANNED)
        for number in range(10):
            entrance.strikes.strike(f"liar {number % 3}", Address.parse(SHUT))
        for number in range(4):
            await self.leave_undecided(await enter(self.running, CROWDED, f"crowd {number}"))

    async def leave_undecided(self, player: Player) -> None:
        await player.look()
        before = self.running.house.arbiter.undecided
        self.nursery.start_soon(player.submit, player.answer(0, LIE))
        await until(lambda: self.running.house.arbiter.undecided == before + 1)

    async def fill_the_queue(self) -> None:
        """With the players of many addresses, a crowded house each."""
        async with trio.open_nursery() as nursery:

            async def fill(address: str) -> None:
                for number in range(4):
                    player = await enter(self.running, address, f"{number}")
                    await player.look()
                    self.nursery.start_soon(player.submit, player.answer(0, LIE))

            for number in range(63):
                nursery.start_soon(fill, f"10.0.0.{number}")
        await until(lambda: self.running.house.arbiter.undecided == 256)

    async def violate(self, codes: set[str]) -> httpx.Response:
        """Send an answer that deserves each of these refusals, and no other."""
        self._number += 1
        house, address = self.running.house, f"198.51.100.{self._number}"
        for code, place in (("address_busy", CROWDED), ("shut_out", SHUT), ("banned", BANNED)):
            address = place if code in codes else address
        player = await enter(self.running, address)
        session = await house.sessions.find(player.token)
        await house.sessions.bind(session, Address.parse(address), player.visitor)
        player.puzzle = house.arbiter.job()
        player.trace = (await self.running.http.get("/api/trace", headers=at(address))).text
        body = player.answer(0, LIE)
        if "answer_pending" in codes:
            busy = address == CROWDED
            # A crowded address holds four already; this session's own answer has to be among them.
            player = self.running_crowd if busy else player
            body = player.answer(0, LIE)
            if not busy:
                await self.leave_undecided(player)
        wrong: dict[str, dict[str, Any]] = {
            "visitor_mismatch": {"visitorId": "another"},
            "trace_refused": {"traceData": "ip=nowhere"},
            "round_stale": {"submittedSeed": "a" * 64},
            "nonce_too_fast": {"nonce": 2**53 - 1},
            "hash_above_target": {"hash": "f" * 64},
        }
        for code in codes & wrong.keys():
            body |= wrong[code]
        if "session_required" in codes:
            del player.headers["Authorization"]
        return await player.submit(body)

    @property
    def running_crowd(self) -> Player:
        return self.crowd[0]

    crowd: list[Player] = field(factory=list)
