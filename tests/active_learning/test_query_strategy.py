from __future__ import annotations

from collections import Counter

from fusionlog.active_learning.query_strategy import (
    Candidate,
    Similarity,
    UnknownEvents,
    choose,
    farthest_first,
    greedy_cover,
    most_uncertain,
)
from fusionlog.novelty.similarity import BagIndex, EventBag, bag_of_events
from fusionlog.records import Window
from tests.factories import make_window


def candidates(*windows: Window, **scores: float) -> list[Candidate]:
    """One of each shape, as often as it stands there; `scores` by the last event of the window."""
    counts, first = Counter(window.shape for window in windows), {window.shape: window for window in windows}
    return [
        Candidate(window, bag_of_events(window.events), counts[shape], scores.get(window.events[-1].text, 0.0))
        for shape, window in first.items()
    ]


def all_but(*known: str) -> UnknownEvents:
    return lambda window: {event.text for event in window.events} - set(known)


def labelled(*windows: Window) -> Similarity:
    found = BagIndex()
    for window in windows:
        found.add(window.shape, bag_of_events(window.events))
    return found.nearest


def nothing(_: EventBag) -> float:
    return 0.0


def names(windows: list[Window]) -> list[list[str]]:
    return [[event.text for event in window.events] for window in windows]


def test_windows_that_hold_every_unknown_event_come_first() -> None:
    pool = candidates(make_window("a", "b"), make_window("b", "c", "d"), make_window("a"), make_window("d"))
    assert names(choose(pool, 2, all_but(), nothing)) == [["b", "c", "d"], ["a", "b"]]
    assert [each.window for each in greedy_cover(pool, 2, all_but())] == choose(pool, 2, all_but(), nothing)


def test_the_more_frequent_of_two_that_teach_the_same_is_chosen() -> None:
    twice = make_window("a", "b", "b")
    pool = candidates(make_window("a", "b"), twice, twice)
    assert choose(pool, 1, all_but(), nothing) == [twice]


def test_a_call_is_filled_with_what_is_farthest_from_the_labelled() -> None:
    near, far = make_window("a", "b", "c", "c"), make_window("a", "d")
    similarity = labelled(make_window("a", "b", "c"))
    assert choose(candidates(near, far), 1, all_but("a", "b", "c", "d"), similarity) == [far]
    assert choose(candidates(near, far), 2, all_but("a", "b", "c", "d"), similarity) == [far, near]


def test_farthest_first_keeps_away_from_what_is_chosen() -> None:
    first, twin, other = candidates(make_window("a", "b"), make_window("a", "b", "b"), make_window("c"))
    assert farthest_first([twin, other], 1, [first], nothing) == [other]
    assert farthest_first([twin, other], 0, [first], nothing) == []


def test_a_scored_window_goes_before_one_that_is_only_far() -> None:
    pool = candidates(make_window("a", "d"), make_window("a", "b"), make_window("a", "c"), b=1.0, c=1.5)
    assert names(choose(pool, 2, all_but("a", "b", "c", "d"), nothing)) == [["a", "c"], ["a", "b"]]
    assert names([each.window for each in most_uncertain(pool, 1)]) == [["a", "c"]]


def test_all_are_chosen_where_there_is_room() -> None:
    pool = candidates(make_window("a"), make_window("b"), make_window("a", "b"))
    assert len(choose(pool, 20, all_but("a", "b"), nothing)) == 3
    assert choose([], 20, all_but(), nothing) == []
