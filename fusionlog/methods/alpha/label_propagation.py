"""ALPHA's query strategy: the teacher labels the representatives of clusters, the other windows inherit the labels.

Clusters by similarity alone contain windows that differ from the rest. Hence a window inherits a label only if

1. the labels of all representatives of its cluster agree,
2. the teacher has labelled each of its events, and
3. each of its events that is labelled anomalous also occurs in the representative.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from fusionlog.decision import is_anomalous
from fusionlog.embedding.encoder import EventVectors
from fusionlog.methods.alpha.leader_clustering import leader_clusters
from fusionlog.methods.alpha.representatives import representatives
from fusionlog.methods.alpha.vectors import window_vectors
from fusionlog.novelty.similarity import bag_of_events, weighted_jaccard
from fusionlog.online.asking import Call
from fusionlog.online.query_queue import CandidatePool
from fusionlog.records import EventLabel, PseudoLabel, Window
from fusionlog.settings import AlphaSettings
from fusionlog.types import IntArray


class Labels(EventVectors, Protocol):
    """Event vectors and event labels of one system."""

    def event_labels(self, window: Window) -> list[EventLabel] | None:
        """The teacher's labels of a window's events; None where one of them has none."""

    def unknown_events(self, window: Window) -> set[str]:
        """The templates of a window that are similar to no known event."""


@dataclass(frozen=True)
class Cluster:
    """A cluster of windows: those that are queried (its representatives among them), and the others."""

    asked: list[Window]
    others: list[Window]


@dataclass(frozen=True)
class ClusterCall(Call):
    """A call, and the clusters whose representatives are all among its windows."""

    clusters: list[Cluster] = field(default_factory=list)

    def propagate(self, labels: Mapping[str, PseudoLabel], knowledge: Labels, now: float) -> Iterator[PseudoLabel]:
        """The propagated labels of all clusters, given the labels of this call by shape."""
        for cluster in self.clusters:
            yield from propagated_labels(cluster, labels, knowledge, now)


@dataclass(frozen=True)
class AlphaStrategy:
    """The query strategy that selects representatives of clusters."""

    settings: AlphaSettings

    def __call__(self, pool: CandidatePool[Any], units: int, /) -> Call:
        """The next call for a candidate pool, of at most `units` windows."""
        counts = [pool.count(window.shape) for window in pool.windows]
        return plan(pool.windows, counts, units, pool.knowledge, self.settings)


def plan(
    windows: Sequence[Window], counts: Sequence[int], units: int, known: Labels, settings: AlphaSettings
) -> ClusterCall:
    """Select the windows of the next call: representatives of the largest clusters, then windows with unknown events.

    A cluster whose representatives do not all fit into the call is left for the next one, unless it is the first.

    :param windows: one of each shape in the pool. :param counts: the number of windows of each shape in the pool.
    :param units: the most windows of a call.
    """
    if not windows:
        return ClusterCall([])
    vectors = window_vectors(windows, known)
    order = sorted(range(len(windows)), key=lambda place: -counts[place])
    clusters = sorted(leader_clusters(vectors, order, settings.similarity), key=lambda rows: -_weight(rows, counts))
    chosen = representatives(vectors, clusters, settings.central, settings.uncertain)
    asked, whole = list[int](), list[IntArray]()
    for rows, places in zip(clusters, chosen, strict=True):
        if len(asked) + len(places) <= units:
            asked += places
            whole.append(rows)
    asked = _filled(asked or chosen[0][:units], windows, units, known)
    return ClusterCall([windows[place] for place in asked], [_cluster(rows, set(asked), windows) for rows in whole])


def propagated_labels(
    cluster: Cluster, labels: Mapping[str, PseudoLabel], known: Labels, now: float
) -> Iterator[PseudoLabel]:
    """The labels that the windows of a cluster inherit; none where the labels of its representatives differ.

    :param labels: the teacher's labels of this call, by shape. :param now: Unix time in seconds.
    """
    found = [labels[window.shape] for window in cluster.asked if window.shape in labels]
    if len(found) < len(cluster.asked) or len({is_anomalous(label.probability) for label in found}) != 1:
        return
    for window in cluster.others:
        nearest = max(
            found, key=lambda label: weighted_jaccard(bag_of_events(label.events), bag_of_events(window.events))
        )
        events = known.event_labels(window)
        if events is not None and _explained(events, nearest):
            yield _propagated_label(window, nearest, events, now)


def _filled(asked: Sequence[int], windows: Sequence[Window], units: int, known: Labels) -> list[int]:
    """Fill a call by greedy cover: each step adds the window with the most unknown events not covered yet.

    A window with an unlabelled event cannot inherit a label.
    """
    found = list(asked)
    unknown = [known.unknown_events(window) for window in windows]
    covered = {template for place in found for template in unknown[place]}
    while len(found) < units:
        best = max(range(len(windows)), key=lambda place: len(unknown[place] - covered))
        if not unknown[best] - covered:
            break
        found.append(best)
        covered |= unknown[best]
    return found


def _cluster(rows: IntArray, asked: set[int], windows: Sequence[Window]) -> Cluster:
    places = rows.tolist()
    return Cluster(
        [windows[place] for place in places if place in asked],
        [windows[place] for place in places if place not in asked],
    )


def _weight(rows: IntArray, counts: Sequence[int]) -> int:
    return int(np.sum([counts[row] for row in rows.tolist()]))


def _explained(events: Sequence[EventLabel], representative: PseudoLabel) -> bool:
    """Whether every event that is labelled anomalous also occurs in the representative."""
    known = {event.template for event in representative.events}
    return all(not is_anomalous(event.probability) or event.template in known for event in events)


def _propagated_label(window: Window, representative: PseudoLabel, events: list[EventLabel], now: float) -> PseudoLabel:
    return PseudoLabel(
        system=window.system,
        shape=window.shape,
        probability=representative.probability,
        confidence=representative.confidence,
        reason=f"like another window: {representative.reason}",
        events=events,
        teacher=representative.teacher,
        window=window.id,
        labelled_at=now,
        propagated_from=representative.shape,
    )
