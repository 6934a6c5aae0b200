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
from fusionlog.embedding import EventVectors
from fusionlog.records import EventLabel, PseudoLabel, Window
from fusionlog.settings import AlphaSettings
from fusionlog.signature import resemblance, signature
from fusionlog.types import IntArray

INHERITED_WEIGHT = 0.1
"""How much a window with an inherited verdict counts in training beside one that the teacher judged. Of 0, .1, .3 and
1; see docs/detection.md for how it was chosen."""


class Judged(EventVectors, Protocol):
    """What is known of a system."""

    def verdicts_on(self, window: Window) -> list[EventLabel] | None:
        """What the teacher said of each of a window's events; None where it has not judged one of them."""


@dataclass(frozen=True)
class Cluster:
    """Windows that stand for a cluster, and the others of it."""

    asked: list[Window]
    others: list[Window]


@dataclass(frozen=True)
class Plan:
    """The windows of one call, and the clusters whose representatives are all among them."""

    asked: list[Window]
    clusters: list[Cluster]


def plan(windows: Sequence[Window], counts: Sequence[int], units: int, known: Judged, settings: AlphaSettings) -> Plan:
    """What to ask about: the representatives of the largest clusters, as far as a call goes.

    A cluster whose representatives would not all fit into the call waits for the next one, unless it is the first.

    :param windows: one of each shape that waits. :param counts: how many windows of the shape wait.
    """
    if not windows:
        return Plan([], [])
    vectors = window_vectors(windows, known)
    order = sorted(range(len(windows)), key=lambda place: -counts[place])
    clusters = sorted(led(vectors, order, settings.similarity), key=lambda rows: -_weight(rows, counts))
    chosen = representatives(vectors, clusters, settings.central, settings.uncertain)
    asked, whole = list[int](), list[Cluster]()
    for rows, places in zip(clusters, chosen, strict=True):
        if len(asked) + len(places) <= units:
            asked += places
            others = [windows[row] for row in rows.tolist() if row not in places]
            whole.append(Cluster([windows[place] for place in places], others))
    if not asked:
        asked = chosen[0][:units]
    return Plan([windows[place] for place in asked], whole)


def inherited(
    cluster: Cluster, labels: Mapping[str, PseudoLabel], known: Judged, now: float
) -> Iterator[tuple[Window, PseudoLabel]]:
    """The windows of a cluster that inherit, with their labels; none where its representatives were not judged alike.

    :param labels: what was said in this call, by shape. :param now: Unix time in seconds.
    """
    said = [labels[window.shape] for window in cluster.asked if window.shape in labels]
    if len(said) < len(cluster.asked) or len({label.probability >= 0.5 for label in said}) != 1:
        return
    for window in cluster.others:
        like = max(said, key=lambda label: resemblance(signature(label.events), signature(window.events)))
        events = known.verdicts_on(window)
        if events is not None and _explained(events, like):
            yield window, _as(window, like, events, now)


def _weight(rows: IntArray, counts: Sequence[int]) -> int:
    return int(np.sum([counts[row] for row in rows.tolist()]))


def _explained(events: Sequence[EventLabel], like: PseudoLabel) -> bool:
    """Whether every event that was judged anomalous stands in the representative, too."""
    known = {event.template for event in like.events}
    return all(event.probability < 0.5 or event.template in known for event in events)


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
