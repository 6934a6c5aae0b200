"""The states and requests of all targets, from the topic `training`, written by the worker that leads alone."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from fusionlog.kafka.client import kafka_errors
from fusionlog.kafka.membership import AssignmentLost
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import Refused, Table, read_all
from fusionlog.records import Training, TrainingArtefact, TrainingRequest, TrainingState
from fusionlog.releases import BASE
from fusionlog.settings import Settings
from fusionlog.workers.train.due import Target
from fusionlog.workers.train.leadership import PARTITION, Leadership

STATE, REQUEST, ARTEFACT = "state", "request", "artefact"
KEPT_ARTEFACTS = 10
"""Of a target: those of its newest releases."""
T = TypeVar("T")


class TargetStates:
    """The newest state and request of each target.

    A worker that leads reads the topic once more before its first decision, and from then on what it wrote itself
    counts. A record that a former leader wrote late, past the end of its lease, is overwritten.

    :param writer: the name of this process in what it writes.
    """

    def __init__(
        self, settings: Settings, producer: Producer, leadership: Leadership, writer: str, refused: Refused
    ) -> None:
        self._settings, self._producer, self._leadership, self._writer = settings, producer, leadership, writer
        self._topic = settings.topics.training
        self._table = Table(settings, self._topic, self.take, refused)
        self._late = set[str]()
        self.of: dict[str, TrainingState] = {}
        self.requests: dict[str, TrainingRequest] = {}
        self._artefacts: dict[str, list[str]] = {}
        self._read_in_term = 0

    async def start(self) -> None:
        """Read the topic, then follow it.

        :raises BrokerError: Kafka does not answer, or the topic is missing.
        """
        await self._table.start()

    async def stop(self) -> None:
        """Stop following."""
        await self._table.stop()

    @property
    def background(self) -> tuple[asyncio.Task[None], ...]:
        """The task that follows the topic."""
        return self._table.background

    @property
    def leads(self) -> bool:
        """Whether this worker leads."""
        return self._leadership.confirm is not None

    @property
    def _is_current(self) -> bool:
        """Whether the states are those of the topic's end, read since this worker leads."""
        return self.leads and self._read_in_term == self._leadership.term

    def target(self, system: str) -> Target:
        """The target of a system."""
        return Target(self.of.get(system), self.requests.get(system), self.requests.get(BASE))

    async def refresh(self) -> None:
        """Read the states of the topic's end, where that was not done since this worker leads.

        :raises BrokerError: Kafka does not answer.
        """
        if self._is_current:
            return
        term = self._leadership.term
        found = cast("list[tuple[str, Training]]", await read_all(self._settings, self._topic))
        self.of = {record.system: record.state for _, record in found if record.state is not None}
        self.requests = {record.system: record.request for _, record in found if record.request is not None}
        self._late.clear()
        self._read_in_term = term

    def take(self, key: str, record: Training | None) -> None:
        """Take a record of the topic; a tombstone removes it."""
        key = key if record is None else record.key
        system, _, kind = key.rpartition("/")
        if kind == ARTEFACT:
            self._take_artefact(key, exists=record is not None)
            return
        if kind == REQUEST:
            _put(self.requests, system, record.request if record else None)
            return
        state = record.state if record else None
        if not self._is_current:
            _put(self.of, system, state)
        elif (state is None or state.writer != self._writer) and state != self.of.get(system):
            self._late.add(system)

    async def overwrite_late(self) -> None:
        """Write the states once more that a former leader's late records have replaced."""
        late = {name: self.of[name] for name in sorted(self._late) if name in self.of}
        if late:
            await self.write(late)
        self._late.clear()

    async def write(self, states: Mapping[str, TrainingState]) -> None:
        """Write states, and return when Kafka has them.

        :raises AssignmentLost: another worker leads.
        :raises BrokerError: Kafka does not take them: which of them it has is not known.
        """
        await self._write([(each.key, each) for each in (Training(system=n, state=s) for n, s in states.items())])
        self.of |= states

    async def keep(self, artefacts: Mapping[str, TrainingArtefact]) -> None:
        """Write the artefacts of releases, and remove those of a target's oldest ones.

        :raises AssignmentLost: another worker leads.
        :raises BrokerError: Kafka does not take them.
        """
        new = [Training(system=name, artefact=each) for name, each in artefacts.items()]
        for record in new:
            self._take_artefact(record.key, exists=True)
        old = [key for name in artefacts for key in self._artefacts[name][:-KEPT_ARTEFACTS]]
        await self._write([*((each.key, each) for each in new), *((key, None) for key in old)])

    def _take_artefact(self, key: str, *, exists: bool) -> None:
        """Note that an artefact is on the topic, or is no more; versions sort by time."""
        kept = self._artefacts.setdefault(key.rsplit("/", 2)[0], [])
        if exists and key not in kept:
            insort(kept, key)
        elif not exists and key in kept:
            kept.remove(key)

    async def _write(self, records: Sequence[tuple[str, Training | None]]) -> None:
        await self.prove()
        try:
            async with kafka_errors(self._settings.kafka, f"writing {self._topic.name}", "Write"):
                await asyncio.gather(*[
                    await self._producer.send(self._topic, key, record, PARTITION) for key, record in records
                ])  # fmt: skip
        except BaseException:
            self._read_in_term = 0
            raise

    async def prove(self) -> None:
        """Prove that this worker leads.

        :raises AssignmentLost: it does not.
        """
        if self._leadership.confirm is None:
            raise AssignmentLost("another worker leads")
        await self._leadership.confirm()


def _put(into: dict[str, T], name: str, value: T | None) -> None:
    if value is None:
        into.pop(name, None)
    else:
        into[name] = value
