"""Listening sockets, from the text an operator writes: `host:port` or `unix:path`."""

from __future__ import annotations

import errno
import os
import socket as stdlib_socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import trio

BACKLOG = 2048


async def listen(bind: str, stack: ExitStack) -> list[stdlib_socket.socket]:
    """The listening sockets of one bind; closed, and a Unix socket's file removed, with the stack."""
    if bind.startswith("unix:"):
        return [stack.enter_context(_unix_socket(Path(bind.removeprefix("unix:"))))]
    host, _, port = bind.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"{bind!r} is neither host:port nor unix:path.")
    found = await trio.socket.getaddrinfo(
        host.strip("[]"), int(port), type=stdlib_socket.SOCK_STREAM, flags=stdlib_socket.AI_PASSIVE
    )
    sockets = []
    for family, kind, protocol, _, address in dict.fromkeys(found):
        sock = stack.enter_context(stdlib_socket.socket(family, kind, protocol))
        sock.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sockets.append(sock)
    return sockets


@contextmanager
def _unix_socket(path: Path) -> Iterator[stdlib_socket.socket]:
    """Listen at `path`, in place of a file that a dead server left there but not of a living one."""
    with stdlib_socket.socket(stdlib_socket.AF_UNIX, stdlib_socket.SOCK_STREAM) as sock:
        if path.is_socket():
            if _answers(path):
                raise OSError(errno.EADDRINUSE, "Another server is listening there", str(path))
            path.unlink()
        sock.bind(str(path))
        mine = path.stat()
        try:
            path.chmod(0o660)  # whoever may write to it may say who is asking
            sock.listen(BACKLOG)
            yield sock
        finally:
            with suppress(FileNotFoundError):
                if os.path.samestat(path.stat(), mine):
                    path.unlink()


def _answers(path: Path) -> bool:
    with stdlib_socket.socket(stdlib_socket.AF_UNIX, stdlib_socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(str(path)) == 0


def address_of(sock: stdlib_socket.socket) -> str:
    name = sock.getsockname()
    if sock.family == stdlib_socket.AF_UNIX:
        return f"unix:{name}"
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
