"""The one place where the parts are made and put together."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve

from hashpass import __version__, parts, state
from hashpass.addresses import AddressReader
from hashpass.arbiter import Arbiter, Effects
from hashpass.archive import Archive
from hashpass.audit import Audit
from hashpass.cap import CapServer
from hashpass.directory import DirectoryError, KeyFile, KeyRing, StateFile, replace
from hashpass.domain.difficulty import SteadyPolicy, StepPolicy
from hashpass.domain.drop import Win
from hashpass.domain.errors import NotReady, SessionRevoked, ShutOut, StoreFull, StoreUnavailable
from hashpass.domain.prizes import KEPT, Prize, Prizes
from hashpass.domain.race import Race
from hashpass.domain.records import AuditRecord
from hashpass.domain.values import Address
from hashpass.figures import Figures
from hashpass.gates.base import Gatekeeper
from hashpass.house import House
from hashpass.hub import Hub
from hashpass.invites import Invites
from hashpass.journal import JournalClosed, JournalFull
from hashpass.lane import Lane
from hashpass.limits import Pace, RateLimit
from hashpass.metrics import Metrics
from hashpass.miners import Miners
from hashpass.office import open_office
from hashpass.receipts import Receipts
from hashpass.redemptions import open_redemptions
from hashpass.rounds import Rounds
from hashpass.sessions import EXPIRED, Sessions
from hashpass.settings import Settings
from hashpass.strikes import Strikes
from hashpass.supervisor import Supervisor
from hashpass.trace import TraceCheck, TraceSigner
from hashpass.trail import open_trail
from hashpass.verifier import Verifier
from hashpass.web import docs, pages, security, wellknown
from hashpass.web.cap import CapApi
from hashpass.web.entrance import Entrance
from hashpass.web.errors import Application
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


async def build(
    settings: Settings,
    *,
    wall: Callable[[], float] = time.time,
    verifier: Verifier | None = None,
) -> House:
    """Make every part from the settings and from what the data directory holds. The directory's lock is the caller's.

    Everything that can be wrong with a file is found here, before the first socket is open.
    """
    directory = settings.data_dir
    key_file = KeyFile(directory / "keys.json", code_secret=settings.hmac_secret)
    keys = key_file.load()
    ring = KeyRing(key_file, keys)
    state_path = directory / "state.json"
    state_file = StateFile(state_path)
    saved = state_file.load() if state_path.exists() else None
    restored = state.restore(saved, parts.rules_of(settings), settings.difficulty, parts.drop_of(settings))
    audit = await Audit.open(directory, keys.audit, retention_days=settings.retention_days, wall=wall)
    rounds = await Rounds.open(directory, keys.audit, wall=wall)
    restored, seeds = await parts.resume(restored, rounds, audit, keys.rounds, wall())
    drop = await parts.resume_drop(restored, audit, is_lost=saved is None)
    trail = await open_trail(directory, keys.audit, wall=wall)
    prizes = Prizes()
    recent = await audit.recent(KEPT)
    for record in recent:
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
        redemptions = await open_redemptions(directory, None if settings.store_path is None else store)
    except BaseException:
        await store.aclose()
        raise

    archive = Archive(audit.journal, directory, wall=wall)
    invites = Invites(
        ring,
        redemptions,
        archive.find_code,
        prefix=settings.code_prefix,
        style=settings.code_style,
        language=settings.code_language,
        ttl=settings.code_ttl,
        wall=wall,
    )
    receipts = Receipts(ring, issuer=settings.public_url or "hashpass")

    def sign(prize: Prize) -> str:
        return receipts.sign(prize.invite_code, prize.round, prize.won_at)

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

    def publish(message: dict[str, Any]) -> None:
        if message.get("reason") == "solved":
            figures.note_solve(message["solve_time"])
        hub.publish(message)

    effects = Effects(
        code_for=invites.make,
        record=lambda award: _record(audit, AuditRecord.of(award, invites.style)),
        record_round=rounds.append,
        save=lambda race, rules, drop: keeper.save(
            evolve(restored, race=race, rules=rules, drop=drop.rules, drop_since=drop.since)
        ),
        publish=publish,
        tell=lambda session, message: room.tell(session, message),  # noqa: PLW0108 - there is no room yet
        notify=lambda award: webhooks.put(
            {
                "visitor_id": award.proof.visitor_id,
                "invite_code": award.invite_code,
                "receipt": sign(award.prize),
                "audit_head": audit.newest_hash,
            }
        ),
        strike=lambda session, address: _strike(session, address, strikes, sessions, arbiter),
        prove=strikes.proved,
        count_round=counters.round_ended,
        has_room=lambda: not audit.full,
        issued=lambda: audit.count,
        recall=lambda first, end: _recall(audit, first, end),
    )
    policy = SteadyPolicy() if settings.difficulty_policy == "steady" else StepPolicy()
    race = Race(restored.rules, policy, restored.race)
    arbiter = Arbiter(race, verifier, prizes, effects, seeds=seeds, drop=drop, wall=wall)
    miners = Miners(
        lambda message: hub.publish(message, topic="NETWORK_HASHRATE"),
        settings.hashrate_interval,
        wall=wall,
        max_nonce_speed=lambda: arbiter.rules.max_nonce_speed,
    )
    figures = Figures(lambda: miners.total, wall=wall)
    for record in recent:
        if record.reason == "solved":
            figures.note_solve(record.solve_time, record.prize.won_at)
    addresses = AddressReader(settings.trusted_proxies, settings.ip_header)
    origins = (*settings.cors_origins, *([settings.public_url] if settings.public_url else []))
    room = Room(hub, addresses, entrance, arbiter, miners, origins, settings.ua_filter)
    office = open_office(
        settings,
        token=settings.admin_token or secrets.token_urlsafe(32),
        journal=trail,
        room=room,
        arbiter=arbiter,
        miners=miners,
        webhooks=webhooks,
        verifier=verifier,
        archive=archive,
        invites=invites,
        receipts=receipts,
        figures=figures,
        health=lambda: house.health(),  # noqa: PLW0108 - there is no house yet
        wall=wall,
    )
    lane = Lane({"/api/ws": room.door, "/api/admin/ws": office.room.door})

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
        rounds=rounds,
        trail=trail,
        figures=figures,
        office=office,
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
        sign=sign,
        generators=settings.generators,
        wall=wall,
    ).install(app)
    office.install(app)
    CapApi(captchas, settings.cap_site_secret, addresses, bans, counters.captcha).install(app)
    app.register_blueprint(docs.blueprint(__version__, settings.public_url))
    wellknown.WellKnown(receipts).install(app)
    pages.install(app, built, workshop=workshop is not None)
    add_late_upgrades(app, lane)
    cap_origins = (*settings.cors_origins, *settings.cap_origins)
    shared_with = {
        "/api/": settings.cors_origins,
        "/api/admin/": (),
        "/api/cap/": cap_origins,
        "/static/cap/": cap_origins,
    }
    security.install(app, csp, shared_with)
    if workshop is not None:
        login = LoginApi(
            workshop.sign_in,
            workshop.users,
            addresses,
            bans,
            RateLimit(LINKS_PER_MINUTE, 60.0),
            office.api.entrance,
            dev=settings.login_dev,
            ip_header=settings.ip_header,
        )
        login.install(app)
        GeneratorsApi(login.require_user, wall).install(app)
    house.watch(counters)
    return house


async def _record(audit: Audit, record: AuditRecord) -> None:
    try:
        await audit.append(record)
    except (JournalFull, JournalClosed):
        raise NotReady(retry_after=1) from None


async def _recall(audit: Audit, first: int, end: int) -> list[Win]:
    try:
        return await audit.wins(first, end)
    except (OSError, DirectoryError) as error:
        raise StoreUnavailable("The log of codes cannot be read. See to the disk.") from error


async def _strike(session: str, address: Address, strikes: Strikes, sessions: Sessions, arbiter: Arbiter) -> None:
    """What a lie costs: in the end the session, and in the end the address."""
    verdict = strikes.strike(session, address)
    if verdict.revoke:
        try:
            await sessions.revoke(session, "three false answers")
        except (StoreFull, StoreUnavailable):
            log.exception("a liar's session could not be ended; its next lie will try again")
    if verdict.shut_out:
        log.warning("an address was shut out for ten minutes")

        def shut_out(other: str, where: Address) -> ShutOut | None:
            left = strikes.shut_out(other, where)
            return None if left is None else ShutOut(retry_after=left)

        arbiter.void(shut_out)
