"""The systemd unit: systemd understands every line of it, and it agrees with the program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from hashpass import cli
from hashpass.connection import ServerLimits
from hashpass.house import DRAIN
from hashpass.settings import TABLE
from tests.deploy.proxy import DEPLOY

UNIT = (DEPLOY / "hashpass.service").read_text()
WORST_EXPOSURE = 20
"""Tenths, as `systemd-analyze security` counts: 100 is a unit that says nothing, 14 is what ours has."""


def option(name: str) -> str:
    (value,) = re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)
    return str(value)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_systemd_finds_nothing_wrong_with_it(tmp_path: Path) -> None:
    program, *arguments = option("ExecStart").split()
    assert program == "/opt/hashpass/bin/python"
    unit = tmp_path / "hashpass.service"
    unit.write_text(UNIT.replace(program, sys.executable))
    found = analyze("verify", str(unit))
    assert (found.returncode, found.stdout + found.stderr) == (0, "")
    assert arguments == ["-m", "hashpass", "serve"]


def test_it_gives_the_process_no_more_than_it_needs() -> None:
    found = analyze("security", "--offline=true", f"--threshold={WORST_EXPOSURE}", str(DEPLOY / "hashpass.service"))
    assert found.returncode == 0, found.stdout + found.stderr


def test_it_waits_for_the_server_to_close_and_starts_it_again_unless_that_is_no_use() -> None:
    limits = ServerLimits()
    assert int(option("TimeoutStopSec")) > limits.drain + DRAIN + 10
    assert int(option("LimitNOFILE")) > limits.connections
    assert (option("Restart"), int(option("RestartSec")) > 0) == ("always", True)
    assert int(option("RestartPreventExitStatus")) == cli.UNFIT
    assert cli.FAILED != cli.UNFIT


def test_the_settings_it_names_exist() -> None:
    known = {row.name for row in TABLE}
    for setting in re.findall(r"HASHPASS_[A-Z_]+", UNIT):
        assert setting in known, setting
