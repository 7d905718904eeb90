"""A server that has been built: how it opens, how it is, and how it closes. It owns the nursery its parts live in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import trio
from attrs import define, field

from hashpass import __version__, state
from hashpass.arbiter import Arbiter
from hashpass.audit import Audit
from hashpass.domain.difficulty import shown_bits
from hashpass.figures import Figures
from hashpass.gates.base import Gate
from hashpass.gates.turnstile import Turnstile
from hashpass.hub import Hub
from hashpass.identity.mail.outbox import Outbox
from hashpass.journal import Journal
from hashpass.lane import Lane
from hashpass.metrics import Metrics
from hashpass.miners import Miners
from hashpass.office import Office
from hashpass.rounds import Rounds
from hashpass.server import serve
from hashpass.sessions import Sessions
from hashpass.settings import Settings
from hashpass.storage.base import Store
from hashpass.supervisor import Run, Supervisor
from hashpass.verifier import Verifier
from hashpass.web import security
from hashpass.web.errors import PROBLEM_JSON, Application, bare_problem
from hashpass.web.security import Csp
from hashpass.web.socket import Room
from hashpass.webhooks import Webhooks

DRAIN = 10.0


@define(eq=False)
class House:
    """A server, built and not yet open. Two of these share nothing."""

    settings: Settings
    app: Application
    lane: Lane
    hub: Hub
    room: Room
    supervisor: Supervisor
    arbiter: Arbiter
    verifier: Verifier
    sessions: Sessions
    miners: Miners
    audit: Audit
    rounds: Rounds
    trail: Journal
    """What operators did."""
    figures: Figures
    office: Office
    webhooks: Webhooks
    keeper: state.StateKeeper
    store: Store
    gate: Gate
    csp: Csp
    outbox: Outbox | None = None
    addresses: list[str] = field(factory=list)
    """Where it listens, once it does."""
    opened_at: float = field(factory=trio.current_time)

    @property
    def tasks(self) -> dict[str, Run]:
        """What lives as long as the server, in the order in which it is started; what comes first ends last."""
        mail = {} if self.outbox is None else {"mail": self.outbox.run}
        return {
            "audit": self.audit.run,
            "trail": self.trail.run,
            "state": self.keeper.run,
            "webhooks": self.webhooks.run,
            "verifier": self.verifier.run,
            "hub": self.hub.run,
            "consoles": self.office.room.run,
            "sessions": self.sessions.run,
            "hashrate": self.miners.run,
            "figures": self.figures.run,
            "rounds": self.rounds.run,
            "race": self.arbiter.run,
            **mail,
        }

    async def run(  # noqa: ASYNC128 - serve() reports
        self, closing: trio.Event, *, task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Open, report the addresses, serve until `closing` is set, and leave nothing undone that was promised."""
        async with trio.open_nursery() as services:
            for name, run in self.tasks.items():
                await self.supervisor.start(services, name, run)
            settings = self.settings
            edge = partial(
                serve,
                self.app,
                binds=settings.binds,
                lane=self.lane,
                closing=closing,
                refusal=self.refuse,
                tls=None if settings.tls_cert is None else (str(settings.tls_cert), str(settings.tls_key)),
            )
            async with trio.open_nursery() as front:
                self.addresses = await front.start(edge)
                task_status.started(self.addresses)
            await self._close()
            services.cancel_scope.cancel()

    def refuse(self, status: int) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """An answer that is given before the app is asked looks like all the others."""
        headers = {"Content-Type": PROBLEM_JSON, **security.headers(self.csp)}
        return [(name.lower().encode(), value.encode()) for name, value in headers.items()], bare_problem(status)

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether all is well, and what /api/health says."""
        well = (
            self.supervisor.healthy
            and not any(log.degraded for log in (self.audit, self.rounds, self.trail))
            and self.keeper.saved
        )
        puzzle = self.arbiter.puzzle
        return well, {
            "status": "ok" if well else "degraded",
            "current_seed": None if puzzle is None else f"{puzzle.seed[:8]}...",
            "version": __version__,
            "uptime": round(trio.current_time() - self.opened_at, 3),
            "tasks": {
                name: {"state": task.state, "crashes": task.crashes} for name, task in self.supervisor.states().items()
            },
        }

    def watch(self, counters: Metrics) -> None:
        """Show what can be read at any moment as gauges."""
        gauges: dict[str, Callable[[], float]] = {
            "connections": lambda: self.hub.count,
            "miners": lambda: self.miners.active,
            "network_hash_rate": lambda: self.miners.total,
            "difficulty_bits": lambda: shown_bits(self.arbiter.target),
            "sessions": lambda: self.sessions.count,
            "verify_queue": lambda: self.verifier.statistics().waiting,
            "webhooks_pending": lambda: self.webhooks.pending,
            "webhooks_failed": lambda: self.webhooks.failed,
            "audit_pending": lambda: self.audit.pending,
            "degraded": lambda: not self.health()[0],
        }
        for name, read in gauges.items():
            counters.watch(name, read)

    async def _close(self) -> None:
        """The edge is gone. What it left behind is finished in the order in which it was promised."""
        await self.arbiter.drain(DRAIN)
        self.verifier.close()
        await self.audit.close()
        await self.trail.close()
        await self.rounds.close()
        await self.webhooks.close()
        if self.outbox is not None:
            await self.outbox.close()
        await self.store.aclose()
        if isinstance(self.gate, Turnstile):
            await self.gate.aclose()
