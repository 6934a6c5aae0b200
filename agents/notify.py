"""The notify worker: incidents to notifications. `fusionlog worker notify`, or `faust -A agents.notify worker`.

One worker notifies; further ones stand by.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence

import structlog
from aiokafka import ConsumerRecord

from agents.app import ReaderApp, of_environment
from agents.reader_work import SingleWork
from fusionlog.incidents.notifications.delivery import Delivery
from fusionlog.incidents.notifications.fields import check
from fusionlog.incidents.notifications.sample import sample
from fusionlog.kafka.table import newest, read_all
from fusionlog.records import Notification
from fusionlog.settings import Settings, unknown_systems
from fusionlog.topics import Role
from fusionlog.workers.notify.worker import NotifyWorker

log = structlog.get_logger(__name__)

ROLE: Role = "notify"
ALL = 2**31


class NotifyWork(SingleWork):
    """The parts of a notify worker: producer, reader, and the lag of its topic."""

    def __init__(self, config: Settings) -> None:
        """:raises SettingError: a target, or one of its templates, cannot be used."""
        for target in config.targets.values():
            check(target, sample(target, time.time()))
        super().__init__(config, ROLE, config.topics.incidents)
        self._worker = NotifyWorker(config, self._producer, self._incidents, self._sent, Delivery)
        self.health.details["targets"] = lambda: {
            name: {"waiting": waiting, "problem": self._worker.failing.get(name)}
            for name, waiting in self._worker.waiting.items()
        }
        self.health.degradations.append(self._problem)

    async def prepare(self) -> None:
        """Connect."""
        for sentence in unknown_systems(self._settings.targets.values(), self._settings.described):
            log.warning(sentence)
        await self._producer.start()
        self._lag.start()

    @property
    def background(self) -> Sequence[asyncio.Task[None]]:
        """The task of the lag."""
        return self._lag.background

    async def read(self) -> None:
        """Notify until cancelled."""
        await self.handled_by(self._worker)

    async def finish(self) -> None:
        """Disconnect."""
        await self.leave()
        await self._lag.stop()
        await self._producer.stop()

    def _problem(self) -> str | None:
        """A sentence on the targets that are not notified now."""
        failing = self._worker.failing
        return "; ".join(f"target {name} is not notified: {why}" for name, why in failing.items()) or None

    async def _incidents(self) -> Iterable[ConsumerRecord]:
        return await newest(self._settings, self._settings.topics.incidents, ALL)

    async def _sent(self) -> Iterable[Notification]:
        topic = self._settings.topics.notifications
        return [record for _, record in await read_all(self._settings, topic, refused=self._refused)]


def build(config: Settings) -> ReaderApp:
    """The app; nothing is connected before it starts.

    :raises SettingError: no notifications file is set, or it cannot be used.
    """
    work = NotifyWork(config)
    app = ReaderApp(ROLE, config, work)
    app.attend(work.read, work.leave)
    return app


__getattr__ = of_environment(build)
