"""The generators on the command line."""

from __future__ import annotations

import argparse
import io
import json

import pytest
from attrs import frozen

from hashpass.generators.command import add_arguments, generate_from_arguments

SEED = "2R7KDyMvBTv3WLAY8AAiBNFgBkv7zHvjpTp6U2eWMGfR"


@frozen
class Ran:
    code: int
    stdout: str
    stderr: str


def run(*arguments: str, stdin: str = "") -> Ran:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    out, err = io.StringIO(), io.StringIO()
    code = generate_from_arguments(
        parser.parse_args(arguments),
        new_seed=lambda: bytes(32),
        wall=lambda: 1756771200.5,
        stdin=io.StringIO(stdin),
        stdout=out,
        stderr=err,
    )
    return Ran(code, out.getvalue(), err.getvalue())


def test_one_line_is_printed_and_nothing_else() -> None:
    assert run("custom") == Ran(0, "5NCYmZR8dCkCrmyFd3J2K\n", "")
    assert run("password", "--seed", SEED) == Ran(0, "EsF244ONFO@4exW%oMje^\n", "")
    assert run("api-key", "--seed", SEED, "--length", "47", "--alphabet", "no-look-alike") == Ran(
        0, "ak_GcTAz8BLUTh9Whrqah4PkAg8tCB6pPmB8MpArg8DwCzmXph\n", ""
    )
    assert run("mnemonic", "--language", "en", "--words", "24") == Ran(0, "abandon " * 23 + "art\n", "")


def test_a_seed_may_come_by_standard_input_where_no_history_keeps_it() -> None:
    assert run("custom", "--seed", "-", stdin=f"{SEED}\n").stdout == "DXv7N5MHF5zUHzSRBTFi3\n"
    assert run("custom", "--seed", "-").code == 2


def test_json_has_the_shape_of_the_api() -> None:
    assert json.loads(run("custom", "--seed", SEED, "--prefix", "ä", "--json").stdout) == {
        "hash": "äDXv7N5MHF5zUHzSRBTFi3",
        "seed": SEED,
        "otp": "546799639",
        "timestamp": 1756771200,
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("custom", "--length", "abc"), "Length must be between 2 and 128"),
        (("custom", "--length", ""), "Length must be between 2 and 128"),
        (("mnemonic", "--words", "13"), "Invalid words parameter: 13. Only 12 and 24 are supported."),
        (("custom", "--seed", "1"), "Invalid seed: Seed must be exactly 32 bytes, got 1 bytes"),
        (("custom", "--prefix", "\udcff"), "prefix must be text."),
        (("password", "--prefix", "x"), "password takes no --prefix."),
        (("mnemonic", "--length", "12"), "mnemonic takes no --length."),
    ],
)
def test_what_cannot_be_is_2_and_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    assert run(*arguments) == Ran(2, "", sentence + "\n")
