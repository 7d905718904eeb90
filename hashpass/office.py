"""The operator's side, put together: his API, his socket, and the record of what he did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from hashpass.applogs import AppLogs
from hashpass.arbiter import Arbiter
from hashpass.archive import Archive
from hashpass.figures import Figures
from hashpass.invites import Invites
from hashpass.journal import Journal
from hashpass.lockout import Lockout
from hashpass.miners import Miners
from hashpass.receipts import Receipts
from hashpass.settings import Settings
from hashpass.tickets import Tickets
from hashpass.trail import Trail
from hashpass.trial import Trial, free_memory
from hashpass.verifier import Verifier
from hashpass.web.admin import AdminApi
from hashpass.web.admin_codes import AdminCodes
from hashpass.web.admin_entrance import AdminEntrance
from hashpass.web.admin_records import AdminRecords
from hashpass.web.admin_socket import AdminRoom
from hashpass.web.admin_status import AdminStatus
from hashpass.web.errors import Application
from hashpass.web.socket import Room
from hashpass.webhooks import Webhooks


@frozen
class Office:
    room: AdminRoom
    api: AdminApi
    records: AdminRecords
    codes: AdminCodes

    def install(self, app: Application) -> None:
        self.api.install(app, self.records.add_to, self.codes.add_to)


def open_office(
    settings: Settings,
    *,
    token: str,
    journal: Journal,
    room: Room,
    arbiter: Arbiter,
    miners: Miners,
    webhooks: Webhooks,
    verifier: Verifier,
    archive: Archive,
    invites: Invites,
    receipts: Receipts,
    figures: Figures,
    health: Callable[[], tuple[bool, dict[str, Any]]],
    wall: Callable[[], float],
) -> Office:
    public = room.entrance
    entrance = AdminEntrance(room.addresses, token, Lockout(), Tickets(), Trail(journal, wall=wall))
    status = AdminStatus(
        arbiter,
        miners,
        public.sessions,
        public.bans,
        webhooks,
        figures,
        lambda: room.hub.count,
        health,
        settings.difficulty_policy,
    )

    def free() -> int | None:
        left = free_memory()
        return None if left is None else left + verifier.statistics().memory

    return Office(
        room=AdminRoom(entrance, status, [settings.public_url] if settings.public_url else []),
        api=AdminApi(
            entrance,
            arbiter,
            status,
            public.bans,
            public.sessions,
            miners,
            webhooks,
            Trial(verifier.measure, settings.verify_threads, free).check,
            room.turn_out,
        ),
        records=AdminRecords(archive, AppLogs(settings.data_dir)),
        codes=AdminCodes(entrance, invites, receipts),
    )
