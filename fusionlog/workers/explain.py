"""Anomalies to explanations: the highest score first, one a window shape, within an hourly budget of calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol

import structlog
from aiokafka import TopicPartition
from msgspec.structs import replace

from fusionlog.errors import RecordError, TeacherError
from fusionlog.explanation.explainer import Explainer
from fusionlog.explanation.priority_pool import Candidate, Key, Pool, key_of
from fusionlog.kafka import codecs
from fusionlog.kafka.batch_output import BatchOutput, Message
from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.crash_notes import in_hand
from fusionlog.kafka.known_systems import KnownSystems
from fusionlog.kafka.ordered_acks import Delivery, OrderedAcks, Place
from fusionlog.kafka.producer import Producer
from fusionlog.observability import metrics
from fusionlog.observability.health import Health
from fusionlog.records import Anomaly
from fusionlog.settings import Settings, SystemSettings
from fusionlog.topics import CANARY
from fusionlog.types import Clock
from fusionlog.utils.bounded_cache import BoundedCache

log = structlog.get_logger(__name__)

MAX_PASSED = 10
"""An anomaly that so many times the pool have passed by is skipped: what holds the commit back holds memory, too."""
GIVEN_UP = 10_000
"""Shapes without a usable explanation that are remembered, lest each anomaly of theirs cost calls."""
MAX_WAIT_SECONDS = 300.0

Owned = Callable[[Place], bool]


class ShapeSet(Protocol):
    """The shapes with an explanation (see `ExplainedShapes`)."""

    def __contains__(self, key: Key) -> bool: ...

    def add(self, key: Key) -> None:
        """Add a shape before its record comes back from the topic."""


class IncidentView(Protocol):
    """The incidents, and which of them have an explanation (see `ExplainedIncidents`)."""

    changed: Callable[[], None]

    def of(self, anomaly: Anomaly) -> str | None:
        """The id of the incident of an anomaly; None where there is none yet."""

    def has_explained(self, anomaly: Anomaly) -> bool:
        """Whether the incident that counted an anomaly has an explanation."""

    def is_explained(self, id: str) -> bool:
        """Whether an incident has an explanation."""

    def add(self, id: str) -> None:
        """Note that an incident was explained."""


class ExplainWorker:
    """Pools anomalies and has a language model explain those of highest score, an incident once.

    An anomaly that is in no incident yet waits FUSIONLOG_EXPLAIN__INCIDENT_SECONDS for one.

    A message is acknowledged when Kafka has what follows from it, or when it was skipped by a stated rule, and only
    after all before it in its partition.

    :param owned: whether a partition is this worker's now; anomalies of another are left to its owner.
    :param incidents: default: none; each window shape is explained.
    """

    def __init__(
        self, settings: Settings, producer: Producer, known: ShapeSet, explainer: Explainer,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep, owned: Owned = lambda place: True,
        guard: CrashGuard | None = None, health: Health | None = None, incidents: IncidentView | None = None,
        clock: Clock = time.monotonic,
    ) -> None:  # fmt: skip
        self._settings, self._known, self._explainer = settings, known, explainer
        self._sleep, self._owned = sleep, owned
        self._guard, self._systems = guard, KnownSystems(settings)
        self._logged = ""
        self._spent: set[str] = set()
        self._pool: Pool[Delivery] = Pool(settings.explain.max_pending)
        self._passed = MAX_PASSED * settings.explain.max_pending
        self._order = OrderedAcks()
        self._given_up: BoundedCache[Key, bool] = BoundedCache(GIVEN_UP)
        # Each waits for its own records alone.
        self._refusals, self._results = (BatchOutput(settings, producer, "explain") for _ in range(2))
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._room.set()
        self._incidents, self._clock = incidents, clock
        if incidents is not None:
            incidents.changed = self._news.set
        self._health = health or Health("explain")

    async def take(self, delivery: Delivery) -> None:
        """Add an anomaly to the pool, or finish it by a rule.

        While the LLM is away nothing is skipped: when the pool is full, the rest waits in Kafka.

        :raises BrokerError: Kafka did not take a dead letter.
        """
        message = delivery.message
        if self._pool.full or self._order.blocked(delivery.place, self._passed):
            await self._room.wait()
        self._order.add(delivery)
        try:
            await self._refuse_given_up(message)
            where = codecs.place(message.topic, message.partition, message.offset)
            anomaly = codecs.decode(message.value, Anomaly, where)
            self._systems.check(anomaly.system)
            with in_hand([message]):
                self._admit(anomaly, delivery)
        except RecordError as error:
            await self._refusals.dead_letter(message, error)
            await self._refusals.flush()
            await self._pass_on(message)
            self._finish(delivery, "", "unreadable")
        self._unstick(delivery.place)
        self._news.set()

    async def run(self) -> None:
        """Explain pooled anomalies until cancelled.

        :raises BrokerError: Kafka did not take the results.
        :raises RecordCrash: an unexpected exception, with an anomaly in hand.
        """
        while True:
            self._news.clear()
            self._leave_explained()
            candidate = self._pool.best(self._ready)
            if candidate is not None:
                with in_hand([candidate.item.message]), self._health.at_work():
                    await self._handle(candidate)
                continue
            spent = [each for each in self._pool.systems() if not self._payable(each)]
            waits = {system: self._explainer.budget(system).wait for system in spent}
            self._log_spent(waits)
            for_incidents = (self._incident_wait(each) for each in self._pool if self._payable(each.anomaly.system))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min((*waits.values(), *for_incidents), default=None))

    async def _refuse_given_up(self, message: Message) -> None:
        """
        Check a message against the crash notes.

        :raises RecordError: `crash-loop`: the message crashed workers too often.
        """
        if self._guard is None:
            return
        await self._guard.read()
        suspect = self._guard.of(message)
        if suspect is not None and suspect.condemned:
            raise suspect.verdict()

    async def _pass_on(self, message: Message) -> None:
        """Delete the crash note of a message that was explained, or given up."""
        if self._guard is not None and self._guard.of(message) is not None:
            await self._guard.passed(TopicPartition(message.topic, message.partition))

    def _admit(self, anomaly: Anomaly, delivery: Delivery) -> None:
        if anomaly.system == CANARY:
            self._finish(delivery, anomaly.system, "canary")
            return
        waiting = self._pool.get(anomaly)
        if anomaly.provisional or anomaly.withdrawn:
            self._finish(delivery, anomaly.system, "not_final")
        elif self._is_known(anomaly):
            self._finish(delivery, anomaly.system, "known")
        elif self._given_up.get(key_of(anomaly)):
            self._finish(delivery, anomaly.system, "given_up")
        elif waiting is None or not self._order.held(waiting.item):
            self._pool.take(anomaly)
            leaving = self._pool.add(anomaly, delivery, self._clock())
            if leaving is not None:
                self._finish(leaving.item, leaving.anomaly.system, "over_budget")
        else:
            waiting.score = max(waiting.score, anomaly.score)
            self._finish(delivery, anomaly.system, "repeated")
        self._show(anomaly.system)

    async def _handle(self, candidate: Candidate[Delivery]) -> None:
        """Explain the best candidate; it leaves the pool unless the LLM has no answer now."""
        anomaly, delivery = candidate.anomaly, candidate.item
        if not self._owned(delivery.place):
            self._order.forget(delivery.place)
        if not self._order.held(delivery):
            self._pool.take(anomaly)
        elif self._is_known(anomaly):
            self._leave(candidate, "known")
        else:
            try:
                await self._explain(candidate)
                self._room.set()
            except TeacherError as error:
                await self._without(candidate, error)
            except RecordError as error:
                await self._dead_letter(candidate, error)
        self._show(anomaly.system)

    async def _explain(self, candidate: Candidate[Delivery]) -> None:
        system = self._settings.systems.get(candidate.anomaly.system) or SystemSettings()
        incident = self._incident_of(candidate.anomaly)
        explanation = await self._explainer.explain(candidate.anomaly, system)
        explanation = replace(explanation, incident=incident)
        await self._results.send(self._settings.topics.explanations, explanation)
        await self._results.flush()
        if self._logged:
            log.info("the LLM explains again", before=self._logged)
        self._logged = ""
        self._known.add(key_of(candidate.anomaly))
        if self._incidents is not None and incident is not None:
            self._incidents.add(incident)
        metrics.EXPLANATION_TOKENS.labels(explanation.system).inc(explanation.tokens)
        log.info("explained", system=explanation.system, anomaly=explanation.anomaly, cause=explanation.cause)
        self._leave(candidate, "explained")
        await self._pass_on(candidate.item.message)

    async def _without(self, candidate: Candidate[Delivery], error: TeacherError) -> None:
        """Finish a candidate that gets no explanation, or keep it where the LLM has no answer now."""
        anomaly = candidate.anomaly
        if error.retry_after is None:
            log.error("no explanation", system=anomaly.system, anomaly=anomaly.id, error=str(error))
            self._given_up.put(key_of(anomaly), True)
            self._room.set()
            await self._dead_letter(candidate, RecordError("no-explanation", str(error)))
        elif self._payable(anomaly.system):
            await self._wait(min(error.retry_after, MAX_WAIT_SECONDS), str(error))

    async def _wait(self, seconds: float, why: str) -> None:
        """Wait; a reason that goes on is one sentence in the log."""
        # An endpoint that is left alone is in the log already.
        report = log.debug if why == self._logged or self._health.degraded else log.warning
        self._logged = "" if self._health.degraded else why
        report(
            "the LLM cannot explain now; anomalies wait", waiting=len(self._pool), why=why, seconds=round(seconds, 1)
        )
        self._room.clear()
        await self._sleep(seconds)

    async def _dead_letter(self, candidate: Candidate[Delivery], error: RecordError) -> None:
        await self._results.dead_letter(candidate.item.message, error)
        await self._results.flush()
        self._leave(candidate, "given_up")

    def _log_spent(self, waits: Mapping[str, float]) -> None:
        """Log once of each system whose calls are spent; `waits` are the seconds until it has one."""
        for system in waits.keys() - self._spent:
            goes_on = datetime.fromtimestamp(time.time() + waits[system], UTC).strftime("%H:%M UTC")
            log.warning(
                "the calls of the hour are spent: anomalies wait, or raise FUSIONLOG_EXPLAIN__CALLS_PER_HOUR",
                system=system, waiting=self._pool.count(system), goes_on=goes_on,
            )  # fmt: skip
        self._spent = set(waits)

    def _ready(self, candidate: Candidate[Delivery]) -> bool:
        """Whether a candidate can be explained now: it has its incident, or has waited for it, and a call is left."""
        return self._payable(candidate.anomaly.system) and not self._incident_wait(candidate)

    def _incident_wait(self, candidate: Candidate[Delivery]) -> float:
        """The seconds that a candidate still waits for its incident."""
        left = candidate.since + self._settings.explain.incident_seconds - self._clock()
        waits = self._incidents is not None and left > 0 and self._incident_of(candidate.anomaly) is None
        return left if waits else 0.0

    def _incident_of(self, anomaly: Anomaly) -> str | None:
        return None if self._incidents is None else self._incidents.of(anomaly)

    def _is_known(self, anomaly: Anomaly) -> bool:
        """Whether the anomaly's shape has an explanation, or its incident."""
        if key_of(anomaly) in self._known:
            return True
        incident = self._incident_of(anomaly)
        return incident is not None and self._incidents is not None and self._incidents.is_explained(incident)

    def _leave_explained(self) -> None:
        """Finish the candidates whose incident has an explanation by now: they cost no call, and make room."""
        for candidate in self._pool if self._incidents is not None else ():
            if self._incidents is not None and self._incidents.has_explained(candidate.anomaly):
                self._leave(candidate, "known")
                self._room.set()
                self._show(candidate.anomaly.system)

    def _payable(self, system: str) -> bool:
        return self._explainer.budget(system).left > 0

    def _unstick(self, place: Place) -> None:
        """Skip the candidates that hold back too many others of their partition."""
        while (stuck := self._order.blocked(place, self._passed + 1)) is not None:
            anomaly = codecs.decode(stuck.message.value, Anomaly)
            self._pool.take(anomaly)
            self._finish(stuck, anomaly.system, "over_budget")
            self._show(anomaly.system)

    def _leave(self, candidate: Candidate[Delivery], outcome: str) -> None:
        """Remove a finished candidate; one that left by a rule during its call was counted then."""
        if self._pool.get(candidate.anomaly) is candidate:
            self._pool.take(candidate.anomaly)
        if not candidate.item.finished:
            self._finish(candidate.item, candidate.anomaly.system, outcome)

    def _finish(self, delivery: Delivery, system: str, outcome: str) -> None:
        metrics.ANOMALIES_EXPLAINED.labels(system, outcome).inc()
        self._order.finish(delivery)

    def _show(self, system: str) -> None:
        metrics.EXPLANATIONS_WAITING.labels(system).set(self._pool.count(system))
        metrics.EXPLANATION_CALLS_LEFT.labels(system).set(self._explainer.budget(system).left)
