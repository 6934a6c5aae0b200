"""FusionLog's topics: names, keys, records, partitions, settings. No other module holds a topic name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from fusionlog import records
from fusionlog.signing.kinds import Kind
from fusionlog.topics.access import (
    EVERYONE,
    PEOPLE,
    ROLES,
    Access,
    Person,
    Role,
    TopicId,
    Who,
    readers_of,
    writers_of,
)

__all__ = [
    "BY_RAW_PARTITION",
    "CANARY",
    "DAY_MS",
    "EVERYONE",
    "HOUR_MS",
    "PEOPLE",
    "ROLES",
    "SIGNED",
    "Access",
    "Person",
    "Role",
    "Topic",
    "TopicId",
    "Topics",
    "Who",
    "kind_of",
    "readers_of",
    "writers_of",
]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CANARY = "fusionlog-canary"
"""The system of the canary: no systems file names it, and no other system has its name."""


SIGNED: tuple[TopicId, ...] = ("labels", "models", "feedback")
"""The topics whose records decide what is anomalous: where public keys are set, a record without a valid signature is
refused by every reader."""


def kind_of(record: records.Record | None) -> Kind:
    """The kind of a record of a signed topic; None is a tombstone.

    :raises TypeError: the record is of another topic.
    """
    match record:
        case None:
            return "removal"
        case records.ModelRelease():
            return "release" if record.withdrawn is None else "withdrawal"
        case records.PseudoLabel():
            return "label" if record.revoked is None else "revocation"
        case records.Feedback():
            return "feedback"
    raise TypeError(f"a {type(record).__name__} is not signed")


BY_RAW_PARTITION = "system/partition of its lines"
"""The key of windows whose verdicts depend on those before: the windows of a raw partition stay in one partition, in
their order."""


@dataclass(frozen=True)
class Topic:
    """One topic as it must exist. `partitions` and `retention_ms` are what `topics create` asks for."""

    name: str
    key: str
    record: type[records.Record] | None
    cleanup: Literal["delete", "compact"]
    partitions: int
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]
    summary: str
    retention_ms: int | None = None
    max_message_bytes: int = 1024 * 1024
    segment_ms: int | None = None
    signed_as: TopicId | None = None
    """The topic in what the signatures of its records cover; None: they are not signed."""

    def config(self) -> dict[str, str]:
        """The topic's settings, in Kafka's own names."""
        config = {"cleanup.policy": self.cleanup, "max.message.bytes": str(self.max_message_bytes)}
        if self.retention_ms is not None:
            config["retention.ms"] = str(self.retention_ms)
        if self.segment_ms is not None:
            config["segment.ms"] = str(self.segment_ms)
        return config


@dataclass(frozen=True)
class Topics:
    """All topics under one prefix. `partitions` is the number of those that several workers share."""

    prefix: str = "fusionlog."
    raw_prefix: str = "logs.raw."
    partitions: int = 4
    model_bytes: int = 16 * 1024 * 1024
    systems: tuple[str, ...] = field(default=())
    repartitioned: tuple[str, ...] = field(default=())
    """The systems with `repartition: true`."""

    def raw(self, system: str) -> Topic:
        """The topic that shippers write a system's lines to; the canary writes its own."""
        if system == CANARY:
            return self.canary
        return self._raw(system)

    @property
    def canary(self) -> Topic:
        """The topic of the canary's lines."""
        return replace(
            self._raw(CANARY), key="time of sending", written_by=writers_of("canary"),
            summary="The canary's lines: a known normal session and a known anomaly every FUSIONLOG_CANARY__SECONDS.",
        )  # fmt: skip

    def _raw(self, system: str) -> Topic:
        return Topic(
            name=f"{self.raw_prefix}{system}",
            key="host, or anything that keeps a session's lines in one partition",
            record=None,
            cleanup="delete",
            partitions=self.partitions,
            written_by=writers_of("raw"),
            read_by=readers_of("raw"),
            summary=f"The log lines of {system}: text, or the JSON of Fluent Bit, Vector or Filebeat.",
            retention_ms=7 * DAY_MS,
        )

    def keyed(self, system: str) -> Topic:
        """The topic of a system's lines by session, where a shipper scatters them over partitions."""
        return Topic(
            name=f"{self.prefix}keyed.{system}",
            key="session",
            record=records.KeyedLine,
            cleanup="delete",
            partitions=self.partitions,
            written_by=writers_of("keyed"),
            read_by=readers_of("keyed"),
            summary=f"The lines of {system} by session, with `repartition: true`: one record a line and session.",
            retention_ms=7 * DAY_MS,
            max_message_bytes=4 * 1024 * 1024,
        )

    def is_keyed(self, topic: str) -> bool:
        """Whether this is the keyed topic of a repartitioned system."""
        return any(topic == self.keyed(system).name for system in self.repartitioned)

    def system_of(self, topic: str) -> str:
        """The system whose raw or keyed topic this is."""
        if self.is_keyed(topic):
            return topic.removeprefix(f"{self.prefix}keyed.")
        return topic.removeprefix(self.raw_prefix)

    @property
    def general(self) -> Topic:
        """Windows for the small model."""
        summary = "Windows for the small model: their events resemble those of the bank."
        return self._windows("general", "system/session", summary)

    @property
    def proprietary(self) -> Topic:
        """Windows for the teacher."""
        summary = "Windows for the teacher: with an event unlike those of the bank, or for a second opinion."
        return self._windows("proprietary", BY_RAW_PARTITION, summary)

    @property
    def labels(self) -> Topic:
        """Pseudo-labels of window shapes."""
        return self._compacted(
            "labels", "system/window shape", records.PseudoLabel,
            "A teacher's verdict on a window shape and on its events; or its revocation by an operator.",
        )  # fmt: skip

    @property
    def models(self) -> Topic:
        """Model releases."""
        return self._compacted(
            "models", "system (* is the base) and version", records.ModelRelease,
            "A small model, its bank and its thresholds; every worker takes it into use, unless it is withdrawn.",
            partitions=1, max_message_bytes=self.model_bytes,
        )  # fmt: skip

    @property
    def templates(self) -> Topic:
        """Log templates."""
        return self._compacted(
            "templates", "system/template id", records.Template,
            "A log template; a restarted ingest worker reads them all before the first line.",
        )  # fmt: skip

    @property
    def feedback(self) -> Topic:
        """Operators' verdicts on anomalies."""
        return self._compacted(
            "feedback", "system/scope/target", records.Feedback,
            "An operator confirms or dismisses an anomaly's window shape, or an event; the last verdict counts.",
        )  # fmt: skip

    @property
    def anomalies(self) -> Topic:
        """Anomalous windows."""
        return Topic(
            name=f"{self.prefix}anomalies", key="system/session", record=records.Anomaly, cleanup="delete",
            partitions=self.partitions, written_by=writers_of("anomalies"), read_by=readers_of("anomalies"),
            summary="An anomalous window: its score, the source of the verdict, and the reason.",
            retention_ms=30 * DAY_MS,
        )  # fmt: skip

    @property
    def explanations(self) -> Topic:
        """Explanations of window shapes."""
        return self._compacted(
            "explanations", "system/window shape", records.Explanation,
            "A language model's explanation of an anomaly, once per window shape: cause, evidence lines, next step.",
        )  # fmt: skip

    @property
    def incidents(self) -> Topic:
        """Incidents. One partition: one worker groups the anomalies of all systems."""
        topic = self._compacted(
            "incidents", "incident id", records.Incident,
            "An incident: the anomalies of one cause. Written with each change; removed a week after it was over.",
            partitions=1,
        )  # fmt: skip
        return replace(topic, segment_ms=DAY_MS // 4)  # What was written again leaves the disk.

    @property
    def notifications(self) -> Topic:
        """What targets were notified of. One partition, as that of the incidents."""
        topic = self._compacted(
            "notifications", "target/incident id", records.Notification,
            "The last message on an incident that a target accepted. Removed with the incident.", partitions=1,
        )  # fmt: skip
        return replace(topic, segment_ms=DAY_MS // 4)  # What was written again leaves the disk.

    @property
    def spend(self) -> Topic:
        """What label and explain workers spend on a language model. One partition: the order of its records decides."""
        topic = self._compacted(
            "spend", "worker/minute/role/system", records.Spend,
            "Calls, tokens and money that a worker spent within a minute; removed after two days.", partitions=1,
        )  # fmt: skip
        return replace(topic, segment_ms=DAY_MS // 4)  # What is removed leaves the disk, and the start of a worker.

    @property
    def workers(self) -> Topic:
        """The states of running workers. One partition: those of a worker are in order."""
        return Topic(
            name=f"{self.prefix}workers", key="role/worker", record=records.WorkerState, cleanup="delete",
            partitions=1, written_by=writers_of("workers"), read_by=readers_of("workers"),
            summary="The state of a worker: readiness, releases in use, lag, counts by system; each ten seconds.",
            retention_ms=HOUR_MS, segment_ms=HOUR_MS // 4,
        )  # fmt: skip

    @property
    def training(self) -> Topic:
        """The training of targets. One partition: who has it decides, one at a time."""
        return self._compacted(
            "training", "system/state, system/request (* is every system), or system/version/artefact",
            records.Training,
            "Why a target is due, its job and its result; what an operator requests; how a release was trained.",
            partitions=1,
        )  # fmt: skip

    @property
    def deadletter(self) -> Topic:
        """Records that could not be used, as they were; reason, place and time are in their headers."""
        return Topic(
            name=f"{self.prefix}deadletter", key="the record's own", record=None, cleanup="delete",
            partitions=1, written_by=writers_of("deadletter"), read_by=readers_of("deadletter"),
            summary="A record that could not be used, byte for byte; reason, place and time are in its headers.",
            retention_ms=30 * DAY_MS,
        )  # fmt: skip

    def own(self) -> list[Topic]:
        """Every topic that all systems share, in the order of the data's flow."""
        return [self.general, self.proprietary, self.labels, self.models, self.anomalies, self.explanations,
                self.incidents, self.notifications, self.spend, self.training, self.templates, self.feedback,
                self.workers,
                self.deadletter]  # fmt: skip

    def all(self) -> list[Topic]:
        """The raw topics of the configured systems, the keyed ones of some, then those that all systems share."""
        return [*self.of(("raw", "keyed")), *self.own()]

    def reads(self, role: Role) -> list[Topic]:
        """The topics that a role reads, the raw and keyed ones of the systems among them."""
        return self.of(ROLES[role].reads)

    def writes(self, role: Role) -> list[Topic]:
        """The topics that a role writes."""
        return self.of(ROLES[role].writes)

    def used(self, role: Role) -> list[Topic]:
        """The topics that a role reads, writes or describes, each once; all where it creates them."""
        access = ROLES[role]
        found = self.all() if access.creates else self.of((*access.reads, *access.writes, *access.describes))
        return list({topic.name: topic for topic in found}.values())

    def group(self, name: str) -> str:
        """The consumer group of a role."""
        return f"{self.prefix}{name}"

    def of(self, ids: Sequence[TopicId]) -> list[Topic]:
        """The topics of some ids, a raw or keyed one a system."""
        raw = [self.raw(system) for system in self.systems] if "raw" in ids else []
        keyed = [self.keyed(system) for system in self.repartitioned] if "keyed" in ids else []
        return [*raw, *keyed, *(getattr(self, id) for id in ids if id not in ("raw", "keyed"))]

    def _windows(self, id: TopicId, key: str, summary: str) -> Topic:
        return Topic(
            name=f"{self.prefix}windows.{id}", key=key, record=records.Window, cleanup="delete",
            partitions=self.partitions, written_by=writers_of(id), read_by=readers_of(id), summary=summary,
            retention_ms=3 * DAY_MS, max_message_bytes=4 * 1024 * 1024,
        )  # fmt: skip

    def _compacted(
        self, id: TopicId, key: str, record: type[records.Record], summary: str, partitions: int | None = None,
        max_message_bytes: int = 1024 * 1024,
    ) -> Topic:  # fmt: skip
        return Topic(
            name=f"{self.prefix}{id}", key=key, record=record, cleanup="compact",
            partitions=partitions or self.partitions, written_by=writers_of(id), read_by=readers_of(id),
            summary=summary, max_message_bytes=max_message_bytes, signed_as=id if id in SIGNED else None,
        )  # fmt: skip
