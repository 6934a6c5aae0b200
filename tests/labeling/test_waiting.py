from __future__ import annotations

from fusionlog.labeling.waiting import Waiting
from fusionlog.novelty.similarity import BagIndex, bag_of_events
from fusionlog.records import Window
from tests.factories import make_window


def waiting(*windows: Window) -> Waiting[str]:
    found: Waiting[str] = Waiting()
    for number, window in enumerate(windows):
        found.add(window, f"item {number}")
    return found


def strange_but(*known: str):  # type: ignore[no-untyped-def]
    return lambda window: {event.text for event in window.events} - set(known)


def names(windows: list[Window]) -> list[list[str]]:
    return [[event.text for event in window.events] for window in windows]


def test_windows_that_hold_every_strange_event_are_asked_first() -> None:
    queue = waiting(make_window("a", "b"), make_window("b", "c", "d"), make_window("a"), make_window("d"))
    assert names(queue.choose(2, strange_but(), BagIndex())) == [["b", "c", "d"], ["a", "b"]]


def test_the_more_frequent_of_two_that_teach_the_same_is_asked() -> None:
    queue = waiting(make_window("a", "b"), make_window("a", "b", "b"), make_window("a", "b", "b"))
    assert len(queue) == 3
    assert [window.shape for window in queue.choose(1, strange_but(), BagIndex())] == [make_window("a", "b", "b").shape]


def test_a_call_is_filled_with_what_is_farthest_from_the_known() -> None:
    near, far = make_window("a", "b", "c", "c"), make_window("a", "d")
    queue = waiting(near, far)
    known = BagIndex()
    known.add("judged", bag_of_events(make_window("a", "b", "c").events))
    assert queue.choose(1, strange_but("a", "b", "c", "d"), known) == [far]
    assert queue.choose(2, strange_but("a", "b", "c", "d"), known) == [far, near]


def test_a_doubtful_window_goes_before_what_is_only_far() -> None:
    queue = waiting(make_window("a", "d"))
    doubtful, more = make_window("a", "b"), make_window("a", "c")
    queue.add(doubtful, "doubt", 1.0)
    queue.add(more, "doubt", 1.5)
    assert queue.choose(2, strange_but("a", "b", "c", "d"), BagIndex()) == [more, doubtful]


def test_all_are_asked_where_there_is_room() -> None:
    queue = waiting(make_window("a"), make_window("b"), make_window("a", "b"))
    assert len(queue.choose(20, strange_but("a", "b"), BagIndex())) == 3


def test_a_shape_that_is_taken_waits_no_longer() -> None:
    queue = waiting(make_window("a"), make_window("a", session="s2"), make_window("b"))
    assert queue.take(make_window("a").shape) == ["item 0", "item 1"]
    assert queue.take(make_window("a").shape) == [] and names(queue.windows) == [["b"]]
