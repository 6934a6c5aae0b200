from __future__ import annotations

from msgspec.structs import replace

from fusionlog.teachers.base import EventEvidence, Neighbour, UnitEvidence, Verdict
from fusionlog.teachers.few_shot import few_shot_example
from fusionlog.teachers.llm.answer_cache import AnswerCache, key
from tests.teachers.factories import make_unit


def test_the_key_depends_on_all_that_an_answer_depends_on() -> None:
    example = few_shot_example(make_unit("b"), True, True)
    asked = [
        (make_unit("a"), "m"),
        (make_unit("a"), "m", [example]),
        (make_unit("b"), "m"),
        (make_unit("a", "b"), "m"),
        (make_unit("a", system="bank"), "m"),
        (make_unit("a", policy="other"), "m"),
        (make_unit("a"), "n"),
    ]
    assert len({key(*each) for each in asked}) == len(asked)
    assert key(make_unit("a"), "m") == key(make_unit("a"), "m")


def test_counts_that_have_moved_on_do_not_make_a_window_another_one() -> None:
    unit = make_unit("a")
    later = replace(
        unit,
        evidence=UnitEvidence((EventEvidence(seen=17),), 90),
        neighbours=(Neighbour(0.9, "normal", "routine"),),
    )
    assert key(later, "m") == key(unit, "m")


def test_the_one_unused_for_the_longest_leaves() -> None:
    cache, verdict = AnswerCache(2), Verdict(0.9, 0.9, "", ())
    cache.put(b"a", verdict)
    cache.put(b"b", verdict)
    cache.get(b"a")
    cache.put(b"c", verdict)
    assert (cache.get(b"a"), cache.get(b"b"), cache.get(b"c")) == (verdict, None, verdict)
    assert len(cache) == 2
