"""The health of a worker: what its parts report, and the answers to the probes of liveness and readiness.

Alive is a worker that a restart would not help: its tasks run, and its reader gets on. Ready is one that is connected,
has its assignment (an empty one, too) and has read its tables. What is degraded makes it neither dead nor unready.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fusionlog.observability import metrics
from fusionlog.observability.outage import Outage
from fusionlog.types import Clock

STALL_SECONDS = 180.0
"""A reader that handles a batch for so long without a step hangs; a score batch may take 30 s, a commit as long."""


@dataclass(frozen=True)
class Answer:
    """The answer to a probe: whether all is well, and what is reported as JSON."""

    good: bool
    body: Mapping[str, Any]

    @property
    def status(self) -> int:
        """The HTTP status."""
        return 200 if self.good else 503


class Health:
    """What the parts of a worker report. Pure but for its clock.

    :param stall_seconds: a reader at work that makes no step for so long is taken for hung.
    """

    def __init__(self, role: str, stall_seconds: float = STALL_SECONDS, clock: Clock = time.monotonic) -> None:
        self.role = role
        self._stall_seconds, self._clock = stall_seconds, clock
        self.kafka = Outage("it was not reached yet", clock)
        self.tables_read = False
        self.stopping = False
        self.teacher: str | None = None
        self.tasks: Sequence[asyncio.Task[None]] = ()
        self.models: Callable[[], Mapping[str, str | None]] = dict
        self.lag: Callable[[], float | None] = metrics.total_lag
        self.signatures: Callable[[], Mapping[str, Any]] = dict
        self.degradations: list[Callable[[], str | None]] = []
        self.details: dict[str, Callable[[], object]] = {}
        """What one role alone reports when it is asked whether it is ready, by field."""
        self._providers: dict[str, Callable[[], str | None]] = {}
        self._assigned: int | None = None
        self._verdict_at: float | None = None
        self._step_at: float | None = None

    def assigned(self, partitions: int | None) -> None:
        """Record the number of partitions that this worker has; None: not known, as during a rebalance."""
        self._assigned = partitions

    def runs_on(self, part: str, now: Callable[[], str | None]) -> None:
        """Report the provider that a part runs on, here and as a metric; `now` is called for each answer."""
        self._providers[part] = now
        metrics.show_provider(part, now)

    def verdict(self) -> None:
        """Record that windows got their verdicts."""
        self._verdict_at = self._clock()

    def step(self) -> None:
        """Record a step of the reader, which is at work from now on."""
        self._step_at = self._clock()

    def idle(self) -> None:
        """Record that the reader waits for records."""
        self._step_at = None

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """The reader has records in hand during the body."""
        self.step()
        try:
            yield
        finally:
            self.idle()

    @property
    def degraded(self) -> list[str]:
        """What works less well than it should, and makes the worker neither dead nor unready."""
        return [problem for each in self.degradations if (problem := each()) is not None]

    def live(self) -> Answer:
        """Whether the tasks run and the reader gets on. While Kafka is away no reader is expected to."""
        reasons = [f"{task.get_name()} ended" for task in self.tasks if task.done() and not self.stopping]
        if (stalled := self._stalled()) is not None:
            reasons.append(f"the reader has made no step for {stalled:.0f} s")
        return Answer(not reasons, {"role": self.role, "live": not reasons, "reasons": reasons})

    def ready(self) -> Answer:
        """Whether Kafka is connected, the assignment known, and the tables read."""
        reasons = list(self._unready())
        age = None if self._verdict_at is None else round(self._clock() - self._verdict_at, 1)
        body = {
            "role": self.role,
            "ready": not reasons,
            "reasons": reasons,
            "partitions": self._assigned,
            "model": dict(self.models()),
            "providers": {part: now() for part, now in self._providers.items()},
            "teacher": self.teacher,
            "last_verdict_seconds": age,
            "lag": self.lag(),
            "signatures": dict(self.signatures()),
            "degraded": self.degraded,
            **{field: value() for field, value in self.details.items()},
        }
        return Answer(not reasons, body)

    def _unready(self) -> Iterator[str]:
        if self.stopping:
            yield "the worker stops"
        if self.kafka.reason is not None:
            yield f"Kafka is away: {self.kafka.reason}"
        if not self.tables_read:
            yield "the tables are not read yet"
        if self._assigned is None:
            yield "the assignment of partitions is not known yet"

    def _stalled(self) -> float | None:
        """Seconds since the last step of a reader that hangs; None where it does not."""
        if self._step_at is None or self.stopping or not self.kafka.there:
            return None
        seconds = self._clock() - max(self._step_at, self.kafka.changed_at)
        return seconds if seconds > self._stall_seconds else None
