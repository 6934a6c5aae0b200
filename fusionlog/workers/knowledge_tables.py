"""A worker's `Knowledge` of every system, kept current from the `models` and `labels` topics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from fusionlog.embedding.encoder import Encoder, find_encoder
from fusionlog.errors import ModelError
from fusionlog.kafka.table import Table
from fusionlog.observability import metrics
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.releases_in_use import KEPT_RELEASES
from fusionlog.records import ModelRelease, PseudoLabel
from fusionlog.releases import BASE
from fusionlog.settings import Settings

log = structlog.get_logger(__name__)


class KnowledgeTables:
    """The `Knowledge` of each system. A release that does not verify is refused, and the one in use stays."""

    def __init__(self, settings: Settings, make: Callable[[str], Knowledge]) -> None:
        """`make` returns the empty knowledge of a system."""
        self._settings, self._make = settings, make
        self._known: dict[str, Knowledge] = {name: make(name) for name in settings.systems}
        self._releases: dict[str, dict[str, ModelRelease]] = {}
        self._labels: dict[str, dict[str, PseudoLabel]] = {}
        self._versions: dict[str, str] = {}
        self._news = asyncio.Event()
        topics = settings.topics
        self._tables = (
            Table(settings, topics.models, self._on_release),
            Table(settings, topics.labels, self._on_label),
        )

    @classmethod
    async def with_encoder(
        cls, settings: Settings, check: Callable[[ModelRelease], None] | None = None
    ) -> KnowledgeTables:
        """Tables with the encoder of the settings, loaded in a thread. `check` refuses a release by raising.

        :raises MissingExtraError: the encoder must be exported first, and the packages for that are not installed.
        """
        encoder = await asyncio.to_thread(lambda: Encoder(find_encoder(settings), settings.score.threads))

        def make(system: str) -> Knowledge:
            return Knowledge(system, encoder, settings.signing_key, check, settings.rules(system))

        return cls(settings, make)

    async def start(self) -> None:
        """Read the present models and labels, then follow their topics.

        :raises BrokerError: Kafka does not answer, or a topic is missing.
        """
        for table in self._tables:
            await table.start()

    async def stop(self) -> None:
        """Stop following."""
        for table in self._tables:
            await table.stop()

    def of(self, system: str) -> Knowledge:
        """The knowledge of a system; a new system's is built from the releases and labels read so far."""
        if system not in self._known:
            self._known[system] = self._make(system)
            for source in (BASE, system):
                for release in self._releases.get(source, {}).values():
                    self._adopt(system, release)
            for label in self._labels.get(system, {}).values():
                self._known[system].learn(label)
        return self._known[system]

    async def until_ready(self) -> None:
        """Wait until every configured system that needs a model has one; log once which ones wait."""
        logged, needing = False, [name for name in self._settings.systems if self.of(name).rules.model]
        while waiting := [name for name in needing if not self.of(name).ready]:
            if not logged:
                log.info(
                    "waiting for a model: publish the bundled base (fusionlog models publish --bundled), or train one "
                    "(fusionlog meta-train)",
                    systems=waiting,
                )
                logged = True
            await self._next()

    async def until_ready_for(self, systems: set[str]) -> None:
        """Wait until these systems have a model."""
        while any(not self.of(name).ready for name in systems):
            await self._next()

    async def _next(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _on_release(self, key: str, release: ModelRelease | None) -> None:
        if release is None:
            system, _, version = key.rpartition("/")
            self._releases.get(system, {}).pop(version, None)
            return
        kept = self._releases.setdefault(release.system, {})
        kept[release.version] = release
        # A system that is met late gets as many releases as the others keep for windows in flight.
        for version in sorted(kept)[:-KEPT_RELEASES]:
            del kept[version]
        for system in list(self._known) if release.system == BASE else [release.system]:
            self.of(system)
            self._adopt(system, release)
        self._news.set()

    def _on_label(self, key: str, label: PseudoLabel | None) -> None:
        if label is None:
            system, _, shape = key.rpartition("/")
            self._labels.get(system, {}).pop(shape, None)
            if system in self._known:
                self._known[system].forget(shape)
            return
        self._labels.setdefault(label.system, {})[label.shape] = label
        if label.system in self._known:
            self._known[label.system].learn(label)

    def _adopt(self, system: str, release: ModelRelease) -> None:
        knowledge = self._known[system]
        try:
            knowledge.adopt(release)
        except ModelError as error:
            self._refuse(release, error)
            return
        before, version = self._versions.get(system), knowledge.version
        if version is None or version == before:
            return
        self._in_use(system, before, version)

    def _in_use(self, system: str, before: str | None, version: str) -> None:
        self._versions[system] = version
        if before is not None:
            metrics.MODEL.labels(system, before).set(0)
            metrics.MODEL_SWAPS.labels(system).inc()
        metrics.MODEL.labels(system, version).set(1)
        log.info("model in use", system=system, version=version)

    def _refuse(self, release: ModelRelease, error: ModelError) -> None:
        metrics.MODEL_REFUSED.labels(release.system).inc()
        log.error("model refused", system=release.system, version=release.version, error=str(error))
