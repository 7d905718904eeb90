"""The rules that keep this a house. Each is read off the source, so a new file is held to them from its first day."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import hashpass

ROOT = Path(hashpass.__file__).parent
FILES = sorted(path for path in ROOT.rglob("*.py"))
TREES = {path.relative_to(ROOT).with_suffix("").as_posix(): ast.parse(path.read_text()) for path in FILES}

LEAVES = {"addresses", "argon", "directory", "frames", "journal", "listening", "lane", "logfile", "sockets"}
"""Libraries that services may build on: each is one idea, and none of them knows a service."""
DOORS = {
    "app",
    "house",
    "office",
    "parts",
    "cli",
    "__main__",
    "testing",
    "mine",
    "gate_pass",
    "audit_command",
    "codes_command",
}
"""Who stands outside the rooms: the composition, the command line, the client, the promises to testers."""


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages(name: str) -> set[str]:
    """The first part of everything that a module imports."""
    return {module.split(".")[0] for module in imports(TREES[name])}


def ours(name: str) -> set[str]:
    """Our own modules that a module imports, as paths below the package."""
    found = {module.removeprefix("hashpass.").replace(".", "/") for module in imports(TREES[name])}
    return found & TREES.keys()


def services() -> list[str]:
    """Every module at the top that is neither a leaf nor a door, and the rooms in folders of their own."""
    return [
        name
        for name in TREES
        if not name.startswith(("domain/", "web/", "cap/", "generators/"))
        and name.split("/")[-1] not in {"__init__", "base"}
        and name not in LEAVES | DOORS | {"settings", "settings_text", "fitness", "server", "connection"}
    ]


@pytest.mark.parametrize("name", [name for name in TREES if name.startswith("domain/")])
def test_the_courtyard_is_pure(name: str) -> None:
    allowed = {"hashpass", "attrs", "__future__"}
    forbidden = {"trio", "time", "secrets", "random", "os", "quart", "hypercorn", "httpx", "logging", "threading"}
    assert not packages(name) & forbidden
    assert all(module.startswith("domain/") for module in ours(name) if module != "__init__")
    assert not any(
        isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith)
        for node in ast.walk(TREES[name])
    )
    foreign = packages(name) - allowed
    assert foreign <= set(__import__("sys").stdlib_module_names), foreign


@pytest.mark.parametrize("name", [name for name in TREES if name.startswith(("cap/", "generators/"))])
def test_a_library_can_be_used_without_the_house(name: str) -> None:
    own = name.split("/", maxsplit=1)[0]
    allowed = {"storage/base", "domain/errors", "domain/codes", "__init__"}
    assert {module for module in ours(name) if not module.startswith(own)} <= allowed
    assert not packages(name) & {"trio", "quart", "quart_trio", "hypercorn", "argon2", "httpx"}


@pytest.mark.parametrize("name", services())
def test_a_service_knows_neither_the_street_nor_another_service(name: str) -> None:
    assert not packages(name) & {"quart", "quart_trio", "hypercorn"}
    others = {module for module in ours(name) if not module.startswith("domain/") and module != "__init__"}
    family = {module for module in others if module.split("/")[0] == name.split("/", maxsplit=1)[0] and "/" in name}
    libraries = {module for module in others if module.split("/")[0] in {"cap", "generators"}}
    assert others - family - libraries <= LEAVES | {"storage/base", "gates/base"}, others


@pytest.mark.parametrize(
    ("package", "homes"),
    [
        ("hypercorn", {"server", "connection"}),
        ("quart", {"web"}),
        ("quart_trio", {"web"}),
        ("httpx", {"gates/turnstile", "webhooks", "mine", "gate_pass", "identity"}),
        ("dotenv", {"settings"}),
        ("prometheus_client", {"metrics"}),
        ("argon2", {"argon"}),
        ("trio_websocket", {"mine"}),
        ("django", {"cap"}),
        ("mnemonic", {"generators"}),
        ("jwt", {"identity", "receipts"}),
        ("cryptography", {"receipts"}),
    ],
)
def test_a_foreign_library_lives_in_one_place(package: str, homes: set[str]) -> None:
    users = {name for name in TREES if package in packages(name)}
    assert users, f"nobody uses {package} any more"
    assert {name for name in users if name not in homes and name.split("/")[0] not in homes} == set()


def test_only_the_composition_and_the_command_line_see_the_settings() -> None:
    readers = {"app", "house", "office", "parts", "cli", "fitness"}
    assert {name for name in TREES if "settings" in ours(name)} == readers


def test_the_environment_is_read_in_one_place() -> None:
    readers = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    }
    assert readers == {"cli"}


def test_nothing_imports_the_composition_but_the_command_line() -> None:
    assert {name for name in TREES if "app" in ours(name)} == {"cli"}
    assert {name for name in TREES if "cli" in ours(name)} == {"__main__"}


def test_no_module_keeps_state_that_can_change() -> None:
    """A list, dictionary or set at module level is somebody's hidden memory, unless its name says constant."""
    makers = {"list", "dict", "set", "defaultdict", "deque", "OrderedDict", "Counter", "Event", "Lock"}
    found = []
    for name, tree in TREES.items():
        for node in tree.body:
            if not isinstance(node, ast.Assign | ast.AnnAssign):
                continue
            value = node.value
            mutable = isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp) or (
                isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in makers
            )
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if mutable and isinstance(target, ast.Name) and not target.id.isupper() and target.id != "__all__":
                found.append(f"{name}: {target.id}")
    assert found == []
    assert [name for name, tree in TREES.items() if any(isinstance(node, ast.Global) for node in ast.walk(tree))] == []


def test_tasks_are_started_in_few_named_places() -> None:
    starters = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"start_soon", "open_nursery"}
    }
    assert starters <= {
        "house",  # the services
        "audit",  # the eraser
        "arbiter/service",  # one judge a ticket, owned by the race; two records at once
        "arbiter/consolations",  # one search a time-out
        "cli",  # the signals
        "hub",  # broadcaster and pinger
        "lane",  # a flusher for a congested socket
        "mine",  # the client's own
        "rounds",  # its journal
        "web/admin_socket",  # what an operator hears while it is listened to
        "connection",  # Hypercorn's streams
        "server",  # connections
        "supervisor",
        "webhooks",  # bounded deliveries
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_names_say_what_a_file_is(path: Path) -> None:
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "core", "manager", "misc"}
