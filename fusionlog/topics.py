"""FusionLog's topics: names, keys, records, partitions, settings. Nothing else in the code knows a topic name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from fusionlog import records

DAY_MS = 24 * 3600 * 1000


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

    def config(self) -> dict[str, str]:
        """The topic's settings, in Kafka's own names."""
        config = {"cleanup.policy": self.cleanup, "max.message.bytes": str(self.max_message_bytes)}
        if self.retention_ms is not None:
            config["retention.ms"] = str(self.retention_ms)
        return config


@dataclass(frozen=True)
class Topics:
    """All of them under one prefix. `partitions` is that of the topics that work is shared over."""

    prefix: str = "fusionlog."
    raw_prefix: str = "logs.raw."
    partitions: int = 4
    model_bytes: int = 16 * 1024 * 1024
    systems: tuple[str, ...] = field(default=())

    def raw(self, system: str) -> Topic:
        """The topic that shippers write a system's lines to."""
        return Topic(
            name=f"{self.raw_prefix}{system}",
            key="host, or anything that keeps a session's lines in one partition",
            record=None,
            cleanup="delete",
            partitions=self.partitions,
            written_by=("shippers",),
            read_by=("ingest",),
            summary=f"The log lines of {system}: text, or the JSON of Fluent Bit, Vector or Filebeat.",
            retention_ms=7 * DAY_MS,
        )

    def system_of(self, raw_topic: str) -> str:
        """The system whose raw topic this is."""
        return raw_topic.removeprefix(self.raw_prefix)

    @property
    def general(self) -> Topic:
        """Windows for the small model."""
        return self._windows("windows.general", "score", "Windows that resemble what the model was taught.")

    @property
    def proprietary(self) -> Topic:
        """Windows for the teacher."""
        return self._windows("windows.proprietary", "label", "Windows with an event that the model was never taught.")

    @property
    def labels(self) -> Topic:
        """Pseudo-labels of window shapes."""
        return self._compacted(
            "labels", "system/window shape", records.PseudoLabel, ("label",), ("ingest", "score", "label", "ray"),
            "What a teacher said of a window shape and its events.",
        )  # fmt: skip

    @property
    def models(self) -> Topic:
        """Model releases."""
        return self._compacted(
            "models", "system (* is the base) and version", records.ModelRelease, ("ray",), ("score", "ingest"),
            "A small model, its bank and its thresholds, swapped in by every worker.",
            partitions=1, max_message_bytes=self.model_bytes,
        )  # fmt: skip

    @property
    def templates(self) -> Topic:
        """Log templates."""
        return self._compacted(
            "templates", "system/template id", records.Template, ("ingest",), ("ingest", "console"),
            "A log template, so that a restarted ingest worker knows what it knew.",
        )  # fmt: skip

    @property
    def feedback(self) -> Topic:
        """Operators' words on anomalies."""
        return self._compacted(
            "feedback", "anomaly id", records.Feedback, ("console", "cli"), ("ray",),
            "An operator confirms or dismisses an anomaly.",
        )  # fmt: skip

    @property
    def anomalies(self) -> Topic:
        """What it is all for."""
        return Topic(
            name=f"{self.prefix}anomalies", key="system/session", record=records.Anomaly, cleanup="delete",
            partitions=self.partitions, written_by=("score", "label"), read_by=("users", "console", "explain"),
            summary="An anomalous window: how sure, who said so, and why.", retention_ms=30 * DAY_MS,
        )  # fmt: skip

    @property
    def explanations(self) -> Topic:
        """Why window shapes are anomalous."""
        return self._compacted(
            "explanations", "system/window shape", records.Explanation, ("explain",), ("users", "console", "explain"),
            "Why an anomalous window is one: cause, evidence lines and next step, once a window shape.",
        )  # fmt: skip

    @property
    def deadletter(self) -> Topic:
        """Records that could not be used, as they were; why, where and when stands in their headers."""
        return Topic(
            name=f"{self.prefix}deadletter", key="the record's own", record=None, cleanup="delete",
            partitions=1, written_by=("all",), read_by=("operators",),
            summary="A record that could not be used, byte for byte; headers say why, where and when.",
            retention_ms=30 * DAY_MS,
        )  # fmt: skip

    def own(self) -> list[Topic]:
        """Every topic that FusionLog writes, in the order of the data's flow."""
        return [self.general, self.proprietary, self.labels, self.models, self.anomalies, self.explanations,
                self.templates, self.feedback, self.deadletter]  # fmt: skip

    def all(self) -> list[Topic]:
        """The raw topics of the configured systems, then FusionLog's own."""
        return [*(self.raw(system) for system in self.systems), *self.own()]

    def _windows(self, name: str, reader: str, summary: str) -> Topic:
        return Topic(
            name=f"{self.prefix}{name}", key="system/session", record=records.Window, cleanup="delete",
            partitions=self.partitions, written_by=("ingest",), read_by=(reader,), summary=summary,
            retention_ms=3 * DAY_MS, max_message_bytes=4 * 1024 * 1024,
        )  # fmt: skip

    def _compacted(
        self, name: str, key: str, record: type[records.Record], written_by: tuple[str, ...], read_by: tuple[str, ...],
        summary: str, partitions: int | None = None, max_message_bytes: int = 1024 * 1024,
    ) -> Topic:  # fmt: skip
        return Topic(
            name=f"{self.prefix}{name}", key=key, record=record, cleanup="compact",
            partitions=partitions or self.partitions, written_by=written_by, read_by=read_by, summary=summary,
            max_message_bytes=max_message_bytes,
        )  # fmt: skip
