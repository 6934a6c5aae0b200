"""Query strategies over a candidate pool: which windows the next call to the teacher holds.

A unit costs the same whatever it teaches. So a batch is filled in three steps:

1. greedy cover: the windows that together hold every unknown event (an answer labels a window's events, too);
2. uncertainty: those of highest acquisition score, weighted by log(1 + frequency);
3. core-set: farthest first from all labelled and chosen windows, weighted likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log1p

from fusionlog.novelty.similarity import EventBag, weighted_jaccard
from fusionlog.records import Window

UnknownEvents = Callable[[Window], set[str]]
"""The templates of a window that are similar to no known event."""
Similarity = Callable[[EventBag], float]
"""The similarity of a window's events to the nearest labelled window, 0 to 1."""


@dataclass(frozen=True)
class Candidate:
    """A window shape in the pool: its first window, its frequency there, and its acquisition score.

    The score is 0 for a window with an unknown event: it was routed to the teacher, not referred to it.
    """

    window: Window
    events: EventBag
    frequency: int
    score: float = 0.0

    @property
    def shape(self) -> str:
        """The shape of its window."""
        return self.window.shape


def choose(
    candidates: Sequence[Candidate], units: int, unknown_events: UnknownEvents, similarity: Similarity
) -> list[Window]:
    """The windows of the next call, one of a shape, `units` at most."""
    chosen = greedy_cover(candidates, units, unknown_events)
    chosen += most_uncertain(_without(candidates, chosen), units - len(chosen))
    chosen += farthest_first(_without(candidates, chosen), units - len(chosen), chosen, similarity)
    return [candidate.window for candidate in chosen]


def greedy_cover(candidates: Sequence[Candidate], units: int, unknown_events: UnknownEvents) -> list[Candidate]:
    """Greedy set cover of the unknown events: in each step the window with most of those that are left."""
    by_shape = {candidate.shape: candidate for candidate in candidates}
    left: Mapping[str, set[str]] = {
        shape: found for shape, each in by_shape.items() if (found := unknown_events(each.window))
    }
    chosen: list[Candidate] = []
    while left and len(chosen) < units:
        best = max(left, key=lambda shape: (len(left[shape]), by_shape[shape].frequency))
        covered = left[best]
        chosen.append(by_shape[best])
        left = {shape: rest for shape, found in left.items() if shape != best and (rest := found - covered)}
    return chosen


def most_uncertain(candidates: Sequence[Candidate], units: int) -> list[Candidate]:
    """The candidates of highest score times log(1 + frequency), of those that have a score."""
    scored = [candidate for candidate in candidates if candidate.score]
    return sorted(scored, key=lambda each: -each.score * log1p(each.frequency))[: max(0, units)]


def farthest_first(
    candidates: Sequence[Candidate], units: int, chosen: Sequence[Candidate], similarity: Similarity
) -> list[Candidate]:
    """Farthest-first traversal (Gonzalez, 1985) of candidates without a score, from labelled and chosen windows on."""
    rest = [candidate for candidate in candidates if not candidate.score]
    if units <= 0:
        return []
    near = [max([similarity(each.events), *_similarities(each, chosen)]) for each in rest]
    left, found = set(range(len(rest))), list[Candidate]()
    while left and len(found) < units:
        best = max(left, key=lambda place: ((1 - near[place]) * log1p(rest[place].frequency), -place))
        left.discard(best)
        found.append(rest[best])
        for place in left:
            near[place] = max(near[place], weighted_jaccard(rest[place].events, rest[best].events))
    return found


def _without(candidates: Sequence[Candidate], chosen: Sequence[Candidate]) -> list[Candidate]:
    shapes = {candidate.shape for candidate in chosen}
    return [candidate for candidate in candidates if candidate.shape not in shapes]


def _similarities(candidate: Candidate, others: Sequence[Candidate]) -> list[float]:
    return [weighted_jaccard(candidate.events, other.events) for other in others]
