"""A worker's `Knowledge` of every system, kept current from the topics `models`, `labels` and `feedback`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import structlog
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.embedding.encoder import Encoder, load_encoder
from fusionlog.errors import BrokerError, ModelError, ReleaseError
from fusionlog.kafka.known_systems import KnownSystems
from fusionlog.kafka.stopping import cancelled
from fusionlog.kafka.table import Refused, Table, read_all
from fusionlog.kafka.table_dead_letters import log_refused
from fusionlog.observability import metrics
from fusionlog.observability.health import Health
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.releases_in_use import KEPT_RELEASES, rank
from fusionlog.online.teacher_memory import MOST_LABELS
from fusionlog.records import Feedback, ModelRelease, PseudoLabel
from fusionlog.releases import BASE
from fusionlog.settings import Settings

log = structlog.get_logger(__name__)

Trial = Callable[[ModelRelease], None]
"""Returns where a release may be used; raises a `ModelError` where it may not."""

LOGGED_SYSTEMS = 100
"""So many systems that are left out are logged by name, and read later where they come to the systems file."""
LATE_SECONDS = 5.0


class KnowledgeTables:
    """The `Knowledge` of each system. A release that does not verify is refused, and the one in use stays."""

    def __init__(
        self, settings: Settings, make: Callable[[str], Knowledge], refused: Refused = log_refused,
        trial: Trial | None = None,
    ) -> None:  # fmt: skip
        """`make` returns the empty knowledge of a system; `refused` takes records that cannot be used; `trial` refuses
        a release by raising, in a thread."""
        self._settings, self._make, self._trial = settings, make, trial
        self._systems, self._ignored = KnownSystems(settings), set[str]()
        self._known: dict[str, Knowledge] = {name: make(name) for name in settings.systems}
        self._releases: dict[str, dict[str, ModelRelease]] = {}
        self._labels: dict[str, dict[str, PseudoLabel]] = {}
        self._feedback: dict[str, dict[str, Feedback]] = {}
        self._versions: dict[str, str] = {}
        self._withdrawn: dict[str, dict[str, ModelRelease]] = {}
        self._news = asyncio.Event()
        self._late: asyncio.Task[None] | None = None
        self.encoder: Encoder | None = None
        """The encoder of `with_encoder`."""
        topics = settings.topics
        self._tables = (
            Table(settings, topics.models, self._on_release, refused),
            Table(settings, topics.labels, self._on_label, refused),
            Table(settings, topics.feedback, self._on_feedback, refused),
        )

    @classmethod
    async def with_encoder(
        cls, settings: Settings, refused: Refused = log_refused, check: Trial | None = None, trial: Trial | None = None
    ) -> KnowledgeTables:
        """Tables with the encoder of the settings, loaded in a thread.

        :param check: refuses a release by raising. :param trial: likewise, in a thread: it may take seconds.

        :raises SettingError: the provider of the settings is `cuda`, and CUDA cannot be used.
        :raises MissingExtraError: the encoder must be exported first, and the packages for that are not installed.
        """
        encoder = await asyncio.to_thread(load_encoder, settings)

        def make(system: str) -> Knowledge:
            return Knowledge(system, encoder, settings.signatures, check, settings.rules(system))

        tables = cls(settings, make, refused, trial)
        tables.encoder = encoder
        return tables

    async def start(self) -> None:
        """Read the present models, labels and feedback, then follow their topics.

        :raises BrokerError: Kafka does not answer, or a topic is missing.
        """
        for table in self._tables:
            await table.start()
        self._late = asyncio.create_task(self._follow_late(), name="the tables of new systems")

    @property
    def background(self) -> tuple[asyncio.Task[None], ...]:
        """The tasks that follow the topics, and the systems that come to the systems file late."""
        return (*(task for table in self._tables for task in table.background), *([self._late] if self._late else []))

    async def stop(self) -> None:
        """Stop following."""
        await cancelled(self._late)
        await asyncio.gather(*(table.stop() for table in self._tables))

    def report(self, health: Health) -> None:
        """Report the releases in use, and the provider of the encoder."""
        health.models = self.in_use
        if (encoder := self.encoder) is not None:
            health.runs_on("encoder", lambda: encoder.provider)

    def in_use(self) -> dict[str, str | None]:
        """The version of the release in use of each configured system that needs a model; None: it has none yet."""
        needing = [name for name in self._settings.systems if self._settings.rules(name).model]
        return {name: self._versions.get(name) for name in needing}

    def of(self, system: str) -> Knowledge:
        """The knowledge of a system; a new system's is built from the releases and labels read so far."""
        if system not in self._known:
            self._known[system] = self._make(system)
            self._adopt_known(system)
            for label in self._labels.get(system, {}).values():
                self._known[system].learn(label)
            for key, feedback in self._feedback.get(system, {}).items():
                self._known[system].operators.put(key, feedback)
        return self._known[system]

    async def until_ready(self) -> None:
        """Wait until every configured system that needs a model has one; log once which ones wait."""
        needing = [name for name in self._settings.systems if self.of(name).rules.model]
        self.log_waiting()
        while any(not self.of(name).ready for name in needing):
            await self._next()

    def log_waiting(self) -> None:
        """Log which configured systems wait for a model; without a systems file, that there is none at all."""
        waiting = [name for name, version in self.in_use().items() if version is None]
        if waiting or not (self._settings.systems or self._releases):
            log.info(
                "waiting for a model: publish the bundled base (fusionlog models publish --bundled), or train one "
                "(fusionlog meta-train)",
                systems=waiting,
            )

    async def until_ready_for(self, systems: set[str]) -> None:
        """Wait until these systems have a model."""
        while any(not self.of(name).ready for name in systems):
            await self._next()

    async def _next(self) -> None:
        self._news.clear()
        await self._news.wait()

    def _on_release(self, key: str, release: ModelRelease | None) -> Awaitable[None] | None:
        if release is None:
            system, _, version = key.rpartition("/")
            self._releases.get(system, {}).pop(version, None)
            return None
        if self._ignores(release.system):
            return None
        if release.withdrawn is not None:
            if self._verified(release):
                self.withdraw_release(release)
            return None
        if self._trial is not None:
            return self._try(release, self._trial)
        self._take(release)
        return None

    async def _try(self, release: ModelRelease, trial: Trial) -> None:
        """Take a release that is whole, and passes its trial."""
        try:
            releases.verify(release, self._settings.signatures)
            await asyncio.to_thread(trial, release)
        except ModelError as error:
            self._refuse(release, error)
        else:
            self._take(release)

    def _verified(self, release: ModelRelease) -> bool:
        try:
            releases.verify(release, self._settings.signatures)
        except ModelError as error:
            self._refuse(release, error)
            return False
        return True

    def _take(self, release: ModelRelease) -> None:
        withdrawn = self._withdrawn.get(release.system, {})
        if release.version in withdrawn:
            if release.guarded or not self._verified(release):
                return
            del withdrawn[release.version]
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
        if self._ignores(label.system):
            return
        kept = self._labels.setdefault(label.system, {})
        kept[label.shape] = label
        if len(kept) > MOST_LABELS:
            del kept[next(iter(kept))]
        if label.system in self._known:
            self._known[label.system].learn(label)

    def _on_feedback(self, key: str, feedback: Feedback | None) -> None:
        if feedback is None:
            system = key.partition("/")[0]
            self._feedback.get(system, {}).pop(key, None)
            if system in self._known:
                self._known[system].operators.remove(key)
            return
        if self._ignores(feedback.system):
            return
        self._feedback.setdefault(feedback.system, {})[key] = feedback
        if feedback.system in self._known:
            self._known[feedback.system].operators.put(key, feedback)

    def _ignores(self, system: str) -> bool:
        """Whether a system's releases, labels and feedback are left out: it is not in the systems file; logged once."""
        if system == BASE or self._systems.has(system):
            return False
        if system not in self._ignored and len(self._ignored) < LOGGED_SYSTEMS:
            self._ignored.add(system)
            log.warning(
                "releases, labels and feedback of a system that is not in FUSIONLOG_SYSTEMS_FILE are left out",
                system=system,
            )
        return True

    async def _follow_late(self) -> None:
        while True:
            await asyncio.sleep(LATE_SECONDS)
            try:
                await self.catch_up()
            except BrokerError as error:
                log.debug("the records of a new system could not be read yet", why=str(error))

    async def catch_up(self) -> None:
        """Read the releases, labels and feedback that were left out, of systems that are in the systems file by now.

        :raises BrokerError: Kafka does not answer.
        """
        late = self._ignored & self._settings.described.keys()
        if not late:
            return
        for _, release in await read_all(self._settings, self._settings.topics.models):
            if release.system in late and (trial := self._on_release("", release)) is not None:
                await trial
        for _, label in await read_all(self._settings, self._settings.topics.labels):
            if label.system in late:
                self._on_label("", label)
        for key, feedback in await read_all(self._settings, self._settings.topics.feedback):
            if feedback.system in late:
                self._on_feedback(key, feedback)
        self._ignored -= late
        log.info("the releases, labels and feedback of new systems were read", systems=sorted(late))

    def _adopt_known(self, system: str) -> None:
        """Adopt what is known of the model topic for a system."""
        for source in (BASE, system):
            for release in list(self._releases.get(source, {}).values()):
                self._adopt(system, release)

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

    def withdraw(self, system: str, error: ReleaseError) -> None:
        """Go back to the release before one whose model failed on this system's windows."""
        self._give_up(system, error.version, "failed", str(error))

    def withdraw_release(self, release: ModelRelease) -> None:
        """Go back to the release before one that was withdrawn, and adopt that one no more, until it is restored.

        A base is withdrawn for every system.
        """
        assert release.withdrawn is not None
        light = replace(release, onnx=b"", vectors=b"", bank=[], profile=b"")
        self._withdrawn.setdefault(release.system, {})[release.version] = light
        self._releases.get(release.system, {}).pop(release.version, None)
        for system in list(self._known) if release.system == BASE else [release.system]:
            self._give_up(system, release.version, release.withdrawn.cause, release.withdrawn.reason)

    def problem(self) -> str | None:
        """The withdrawn releases that would be in use otherwise, with their reasons; None where there are none."""
        return "; ".join(self._problems()) or None

    def _problems(self) -> Iterator[str]:
        for system in self._versions:
            kept = self.of(system).kept
            for each in (*self._withdrawn.get(system, {}).values(), *self._withdrawn.get(BASE, {}).values()):
                if each.withdrawn is not None and kept and rank(each) > rank(kept[0]):
                    yield (
                        f"{system} uses {kept[0].version}, for {each.version} is withdrawn: {each.withdrawn.reason} "
                        f"(undo: fusionlog models restore {each.version})"
                    )

    def _give_up(self, system: str, version: str, reason: str, why: str) -> None:
        """Go back from a release of a system, where it is kept, to the one before it."""
        knowledge = self.of(system)
        kept = version in knowledge.versions
        knowledge.withdraw(version)
        if not kept:
            return
        if not knowledge.ready:  # All that were kept are given up: an earlier one is left.
            self._adopt_known(system)
        metrics.MODELS_WITHDRAWN.labels(system, reason).inc()
        metrics.MODEL.remove(system, version)
        log.error(
            "model withdrawn", system=system, version=version, in_use=knowledge.version, reason=reason, why=why
        )  # fmt: skip
        if knowledge.version is not None:
            self._versions[system] = knowledge.version
            metrics.MODEL.labels(system, knowledge.version).set(1)

    def _in_use(self, system: str, before: str | None, version: str) -> None:
        self._versions[system] = version
        if before is not None:
            metrics.MODEL.remove(system, before)
            metrics.MODEL_SWAPS.labels(system).inc()
        metrics.MODEL.labels(system, version).set(1)
        log.info("model in use", system=system, version=version)

    def _refuse(self, release: ModelRelease, error: ModelError) -> None:
        metrics.MODEL_REFUSED.labels(release.system).inc()
        log.error("model refused", system=release.system, version=release.version, error=str(error))
