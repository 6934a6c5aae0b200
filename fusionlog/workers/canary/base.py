"""The known lines of the newest base release on the models topic: of one that a worker would take into use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from msgspec.structs import asdict

from fusionlog import releases
from fusionlog.errors import ModelError
from fusionlog.kafka.table import Refused, Table
from fusionlog.online.releases_in_use import KEPT_RELEASES, refuse_future
from fusionlog.records import ModelRelease
from fusionlog.releases import BASE
from fusionlog.settings import IngestSettings, Settings
from fusionlog.topics import CANARY
from fusionlog.workers.canary.known_lines import FOR_TEACHERS, KnownLines, choose

log = structlog.get_logger(__name__)

Rank = tuple[float, str]
"""The time and the version of a release: workers use the greatest."""

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
        self._bases: dict[Rank, KnownLines | ModelError] = {}
        scored = settings.rules(CANARY).model
        self._table = Table(settings, settings.topics.models, self._on_release, refused) if scored else None

    @property
    def lines(self) -> KnownLines | None:
        """The lines to send; None where the newest base has none."""
        if self._table is None:
            return FOR_TEACHERS
        newest = self._newest
        return newest if isinstance(newest, KnownLines) else None

    @property
    def problem(self) -> str | None:
        """Why there are no lines; None where there are."""
        if self.lines is not None:
            return None
        return NO_BASE if self._newest is None else str(self._newest)

    @property
    def _newest(self) -> KnownLines | ModelError | None:
        return self._bases[max(self._bases)] if self._bases else None

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
        if release.withdrawn is not None:
            self._drop(release, rank)
            return None
        kept = sorted([rank, *self._bases])[-KEPT_RELEASES:]
        return self._take(release, rank) if rank in kept and rank not in self._bases else None

    def _drop(self, release: ModelRelease, rank: Rank) -> None:
        """Leave out the lines of a withdrawn base: workers use the one before it."""
        try:
            releases.verify(release, self._settings.signatures)
        except ModelError as error:
            log.warning("a withdrawal that workers refuse is left out", version=release.version, why=str(error))
        else:
            self._bases.pop(rank, None)

    async def _take(self, release: ModelRelease, rank: Rank) -> None:
        """Take the lines of a base; one that workers refuse changes nothing."""
        try:
            releases.verify(release, self._settings.signatures)
            refuse_future(release, time.time())
            await asyncio.to_thread(self._trial, release)
        except ModelError as error:
            log.warning("a base that workers refuse gives the canary no lines", version=release.version, why=str(error))
            return
        self._bases[rank] = found = await asyncio.to_thread(_lines_of, release, self._settings.ingest)
        for older in sorted(self._bases)[:-KEPT_RELEASES]:
            del self._bases[older]
        if isinstance(found, KnownLines) and found is self.lines:
            log.info("the canary has its lines", **asdict(found))


def _lines_of(release: ModelRelease, ingest: IngestSettings) -> KnownLines | ModelError:
    try:
        return choose(release, ingest)
    except ModelError as error:
        return error
