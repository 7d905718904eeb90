"""Every refusal the game can utter, each with a code of its own. No HTTP here: `web/errors.py` gives them numbers."""

from __future__ import annotations

from typing import ClassVar


class HashPassError(Exception):
    """A refusal that a person can act on. `detail` is for the caller; nothing secret may stand in it."""

    code: ClassVar[str] = "error"
    default: ClassVar[str] = "The request was refused."

    def __init__(self, detail: str = "", *, retry_after: float | None = None, field: str | None = None) -> None:
        self.detail = detail or self.default
        self.retry_after = retry_after
        self.field = field
        super().__init__(self.detail)


# The request itself


class BadRequest(HashPassError):
    code = "bad_request"
    default = "The request is not well formed."


class BodyTooLarge(HashPassError):
    code = "body_too_large"
    default = "The body is larger than 16 KiB."


class AgentRefused(HashPassError):
    code = "agent_refused"
    default = "This address is for browsers. Script clients mine with `python -m hashpass mine`."


class OriginRefused(HashPassError):
    code = "origin_refused"
    default = "Pages of another site may not open this socket."


# Who is asking


class AddressUnknown(HashPassError):
    code = "address_unknown"
    default = "The proxy in front of this server did not say who is asking."


class Banned(HashPassError):
    code = "banned"
    default = "This address is banned."


class SessionRequired(HashPassError):
    code = "session_required"
    default = "This call needs a session. Open one with POST /api/session or over the WebSocket."


class SessionRevoked(HashPassError):
    code = "session_revoked"
    default = "This session has ended. Open a new one."


class SessionMoved(HashPassError):
    code = "session_moved"
    default = "This session belongs to another address and has been closed."


class ShutOut(HashPassError):
    code = "shut_out"
    default = "Too many false answers came from this address. Wait before you try again."


class VisitorMismatch(HashPassError):
    code = "visitor_mismatch"
    default = "This session is bound to another visitorId."


class OperatorRequired(HashPassError):
    code = "operator_required"
    default = "This call needs the operator's token: Authorization: Bearer $ADMIN_TOKEN."


class NotBanned(HashPassError):
    code = "not_banned"
    default = "This is not in the list of bans."


class RateLimited(HashPassError):
    code = "rate_limited"
    default = "Too many requests from this address."


class TooManyConnections(HashPassError):
    code = "too_many_connections"
    default = "Too many connections are open from this address."


# The gate


class GateRefused(HashPassError):
    code = "gate_refused"
    default = "The gate did not accept this token."


class GateTokenUsed(HashPassError):
    code = "gate_token_used"
    default = "This gate token has been used. Pass the gate again."


class GateUnavailable(HashPassError):
    code = "gate_unavailable"
    default = "The gate's service cannot be reached. Try again soon."


# The race


class TraceRefused(HashPassError):
    code = "trace_refused"
    default = "The trace does not fit this request. Fetch a new one and hash with that."


class RoundStale(HashPassError):
    code = "round_stale"
    default = "This puzzle is closed. A new one is open."


class RoundLost(HashPassError):
    code = "round_lost"
    default = "Someone else was faster. A new puzzle is open."


class RaceClosed(HashPassError):
    code = "race_closed"
    default = "The race is closed."


class VisitorDone(HashPassError):
    code = "visitor_done"
    default = "You have won as many codes as one visitor, or one address, may win."


class CoolingDown(HashPassError):
    code = "cooling_down"
    default = "You have won just now. Others get their chance first."


class NonceTooFast(HashPassError):
    code = "nonce_too_fast"
    default = "The nonce is higher than any miner could have reached in this time."


class HashAboveTarget(HashPassError):
    code = "hash_above_target"
    default = "The claimed hash does not reach the puzzle's target."


class ProofFalse(HashPassError):
    code = "proof_false"
    default = "The claimed hash is not the hash of this answer. Three of these end the session."


class AnswerPending(HashPassError):
    code = "answer_pending"
    default = "An answer of this session is still being checked."


class AddressBusy(HashPassError):
    code = "address_busy"
    default = "Four answers from this address are being checked. Try again in a moment."


class QueueFull(HashPassError):
    code = "queue_full"
    default = "The server is checking as many answers as it can. Try again in a moment."


class AlreadySubmitted(HashPassError):
    code = "already_submitted"
    default = "This session has handed in its best hash already."


# Codes


class CodeUnknown(HashPassError):
    code = "code_unknown"
    default = "No such code was given out here."


class CodeRedeemed(HashPassError):
    code = "code_redeemed"
    default = "This code has been redeemed."


class CodeExpired(HashPassError):
    code = "code_expired"
    default = "This code was not redeemed in time."


class CodeRevoked(HashPassError):
    code = "code_revoked"
    default = "This code was made with a key that has been replaced since."


# The server


class NotReady(HashPassError):
    code = "not_ready"
    default = "The server is starting or stopping. Try again in a moment."


class StoreFull(HashPassError):
    code = "store_full"
    default = "The server remembers as much as it can. Try again later."


class StoreUnavailable(HashPassError):
    code = "store_unavailable"
    default = "The server's storage cannot be reached. Try again soon."
