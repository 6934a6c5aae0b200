"""Anomalies to incidents: each batch of anomalies changes some, and each of these is written once.

The state is that of the compacted topic: it is read whenever the partitions of `anomalies` are taken over, and offsets
are committed behind the records that Kafka has. So a worker that is killed between the two reads anomalies again that
are in an incident already, and they change nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import structlog
from aiokafka import TopicPartition
from msgspec.structs import replace

from fusionlog.errors import RecordError
from fusionlog.incidents import Incidents
from fusionlog.kafka import codecs
from fusionlog.kafka.batch_handler import BatchHandler
from fusionlog.kafka.batch_output import BatchOutput
from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.known_systems import KnownSystems
from fusionlog.kafka.partition_handler import Confirm
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.takeover import Takeover
from fusionlog.observability import metrics
from fusionlog.records import Anomaly, Change, Incident
from fusionlog.settings import Settings
from fusionlog.topics import CANARY
from fusionlog.types import Clock
from fusionlog.workers.incidents.explanations import Explanations

log = structlog.get_logger(__name__)

GREATEST_FIRST: tuple[Change, ...] = ("withdrawn", "opened", "reopened", "resolved", "explained", "updated")
"""Which of several changes stands in a record."""

Known = Callable[[], Awaitable[Iterable[Incident]]]
"""The present records of the topic of incidents."""


class IncidentWorker(BatchHandler):
    """The handler of all partitions of `anomalies`.

    :param known: reads the state at a takeover.
    :param clock: Unix time in seconds.
    """

    def __init__(
        self, settings: Settings, producer: Producer, explanations: Explanations, known: Known,
        clock: Clock = time.time,
    ) -> None:  # fmt: skip
        self._output = BatchOutput(settings, producer, "incidents")
        super().__init__(self.handle, self._output.bury_now, self._output.confirm_with)
        self._settings, self._producer = settings, producer
        self._explanations, self._known, self._clock = explanations, known, clock
        self._systems = KnownSystems(settings)
        self._incidents: Incidents | None = None
        self._changed: dict[str, Change] = {}
        self._caught_up = False

    async def open(self, takeovers: Mapping[TopicPartition, Takeover], guard: CrashGuard, confirm: Confirm) -> None:
        """Read the incidents, then begin the partitions at their first unhandled record.

        :raises BrokerError: Kafka does not answer.
        """
        self._incidents = Incidents(await self._known(), self._settings.incidents)
        self._changed, self._caught_up = {}, False
        self._show()
        log.info("incidents are read", incidents=len(self._incidents))
        await super().open(takeovers, guard, confirm)

    async def handle(self, messages: Sequence[Any]) -> None:
        """Count a batch of anomalies, the earliest first, and write the incidents that it changes.

        :raises BrokerError: Kafka did not take a record.
        :raises AssignmentLost: another worker has the partitions.
        """
        found = await self._decoded(messages)
        now = self._clock()
        for anomaly in sorted(found, key=lambda each: each.started):
            self._note(self._state.update(anomaly, now))
        await self._write()
        oldest = min((each.timestamp / 1000 for each in messages), default=now)
        metrics.INCIDENTS_BEHIND.set(max(0.0, self._clock() - oldest))
        self._caught_up = self._caught_up or oldest > now - self._settings.incidents.quiet_seconds

    async def tick(self) -> None:
        """Write what came with time: explanations, incidents that are resolved, and those that are forgotten.

        Nothing is resolved before the anomalies that came while no worker ran were counted.
        """
        if self._incidents is None:
            return
        for explanation in self._explanations.take():
            self._note(self._incidents.explain(explanation))
        if self._caught_up:
            now = self._clock()
            for each in self._incidents.resolve(now):
                self._note(each)
            await self._forget(self._incidents.forget(now))
        if self._changed:
            await self._write()

    def unread(self, records: Mapping[TopicPartition, int]) -> None:
        """Note when all anomalies were counted."""
        if records and not any(records.values()):
            self._caught_up = True
            metrics.INCIDENTS_BEHIND.set(0.0)

    def close(self) -> None:
        """Drop the state: another worker has it."""
        super().close()
        self._incidents = None
        metrics.INCIDENTS_OPEN.clear()

    @property
    def _state(self) -> Incidents:
        assert self._incidents is not None
        return self._incidents

    async def _decoded(self, messages: Sequence[Any]) -> list[Anomaly]:
        """The anomalies of messages, those of the canary left out; any other message becomes a dead letter."""
        found = []
        for message in messages:
            where = codecs.place(message.topic, message.partition, message.offset)
            try:
                anomaly = codecs.decode(message.value, Anomaly, where)
                self._systems.check(anomaly.system)
            except RecordError as error:
                await self._output.dead_letter(message, error)
            else:
                found.append(anomaly)
        return [each for each in found if each.system != CANARY]

    def _note(self, incident: Incident | None) -> None:
        """Note a change that is to be written."""
        if incident is not None:
            before = self._changed.get(incident.id, incident.change)
            self._changed[incident.id] = min(before, incident.change, key=GREATEST_FIRST.index)

    async def _write(self) -> None:
        """Write the changed incidents, each once with its greatest change, and wait until Kafka has them."""
        for id, change in self._changed.items():
            incident = self._explained(self._state.get(id))
            if incident is not None:
                await self._output.send(self._settings.topics.incidents, replace(incident, change=change))
                _report(incident, change)
        self._changed = {}
        await self._output.flush()
        self._show()

    def _explained(self, incident: Incident | None) -> Incident | None:
        """An incident with the explanation of its shape, where that has one and the incident has none."""
        known = None if incident is None or incident.explanation else self._explanations.of(incident)
        if incident is None or known is None:
            return incident
        return self._state.explain(replace(known, incident=incident.id)) or incident

    async def _forget(self, ids: Sequence[str]) -> None:
        for id in ids:
            await self._output.remove(self._settings.topics.incidents, id)
        await self._output.flush()

    def _show(self) -> None:
        open_now = [each for each in self._state if each.status == "open"]
        metrics.INCIDENTS_OPEN.clear()
        for labels, number in Counter((system, each.severity) for each in open_now for system in each.systems).items():
            metrics.INCIDENTS_OPEN.labels(*labels).set(number)


def _report(incident: Incident, change: Change) -> None:
    """Count a change of an incident at its first system; log all but updates."""
    metrics.INCIDENTS.labels(incident.systems[0], change).inc()
    if change != "updated":
        log.info(
            f"incident {change}", id=incident.id, systems=incident.systems, severity=incident.severity,
            title=incident.title, anomalies=incident.anomalies,
        )  # fmt: skip
