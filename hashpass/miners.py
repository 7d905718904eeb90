"""Who is mining, how fast they say they are, and what the whole network adds up to.

A rate is only what a client claims: it is shown, and steers nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import trio
from attrs import define, field

from hashpass.domain.errors import BadRequest
from hashpass.domain.values import Address

MAX_RATE = 1e9
REPORT_LIFE = 10.0
"""Seconds for which a report counts."""


@define
class Miner:
    """One connection, as far as mining goes."""

    address: Address
    connected_since: float
    last_seen: float | None = None
    """Wall time of its last word about mining; None until it has said one."""
    mining: bool = False
    rate: float = 0.0
    reported_at: float | None = None
    """On the monotonic clock; None while there is no report."""


@define
class Miners:
    """The connections and their last reports. It holds one entry a connection, so the hub's limits bound it."""

    publish: Callable[[dict[str, Any]], None]
    interval: float = 5.0
    clock: Callable[[], float] = trio.current_time
    wall: Callable[[], float] = field(kw_only=True)
    max_nonce_speed: Callable[[], float] = field(default=lambda: 0.0, kw_only=True)
    """The admin's limit as it is now; 0 is off."""
    _miners: dict[Hashable, Miner] = field(factory=dict, init=False, repr=False)

    def join(self, connection_id: Hashable, address: Address) -> None:
        """A connection is open. Nothing is shown of it until it speaks of mining."""
        self._miners.setdefault(connection_id, Miner(address, connected_since=self.wall()))

    def start(self, connection_id: Hashable, address: Address) -> None:
        self.join(connection_id, address)
        miner = self._miners[connection_id]
        miner.mining = True
        miner.last_seen = self.wall()

    def stop(self, connection_id: Hashable) -> None:
        """It no longer mines; what it reported before no longer counts."""
        miner = self._miners.get(connection_id)
        if miner is not None:
            miner.mining = False
            miner.reported_at = None
            miner.last_seen = self.wall()

    def leave(self, connection_id: Hashable) -> None:
        self._miners.pop(connection_id, None)

    def report(self, connection_id: Hashable, rate: object) -> None:
        """Take a miner's word for its hashes a second; BadRequest if that is no number a sum can bear.

        A report from a connection that is gone changes nothing: it may cross with the goodbye.
        """
        # The comparison is also what refuses NaN, both infinities, and whole numbers too large for a float.
        if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 <= rate <= MAX_RATE:
            raise BadRequest("rate must be a number from 0 to 1000000000.", field="rate")
        miner = self._miners.get(connection_id)
        if miner is not None:
            miner.rate = float(rate)
            miner.reported_at = self.clock()
            miner.last_seen = self.wall()

    @property
    def total(self) -> float:
        """Hashes a second of everybody whose report counts."""
        return self._sum()[0]

    @property
    def active(self) -> int:
        """Connections that say they mine, or whose report counts."""
        return self._sum()[1]

    def snapshot(self) -> list[dict[str, Any]]:
        """Everybody who has spoken of mining, for the admin."""
        now, limit = self.clock(), self.max_nonce_speed()
        return [
            {
                "ip": str(miner.address),
                "hashrate": miner.rate if _fresh(miner, now) else 0.0,
                "last_seen": miner.last_seen,
                "connected_since": miner.connected_since,
                "overspeed": _overspeed(miner, limit),
                "mining": miner.mining,
            }
            for miner in self._miners.values()
            if miner.last_seen is not None
        ]

    def message(self) -> dict[str, Any]:
        """The network's hash rate as everybody is told it."""
        total, active = self._sum()
        return {
            "type": "NETWORK_HASHRATE",
            "total_hashrate": total,
            "active_miners": active,
            "timestamp": self.wall(),
        }

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Tell everybody at every interval, until cancelled."""
        task_status.started()
        while True:
            await trio.sleep(self.interval)
            self.publish(self.message())

    def _sum(self) -> tuple[float, int]:
        now, limit = self.clock(), self.max_nonce_speed()
        total, active = 0.0, 0
        for miner in self._miners.values():
            counts = _fresh(miner, now) and not _overspeed(miner, limit)
            if counts:
                total += miner.rate
            if counts or miner.mining:
                active += 1
        return total, active


def _fresh(miner: Miner, now: float) -> bool:
    return miner.reported_at is not None and now - miner.reported_at <= REPORT_LIFE


def _overspeed(miner: Miner, limit: float) -> bool:
    """Judged against the limit of the moment, so that a changed limit needs no new report."""
    return miner.reported_at is not None and limit > 0 and miner.rate > limit
