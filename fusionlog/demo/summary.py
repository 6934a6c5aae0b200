"""The summary of a demo: its counts, and its figures against the target's labels, which nothing else reads."""

from __future__ import annotations

import msgspec

from fusionlog.demo.feed import Feed
from fusionlog.demo.progress import Progress
from fusionlog.evaluation.metrics import confusion


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of `--json FILE`. Lines are conserved: in = in windows + dead-lettered + dropped + joined."""

    target: str
    sources: list[str]
    teacher: str
    lines_in: int
    lines_in_windows: int
    lines_dead_lettered: int
    lines_dropped: int
    lines_joined: int
    windows_general: int
    windows_proprietary: int
    anomalies: int
    models_published: int
    model_swaps: int
    jobs: list[str]
    llm_calls: int
    llm_tokens: int
    labels: int
    precision: float
    recall: float
    f1: float
    seconds: float

    @property
    def conserved(self) -> bool:
        """Whether no line was lost or counted twice."""
        done = self.lines_in_windows + self.lines_dead_lettered + self.lines_dropped + self.lines_joined
        return self.lines_in == done


def summarise(
    progress: Progress, feed: Feed, first_offset: int, labels: dict[str, bool], sources: list[str], seconds: float
) -> Summary:
    """Score the sessions of the anomalies against the labels.

    :param first_offset: the offset of the feed's first line.
    """
    flagged = {
        feed.session_of(anomaly.session, anomaly.first_offset - first_offset) for anomaly in progress.anomalies.values()
    }
    result, counts = confusion(labels, flagged), progress.counts
    return Summary(
        target=progress.target,
        sources=sources,
        teacher=progress.teacher,
        lines_in=counts.lines_in,
        lines_in_windows=counts.lines_in_windows,
        lines_dead_lettered=counts.lines_dead_lettered,
        lines_dropped=counts.lines_dropped,
        lines_joined=counts.lines_joined,
        windows_general=counts.windows_general,
        windows_proprietary=counts.windows_proprietary,
        anomalies=len(progress.anomalies),
        models_published=len(progress.releases),
        model_swaps=counts.model_swaps,
        jobs=list(progress.jobs),
        llm_calls=counts.llm_calls,
        llm_tokens=counts.llm_tokens,
        labels=counts.labels,
        precision=round(result.precision, 4),
        recall=round(result.recall, 4),
        f1=round(result.f1, 4),
        seconds=round(seconds, 1),
    )
