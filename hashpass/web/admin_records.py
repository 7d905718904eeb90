"""What an operator reads of the past: the log of codes, by page and as a whole, and the server's own log."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Final, Self

import trio
from attrs import asdict, frozen
from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue
from quart.wrappers.response import ResponseBody
from quart_trio.wrappers import TrioResponse

from hashpass.applogs import AppLogs
from hashpass.archive import Archive
from hashpass.domain.chain import Record
from hashpass.domain.errors import BadRequest
from hashpass.export import CSV_HEADER, csv_line
from hashpass.web.admin_values import MAX_PAGE, page_number, search_text

CODES_PER_PAGE: Final = (50, 200)
"""Unless asked otherwise, and at most."""
LINES_PER_PAGE: Final = (100, 500)
TYPES: Final = {"json": "application/json", "csv": "text/csv; charset=utf-8"}
LONGEST: Final = 3600.0
"""Seconds for an export. The connection ends those who read nothing; this is for those who read a little at a time."""


class ExportTooSlow(Exception):
    """The client did not take the whole in time. What it has ends where no client takes it for the whole."""


class Export(ResponseBody):
    """An answer that is read while it is sent. Quart closes it, also when the client has gone."""

    def __init__(self, opening: str, pieces: AsyncGenerator[str, None], closing: str) -> None:
        self._opening = opening
        self._pieces = pieces
        self._closing = closing
        self._deadline = trio.current_time() + LONGEST

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pieces.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if trio.current_time() > self._deadline:
            raise ExportTooSlow
        piece, self._opening = self._opening, ""
        while not piece:
            try:
                piece = await anext(self._pieces)
            except StopAsyncIteration:
                piece, self._closing = self._closing, ""
                if not piece:
                    raise
        return piece.encode()


@frozen
class AdminRecords:
    archive: Archive
    app_logs: AppLogs

    def add_to(self, doors: Blueprint) -> None:
        doors.add_url_rule("/logs", view_func=self.list_codes, methods=["GET"])
        doors.add_url_rule("/logs/stats", view_func=self.show_figures, methods=["GET"])
        doors.add_url_rule("/logs/export", view_func=self.export, methods=["GET"])
        doors.add_url_rule("/applogs", view_func=self.list_lines, methods=["GET"])

    async def list_codes(self) -> ResponseReturnValue:
        page, per_page = _place(*CODES_PER_PAGE)
        search, file = search_text(request.args.get("search")), request.args.get("file") or None
        return asdict(await self.archive.page(page, per_page, search, file), recurse=False)

    async def list_lines(self) -> ResponseReturnValue:
        page, per_page = _place(*LINES_PER_PAGE)
        search, file = search_text(request.args.get("search")), request.args.get("file") or None
        level = request.args.get("level") or None
        return asdict(await self.app_logs.page(page, per_page, search, level, file), recurse=False)

    async def show_figures(self) -> ResponseReturnValue:
        return await self.archive.stats()

    async def export(self) -> ResponseReturnValue:
        """Everything, a piece at a time. The first is read before the answer begins, so that it can still be a no."""
        form = request.args.get("format", "json")
        if form not in TYPES:
            raise BadRequest("format must be json or csv.", field="format")
        pieces = self.archive.export_text(csv_line if form == "csv" else _json_item)
        first = await anext(pieces, "")
        body = Export(CSV_HEADER + first, pieces, "") if form == "csv" else Export("[" + first[1:], pieces, "\n]\n")
        response: Response = TrioResponse(body, content_type=TYPES[form])
        name = f"hashpass-codes-{datetime.now(UTC):%Y%m%d-%H%M%S}.{form}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        response.timeout = None  # else Quart ends it after a minute, as if that were all
        return response


def _place(per_page: int, most: int) -> tuple[int, int]:
    """Which page, and how long one is."""
    args = request.args
    return (
        page_number(args.get("page"), "page", MAX_PAGE, 1),
        page_number(args.get("per_page"), "per_page", most, per_page),
    )


def _json_item(record: Record) -> str:
    """With the comma before it, which the first one loses."""
    return ",\n" + json.dumps(record, ensure_ascii=False)
