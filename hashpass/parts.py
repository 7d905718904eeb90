"""Parts that follow from the settings alone, and from what the disk holds. `app.py` puts them together."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trio
from attrs import evolve, frozen

from hashpass.arbiter.service import LOOK_BACK
from hashpass.audit import Audit
from hashpass.bans import Bans
from hashpass.cap import CapServer
from hashpass.directory import FileUnreadable, replace
from hashpass.domain.drop import Drop, DropRules
from hashpass.domain.errors import StoreUnavailable
from hashpass.domain.records import stamp
from hashpass.domain.seeds import Seeds
from hashpass.domain.values import Argon2Params, Rules
from hashpass.gates.base import Gate
from hashpass.gates.cap import CapGate
from hashpass.gates.open import OpenGate
from hashpass.gates.turnstile import Turnstile
from hashpass.identity.derive import Derivation
from hashpass.identity.links import Origins
from hashpass.identity.mail.console import Console
from hashpass.identity.mail.mailtrap import Mailtrap
from hashpass.identity.mail.message import Sender, Transport
from hashpass.identity.mail.outbox import Outbox
from hashpass.identity.mail.smtp import Server, SmtpTransport
from hashpass.identity.service import SignIn
from hashpass.identity.tokens import Tokens
from hashpass.identity.users import Users
from hashpass.limits import RateLimit
from hashpass.rounds import Rounds
from hashpass.settings import Settings
from hashpass.state import State
from hashpass.storage.base import Store
from hashpass.storage.memory import MemoryStore
from hashpass.storage.sqlite import SqliteStore

log = logging.getLogger("hashpass.parts")

BANS = "bans"
"""Under which key a store that outlives the process keeps them."""

KEY_BYTES = 32


def rules_of(settings: Settings) -> Rules:
    return Rules(
        argon2=Argon2Params(
            variant=settings.argon2_type,
            time_cost=settings.argon2_time_cost,
            memory_cost=settings.argon2_memory_cost,
            parallelism=settings.argon2_parallelism,
        ),
        min_difficulty=settings.min_difficulty,
        max_difficulty=settings.max_difficulty,
        target_low=settings.target_low,
        target_high=settings.target_high,
        target_timeout=settings.target_timeout,
        worker_count=settings.worker_count,
        max_nonce_speed=settings.max_nonce_speed,
        timeout_award=settings.timeout_award,
    )


def drop_of(settings: Settings) -> DropRules:
    return DropRules(
        code_limit=settings.code_limit,
        wins_per_visitor=settings.wins_per_visitor,
        win_cooldown=settings.win_cooldown,
        opens_at=settings.opens_at,
        closes_at=settings.closes_at,
    )


def gate_of(settings: Settings, captchas: CapServer) -> Gate:
    if settings.gate == "open":
        return OpenGate()
    if settings.gate == "cap":
        return CapGate(captchas)
    return Turnstile(
        site_key=settings.turnstile_site_key or "",
        secret=settings.turnstile_secret_key or "",
        test_mode=settings.turnstile_test_mode,
        url=settings.turnstile_verify_url,
        hostnames=[settings.turnstile_hostname] if settings.turnstile_hostname else (),
        action=settings.turnstile_action or "",
    )


async def open_store(settings: Settings, wall: Callable[[], float]) -> Store:
    """FileUnreadable if the file is none of ours."""
    path = settings.store_path
    return MemoryStore() if path is None else await SqliteStore.open(path, wall=wall)


async def load_bans(settings: Settings, store: Store) -> Bans:
    """From a store that outlives the process, else from a file, which counts until such a store has bans of its own."""
    path = settings.data_dir / "blacklist.json"

    async def save_file(data: bytes) -> None:
        try:
            await trio.to_thread.run_sync(replace, path, data)
        except OSError as error:
            raise StoreUnavailable(f"{path.name} cannot be written: {error.strerror}.") from error

    async def load_file() -> bytes | None:
        return await trio.to_thread.run_sync(read_file, path)

    async def save(data: bytes) -> None:
        await store.put(BANS, data)

    async def load() -> bytes | None:
        kept = await store.get(BANS)
        return await load_file() if kept is None else kept

    if settings.store_path is None:
        bans = Bans(save=save_file, load=load_file)
    else:
        bans = Bans(save=save, load=load, name="The list of bans")
    await bans.load()
    return bans


async def resume(restored: State, rounds: Rounds, audit: Audit, key: bytes, now: float) -> tuple[State, Seeds]:
    """Where seeds go on from. The process before may have ended in the middle of a round, or while it was written."""
    last, won = await rounds.last(), await audit.newest_win()
    seeds = Seeds(key, last)
    over = 0 if last is None else last.round
    # `state.json` may be older than the logs. After a round that was closed none was open, unless it says so.
    likely = 0 if last is None else over + (last.ended != "closed")
    newest = max(restored.race.round, likely, 0 if won is None else won.round)
    if newest > over:
        if won is not None and won.round == newest:
            end = seeds.end(newest, won.seed, "solved", won.hash, stamp(now))
        else:
            end = seeds.end(newest, seeds.origin(newest).seed, "restart", None, stamp(now))
        rounds.make_up_for(end)
    return evolve(restored, race=evolve(restored.race, round=newest)), seeds


async def resume_drop(restored: State, audit: Audit, *, is_lost: bool) -> Drop:
    """What of the stock is gone, and who has it, as the log tells. Where it is lost when the stock was set, every code
    counts: a limited number of invites must not become a larger one."""
    since = audit.count if restored.drop_since is None else min(restored.drop_since, audit.count)
    if is_lost and audit.count and restored.drop.code_limit:
        since = 0
        log.warning("There is no state.json: all %d codes of the log count as of the present stock.", audit.count)
    wins = await audit.wins(since, audit.count) if restored.drop.names_winners else []
    earlier = await audit.wins(max(since - LOOK_BACK, 0), since) if restored.drop.win_cooldown else []
    return Drop(restored.drop, since=since, issued=audit.count - since, wins=wins, earlier=earlier)


def read_file(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FileUnreadable(f"{path} cannot be read: {error.strerror}.") from error


@frozen
class Workshop:
    """The sign-in, without its doors."""

    users: Users
    sign_in: SignIn
    outbox: Outbox


def workshop_of(
    settings: Settings, store: Store, origins: Callable[[], Origins], wall: Callable[[], float]
) -> Workshop | None:
    """Nothing where the operator wants none of it. A key that is not set lives as long as the server."""
    if not settings.generators:
        return None
    users = Users(store, wall=wall)
    outbox = Outbox(transport_of(settings, wall), RateLimit(settings.mails_per_hour, 3600.0), wall=wall)
    sign_in = SignIn(
        store,
        users,
        derivation=Derivation(settings.pbkdf2_salt or secrets.token_bytes(KEY_BYTES)),
        link_key=settings.magic_link_hmac_key or secrets.token_bytes(KEY_BYTES),
        tokens=Tokens(
            settings.jwt_secret or secrets.token_hex(KEY_BYTES), wall, settings.access_ttl, settings.refresh_ttl
        ),
        post=outbox,
        origins=origins,
        recipients=RateLimit(5, 900.0),
        mailboxes=RateLimit(20, 900.0),
        wall=wall,
    )
    return Workshop(users, sign_in, outbox)


def transport_of(settings: Settings, wall: Callable[[], float]) -> Transport:
    sender = Sender.parse(settings.mail_from)
    if settings.smtp_url is not None:
        return SmtpTransport(Server.parse(settings.smtp_url), sender, wall=wall)
    if settings.mailtrap_api_token is not None and settings.mailtrap_inbox_id is not None:
        return Mailtrap(settings.mailtrap_api_token, settings.mailtrap_inbox_id, sender)
    return Console(partial(print, flush=True))


def origins_of(settings: Settings, addresses: list[str]) -> Origins:
    """Where sign-in links may lead, once it is known where the server listens."""
    port = int(addresses[0].rpartition(":")[2]) if addresses and settings.serves_itself else None
    return Origins.of(settings.public_url, settings.login_hosts, port)
