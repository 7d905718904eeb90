"""The public HTTP API: what anybody may call. Each route parses, asks the services in the contract's order, answers."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, Final

import trio
from attrs import frozen
from quart import Response, request
from quart.typing import ResponseReturnValue
from quart_trio.wrappers import TrioResponse
from werkzeug.exceptions import NotFound

from hashpass import metrics
from hashpass.addresses import AddressReader
from hashpass.arbiter import Arbiter
from hashpass.domain.errors import (
    AgentRefused,
    BadRequest,
    HashPassError,
    SessionRequired,
    SessionRevoked,
)
from hashpass.domain.prizes import Prize, Prizes
from hashpass.domain.records import stamp
from hashpass.domain.values import Address, Proof, parse_visitor_id
from hashpass.gates.base import Gate
from hashpass.limits import Pace
from hashpass.metrics import Metrics
from hashpass.sessions import Session, digest_of
from hashpass.trace import TraceCheck, TraceSigner
from hashpass.web import agents, caller
from hashpass.web.entrance import Entrance
from hashpass.web.errors import Application, read_json

DEGRADED_RETRY_AFTER: Final = "5"


@frozen
class PublicApi:
    """What the public routes need. `health` is the answer of /api/health, and whether all is well."""

    addresses: AddressReader
    entrance: Entrance
    arbiter: Arbiter
    prizes: Prizes
    signer: TraceSigner
    traces: TraceCheck
    gate: Gate
    metrics: Metrics
    metrics_token: str | None
    filter_agents: bool
    pace: Pace
    """Keeps an address that is refused again and again from taking the processor from everybody else."""
    health: Callable[[], tuple[bool, dict[str, Any]]]
    sign: Callable[[Prize], str]
    """The receipt of a code, which anybody can check without asking."""
    generators: bool
    wall: Callable[[], float]

    def install(self, app: Application) -> None:
        app.url_map.merge_slashes = False  # `//api/verify` is an unknown path; Werkzeug would redirect to another page
        app.before_request(self._receive)
        route = app.add_url_rule
        route("/api/session", view_func=self.open_session, methods=["POST"])
        route("/api/puzzle", view_func=self.get_puzzle, methods=["GET"])
        route("/api/puzzle", view_func=self.post_puzzle, methods=["POST"])
        route("/api/verify", view_func=self.verify, methods=["POST"])
        route("/api/submit", view_func=self.submit_best, methods=["POST"])
        route("/api/code", view_func=self.list_codes, methods=["GET"])
        route("/api/trace", view_func=self.trace, methods=["GET"])
        route("/api/dev/trace", view_func=self.trace, methods=["GET"])
        route("/api/gate/config", view_func=self.gate_config, methods=["GET"])
        route("/api/turnstile/config", view_func=self.turnstile_config, methods=["GET"])
        route("/api/drop", view_func=self.show_drop, methods=["GET"])
        route("/api/health", view_func=self.show_health, methods=["GET"])
        route("/metrics", view_func=self.show_metrics, methods=["GET"])

    async def _receive(self) -> None:
        """Before every route: who is asking, and with what."""
        if not request.path.startswith("/api/") or agents.exempt(request.path):
            return
        if isinstance(request.routing_exception, NotFound):  # what is not there is not there for anybody
            return
        if self.filter_agents and request.method != "OPTIONS" and agents.refused(request.headers.get("User-Agent")):
            raise AgentRefused

    # Coming in

    async def open_session(self) -> ResponseReturnValue:
        address = self._address()
        self.entrance.refuse_banned(address)
        token = (await read_json(request)).get("token", "")
        if not isinstance(token, str):
            raise BadRequest("token must be the text that the gate gave out.", field="token")
        opened = await self.entrance.open_session(token, address)
        return {"session_token": opened.token, "expires_in": opened.expires_in}

    # The race

    async def get_puzzle(self) -> ResponseReturnValue:
        address = self._address()
        session = await self.entrance.recognise(caller.bearer(), address)
        visitor = request.args.get("visitorId")
        session = await self.entrance.bind(session, address, None if visitor is None else parse_visitor_id(visitor))
        return await self.arbiter.fetch(session.digest)

    async def post_puzzle(self) -> ResponseReturnValue:
        address = self._address()
        session = await self.entrance.recognise(caller.bearer(), address)
        visitor = parse_visitor_id((await read_json(request)).get("visitorId"))
        session = await self.entrance.bind(session, address, visitor)
        return await self.arbiter.fetch(session.digest)

    async def verify(self) -> ResponseReturnValue:
        address = self._address()
        try:
            prize = await self._verify(address)
        except HashPassError as error:
            refusal = error
        else:
            self.metrics.submission("won")
            return {"invite_code": prize.invite_code, "receipt": self.sign(prize)}
        self.metrics.submission(refusal.code)
        await trio.sleep(self.pace.delay(address.key))
        raise refusal

    async def _verify(self, address: Address) -> Prize:
        session, proof = await self._submission(address)
        await self.arbiter.verdict()
        won = self.prizes.won_with(session.digest, proof, self.wall())
        if won is not None:
            return won
        self.arbiter.check_drop(proof.visitor_id, address)
        self._check_trace(session, address, proof)
        return await self.arbiter.submit(session.digest, address, proof)

    async def submit_best(self) -> ResponseReturnValue:
        address = self._address()
        session, proof = await self._submission(address)
        self.arbiter.check_drop(proof.visitor_id, address)
        self._check_trace(session, address, proof)
        self.arbiter.submit_best(session.digest, address, proof)
        return {"status": "submitted"}, 202

    async def list_codes(self) -> ResponseReturnValue:
        address, bearer = self._address(), caller.bearer()
        try:
            session = await self.entrance.enter(bearer, address)
        except SessionRevoked:
            if bearer is None:
                raise
            prizes = self.prizes.of_departed(digest_of(bearer), address, self.wall())
            if not prizes:
                raise
        else:
            prizes = self.prizes.of(session.digest, self.wall())
        return {
            "codes": [
                {
                    "invite_code": prize.invite_code,
                    "won_at": stamp(prize.won_at),
                    "reason": prize.reason,
                    "receipt": self.sign(prize),
                }
                for prize in prizes
            ]
        }

    async def _submission(self, address: Address) -> tuple[Session, Proof]:
        session = await self.entrance.recognise(caller.bearer(), address)
        proof = Proof.parse(await read_json(request))
        return await self.entrance.bind(session, address, proof.visitor_id), proof

    def _check_trace(self, session: Session, address: Address, proof: Proof) -> None:
        self.traces.check(proof.trace_data, session.prefixes, address, cloudflare=self._by_cloudflare())

    # What the page asks before it starts

    async def trace(self) -> ResponseReturnValue:
        """The caller's trace. With a bearer the session is bound to this address as well, so that it will fit."""
        address, bearer = self._address(), caller.bearer()
        self.entrance.refuse_banned(address)
        if bearer is not None:
            await self.entrance.enter(bearer, address)
        text = self.signer.make(
            address,
            user_agent=request.headers.get("User-Agent", ""),
            scheme=request.scheme,
            host=request.host,
        )
        return Response(text, content_type="text/plain; charset=utf-8")

    async def gate_config(self) -> ResponseReturnValue:
        self.entrance.refuse_banned(self._address())
        return {
            "gate": self.gate.name,
            "site_key": None,
            "test_mode": False,
            "cap_endpoint": None,
            **self.gate.public(),
            "generators": self.generators,
            "trace_url": self.traces.url(cloudflare=self._by_cloudflare()),
        }

    async def show_drop(self) -> ResponseReturnValue:
        self.entrance.refuse_banned(self._address())
        return self.arbiter.drop_status()

    async def turnstile_config(self) -> ResponseReturnValue:
        self.entrance.refuse_banned(self._address())
        public = self.gate.public()
        return {"site_key": public.get("site_key"), "test_mode": public.get("test_mode", False)}

    # How the server is

    async def show_health(self) -> ResponseReturnValue:
        well, report = self.health()
        return (report, 200) if well else (report, 503, {"Retry-After": DEGRADED_RETRY_AFTER})

    async def show_metrics(self) -> ResponseReturnValue:
        if self.metrics_token is not None and not hmac.compare_digest(
            (caller.bearer() or "").encode(), self.metrics_token.encode()
        ):
            raise SessionRequired("The metrics need their own token.")
        return TrioResponse(self.metrics.render(), content_type=metrics.CONTENT_TYPE)

    # The request

    def _address(self) -> Address:
        return self.addresses.read(caller.peer(), request.headers)

    def _by_cloudflare(self) -> bool:
        return self.addresses.by_cloudflare(caller.peer(), request.headers)
