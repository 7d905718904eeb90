"""The one place where the parts are made and put together, and the one owner of the nursery they live in."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import trio
from attrs import define, evolve, field

from hashpass import __version__, parts, state
from hashpass.addresses import AddressReader
from hashpass.arbiter import Arbiter, Effects
from hashpass.audit import Audit
from hashpass.cap import CapServer
from hashpass.directory import KeyFile, StateFile, replace
from hashpass.domain.codes import derive_code
from hashpass.domain.difficulty import SteadyPolicy, StepPolicy, shown_bits
from hashpass.domain.errors import SessionRevoked, ShutOut
from hashpass.domain.prizes import KEPT, Prizes
from hashpass.domain.race import Race
from hashpass.domain.records import AuditRecord
from hashpass.domain.values import Address
from hashpass.gates.base import Gate, Gatekeeper
from hashpass.gates.turnstile import Turnstile
from hashpass.hub import Hub
from hashpass.identity.mail.outbox import Outbox
from hashpass.lane import Lane
from hashpass.limits import Pace, RateLimit
from hashpass.metrics import Metrics
from hashpass.miners import Miners
from hashpass.server import serve
from hashpass.sessions import EXPIRED, Sessions
from hashpass.settings import Settings
from hashpass.storage.base import Store
from hashpass.strikes import Strikes
from hashpass.supervisor import Run, Supervisor
from hashpass.trace import TraceCheck, TraceSigner
from hashpass.verifier import Verifier
from hashpass.web import docs, pages, security
from hashpass.web.cap import CapApi
from hashpass.web.entrance import Entrance
from hashpass.web.errors import PROBLEM_JSON, Application, bare_problem
from hashpass.web.generators import GeneratorsApi
from hashpass.web.late_upgrade import add_late_upgrades
from hashpass.web.login import LoginApi
from hashpass.web.public import PublicApi
from hashpass.web.security import Csp
from hashpass.web.socket import Room
from hashpass.webhooks import Webhooks

log = logging.getLogger("hashpass.app")

OPENINGS_PER_MINUTE = 30
LINKS_PER_MINUTE = 10
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
            "state": self.keeper.run,
            "webhooks": self.webhooks.run,
            "verifier": self.verifier.run,
            "hub": self.hub.run,
            "sessions": self.sessions.run,
            "hashrate": self.miners.run,
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
        well = self.supervisor.healthy and not self.audit.degraded and self.keeper.saved
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
        await self.webhooks.close()
        if self.outbox is not None:
            await self.outbox.close()
        await self.store.aclose()
        if isinstance(self.gate, Turnstile):
            await self.gate.aclose()


async def build(
    settings: Settings,
    *,
    wall: Callable[[], float] = time.time,
    new_seed: Callable[[], str] = lambda: secrets.token_hex(32),
    verifier: Verifier | None = None,
) -> House:
    """Make every part from the settings and from what the data directory holds. The directory's lock is the caller's.

    Everything that can be wrong with a file is found here, before the first socket is open.
    """
    directory = settings.data_dir
    keys = KeyFile(directory / "keys.json", code_secret=settings.hmac_secret).load()
    state_path = directory / "state.json"
    state_file = StateFile(state_path)
    saved = state_file.load() if state_path.exists() else None
    restored = state.restore(saved, parts.rules_of(settings), settings.difficulty)
    audit = await Audit.open(directory, keys.audit, retention_days=settings.retention_days, wall=wall)
    prizes = Prizes()
    for record in await audit.recent(KEPT):
        prizes.remember(record.prize, wall())
    keeper = state.StateKeeper(state_file.save)
    webhooks = Webhooks(
        settings.webhook_url or "",
        settings.webhook_token or "",
        settings.webhook_secret or "",
        load=lambda: parts.read_file(directory / "webhooks.json"),
        save=lambda data: replace(directory / "webhooks.json", data),
        wall=wall,
    )
    store = await parts.open_store(settings, wall)
    try:
        bans = await parts.load_bans(settings, store)
    except BaseException:
        await store.aclose()
        raise

    counters = Metrics(__version__)
    supervisor = Supervisor(on_crash=counters.task_crashed)
    sessions = Sessions(store, settings.ip_binding, wall=wall)
    strikes = Strikes()
    captchas = CapServer(
        settings.cap_secret or keys.cap.hex(),
        settings.cap_count,
        settings.cap_size,
        settings.cap_difficulty,
        settings.cap_challenge_expiry * 1000,
        settings.cap_token_expiry * 1000,
        challenge_format=settings.cap_format,
        store=store,
        # A store in memory has forgotten which earlier ones were used.
        accept_from=wall() if settings.store_path is None else 0.0,
        clock=wall,
    )
    gate = parts.gate_of(settings, captchas)
    entrance = Entrance(
        bans=bans,
        sessions=sessions,
        strikes=strikes,
        gatekeeper=Gatekeeper(gate, store),
        openings=RateLimit(OPENINGS_PER_MINUTE, 60.0),
        count_gate=counters.gate_answered,
    )

    verifier = verifier or Verifier(threads=settings.verify_threads, on_hash=counters.hash_verified)
    hub = Hub(limit_per_key=settings.connections_per_ip)
    effects = Effects(
        code_for=lambda proof: (
            derive_code(keys.code.secret, proof.visitor_id, proof.nonce, proof.seed, prefix=settings.code_prefix),
            keys.code.id,
        ),
        record=lambda award: audit.append(AuditRecord.of(award)),
        save=lambda race, rules: keeper.save(evolve(restored, race=race, rules=rules)),
        publish=hub.publish,
        tell=lambda session, message: room.tell(session, message),  # noqa: PLW0108 - there is no room yet
        notify=lambda award: webhooks.put(
            {
                "visitor_id": award.proof.visitor_id,
                "invite_code": award.invite_code,
                "audit_head": audit.newest_hash,
            }
        ),
        strike=lambda session, address: _strike(session, address, strikes, sessions, arbiter),
        prove=strikes.proved,
        count_round=counters.round_ended,
        has_room=lambda: not audit.full,
    )
    policy = SteadyPolicy() if settings.difficulty_policy == "steady" else StepPolicy()
    race = Race(restored.rules, policy, restored.race)
    arbiter = Arbiter(race, verifier, prizes, effects, new_seed=new_seed, wall=wall)
    miners = Miners(
        lambda message: hub.publish(message, topic="NETWORK_HASHRATE"),
        settings.hashrate_interval,
        wall=wall,
        max_nonce_speed=lambda: arbiter.rules.max_nonce_speed,
    )
    addresses = AddressReader(settings.trusted_proxies, settings.ip_header)
    origins = (*settings.cors_origins, *([settings.public_url] if settings.public_url else []))
    room = Room(hub, addresses, entrance, arbiter, miners, origins, settings.ua_filter)
    lane = Lane({"/api/ws": room.door})

    def end_session(digest: str, reason: str) -> None:
        room.show_out(digest, reason)
        strikes.forget(digest)
        if reason != EXPIRED:
            arbiter.void(lambda session, _: SessionRevoked() if session == digest else None)

    sessions.on_ended.append(end_session)

    signer = TraceSigner(keys.trace, wall=wall)
    app = Application("hashpass", static_folder=None)
    built = Path(__file__).parent / "static"
    csp = pages.policy(built) + Csp(script_src=gate.csp.script, frame_src=gate.csp.frame)
    workshop = parts.workshop_of(settings, store, lambda: parts.origins_of(settings, house.addresses), wall)
    house = House(
        settings=settings,
        app=app,
        lane=lane,
        hub=hub,
        room=room,
        supervisor=supervisor,
        arbiter=arbiter,
        verifier=verifier,
        sessions=sessions,
        miners=miners,
        audit=audit,
        webhooks=webhooks,
        keeper=keeper,
        store=store,
        gate=gate,
        csp=csp,
        outbox=None if workshop is None else workshop.outbox,
    )
    PublicApi(
        addresses=addresses,
        entrance=entrance,
        arbiter=arbiter,
        prizes=prizes,
        signer=signer,
        traces=TraceCheck(
            signer,
            mode=settings.trace,
            binding=settings.ip_binding,
            target_timeout=lambda: arbiter.rules.target_timeout,
        ),
        gate=gate,
        metrics=counters,
        metrics_token=settings.metrics_token,
        filter_agents=settings.ua_filter,
        pace=Pace(),
        health=house.health,
        wall=wall,
    ).install(app)
    CapApi(captchas, settings.cap_site_secret, addresses, bans, counters.captcha).install(app)
    app.register_blueprint(docs.blueprint(__version__, settings.public_url))
    pages.install(app, built)
    add_late_upgrades(app, lane)
    cap_origins = (*settings.cors_origins, *settings.cap_origins)
    security.install(app, csp, {"/api/": settings.cors_origins, "/api/cap/": cap_origins, "/static/cap/": cap_origins})
    if workshop is not None:
        login = LoginApi(
            workshop.sign_in,
            workshop.users,
            addresses,
            bans,
            RateLimit(LINKS_PER_MINUTE, 60.0),
            settings.admin_token or secrets.token_urlsafe(32),
            dev=settings.login_dev,
            ip_header=settings.ip_header,
        )
        login.install(app)
        GeneratorsApi(login.require_user, wall).install(app)
    house.watch(counters)
    return house


async def _strike(session: str, address: Address, strikes: Strikes, sessions: Sessions, arbiter: Arbiter) -> None:
    """What a lie costs: in the end the session, and in the end the address."""
    verdict = strikes.strike(session, address)
    if verdict.revoke:
        await sessions.revoke(session, "three false answers")
    if verdict.shut_out:
        log.warning("an address was shut out for ten minutes")

        def shut_out(other: str, where: Address) -> ShutOut | None:
            left = strikes.shut_out(other, where)
            return None if left is None else ShutOut(retry_after=left)

        arbiter.void(shut_out)
