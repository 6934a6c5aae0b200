"""What was sent by the canary, and what of it came out: no Kafka, no wall clock."""

from __future__ import annotations

import time
from dataclasses import dataclass

from fusionlog.kafka.ordered_acks import Place
from fusionlog.records import Seconds
from fusionlog.types import Clock
from fusionlog.workers.canary.sessions import Session

LOST_AFTER = 5
"""An anomaly that so many later ones have overtaken is not waited for any more; it was reported as late."""
MOST_REMEMBERED = 1000


@dataclass
class Sent:
    """A known anomaly that was sent. `place` is that of its last line (topic, partition, offset), once Kafka has it."""

    session: Session
    at: float
    place: tuple[Place, int] | None = None
    overtaken: int = 0


@dataclass(frozen=True)
class FalseAlarm:
    """A known normal session that came out as an anomaly."""

    session: Session
    source: str


class Watch:
    """Known anomalies that are waited for, and the last that came. Seconds are those of a clock that never goes back.

    :param interval: seconds between two known anomalies. :param timeout: seconds that one may take.
    """

    def __init__(self, interval: float, timeout: float, clock: Clock = time.monotonic) -> None:
        self._interval, self._timeout, self._clock = interval, timeout, clock
        self._waiting: dict[str, Sent] = {}
        self._last_at = clock()
        self._alarms: set[str] = set()
        self._forgotten = 0.0
        self.arrived_at: float | None = None
        """When an anomaly came that this process had sent."""
        self.latency: float | None = None
        self.source: str | None = None
        """The source of the last verdict on a known anomaly: a release, or a teacher."""
        self.false_alarm: FalseAlarm | None = None
        """The last one, until known anomalies come that were sent two intervals later."""
        self.not_sent: str | None = None
        """Why Kafka does not have the last lines."""

    @property
    def age(self) -> float:
        """Seconds since a known anomaly came; since the start where none has."""
        return self._clock() - self._last_at

    def sending(self, anomaly: Session) -> None:
        """Note that the lines of a known anomaly are on their way."""
        self._waiting[anomaly.name] = Sent(anomaly, self._clock())
        if len(self._waiting) > MOST_REMEMBERED:
            del self._waiting[next(iter(self._waiting))]

    def sent(self, anomaly: Session, place: Place, offset: int) -> None:
        """Note that Kafka has them, and where."""
        self.not_sent = None
        if (waiting := self._waiting.get(anomaly.name)) is not None:
            waiting.place = (place, offset)

    def unsent(self, anomaly: Session, reason: str) -> None:
        """Note that Kafka does not have them. They are not waited for; should they come, they count."""
        self._waiting.pop(anomaly.name, None)
        self.not_sent = reason

    def forget(self, before: Seconds) -> None:
        """Wait for nothing that was sent before a time (Unix seconds), and take no false alarm of it: the lines are
        others now."""
        self._forgotten = before
        self.false_alarm = None
        for each in [each for each in self._waiting.values() if each.session.sent_at < before]:
            del self._waiting[each.session.name]

    def arrived(self, session: Session, source: str, ago: float) -> bool:
        """Take an anomaly of the canary's system; return whether it is news: a repeat of a false alarm is none.

        :param ago: seconds since its verdict.
        """
        return self._alarm(session, source) if session.kind == "normal" else self._known(session, source, ago)

    def overdue(self) -> Sent | None:
        """The oldest known anomaly that takes longer than it may."""
        limit = self._clock() - self._timeout
        return next((each for each in self._waiting.values() if each.at < limit), None)

    def _known(self, session: Session, source: str, ago: float) -> bool:
        now, sent = self._clock(), self._waiting.pop(session.name, None)
        if sent is not None:
            self.latency, self.arrived_at, ago = now - sent.at, now, 0.0
            self._overtake(sent.at)
        if now - ago >= self._last_at or self.source is None:
            self._last_at, self.source = now - ago, source
        if self.false_alarm and session.sent_at - self.false_alarm.session.sent_at > 1.5 * self._interval:
            self.false_alarm = None
        return True

    def _overtake(self, at: float) -> None:
        for each in [each for each in self._waiting.values() if each.at < at]:
            each.overtaken += 1
            if each.overtaken >= LOST_AFTER:
                del self._waiting[each.session.name]

    def _alarm(self, session: Session, source: str) -> bool:
        if session.name in self._alarms or session.sent_at < self._forgotten:
            return False
        if len(self._alarms) >= MOST_REMEMBERED:
            self._alarms.clear()
        self._alarms.add(session.name)
        if self.false_alarm is None or session.sent_at >= self.false_alarm.session.sent_at:
            self.false_alarm = FalseAlarm(session, source)
        return True
