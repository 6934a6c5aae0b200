"""The canary role: sends a known anomaly and a known normal session at each interval, and watches what comes out."""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import Mapping

import structlog
from aiokafka.errors import KafkaError

from fusionlog.kafka import failures
from fusionlog.kafka.ordered_acks import Place
from fusionlog.kafka.producer import Ack, Producer
from fusionlog.observability import metrics
from fusionlog.observability.outage import Outage
from fusionlog.settings import Settings
from fusionlog.topics import CANARY
from fusionlog.types import Clock
from fusionlog.workers.canary.arrivals import Arrival
from fusionlog.workers.canary.base import KnownLinesTable
from fusionlog.workers.canary.known_lines import KnownLines
from fusionlog.workers.canary.sessions import Session
from fusionlog.workers.canary.stuck import Problem, find
from fusionlog.workers.canary.watch import Sent, Watch

log = structlog.get_logger(__name__)

CHECK_SECONDS = 1.0
FIND_SECONDS = 10.0
"""Where the canary is stuck is asked again after so long."""
SETTLE_SECONDS = 15.0
"""Nothing is sent for so long after the lines have changed: all workers must have the new base."""


class CanaryWorker:
    """Sends the canary's sessions and compares what comes out. Several may run: each waits for its own sessions."""

    def __init__(
        self, settings: Settings, producer: Producer, known: KnownLinesTable, clock: Clock = time.monotonic
    ) -> None:
        self._settings, self._producer, self._known, self._clock = settings, producer, known, clock
        # Sessions have times in whole milliseconds.
        self._sender, self._began = uuid.uuid4().hex[:6], time.time() - 0.001
        self.watch = Watch(settings.canary.seconds, settings.canary.timeout, clock)
        self._outage = Outage(clock=clock)
        self._problem: Problem | None = None
        self._lines: KnownLines | None = None
        self._settled_at = 0.0
        self._found: tuple[str, float, Problem] | None = None
        metrics.CANARY_AGE.labels(CANARY).set_function(lambda: self.watch.age)
        metrics.CANARY_FALSE_ALARMS.labels(CANARY)
        metrics.show_canary(CANARY, None)

    @property
    def problem(self) -> str | None:
        """Why the canary does not come through; None while it does."""
        return f"the canary fails: {self._problem.text}" if self._problem else None

    def report(self) -> Mapping[str, object]:
        """The canary's part of the answer to the probe of readiness."""
        latency = self.watch.latency
        return {
            "system": CANARY,
            "age_seconds": round(self.watch.age, 1),
            "latency_seconds": None if latency is None else round(latency, 3),
            "verdict_source": self.watch.source,
            "stuck": self._problem.stage if self._problem else None,
        }

    def arrived(self, arrival: Arrival) -> None:
        """Take a session that came out as an anomaly."""
        session, source = arrival.session, arrival.source
        news = self.watch.arrived(session, source, max(0.0, time.time() - arrival.at))
        if self.watch.latency is not None:
            metrics.CANARY_LATENCY.labels(CANARY).set(self.watch.latency)
        if news and session.kind == "normal" and session.sent_at >= self._began:
            metrics.CANARY_FALSE_ALARMS.labels(CANARY).inc()

    async def run(self) -> None:
        """Send and check until cancelled."""
        await asyncio.gather(self._send_again_and_again(), self._check_again_and_again())

    async def _send_again_and_again(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            while (lines := self.lines_now()) is None:
                await asyncio.sleep(CHECK_SECONDS)
            await self.send(lines)
            await asyncio.sleep(max(0.0, self._settings.canary.seconds - (clock() - began)))

    async def _check_again_and_again(self) -> None:
        while True:
            await self.check()
            await asyncio.sleep(CHECK_SECONDS)

    def lines_now(self) -> KnownLines | None:
        """The lines to send; None where there are none, or new ones, on which not all workers may agree yet."""
        before, self._lines = self._lines, self._known.lines
        if before is not None and before != self._lines:
            self.watch.forget(time.time())
            self._settled_at = self._clock() + SETTLE_SECONDS
        return self._lines if self._clock() >= self._settled_at else None

    async def send(self, known: KnownLines) -> None:
        """Send a known normal session, then a known anomaly, to one partition; wait until Kafka has both."""
        now = math.floor(1000 * time.time()) / 1000
        normal, anomaly = (Session(now, kind, self._sender) for kind in ("normal", "anomaly"))
        lines = [*normal.lines(known.normal), *anomaly.lines(known.anomaly)]
        self.watch.sending(anomaly)
        try:
            async with asyncio.timeout(self._settings.canary.timeout):
                place, offset = await self._written(f"{now:.3f}".encode(), lines)
        except (KafkaError, OSError, TimeoutError) as error:
            self.watch.unsent(anomaly, failures.words(error))
        else:
            self.watch.sent(anomaly, place, offset)

    async def _written(self, key: bytes, lines: list[bytes]) -> tuple[Place, int]:
        """Write lines under one key; return the place of the last one."""
        topic, acks = self._settings.topics.canary, list[Ack]()
        for line in lines:
            acks.append(await self._producer.send_raw(topic, key, line))
            acks[-1].add_done_callback(_look_at)
        # Shielded: what is waited for too long is the producer's, which goes on.
        found = [await asyncio.shield(ack) for ack in acks]
        return (found[-1].topic, found[-1].partition), found[-1].offset

    async def check(self) -> None:
        """Find whether the canary comes through, and where it is stuck; log each change once."""
        self.lines_now()
        problem = await self._present()
        if problem is None:
            self._well()
        else:
            self._fails(problem)

    async def _present(self) -> Problem | None:
        if self.watch.not_sent is not None:
            return Problem("kafka", f"Kafka did not take its lines: {self.watch.not_sent}")
        if self._known.problem is not None:
            return Problem("model", self._known.problem)
        if (late := self.watch.overdue()) is not None:
            return await self._find(late)
        if (alarm := self.watch.false_alarm) is not None:
            return Problem("normal", f"the known normal session {alarm.session.name} is an anomaly to {alarm.source}")
        return None

    async def _find(self, late: Sent) -> Problem:
        """Where the oldest late anomaly is stuck, by Kafka's answer of the last `FIND_SECONDS`."""
        now, name = self._clock(), late.session.name
        before = self._found
        if before and before[0] == name and before[2].stage != "unknown" and now - before[1] <= FIND_SECONDS:
            return before[2]
        self._found = (name, now, await find(self._settings, late))
        return self._found[2]

    def _fails(self, problem: Problem) -> None:
        before, self._problem = self._problem, problem
        metrics.show_canary(CANARY, problem.stage)
        new = self._outage.away(problem.text)
        if new or before is None or before.stage != problem.stage:
            age = round(self.watch.age, 1)
            log.error("the canary fails", stage=problem.stage, why=problem.text, age_seconds=age)

    def _well(self) -> None:
        """Note that the canary comes through; after a failure, once a known anomaly has come since."""
        arrived = self.watch.arrived_at
        if self._problem is not None and (arrived is None or arrived < self._outage.changed_at):
            return
        self._problem = None
        metrics.show_canary(CANARY, None)
        if (seconds := self._outage.back()) is not None:
            log.info("the canary comes through again", failed_seconds=round(seconds, 1), latency=self.watch.latency)


def _look_at(ack: Ack) -> None:
    """Look at the error of an acknowledgement that nobody waits for any more."""
    if not ack.cancelled():
        ack.exception()
