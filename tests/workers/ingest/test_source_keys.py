"""Which keys lines without one inherit, and which lines a takeover must read for that."""

from __future__ import annotations

from fusionlog.workers.ingest.source_keys import MAX_BEHIND, SourceKeys


def test_a_key_is_inherited_by_its_source_within_an_idle_gap() -> None:
    keys = SourceKeys(idle=10.0)
    keys.give("pod-1", ("a",), (4, 1), 100.0)
    keys.give("pod-2", ("b", "c"), (5, 0), 100.0)
    assert keys.inherit("pod-1", (6, 0), 109.0) == (("a",), (4, 1))
    assert keys.inherit("pod-1", (7, 0), 118.0) == (("a",), (4, 1)), "an heir's line counts for the gap"
    assert keys.inherit("pod-2", (8, 0), 111.0) is None and keys.inherit("pod-3", (9, 0), 100.0) is None


def test_the_lines_with_the_keys_are_needed_as_long_as_they_may_be_inherited() -> None:
    keys = SourceKeys(idle=10.0)
    assert keys.first_needed(0) is None
    keys.give("pod-1", ("a",), (4, 1), 100.0)
    keys.give("pod-2", ("b",), (5, 0), 100.0)
    keys.give("pod-1", ("a",), (6, 0), 100.0)
    assert keys.first_needed(7) == (5, 0)
    assert keys.inherit("pod-2", (5 + MAX_BEHIND, 0), 100.0) is not None
    assert keys.first_needed(7 + MAX_BEHIND) == (5, 0) and keys.inherit("pod-1", (7 + MAX_BEHIND, 0), 100.0) is None
    keys.forget()
    assert keys.first_needed(0) is None


def test_the_source_that_wrote_least_recently_is_forgotten() -> None:
    keys = SourceKeys(idle=10.0, max_sources=2)
    for place, source in enumerate(["a", "b", "a", "c"]):
        keys.give(source, (source,), (place, 0), 100.0)
    assert keys.inherit("b", (5, 0), 100.0) is None and keys.inherit("a", (5, 0), 100.0) is not None
