"""The audit log as a table: CSV that a spreadsheet shows and never carries out."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator

from hashpass.domain.chain import Record

COLUMNS = (
    "timestamp",
    "round",
    "reason",
    "invite_code",
    "visitor_id",
    "real_ip",
    "nonce",
    "hash",
    "seed",
    "trace_data",
    "difficulty",
    "solve_time",
    "new_difficulty",
    "adjustment_reason",
    "target",
    "algorithm",
    "time_cost",
    "memory_cost",
    "parallelism",
    "key_id",
    "style",
)
"""What a person reads. The chain's own fields prove nothing in a table, and the winner's session is its own affair."""
CSV_HEADER = ",".join(COLUMNS) + "\r\n"

_FORMULA = re.compile(r"^(?=[\t\r])|(?:^|(?<=[;\t\r\n]))(?=[ \"]*[=+\-@＝＋－＠])")
"""Where a formula may begin: at the start of a cell, and after what a spreadsheet of another country takes for the
end of one. It reads `;` and not `,` as the separator, and then no quotes protect what is inside."""


def csv_line(record: Record) -> str:
    """One row, with its line end. A `'` stands before whatever a spreadsheet would carry out; JSON has it without."""
    text = io.StringIO()
    csv.writer(text).writerow([_cell(record.get(name)) for name in COLUMNS])
    return text.getvalue()


def csv_lines(records: Iterable[Record]) -> Iterator[str]:
    """The whole table, its header first."""
    yield CSV_HEADER
    for record in records:
        yield csv_line(record)


def _cell(value: object) -> object:
    return _FORMULA.sub("'", value) if isinstance(value, str) and not value.isalnum() else value
