"""The curves are short, and in the order in which they are drawn."""

from __future__ import annotations

import trio
import trio.testing

from hashpass.figures import Figures
from hashpass.testing import Clock


def test_the_newest_fifty_solves_are_kept() -> None:
    clock = Clock(date=1000.0)
    figures = Figures(lambda: 0.0, wall=clock.wall)
    figures.note_solve(7.5, at=900.0)
    assert figures.solve_times == [{"timestamp": 900.0, "value": 7.5}]
    for number in range(60):
        clock.advance(1)
        figures.note_solve(number)
    assert [point["value"] for point in figures.solve_times] == list(range(10, 60))
    assert figures.solve_times[-1]["timestamp"] == 1060.0
    assert figures.hash_rates == []


async def test_the_hash_rate_is_taken_every_five_seconds(autojump_clock: trio.testing.MockClock) -> None:
    figures = Figures(trio.current_time, wall=lambda: 1000.0 + trio.current_time())
    started = trio.current_time()
    with trio.move_on_after(302.5):
        await figures.run()
    assert [round(point["value"] - started) for point in figures.hash_rates] == list(range(55, 305, 5))
    assert all(point["timestamp"] == 1000.0 + point["value"] for point in figures.hash_rates)
    assert figures.solve_times == []
