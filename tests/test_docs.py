"""The documents are true: their examples run, their links lead somewhere, and what they name exists."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

import pytest
import trio

from hashpass import settings
from tests.house import Player, open_house

ROOT = Path(__file__).parent.parent
READMES = [ROOT / "README.md", ROOT / "README.zh.md"]
DOCUMENTS = [*READMES, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TESTED_ELSEWHERE = ("./scripts/nox", ".nox/serve/bin/python")
"""The two commands of the README are what runs these tests; the miner races in tests/wire/test_race.py."""


def blocks(language: str) -> list[tuple[str, str]]:
    """Every example in one language, with the document it stands in."""
    return [
        (path.name, text)
        for path in DOCUMENTS
        for found, text in BLOCK.findall(path.read_text(encoding="utf-8"))
        if found == language
    ]


@pytest.mark.parametrize(("name", "text"), blocks("python"))
def test_every_python_example_runs(name: str, text: str) -> None:
    exec(compile(text, name, "exec"), {})


def commands() -> list[str]:
    lines = [line for _, text in blocks("sh") for line in text.splitlines() if line]
    return [line for line in dict.fromkeys(lines) if not line.startswith(TESTED_ELSEWHERE)]


@pytest.mark.parametrize("command", commands())
async def test_every_command_runs_where_a_server_has_run(command: str, tmp_path: Path) -> None:
    async with open_house(tmp_path) as running:
        await Player(running.http).win()
    assert command.startswith("python -m hashpass "), f"nobody runs this: {command}"
    with trio.fail_after(60):
        ran = await trio.run_process(
            [sys.executable, *command.split()[1:]],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HASHPASS_ARGON2_MEMORY_COST": "64"},
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def transcripts() -> list[tuple[str, str]]:
    """Each command at a prompt, with what it is shown to print."""
    text = "\n".join(text for _, text in blocks("console"))
    return re.findall(r"^\$ (python -m hashpass .*)\n((?:[^$\n].*\n?)*)", text, re.MULTILINE)


@pytest.mark.parametrize(("command", "printed"), transcripts())
async def test_every_transcript_prints_what_it_shows(command: str, printed: str, tmp_path: Path) -> None:
    with trio.fail_after(60):
        ran = await trio.run_process(
            [sys.executable, *shlex.split(command)[1:]], cwd=tmp_path, capture_stdout=True, capture_stderr=True
        )
    assert ran.stdout.decode().strip() == printed.strip() or not printed


def test_the_readme_shows_the_two_commands() -> None:
    shown = [line for name, text in blocks("sh") if name == "README.md" for line in text.splitlines()]
    assert {"./scripts/nox -s serve", "./scripts/nox -s tests"} <= set(shown)


def skeleton(path: Path) -> dict[str, list[str]]:
    """What of a README stays the same in every language: all but its prose and the links to its other languages."""
    text = path.read_text(encoding="utf-8")
    prose = BLOCK.sub("", text)
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]
    links = re.findall(r"\]\(([^)]+)\)|<(https?:[^>]+)>", prose)
    return {
        "examples": ["".join(found) for found in BLOCK.findall(text)],
        "headings": re.findall(r"^#+(?= )", prose, re.MULTILINE),
        "points": re.findall(r"^- ", prose, re.MULTILINE),
        "table": re.findall(r"^\| (`[^`]+`) \|", prose, re.MULTILINE),
        "inline code": sorted(spans),
        "links": [link for link in map("".join, links) if link not in {readme.name for readme in READMES}],
    }


def test_the_chinese_readme_has_what_the_english_one_has() -> None:
    english, chinese = map(skeleton, READMES)
    assert all(english.values())
    assert chinese == english


def test_the_readmes_link_to_each_other() -> None:
    for path, other in (READMES, reversed(READMES)):
        assert f"]({other.name})" in path.read_text(encoding="utf-8").split("\n## ")[0], path.name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_to_one(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_and_setting_that_is_named_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for named in re.findall(r"`((?:hashpass|tests|scripts|docs)/[\w/.]+)`", text):
        assert (ROOT / named).exists(), named
    known = {row.name for row in settings.TABLE}
    for named in re.findall(r"`\$?((?:HASHPASS|TURNSTILE|WEBHOOK)_[A-Z0-9_]+)`", text):
        assert named in known, named


def test_the_architecture_page_names_every_file() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    package = Path(settings.__file__).parent
    for path in package.glob("*.py"):
        if path.stem not in {"__init__", "__main__"}:
            assert f"`{path.name}`" in text, f"docs/architecture.md does not say what {path.name} is"
