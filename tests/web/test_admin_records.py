from __future__ import annotations

import math
from collections.abc import AsyncGenerator

import pytest
import trio
import trio.testing

from hashpass.web.admin_records import LONGEST, Export, ExportTooSlow

PATIENT = math.ceil(LONGEST / 30)


async def test_an_export_is_not_kept_for_a_client_that_reads_a_little_at_a_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    closed = False

    async def endless() -> AsyncGenerator[str, None]:
        nonlocal closed
        try:
            while True:
                yield ",1"
        finally:
            closed = True

    taken = 0

    async def take() -> None:
        nonlocal taken
        async with Export("[0", endless(), "]") as body:
            async for _ in body:
                taken += 1
                await trio.sleep(30)

    with pytest.raises(ExportTooSlow):
        await take()
    assert taken in (PATIENT, PATIENT + 1)
    assert closed


async def test_an_export_is_its_opening_its_pieces_and_its_closing() -> None:
    async def pieces() -> AsyncGenerator[str, None]:
        yield "1"
        yield ",ü"

    async with Export("[", pieces(), "]") as body:
        assert b"".join([piece async for piece in body]).decode() == "[1,ü]"
