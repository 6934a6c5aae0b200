"""The lease of a consumer-group member: until when it may write for the partitions that it was assigned.

A group's coordinator keeps a member that it hears from at least once in a session timeout. So an answer to a
request that left at time t (a commit, which Kafka refuses from a member of an earlier generation) proves the membership
until t + session timeout, on this process's own monotonic clock, which goes on while the process is frozen. After that
the member must renew the lease before it writes anything: another member may have the partitions by then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

from fusionlog.errors import BrokerError

Clock = Callable[[], float]
"""Monotonic time in seconds."""


class AssignmentLost(BrokerError):
    """The group gave this member's partitions to another one: nothing of theirs may be written any more."""


class Lease:
    """The proven membership of one generation. Pure but for its clock.

    :param session_timeout: seconds after which the coordinator drops a silent member.
    :param rebalance_timeout: seconds that it waits in a rebalance for a member to join again.
    """

    def __init__(self, session_timeout: float, rebalance_timeout: float, clock: Clock = time.monotonic) -> None:
        self._session_timeout, self._rebalance_timeout, self._clock = session_timeout, rebalance_timeout, clock
        self._asked_at = -inf
        self._rebalance_at = inf

    @property
    def valid(self) -> bool:
        """Whether the membership is proven now: the member may write without a new commit."""
        now = self._clock()
        return now < self._asked_at + self._session_timeout and now < self._rebalance_at + self._rebalance_timeout

    def confirm(self, asked_at: float) -> None:
        """Extend the lease: a request of this generation that left at `asked_at` was answered without an error."""
        self._asked_at = max(self._asked_at, asked_at)

    def rebalancing(self, since: float) -> None:
        """Bound the lease by a rebalance that began at this time at the latest: a member that joins late is out."""
        self._rebalance_at = min(self._rebalance_at, since)

    def begin(self) -> None:
        """Begin the lease of a new generation; its first commit proves it."""
        self._asked_at, self._rebalance_at = -inf, inf

    def end(self) -> None:
        """End the lease: the membership is over, or was refused."""
        self._asked_at = -inf
