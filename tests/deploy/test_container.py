"""The container, as far as it can be tried without one: what it copies, builds, sets and asks."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import trio
import yaml

import hashpass
from hashpass.connection import ServerLimits
from hashpass.house import DRAIN
from hashpass.settings import TABLE
from tests.deploy.proxy import DEPLOY
from tests.process import serving

ROOT = DEPLOY.parent
PACKAGE = Path(hashpass.__file__).parent
SETTINGS = {row.name for row in TABLE}
IGNORED = [line for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line and line[0] != "#"]
BUILD, RUN = (DEPLOY / "Dockerfile").read_text().replace("\\\n", "").split("\nFROM ")[1:]


def lines(stage: str, instruction: str) -> list[str]:
    return re.findall(rf"^{instruction} (.*)$", stage, re.MULTILINE)


def copied() -> list[str]:
    """Everything that the build stage takes out of the repository."""
    return [source for line in lines(BUILD, "COPY") for source in line.split()[:-1]]


def place(source: str) -> Path:
    """Where it is: the package is not beside the rest where a wheel is being tested."""
    return PACKAGE if source == "hashpass" else ROOT / source


def is_left_out(path: str) -> bool:
    """Docker's rule: the last line that fits decides. `**/` is for any folder, none included."""
    left_out = False
    for line in IGNORED:
        pattern = line.removeprefix("!").removeprefix("**/")
        tail = path.rpartition("/")[2] if "**/" in line else path
        if fnmatch(tail, pattern) or path.startswith(pattern + "/"):
            left_out = not line.startswith("!")
    return left_out


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_is_there_and_not_ignored(source: str) -> None:
    assert place(source).exists()
    assert not is_left_out(source)


@pytest.mark.parametrize(
    "path", [".env", "keys.json", "verify.json", ".git", "hashpass/static", "frontend/node_modules"]
)
def test_neither_secrets_nor_what_is_built_here_gets_in(path: str) -> None:
    assert is_left_out(path)


def test_the_build_stage_makes_a_wheel_with_pages_and_everything_it_needs(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in copied():
        if place(name).is_dir():
            left_out = shutil.ignore_patterns("node_modules", "static", "generated", "__pycache__")
            shutil.copytree(place(name), source / name, ignore=left_out)
        else:
            shutil.copy(place(name), source / name)
    subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", tmp_path / "venv"], check=True)
    environ = {**os.environ, "PATH": f"{tmp_path}/venv/bin:{os.environ['PATH']}"}
    for line in lines(BUILD, "RUN"):
        command = line.replace("/wheels", f"{tmp_path}/wheels")
        ran = subprocess.run(
            shlex.split(command), cwd=source, env=environ, capture_output=True, text=True, timeout=300, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
    (wheel,) = (tmp_path / "wheels").glob("hashpass-*.whl")
    names = ZipFile(wheel).namelist()
    assert {"hashpass/cli.py", "hashpass/static/index.html"} <= set(names)
    for needed in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
        name = re.split(r"[^a-z0-9-]", needed)[0].replace("-", "_")
        assert list((tmp_path / "wheels").glob(f"{name}-*.whl")), needed


def test_it_runs_as_nobody_in_particular_on_the_python_that_the_tests_run_on() -> None:
    images = re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert set(images) == {"python:3.11-slim"}
    assert lines(RUN, "USER") == ["hashpass"]
    assert lines(RUN, "CMD")[-1] == '["python", "-m", "hashpass", "serve"]'
    given = dict(pair.split("=") for pair in lines(RUN, "ENV")[0].split())
    assert {name for name in given if not name.startswith("PYTHON")} <= SETTINGS
    assert given["HOST"] == "0.0.0.0"
    assert [given["HASHPASS_DATA_DIR"]] == lines(RUN, "VOLUME") == lines(RUN, "WORKDIR")


async def test_its_health_check_says_yes_while_the_server_is_well_and_no_when_it_is_gone(tmp_path: Path) -> None:
    (check,) = re.findall(r"HEALTHCHECK .*?CMD (\[.*\])$", RUN, re.MULTILINE)
    _, *arguments = json.loads(check)

    async def healthy(port: str) -> bool:
        with trio.fail_after(20):
            ran = await trio.run_process(
                [sys.executable, *arguments], env={"PORT": port}, capture_stderr=True, check=False
            )
        return ran.returncode == 0

    with trio.fail_after(60):
        async with serving(tmp_path) as server:
            port = server.url.rpartition(":")[2]
            assert await healthy(port)
            assert await server.end(signal.SIGTERM) == 0
            assert not await healthy(port)


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


def test_compose_names_settings_and_files_that_exist() -> None:
    services = compose()["services"]
    assert services["server"]["environment"].keys() <= SETTINGS
    build = services["server"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == (DEPLOY / "Dockerfile").resolve()
    shipped = [volume for volume in services["proxy"]["volumes"] if volume.startswith("./")]
    assert len(shipped) == 2
    for volume in shipped:
        assert (DEPLOY / volume.partition(":")[0]).is_file(), volume
    include = "/etc/nginx/hashpass/cloudflare.conf"
    assert any(f":{include}:" in volume for volume in shipped)
    assert f"include {include.removeprefix('/etc/nginx/')};" in (DEPLOY / "nginx.conf").read_text()


def test_compose_lets_the_server_close_in_peace_and_nginx_find_it() -> None:
    server = compose()["services"]["server"]
    assert int(server["stop_grace_period"].removesuffix("s")) > ServerLimits().drain + DRAIN + 10
    where = f"{server['environment']['HOST']}:{server['environment']['PORT']}"
    assert f"server {where};" in (DEPLOY / "nginx.conf").read_text()
    data = server["environment"]["HASHPASS_DATA_DIR"]
    assert [volume.partition(":")[2] for volume in server["volumes"]] == [data]
