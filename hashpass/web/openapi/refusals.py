"""Which refusals go together: whoever may be told one of a group may be told any of it."""

from __future__ import annotations

from typing import Final

from hashpass.domain.errors import (
    AddressBusy,
    AddressUnknown,
    AgentRefused,
    AnswerPending,
    BadRequest,
    Banned,
    CoolingDown,
    GateRefused,
    GateTokenUsed,
    GateUnavailable,
    NonceTooFast,
    NotReady,
    ProofFalse,
    QueueFull,
    RaceClosed,
    RateLimited,
    RoundStale,
    SessionMoved,
    SessionRequired,
    SessionRevoked,
    ShutOut,
    StoreFull,
    StoreUnavailable,
    TraceRefused,
    VisitorDone,
    VisitorMismatch,
)
from hashpass.web.openapi.operations import Refusals

ANYWHERE: Final[Refusals] = (AddressUnknown, NotReady)
PUBLIC: Final[Refusals] = (*ANYWHERE, AgentRefused, Banned)
STORED: Final[Refusals] = (StoreFull, StoreUnavailable)
SESSION: Final[Refusals] = (*PUBLIC, *STORED, SessionRequired, SessionRevoked, SessionMoved, ShutOut)
VISITOR: Final[Refusals] = (*SESSION, BadRequest, VisitorMismatch)
OPENING: Final[Refusals] = (
    *(*PUBLIC, *STORED, BadRequest, ShutOut, RateLimited),
    *(GateRefused, GateTokenUsed, GateUnavailable),
)
ANSWER: Final[Refusals] = (
    *(*VISITOR, RaceClosed, VisitorDone, CoolingDown, TraceRefused, RoundStale, NonceTooFast, ProofFalse),
    *(AnswerPending, AddressBusy, QueueFull),
)
