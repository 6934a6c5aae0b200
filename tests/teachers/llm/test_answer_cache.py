from __future__ import annotations

from fusionlog.teachers.base import Verdict
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


def test_the_one_unused_for_the_longest_leaves() -> None:
    cache, verdict = AnswerCache(2), Verdict(0.9, 0.9, "", ())
    cache.put(b"a", verdict)
    cache.put(b"b", verdict)
    cache.get(b"a")
    cache.put(b"c", verdict)
    assert (cache.get(b"a"), cache.get(b"b"), cache.get(b"c")) == (verdict, None, verdict)
    assert len(cache) == 2
