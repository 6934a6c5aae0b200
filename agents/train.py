"""The train worker: labels to trainings on Ray. `fusionlog worker train`, or `faust -A agents.train worker`.

One worker leads, by the partition of the topic `training`; others take over where it ends. It has no Ray and no torch.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Sequence

from agents.app import ReaderApp, of_environment
from agents.reader_work import MAX_RECORDS, POLL_SECONDS, GroupWork
from fusionlog.errors import SettingError
from fusionlog.kafka.group_consumer import GroupConsumer, Reading
from fusionlog.kafka.table import Table
from fusionlog.settings import Settings
from fusionlog.topics import Role
from fusionlog.workers.train.label_counts import LabelCounts
from fusionlog.workers.train.leadership import Leadership
from fusionlog.workers.train.ray_api import RayApi
from fusionlog.workers.train.share_watch import ShareWatch
from fusionlog.workers.train.states import TargetStates
from fusionlog.workers.train.window_shares import sampled_shares
from fusionlog.workers.train.worker import TrainWorker

ROLE: Role = "train"


class TrainWork(GroupWork):
    """The parts of a train worker: producer, labels, states of targets, leadership, Ray."""

    def __init__(self, config: Settings) -> None:
        assert config.ray_address is not None
        super().__init__(config, ROLE)
        self._leadership, writer = Leadership(), uuid.uuid4().hex[:12]
        token = config.ray_token.get_secret_value() if config.ray_token else os.environ.get("RAY_AUTH_TOKEN")
        self._ray = RayApi(config.ray_address.get_secret_value(), token)
        self._states = TargetStates(config, self._producer, self._leadership, writer, self._refused)
        self._counts = LabelCounts()
        self._labels = Table(config, config.topics.labels, self._counts.take, self._refused)
        self._feedback = Table(config, config.topics.feedback, self._counts.take_feedback, self._refused)
        windows = ShareWatch((lambda: sampled_shares(config)) if config.train.drift else None)
        self._worker = TrainWorker(
            config, self._states, self._counts, windows, self._ray,
            deployment=f"{config.kafka.bootstrap_servers} {config.topic_prefix}", writer=writer, variables=os.environ,
        )  # fmt: skip
        self.health.details["training"] = self._worker.report.body
        self.health.degradations += [lambda: self._worker.problem, lambda: self._worker.report.problem]

    async def prepare(self) -> None:
        """Connect, and read the labels and the states of all targets."""
        await self._producer.start()
        await self._labels.start()
        await self._feedback.start()
        await self._states.start()

    @property
    def background(self) -> Sequence[asyncio.Task[None]]:
        """The tasks of the tables."""
        return (*self._labels.background, *self._feedback.background, *self._states.background)

    async def read(self) -> None:
        """Lead, or wait to lead, until cancelled."""
        config = self._settings
        reading = Reading((config.topics.training.name,), MAX_RECORDS, POLL_SECONDS, config.ingest.commit_seconds)
        self._reader = GroupConsumer(config.kafka, config.topics.group(ROLE), reading, self._leadership, self.health)
        await self._reader.start()
        tasks = {asyncio.create_task(each) for each in (self._worker.run(), self._reader.run())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def finish(self) -> None:
        """Disconnect."""
        await self._labels.stop()
        await self._feedback.stop()
        await self._states.stop()
        await self._ray.close()
        await self._producer.stop()


def build(config: Settings) -> ReaderApp:
    """The app; nothing is connected before it starts.

    :raises SettingError: no Ray is named.
    """
    if config.ray_address is None:
        raise SettingError(
            "FUSIONLOG_RAY_ADDRESS", None, "name the Jobs API of a Ray cluster, http://host:8265, where trainings run"
        )
    work = TrainWork(config)
    app = ReaderApp(ROLE, config, work)
    app.attend(work.read, work.leave)
    return app


__getattr__ = of_environment(build)
