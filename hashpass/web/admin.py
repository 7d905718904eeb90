"""The operator's HTTP API: what is seen of the race, and what is changed of it.

A change is read and held against the rules whole before anything of it is done; then one new value takes the place of
the old one, at the end of the round. Every change is in the trail before it is answered.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import trio
from attrs import asdict, evolve, field, frozen
from quart import Blueprint, g, request
from quart.typing import ResponseReturnValue

from hashpass.arbiter import Arbiter
from hashpass.bans import Bans, Network, parse_ban
from hashpass.domain.difficulty import bits_for
from hashpass.domain.errors import BadRequest, Banned, NotBanned
from hashpass.domain.values import Address, Argon2Params, Rules
from hashpass.miners import Miners
from hashpass.sessions import Sessions
from hashpass.web import admin_values, caller
from hashpass.web.admin_entrance import AdminEntrance
from hashpass.web.admin_status import AdminStatus
from hashpass.web.errors import Application, read_json
from hashpass.webhooks import Webhooks

KICKED = "The operator has closed all connections."


@frozen
class AdminApi:
    entrance: AdminEntrance
    arbiter: Arbiter
    status: AdminStatus
    bans: Bans
    sessions: Sessions
    miners: Miners
    webhooks: Webhooks
    try_argon2: Callable[[Argon2Params], Awaitable[None]]
    """BadRequest if this server could not check such hashes."""
    turn_out: Callable[[Callable[[Address], bool], str], int]
    """Closes the public sockets of some addresses, those still being judged as well, with a reason; says how many."""
    _changing: trio.Lock = field(factory=trio.Lock, init=False)
    """Held from the look at the rules until the new ones are in force: two changes at once must not undo each other."""

    def install(self, app: Application, *others: Callable[[Blueprint], None]) -> None:
        """Open the doors, those of the `others` as well. Behind all of them is the operator."""
        doors = Blueprint("admin", __name__, url_prefix="/api/admin")
        doors.before_request(self._recognise)

        def route(method: str, path: str, view: Callable[[], Awaitable[ResponseReturnValue]]) -> None:
            doors.add_url_rule(path, view_func=view, methods=[method])

        route("GET", "/status", self.show_status)
        route("GET", "/miners", self.list_miners)
        route("GET", "/sessions", self.list_sessions)
        route("GET", "/blacklist", self.list_bans)
        route("POST", "/ws-ticket", self.give_ticket)
        route("POST", "/difficulty", self.set_difficulty)
        route("POST", "/target-time", self.set_target_time)
        route("POST", "/argon2", self.set_argon2)
        route("POST", "/worker-count", self.set_worker_count)
        route("POST", "/max-nonce-speed", self.set_nonce_speed)
        route("POST", "/reset-puzzle", self.reset_puzzle)
        route("POST", "/drop", self.set_drop)
        route("POST", "/kick", self.kick)
        route("POST", "/kick-all", self.kick_all)
        route("POST", "/unban", self.unban)
        route("POST", "/clear-sessions", self.clear_sessions)
        route("POST", "/webhooks/retry", self.retry_webhooks)
        for add in others:
            add(doors)
        app.register_blueprint(doors)

    async def _recognise(self) -> None:
        address = self.entrance.receive(caller.peer(), request.headers)
        await self.entrance.recognise(caller.bearer(), address)
        g.operator = address

    # What is seen

    async def show_status(self) -> ResponseReturnValue:
        return self.status()

    async def list_miners(self) -> ResponseReturnValue:
        miners = self.miners.snapshot()
        return {"miners": miners, "total": len(miners)}

    async def list_sessions(self) -> ResponseReturnValue:
        sessions, total = await self.sessions.listing()
        return {"sessions": [asdict(session) for session in sessions], "total": total}

    async def list_bans(self) -> ResponseReturnValue:
        return {"banned_ips": self.bans.listing()}

    async def give_ticket(self) -> ResponseReturnValue:
        tickets = self.entrance.tickets
        return {"ticket": tickets.issue(), "expires_in": int(tickets.life)}

    # Parameters. Each of these calls resets the puzzle

    async def set_difficulty(self) -> ResponseReturnValue:
        body = await read_body()
        async with self._changing:
            rules, target = admin_values.read_difficulty(body, self.arbiter.rules, self.arbiter.target)
            return await self._configure("difficulty", rules, target, "difficulty", "min_difficulty", "max_difficulty")

    async def set_target_time(self) -> ResponseReturnValue:
        body = await read_body()
        names = ("target_time", "target_time_min", "target_time_max", "target_timeout")
        async with self._changing:
            rules = admin_values.read_target_time(body, self.arbiter.rules)
            return await self._configure("target-time", rules, None, *names)

    async def set_argon2(self) -> ResponseReturnValue:
        """Tried before the lock is taken, for a trial may take its time; what was tried is what will be set."""
        body = await read_body()
        params = admin_values.read_argon2(body, self.arbiter.rules.argon2)
        await self.try_argon2(params)
        async with self._changing:
            rules = evolve(self.arbiter.rules, argon2=params)
            return await self._configure("argon2", rules, None, "algorithm", "time_cost", "memory_cost", "parallelism")

    async def set_worker_count(self) -> ResponseReturnValue:
        body = await read_body()
        async with self._changing:
            rules = admin_values.read_worker_count(body, self.arbiter.rules)
            return await self._configure("worker-count", rules, None, "worker_count")

    async def set_nonce_speed(self) -> ResponseReturnValue:
        body = await read_body()
        async with self._changing:
            rules = admin_values.read_nonce_speed(body, self.arbiter.rules)
            return await self._configure("max-nonce-speed", rules, None, "max_nonce_speed")

    async def _configure(self, action: str, rules: Rules, target: int | None, *names: str) -> dict[str, Any]:
        async with acting(self.entrance, action) as done:
            before = self.status.parameters()
            await self.arbiter.configure(rules, target)
            after = self.status.parameters()
            done.update(changes({name: before[name] for name in names}, after))
        return {name: after[name] for name in names}

    async def reset_puzzle(self) -> ResponseReturnValue:
        async with acting(self.entrance, "reset-puzzle") as done:
            before = self.arbiter.puzzle
            done["round"] = None if before is None else before.round
            await self.arbiter.reset()
        after = self.arbiter.puzzle
        return {
            "round": None if after is None else after.round,
            "seed": None if after is None else after.seed,
            "difficulty": bits_for(self.arbiter.target),
        }

    async def set_drop(self) -> ResponseReturnValue:
        body = await read_body()
        async with self._changing:
            rules = admin_values.read_drop(body, self.arbiter.drop)
            async with acting(self.entrance, "drop") as done:
                before = self.status.drop()
                await self.arbiter.set_drop(rules)
                done.update(changes(before, self.status.drop()))
        return {**self.arbiter.drop_status(), **self.status.drop()}

    # People

    async def kick(self) -> ResponseReturnValue:
        """Ban first, so that whoever is shown out does not come in again by the same door."""
        network = self._network(await read_body())
        if g.operator.ip in network:
            raise BadRequest(f"This would ban you: your address is {g.operator}.", field="ip")
        async with acting(self.entrance, "kick") as done:
            done["banned"] = await self.bans.ban(str(network))
            self.arbiter.void(lambda _session, address: Banned() if address.ip in network else None)
            done["closed"] = self.turn_out(lambda address: address.ip in network, Banned.default)
            done["revoked"] = await self.sessions.revoke_where(
                lambda session: any(address.ip in network for address in session.addresses), "banned"
            )
        return done

    async def kick_all(self) -> ResponseReturnValue:
        async with acting(self.entrance, "kick-all") as done:
            done["closed"] = self.turn_out(lambda _address: True, KICKED)
            done["revoked"] = await self.sessions.revoke_all()
        return done

    async def unban(self) -> ResponseReturnValue:
        network = self._network(await read_body())
        async with acting(self.entrance, "unban") as done:
            if not await self.bans.unban(str(network)):
                raise NotBanned(self._why_not(network), field="ip")
            done["unbanned"] = str(network)
        return {**done, "banned_ips": self.bans.listing()}

    async def clear_sessions(self) -> ResponseReturnValue:
        async with acting(self.entrance, "clear-sessions") as done:
            done["revoked"] = await self.sessions.revoke_all()
        return done

    async def retry_webhooks(self) -> ResponseReturnValue:
        async with acting(self.entrance, "webhooks/retry") as done:
            done["retried"] = self.webhooks.retry_now()
        return {**done, "webhooks": self.webhooks.status()}

    def _network(self, body: admin_values.Body) -> Network:
        return parse_ban(admin_values.text(body.get("ip"), "ip", 64))

    def _why_not(self, network: Network) -> str:
        """An operator who lifts a ban wants to know if another one is still in the way."""
        shown = str(network).removesuffix("/32") if network.version == 4 else str(network)
        wider = [text for text in self.bans.listing() if _covers(text, network)]
        if wider:
            return f"{shown} is not banned by itself, but by the ban of {' and of '.join(wider)}."
        return f"{shown} is not in the list of bans."


def acting(entrance: AdminEntrance, action: str) -> AbstractAsyncContextManager[dict[str, Any]]:
    """`AdminEntrance.acting` for whoever sent this request."""
    return entrance.acting(action, g.operator)


async def read_body() -> dict[str, Any]:
    """The request's JSON object; no body at all is an empty one, for calls that need nothing."""
    if request.content_length == 0 or (request.content_length is None and "Transfer-Encoding" not in request.headers):
        return {}
    return await read_json(request)


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """From what to what, of each value that is another now."""
    return {name: {"from": value, "to": after[name]} for name, value in before.items() if after[name] != value}


def _covers(text: str, network: Network) -> bool:
    other = parse_ban(text)
    return other.version == network.version and network.subnet_of(other)  # type: ignore[arg-type]  # one version, as asked
