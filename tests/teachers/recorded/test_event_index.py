from __future__ import annotations

import pytest

from fusionlog.teachers.recorded.constant_words import shown
from fusionlog.teachers.recorded.event_index import EventIndex

LINES = {
    "opened": "10:00:01 INFO store.Disk: volume 7 of rack 12 was mounted for service orders",
    "failed": "10:00:02 ERROR store.Disk: volume 7 of rack 12 could not be mounted for service orders",
    "read": "10:00:03 INFO store.Disk: read 4096 bytes of block 17 in 3 ms from cache",
    "long": "INFO members " + " ".join(f"host{place}=alive" for place in range(90)) + " and the leader is gone",
}


def make_index() -> EventIndex:
    index = EventIndex()
    for key, line in LINES.items():
        index.add(line, key)
    return index


@pytest.mark.parametrize("key", LINES)
def test_a_line_is_found_as_it_is_and_as_it_is_shown(key: str) -> None:
    assert make_index().find(LINES[key]) == make_index().find(shown(LINES[key])) == key


def test_a_template_without_header_and_names_is_found_by_its_words() -> None:
    assert make_index().find("store.Disk volume <NUM> of rack <NUM> was mounted for service <*>") == "opened"
    assert make_index().find("read <*> bytes of block <*> in <*> ms from <*>") == "read"


def test_what_shares_too_few_words_is_unknown() -> None:
    assert make_index().find("INFO store.Disk: fan 3 runs") is None
    assert make_index().find("") is None
    assert EventIndex().find("anything at all") is None


def test_what_says_the_opposite_is_not_taken_for_the_same() -> None:
    """All words but one, yet it reports a failure; or the same words at another level."""
    assert make_index().find("INFO store.Disk: volume 7 of rack 12 was not mounted for service orders failed") is None
    assert make_index().find("ERROR store.Disk: read 1 bytes of block 1 in 3 ms from cache") is None


def test_the_first_of_two_events_with_the_same_words_counts() -> None:
    index = make_index()
    index.add(LINES["read"].replace("17", "18"), "again")
    assert index.find(LINES["read"]) == "read"


def test_an_event_that_is_added_later_is_found_though_its_line_was_unknown_before() -> None:
    index = make_index()
    assert index.find("pump stopped") is None
    index.add("pump stopped", "pump")
    assert index.find("pump stopped") == "pump"


def test_a_cut_line_is_found_by_its_front() -> None:
    index = EventIndex()
    index.add("the quorum of the members was lost because the leader did not answer for long", "quorum")
    assert index.find("the quorum of the members was lost beca…") == "quorum"
