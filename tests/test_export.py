from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashpass.domain.chain import Record
from hashpass.domain.records import AuditRecord
from hashpass.export import COLUMNS, CSV_HEADER, csv_line, csv_lines

texts = st.text(st.sampled_from("=+-@＝＋－＠;,\t\r\n\" 'aß1"), max_size=12)


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def cell(value: object) -> str:
    (row,) = rows(csv_line({"visitor_id": value}))
    return row[COLUMNS.index("visitor_id")]


def test_the_columns_are_the_fields_of_a_record_without_the_session() -> None:
    assert set(COLUMNS) == set(AuditRecord.__annotations__) - {"session"}


def test_a_table_is_its_header_and_a_row_for_each_record() -> None:
    record: Record = {name: f"{name} of it" for name in COLUMNS}
    text = "".join(csv_lines([record, {**record, "nonce": 7, "difficulty": 8.25}]))
    header, first, second = rows(text)
    assert tuple(header) == COLUMNS
    assert first == [f"{name} of it" for name in COLUMNS]
    assert second[COLUMNS.index("nonce")] == "7"
    assert second[COLUMNS.index("difficulty")] == "8.25"
    assert text.startswith(CSV_HEADER)
    assert text.count("\r\n") == 3


def test_no_records_make_a_header() -> None:
    assert list(csv_lines([])) == [CSV_HEADER]


def test_what_is_missing_or_not_asked_for_leaves_no_trace() -> None:
    assert (
        csv_line({"session": "secret", "salts": {"real_ip": "secret"}, "prev": "0", "mac": "1"})
        == "," * (len(COLUMNS) - 1) + "\r\n"
    )


@pytest.mark.parametrize("start", list("=+-@\t\r＝＋－＠"))
def test_a_cell_that_a_spreadsheet_would_carry_out_is_text(start: str) -> None:
    assert cell(f"{start}1+1").startswith("'")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("a-b+c=d@e", "a-b+c=d@e"),
        ("", ""),
        ('say "=1"', 'say "=1"'),
        (" =1", "' =1"),
        ("a;=1", "a;'=1"),
        ("a\n=1", "a\n'=1"),
        ('a;"=1"', 'a;\'"=1"'),
        ("=1;=2", "'=1;'=2"),
    ],
)
def test_it_is_seen_wherever_a_cell_may_begin(text: str, written: str) -> None:
    assert cell(text) == written


def test_a_number_stays_a_number() -> None:
    assert cell(-5) == "-5"


@given(st.dictionaries(st.sampled_from(COLUMNS), texts))
def test_no_cell_of_either_kind_of_spreadsheet_is_a_formula(record: Record) -> None:
    """Whatever is taken for the end of a cell, what follows does not begin with a sign."""
    line = csv_line(record)
    (row,) = rows(line)
    assert len(row) == len(COLUMNS)
    for found, name in zip(row, COLUMNS, strict=True):
        assert re.search(r"(^|[;\t\r\n])[ \"]*[=+\-@＝＋－＠]", found) is None
        assert found[:1] not in ("\t", "\r")
        assert re.sub(r"'", "", found) == record.get(name, "").replace("'", "")


def test_a_hostile_text_of_full_length_takes_no_time() -> None:
    for text in ("\n" * 2048, " " * 2048, ";" * 2048, '"' * 2048):
        assert cell(text).replace("'", "") == text
