"""The explain worker: anomalies to explanations. `fusionlog worker explain`, or `faust -A agents.explain worker`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from faust.streams import Stream
from faust.types import TP, StreamT

from agents.app import FusionLogApp, guarded, of_environment, stall_seconds, together
from fusionlog.errors import SettingError
from fusionlog.explanation.explainer import Explainer
from fusionlog.kafka.batch_output import Message
from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.ordered_acks import Delivery, Place
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table_dead_letters import TableDeadLetters
from fusionlog.observability.health import Health
from fusionlog.records import SpendingRole
from fusionlog.settings import Settings
from fusionlog.workers.explain import ExplainWorker
from fusionlog.workers.explained_incidents import ExplainedIncidents
from fusionlog.workers.explained_shapes import ExplainedShapes
from fusionlog.workers.spend_log import SpendLog

ROLE: SpendingRole = "explain"


class ExplainWork:
    """The parts of an explain worker: producer, explained window shapes, budget, explainer."""

    def __init__(self, config: Settings) -> None:
        self._settings = config
        self.health = Health(ROLE, stall_seconds(config.label))
        self._producer = Producer(config, ROLE)
        self._explainer: Explainer | None = None
        refused = TableDeadLetters(config, self._producer, ROLE)
        self._incidents = ExplainedIncidents(config, refused)
        self._explained = ExplainedShapes(config, refused, self._incidents.add)
        self._spend = SpendLog(config, self._producer, ROLE)

    async def prepare(self) -> None:
        """Connect, and read which window shapes and incidents have an explanation, and what all workers have spent."""
        await self._producer.start()
        await self._spend.start()
        self._explainer = explainer = Explainer(self._settings, budgets=self._spend.explain_budget)
        await self._explained.start()
        await self._incidents.start()
        self.health.teacher = explainer.name
        self.health.degradations.append(lambda: explainer.problem)

    @property
    def background(self) -> Sequence[asyncio.Task[None]]:
        """The tasks of the tables."""
        return (*self._explained.background, *self._incidents.background, *self._spend.background)

    def start(self, app: FusionLogApp, guard: CrashGuard) -> ExplainWorker:
        """The worker that takes anomalies and explains them."""
        assert self._explainer is not None

        def owned(place: Place) -> bool:
            return TP(*place) in app.consumer.assignment()

        return ExplainWorker(
            self._settings, self._producer, self._explained, self._explainer, owned=owned, guard=guard,
            health=self.health, incidents=self._incidents,
        )  # fmt: skip

    async def finish(self) -> None:
        """Disconnect."""
        await self._explained.stop()
        await self._incidents.stop()
        await self._spend.stop()
        await self._producer.stop()
        if self._explainer is not None:
            await self._explainer.close()


def build(config: Settings) -> FusionLogApp:
    """The app; nothing is connected before it starts.

    :raises SettingError: no endpoint is configured.
    """
    if config.label.url is None:
        raise SettingError(
            "FUSIONLOG_LABEL__URL", None, "name an OpenAI-compatible endpoint: an LLM explains anomalies"
        )
    work = ExplainWork(config)
    app = FusionLogApp(ROLE, config, work)
    anomalies = app.topic(config.topics.anomalies.name, key_type=bytes, value_type=bytes)
    guard = guarded(app, config.topics.anomalies)

    @app.agent(anomalies, name="explain")
    async def explain(stream: StreamT[bytes]) -> None:
        explaining = work.start(app, guard)

        async def take() -> None:
            async for event in cast("Stream[bytes]", stream).noack().events():
                await explaining.take(Delivery(cast("Message", event.message), event.ack))

        await together(app, guard, take(), explaining.run())

    return app


__getattr__ = of_environment(build)
