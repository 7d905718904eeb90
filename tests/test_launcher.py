"""The launcher of nox, on machines that have less than this one, and the pins it installs from."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]

PYTHON = """#!/bin/sh
# A Python that can do what the launcher asks for, its venv module only once python3-venv is installed.
echo "python $*" >> "$CALLS"
case "$1 $2" in
    "-m venv") [ -e "$CALLS.venv" ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m nox") [ "$3" != --version ] || echo "$NOX_VERSION" ;;
esac
"""
APT = '#!/bin/sh\necho "apt-get $*" >> "$CALLS"\ntouch "$CALLS.venv"\n'


class Machine:
    """A checkout of the launcher alone, and a PATH on which only the named programs are."""

    def __init__(self, place: Path) -> None:
        self.root = place / "a checkout"
        self.bin = place / "bin"
        self.calls = place / "calls"
        (self.root / "scripts").mkdir(parents=True)
        self.bin.mkdir()
        shutil.copy(ROOT / "scripts" / "nox", self.root / "scripts" / "nox")
        self.pin("1.2.3")
        for name in ("cp", "dirname", "mkdir", "rm", "sed", "touch"):
            (self.bin / name).symlink_to(str(shutil.which(name)))

    def pin(self, version: str) -> None:
        self.version = version
        (self.root / "constraints.txt").write_text(f"hypothesis-nox==9\nnox=={version}\n")

    def put(self, name: str, script: str) -> None:
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": str(self.bin), "CALLS": str(self.calls), "NOX_VERSION": self.version}
        command = [str(self.root / "scripts" / "nox"), *args]
        return subprocess.run(command, env=environ, cwd="/", capture_output=True, text=True, timeout=30, check=False)

    def called(self) -> list[str]:
        lines = self.calls.read_text().splitlines()
        self.calls.unlink()
        return lines


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_machine_without_python_is_told_so(machine: Machine) -> None:
    done = machine.run("-s", "tests")
    assert done.returncode == 1
    assert done.stderr.startswith("scripts/nox: Python 3.11 or newer is needed and was not found.")


def test_a_python_that_is_too_old_is_passed_over(machine: Machine) -> None:
    machine.put("python3", "#!/bin/sh\nexit 1\n")
    assert machine.run().stderr.startswith("scripts/nox: Python 3.11 or newer")
    machine.put("python3.12", PYTHON)
    (machine.calls.parent / "calls.venv").touch()
    assert machine.run().returncode == 0


def test_nox_is_installed_once_as_pinned_and_given_the_arguments(machine: Machine) -> None:
    machine.put("python3", PYTHON)
    (machine.calls.parent / "calls.venv").touch()
    noxfile = machine.root / "noxfile.py"
    assert machine.run("-s", "tests", "--", "a b").returncode == 0
    calls = machine.called()
    assert any("pip install" in call and call.endswith(" nox==1.2.3") for call in calls)
    assert calls[-1] == f"python -m nox -f {noxfile} -s tests -- a b"
    assert machine.run("--list").returncode == 0
    assert machine.called() == ["python -m nox --version", f"python -m nox -f {noxfile} --list"]


def test_a_new_pin_replaces_the_installed_nox(machine: Machine) -> None:
    machine.put("python3", PYTHON)
    (machine.calls.parent / "calls.venv").touch()
    machine.run()
    machine.pin("1.2.4")
    machine.version = "1.2.3"
    machine.run()
    assert any(call.endswith(" nox==1.2.4") for call in machine.called())


def test_root_on_debian_gets_the_missing_part_of_python(machine: Machine) -> None:
    machine.put("python3", PYTHON)
    machine.put("apt-get", APT)
    machine.put("id", "#!/bin/sh\necho 0\n")
    assert machine.run().returncode == 0
    assert "apt-get install -y -q python3-venv" in machine.called()


def test_others_are_told_which_part_of_python_is_missing(machine: Machine) -> None:
    machine.put("python3", PYTHON)
    machine.put("apt-get", APT)
    machine.put("id", "#!/bin/sh\necho 1000\n")
    done = machine.run()
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr
    assert not any(call.startswith("apt-get") for call in machine.called())


def test_the_launchers_can_be_executed() -> None:
    assert os.access(ROOT / "scripts" / "nox", os.X_OK)
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def pins() -> dict[str, str]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) for line in lines)
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}


def test_everything_the_sessions_install_is_pinned_and_allowed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    for text in [*project["project"]["dependencies"], *(entry for group in groups.values() for entry in group)]:
        requirement = Requirement(text)
        version = pins().get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not pinned: ./scripts/nox -s lock"
        assert requirement.specifier.contains(version), f"{text} does not allow {version}: ./scripts/nox -s lock"
