"""Everything a developer or a machine runs here: `./scripts/nox -s tests`, `./scripts/nox -s serve`, and the rest of
`./scripts/nox --list`. What is installed is pinned in `constraints.txt`; `./scripts/nox -s lock` renews it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.16"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "build"]

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
CONSTRAINTS = ROOT / "constraints.txt"
ALL_GROUPS = tuple(PROJECT["dependency-groups"])
NOT_TESTED_FROM = (
    ".*_cache",
    ".git",
    ".hypothesis",
    ".nox",
    ".venv*",
    "__pycache__",
    "build",
    "dist",
    "hashpass",
    "node_modules",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SERVED_WITH = {"nginx": ("nginx", "/usr/sbin/nginx"), "systemd": ("systemd-analyze",), "curl": ("curl",)}
"""What an operator has besides ours, by its Debian package, and the programs of which one must be there."""
DEMO_PORT = 5199
NO_HOOKS = {"HATCH_BUILD_NO_HOOKS": "true"}
"""Installing does not build the pages: the sessions that need them say so."""


def requirements(*groups: str) -> list[str]:
    return [*PROJECT["project"]["dependencies"], *nox.project.dependency_groups(PROJECT, *groups)]


def install(session: nox.Session, *groups: str) -> None:
    """Install the package, editable, with its pinned dependencies; nothing when that has been done before."""
    needed = requirements("build", *groups)
    inputs = [*needed, CONSTRAINTS.read_text(), (ROOT / "pyproject.toml").read_text(), str(ROOT)]
    digest = hashlib.sha256("\0".join(inputs).encode()).hexdigest()
    stamp = Path(session.virtualenv.location) / "installed"
    if not stamp.exists() or stamp.read_text() != digest:
        stamp.unlink(missing_ok=True)
        session.install("-c", str(CONSTRAINTS), *needed)
        session.install("--no-deps", "--no-build-isolation", "-e", ".", env=NO_HOOKS)
        stamp.write_text(digest)


def install_debian(session: nox.Session, package: str, *programs: str) -> None:
    """Install what pip cannot, on the build machine; elsewhere say what is missing. Nothing when a program is there."""
    if any(shutil.which(program) for program in programs or (package,)):
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        session.warn(f"{' or '.join(programs or (package,))} is missing. On Debian: apt-get install {package}")
        return
    get = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y")
    session.run(*get, "update", external=True)
    session.run(*get, "install", "--no-install-recommends", package, external=True)


def install_programs(session: nox.Session) -> None:
    """What the tests run beside our own programs."""
    if not os.environ.get("CHROMIUM"):
        install_debian(session, "chromium", *BROWSERS)
    for package, programs in SERVED_WITH.items():
        install_debian(session, package, *programs)


def build_pages(session: nox.Session) -> None:
    """Build the pages if one of their sources has changed. The group `front` has to be installed."""
    session.run("python", "hatch_build.py")


def check_pages(session: nox.Session) -> None:
    build_pages(session)
    session.run("python", "hatch_build.py", "run", "check")
    session.run("python", "hatch_build.py", "run", "test")


def check_style(session: nox.Session) -> None:
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("flake8", "hashpass", "tests", "scripts", "hatch_build.py", "noxfile.py")


@nox.session
def tests(session: nox.Session) -> None:
    """Style, types, the pages' own tests, then every test in random order; `-- tests/test_x.py` runs only those."""
    install(session, "tests", "lint", "types", "front")
    install_programs(session)
    if not session.posargs:
        check_style(session)
        session.run("mypy")
        check_pages(session)
    else:
        build_pages(session)
    session.run("pytest", *session.posargs)


@nox.session
def front(session: nox.Session) -> None:
    """Style, types and unit tests of the pages; `-- run fix` or `-- install preact` runs npm with that instead."""
    session.install("-c", str(CONSTRAINTS), *nox.project.dependency_groups(PROJECT, "build", "front"))
    if session.posargs:
        session.run("python", "hatch_build.py", *session.posargs)
    else:
        check_pages(session)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff and flake8-async; with `-- --fix`, whatever Ruff can mend is mended first."""
    install(session, "lint")
    if "--fix" in session.posargs:
        session.run("ruff", "check", "--fix", success_codes=[0, 1])
        session.run("ruff", "format")
    check_style(session)


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict, over the package, its tests and its scripts."""
    install(session, "tests", "types")
    session.run("mypy", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """Build sdist and wheel into dist/, and run the tests against that wheel where the source is not."""
    install(session, "front")
    install_programs(session)
    build_pages(session)
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    session.run("python", "-m", "build", "--sdist", "--no-isolation", "--outdir", "dist")
    (sdist,) = (ROOT / "dist").glob("*.tar.gz")

    needed = requirements("tests", "lint", "types", "build")
    with tempfile.TemporaryDirectory(prefix="hashpass-") as name:
        place = Path(name).resolve()
        python = str(place / "venv" / "bin" / "python")
        session.run(sys.executable, "-m", "virtualenv", "--quiet", str(place / "venv"), external=True)
        session.run(python, "-m", "pip", "install", "-q", "-c", str(CONSTRAINTS), *needed, external=True)
        # There is no Node in this place: the wheel comes of the sdist without one.
        to_wheel = ("wheel", "-q", "--no-deps", "--no-build-isolation", "--wheel-dir", str(ROOT / "dist"))
        session.run(python, "-m", "pip", *to_wheel, str(sdist), external=True)
        (wheel,) = (ROOT / "dist").glob("*.whl")
        session.run(python, "-m", "pip", "install", "-q", "--no-deps", str(wheel), external=True)
        shutil.copytree(ROOT, place / "checkout", ignore=shutil.ignore_patterns(*NOT_TESTED_FROM))
        with session.chdir(place / "checkout"):
            session.run(python, "-c", "import hashpass; assert 'site-packages' in hashpass.__file__", external=True)
            # These need Node or npm's packages, which `tests` has; what they test is in the wheel, built.
            asking_axe = (f"--ignore=tests/browser/test_{name}.py" for name in ("access", "console", "workshop"))
            left_out = ("--ignore=tests/frontend", *asking_axe)
            session.run(python, "-m", "pytest", *left_out, *session.posargs, external=True)


@nox.session
def serve(session: nox.Session) -> None:
    """Start the server from the checkout; what stands after `--` goes to `python -m hashpass serve`."""
    install(session, "front")
    build_pages(session)
    python = Path(session.bin) / "python"
    # The server takes nox's place, so that signals and the exit code are its own.
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(python, [str(python), "-m", "hashpass", "serve", *session.posargs])


@nox.session
def screenshots(session: nox.Session) -> None:
    """Picture the miner's page in every state, and ask axe about each; `-- FOLDER mining won` only these, to there."""
    install(session, "tests", "front")
    install_debian(session, "chromium", *BROWSERS)
    folder, *states = session.posargs or [str(ROOT / ".nox" / "pictures")]
    chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), "")
    page = f"http://localhost:{DEMO_PORT}/static/demo.html"
    npm = (str(Path(session.bin) / "python"), "hatch_build.py", "exec", "--")
    # npm and what it starts are one group: npm alone would leave Vite behind.
    with subprocess.Popen(
        [*npm, "vite", "--port", str(DEMO_PORT), "--strictPort"], cwd=ROOT, start_new_session=True
    ) as vite:
        try:
            wait_for(session, page, vite)
            program = "frontend/tests/view/screenshots.py"
            session.run("python", program, folder, *states, env={"CHROMIUM": chromium, "DEMO": page})
        finally:
            os.killpg(vite.pid, signal.SIGTERM)
    session.log(f"The pictures are in {folder}")


def wait_for(session: nox.Session, url: str, server: subprocess.Popen[bytes]) -> None:
    """Wait for an answer. It may take a minute: npm installs its packages first."""
    deadline = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=10):
            return
        time.sleep(0.2)
    session.error(f"Nothing answers at {url}.")


@nox.session
def bench(session: nox.Session) -> None:
    """Run the named programs of scripts/bench: `-- verifier`; options after the names go to each of them."""
    programs = {path.stem: path for path in sorted((ROOT / "scripts" / "bench").glob("*.py"))}
    names = [arg for arg in session.posargs if arg in programs]
    if not names or session.posargs[: len(names)] != names:
        session.error(f"Name one of: {', '.join(programs) or 'there is no benchmark yet'}.")
    install(session, "tests", "bench")
    for name in names:
        session.run("python", str(programs[name]), *session.posargs[len(names) :])


@nox.session(reuse_venv=False)
def lock(session: nox.Session) -> None:
    """Renew constraints.txt: the newest of everything that pyproject.toml allows."""
    session.install(*requirements(*ALL_GROUPS))
    frozen = session.run("pip", "freeze", "--local", silent=True)
    pins = [line for line in str(frozen).splitlines() if "==" in line]
    head = "# What the sessions of noxfile.py install, exactly. Renewed by `./scripts/nox -s lock`, never by hand."
    CONSTRAINTS.write_text("\n".join([head, *pins, ""]))
    session.log(f"{len(pins)} packages pinned.")
