"""The known lines of the newest base release on the models topic: of one that a worker would take into use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from fusionlog import releases
from fusionlog.errors import ModelError
from fusionlog.kafka.table import Refused, Table
from fusionlog.online.releases_in_use import refuse_future
from fusionlog.records import ModelRelease
from fusionlog.releases import BASE
from fusionlog.settings import Settings
from fusionlog.topics import CANARY
from fusionlog.workers.canary.known_lines import FOR_TEACHERS, KnownLines, choose

log = structlog.get_logger(__name__)

NO_BASE = (
    "there is no base model, so nothing is scored: publish the bundled base (fusionlog models publish --bundled), or "
    "train one (fusionlog meta-train)"
)


class KnownLinesTable:
    """The canary's lines, which follow the base release. Where no small model scores windows they are constant.

    :param trial: refuses a release by raising a `ModelError`, as in a score worker; called in a thread.
    """

    def __init__(self, settings: Settings, trial: Callable[[ModelRelease], None], refused: Refused) -> None:
        self._settings, self._trial = settings, trial
        self._newest: tuple[float, str] | None = None
        scored = settings.rules(CANARY).model
        self.lines: KnownLines | None = None if scored else FOR_TEACHERS
        self.problem: str | None = NO_BASE if scored else None
        """Why there are no lines, or none of the newest base."""
        self._table = Table(settings, settings.topics.models, self._on_release, refused) if scored else None

    async def start(self) -> None:
        """Read the present releases, then follow them.

        :raises BrokerError: Kafka does not answer, or the topic is missing.
        """
        if self._table is not None:
            await self._table.start()

    @property
    def background(self) -> tuple[asyncio.Task[None], ...]:
        """The task that follows the releases."""
        return self._table.background if self._table is not None else ()

    async def stop(self) -> None:
        """Stop following."""
        if self._table is not None:
            await self._table.stop()

    def _on_release(self, key: str, release: ModelRelease | None) -> Awaitable[None] | None:
        if release is None or release.system != BASE:
            return None
        rank = (release.created, release.version)
        return self._take(release, rank) if self._newest is None or rank > self._newest else None

    async def _take(self, release: ModelRelease, rank: tuple[float, str]) -> None:
        """Take the lines of a base; one that workers refuse changes nothing."""
        try:
            releases.verify(release, self._settings.signing_key)
            refuse_future(release, time.time())
            await asyncio.to_thread(self._trial, release)
        except ModelError as error:
            log.warning("a base that workers refuse gives the canary no lines", version=release.version, why=str(error))
            return
        self._newest = rank
        try:
            self.lines = await asyncio.to_thread(choose, release, self._settings.ingest)
            self.problem = None
            log.info("the canary has its lines", **_shown(self.lines))
        except ModelError as error:
            self.problem = str(error)


def _shown(lines: KnownLines) -> dict[str, str | None]:
    return {"release": lines.release, "anomaly": lines.anomaly, "normal": lines.normal}
