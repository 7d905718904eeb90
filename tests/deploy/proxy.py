"""A real nginx with the shipped configuration: its own ports, certificate and folder, before whatever a test has."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket as stdlib_socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import trio
import trustme
from attrs import field, frozen

from tests.house import BROWSER
from tests.wire.peers import Peer

DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = "race.example"
# Debian keeps it where only root's PATH leads. Where it is missing, starting it says so.
PROGRAM = (
    shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin") or "nginx",
    *("-c", "main.conf", "-p"),
)
IS_LISTENING = "start worker process"
IS_LEAVING = "gracefully shutting down"


def has_ipv6() -> bool:
    try:
        with stdlib_socket.socket(stdlib_socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    probes = [stdlib_socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@frozen(eq=False)
class Nginx:
    """One that runs, and clients for it."""

    folder: Path
    http_port: int
    https_port: int
    authority: trustme.CA
    process: trio.Process
    _clients: list[httpx.AsyncClient] = field(factory=list)
    _streams: list[trio.abc.Stream] = field(factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.https_port}"

    def trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        return context

    def client(self, source: str = "127.0.0.1", *, http2: bool = False) -> httpx.AsyncClient:
        """A client that comes from an address of its own. It is closed with nginx, if not before."""
        transport = httpx.AsyncHTTPTransport(verify=self.trust(), local_address=source, http2=http2)
        client = httpx.AsyncClient(
            transport=transport, base_url=self.url, headers={"User-Agent": BROWSER}, timeout=30, trust_env=False
        )
        self._clients.append(client)
        return client

    async def connect(self, source: str = "127.0.0.1") -> Peer:
        """A connection in TLS, to speak over byte by byte."""
        sock = trio.socket.socket()
        plain = trio.SocketStream(sock)
        self._streams.append(plain)
        await sock.bind((source, 0))
        await sock.connect(("127.0.0.1", self.https_port))
        return Peer(trio.SSLStream(plain, self.trust(), server_hostname="localhost", https_compatible=True))

    async def close(self) -> None:
        """End it, and everything that was connected to it."""
        for stream in self._streams:
            await trio.aclose_forcefully(stream)
        for client in self._clients:
            await client.aclose()
        # The master is given no time to be polite, and its worker leaves with its group.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    def said(self, text: str) -> int:
        """How often it has said so in its own log."""
        return (self.folder / "main.log").read_text().count(text)

    async def says(self, text: str, times: int) -> None:
        """Wait until it has said so that many times."""
        while self.said(text) < times:
            assert self.process.poll() is None, self.written()
            await trio.sleep(0.01)

    def written(self) -> str:
        """All that stands in any of its logs."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    async def reload(self) -> None:
        """`nginx -s reload`, and wait until the old worker has heard of it and a new one has started."""
        old, new = self.said(IS_LEAVING), self.said(IS_LISTENING)
        await trio.run_process([*PROGRAM, str(self.folder), "-s", "reload"])
        await self.says(IS_LEAVING, old + 1)
        await self.says(IS_LISTENING, new + 1)


def configuration(upstream: str, folder: Path, http_port: int, https_port: int, *, cloudflare: bool) -> str:
    """The shipped file. Ports, paths and the place of HashPass are ours; the rest is as an operator gets it."""
    text = (DEPLOY / "nginx.conf").read_text()
    own = "[::1]:" if has_ipv6() else None
    exchanges = [
        (r"^    server 127\.0\.0\.1:8000;", f"    server {upstream};", 2),
        (r"listen 80;", f"listen 127.0.0.1:{http_port};", 1),
        (r"listen 443 ", f"listen 127.0.0.1:{https_port} ", 1),
        (r"listen \[::\]:80;", f"listen {own}{http_port};" if own else "", 1),
        (r"listen \[::\]:443 .*;", f"listen {own}{https_port} ssl http2;" if own else "", 1),
        (r"/etc/letsencrypt/live/race\.example", str(folder), 2),
        (r"/var/log/nginx/access\.log", str(folder / "access.log"), 2),
        (r"/var/cache/nginx-hashpass", str(folder / "cache"), 1),
        (r"/var/www/html", str(folder / "html"), 2),
    ]
    if cloudflare:
        exchanges.append((r"# include hashpass/cloudflare\.conf;", f"include {folder}/cloudflare.conf;", 1))
    for pattern, replacement, times in exchanges:
        text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
        assert count == times, pattern
    return text


def main_configuration(folder: Path) -> str:
    user = "user root;\n" if os.geteuid() == 0 else ""
    paths = "".join(
        f"    {module}_temp_path {folder}/{module};\n"
        for module in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/main.log notice;\n"
        "worker_processes 1;\nworker_shutdown_timeout 1h;\nevents {\n    worker_connections 512;\n}\n"
        f"http {{\n{paths}    access_log off;\n    include {folder}/hashpass.conf;\n}}\n"
    )


def prepare(folder: Path, upstream: str, cloudflare_from: str | None) -> tuple[int, int, trustme.CA]:
    """Write all that one needs into a folder of its own; its two ports, and who signed its certificate."""
    folder.mkdir()
    authority = trustme.CA()
    certificate = authority.issue_cert(NAME, "localhost", "127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "privkey.pem")
    for index, pem in enumerate(certificate.cert_chain_pems):
        pem.write_to_path(folder / "fullchain.pem", append=index > 0)
    authority.cert_pem.write_to_path(folder / "authority.pem")
    (folder / "main.conf").write_text(main_configuration(folder))
    (folder / "main.log").touch()
    if cloudflare_from is not None:
        shipped = (DEPLOY / "cloudflare.conf").read_text()
        (folder / "cloudflare.conf").write_text(f"set_real_ip_from {cloudflare_from};\n{shipped}")
    http_port, https_port = free_ports(2)
    text = configuration(upstream, folder, http_port, https_port, cloudflare=cloudflare_from is not None)
    (folder / "hashpass.conf").write_text(text)
    return http_port, https_port, authority


@asynccontextmanager
async def nginx(folder: Path, upstream: str, *, cloudflare_from: str | None = None) -> AsyncIterator[Nginx]:
    """Run one until the block ends. `cloudflare_from` is a network to be taken for one of Cloudflare's as well."""
    http_port, https_port, authority = prepare(folder, upstream, cloudflare_from)
    process = await trio.lowlevel.open_process([*PROGRAM, str(folder)], start_new_session=True)
    running = Nginx(folder, http_port, https_port, authority, process)
    try:
        with trio.fail_after(20):
            await running.says(IS_LISTENING, 1)
        yield running
    finally:
        with trio.move_on_after(5, shield=True):
            await running.close()
