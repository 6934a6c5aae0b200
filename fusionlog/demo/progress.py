"""The progress of a demo: the workers' counters, and the releases and anomalies on the topics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client import Metric

from fusionlog.records import Anomaly, ModelRelease, TrainingState


@dataclass(frozen=True)
class Counts:
    """The workers' counters, summed over workers. Names as in `fusionlog.observability.metrics`."""

    lines_in: int = 0
    lines_in_windows: int = 0
    lines_dead_lettered: int = 0
    lines_dropped: int = 0
    lines_joined: int = 0
    lines_open: int = 0
    windows_general: int = 0
    windows_proprietary: int = 0
    windows_scored: int = 0
    windows_labelled: int = 0
    windows_dead: int = 0
    labels: int = 0
    llm_calls: int = 0
    llm_tokens: int = 0
    model_swaps: int = 0

    @property
    def lines_done(self) -> int:
        """Lines in windows, dead-lettered, dropped or joined; equals `lines_in` if none is lost and none is open."""
        return self.lines_in_windows + self.lines_dead_lettered + self.lines_dropped + self.lines_joined

    @property
    def windows_decided(self) -> int:
        """Windows with a verdict of the model or the teacher, or on the dead-letter topic."""
        return self.windows_scored + self.windows_labelled + self.windows_dead

    @property
    def decided(self) -> bool:
        """Whether there is a window, and each has its verdict."""
        return self.windows_decided >= max(1, self.windows_general + self.windows_proprietary)

    def settled(self, lines_sent: int) -> bool:
        """Whether every sent line is counted as done and every window has its verdict."""
        windows = self.windows_general + self.windows_proprietary
        read = self.lines_in >= lines_sent and self.lines_done >= self.lines_in
        return read and self.windows_decided >= windows


_SUMS: dict[str, tuple[str, dict[str, str]]] = {
    "lines_in": ("fusionlog_lines_total", {}),
    "lines_in_windows": ("fusionlog_lines_windowed_total", {}),
    "lines_dead_lettered": ("fusionlog_lines_dead_lettered_total", {}),
    "lines_dropped": ("fusionlog_lines_dropped_total", {}),
    "lines_joined": ("fusionlog_lines_joined_total", {}),
    "lines_open": ("fusionlog_lines_open", {}),
    "windows_general": ("fusionlog_windows_total", {"route": "general"}),
    "windows_proprietary": ("fusionlog_windows_total", {"route": "proprietary"}),
    "windows_scored": ("fusionlog_windows_scored_total", {}),
    "windows_labelled": ("fusionlog_windows_labelled_total", {}),
    "windows_dead": ("fusionlog_windows_dead_lettered_total", {}),
    "labels": ("fusionlog_labels_total", {}),
    "llm_calls": ("fusionlog_llm_calls_total", {}),
    "llm_tokens": ("fusionlog_llm_tokens_total", {}),
}


def count(scrapes: Iterable[Iterable[Metric]]) -> Counts:
    """Sum the counters of several workers; of model swaps the greatest counter, since each worker swaps by itself."""
    sums: dict[str, float] = dict.fromkeys(_SUMS, 0.0)
    swaps = 0.0
    for families in scrapes:
        samples = [sample for family in families for sample in family.samples]
        for name, (metric, labels) in _SUMS.items():
            sums[name] += sum(
                sample.value for sample in samples if sample.name == metric and labels.items() <= sample.labels.items()
            )
        swaps = max(swaps, sum(sample.value for sample in samples if sample.name == "fusionlog_model_swaps_total"))
    return Counts(**{name: int(value) for name, value in sums.items()}, model_swaps=int(swaps))


@dataclass
class Progress:
    """The state that the view shows. Each field has one writer: the monitor, the line writer or the run."""

    target: str
    teacher: str
    lines_total: int
    phase: str = "starting"
    lines_sent: int = 0
    counts: Counts = field(default_factory=Counts)
    releases: dict[str, ModelRelease] = field(default_factory=dict)
    anomalies: dict[str, Anomaly] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)
    training: TrainingState | None = None

    @property
    def model(self) -> str:
        """The version of the newest release: the target's, else the base."""
        own = [release for release in self.releases.values() if release.system == self.target]
        newest = max(own or self.releases.values(), key=lambda release: release.created, default=None)
        return newest.version if newest else "none yet"

    def newest_anomalies(self, number: int) -> list[Anomaly]:
        """The last `number` anomalies, newest first."""
        return list(self.anomalies.values())[: -number - 1 : -1]
