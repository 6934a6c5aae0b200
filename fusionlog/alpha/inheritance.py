"""ALPHA in the label worker: which of the waiting windows are asked about, and which inherit what was said.

Where clusters are by similarity alone, a window may be near to others and yet not like them. So a verdict is inherited
only within a cluster whose representatives agree, by a window of which the teacher has judged every event, and none
anomalous that the representative does not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fusionlog.alpha.leaders import led
from fusionlog.alpha.representatives import representatives
from fusionlog.alpha.vectors import window_vectors
from fusionlog.decision import is_anomalous
from fusionlog.embedding import EventVectors
from fusionlog.novelty.similarity import bag_of_events, weighted_jaccard
from fusionlog.records import EventLabel, PseudoLabel, Window
from fusionlog.settings import AlphaSettings
from fusionlog.types import IntArray

INHERITED_WEIGHT = 0.1
"""How much a window with an inherited verdict counts in training beside one that the teacher judged. Of 0, .1, .3 and
1; see docs/detection.md for how it was chosen."""


class Judged(EventVectors, Protocol):
    """What is known of a system."""

    def verdicts_on(self, window: Window) -> list[EventLabel] | None:
        """What the teacher said of each of a window's events; None where it has not judged one of them."""

    def strange(self, window: Window) -> set[str]:
        """The templates of a window that are near to nothing that is known."""


@dataclass(frozen=True)
class Cluster:
    """The windows of a cluster that are asked about, its representatives among them, and the others."""

    asked: list[Window]
    others: list[Window]


@dataclass(frozen=True)
class Plan:
    """The windows of one call, and the clusters whose representatives are all among them."""

    asked: list[Window]
    clusters: list[Cluster]


def plan(windows: Sequence[Window], counts: Sequence[int], units: int, known: Judged, settings: AlphaSettings) -> Plan:
    """What to ask about: the representatives of the largest clusters, as far as a call goes; then what holds strange
    events.

    A cluster whose representatives would not all fit into the call waits for the next one, unless it is the first.

    :param windows: one of each shape that waits. :param counts: how many windows of the shape wait.
    """
    if not windows:
        return Plan([], [])
    vectors = window_vectors(windows, known)
    order = sorted(range(len(windows)), key=lambda place: -counts[place])
    clusters = sorted(led(vectors, order, settings.similarity), key=lambda rows: -_weight(rows, counts))
    chosen = representatives(vectors, clusters, settings.central, settings.uncertain)
    asked, whole = list[int](), list[IntArray]()
    for rows, places in zip(clusters, chosen, strict=True):
        if len(asked) + len(places) <= units:
            asked += places
            whole.append(rows)
    asked = _filled(asked or chosen[0][:units], windows, units, known)
    return Plan([windows[place] for place in asked], [_cluster(rows, set(asked), windows) for rows in whole])


def inherited(
    cluster: Cluster, labels: Mapping[str, PseudoLabel], known: Judged, now: float
) -> Iterator[tuple[Window, PseudoLabel]]:
    """The windows of a cluster that inherit, with their labels; none where those asked about were not judged alike.

    :param labels: what was said in this call, by shape. :param now: Unix time in seconds.
    """
    said = [labels[window.shape] for window in cluster.asked if window.shape in labels]
    if len(said) < len(cluster.asked) or len({is_anomalous(label.probability) for label in said}) != 1:
        return
    for window in cluster.others:
        like = max(said, key=lambda label: weighted_jaccard(bag_of_events(label.events), bag_of_events(window.events)))
        events = known.verdicts_on(window)
        if events is not None and _explained(events, like):
            yield window, _as(window, like, events, now)


def _filled(asked: Sequence[int], windows: Sequence[Window], units: int, known: Judged) -> list[int]:
    """What is asked about, and while there is room, in each step the window with most strange events that no other one
    of them has: a window with an event that nobody judged cannot inherit."""
    found = list(asked)
    strange = [known.strange(window) for window in windows]
    covered = {template for place in found for template in strange[place]}
    while len(found) < units:
        best = max(range(len(windows)), key=lambda place: len(strange[place] - covered))
        if not strange[best] - covered:
            break
        found.append(best)
        covered |= strange[best]
    return found


def _cluster(rows: IntArray, asked: set[int], windows: Sequence[Window]) -> Cluster:
    places = rows.tolist()
    return Cluster(
        [windows[place] for place in places if place in asked],
        [windows[place] for place in places if place not in asked],
    )


def _weight(rows: IntArray, counts: Sequence[int]) -> int:
    return int(np.sum([counts[row] for row in rows.tolist()]))


def _explained(events: Sequence[EventLabel], like: PseudoLabel) -> bool:
    """Whether every event that was judged anomalous stands in the representative, too."""
    known = {event.template for event in like.events}
    return all(not is_anomalous(event.probability) or event.template in known for event in events)


def _as(window: Window, like: PseudoLabel, events: list[EventLabel], now: float) -> PseudoLabel:
    return PseudoLabel(
        system=window.system,
        shape=window.shape,
        probability=like.probability,
        confidence=like.confidence,
        reason=f"like another window: {like.reason}",
        events=events,
        teacher=like.teacher,
        window=window.id,
        labelled_at=now,
        inherited_from=like.shape,
    )
