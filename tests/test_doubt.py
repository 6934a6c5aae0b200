from __future__ import annotations

import pytest

from fusionlog import releases
from fusionlog.doubt import CONTRADICTION, START, Doubter, Doubts, doubt
from fusionlog.knowledge import Knowledge
from fusionlog.method import DEFAULT_METHOD, RULES, MethodName
from fusionlog.novelty.profile import SystemProfile
from fusionlog.settings import DoubtSettings
from tests.encoders import WordEncoder
from tests.factories import make_label, make_release, make_window


def test_doubt_is_uncertainty_distance_and_surprise() -> None:
    assert doubt(1.0, 1.0, 0.0) == doubt(0.0, 1.0, 0.0) == 0.0
    assert doubt(0.5, 1.0, 0.0) == doubt(1.0, 0.0, 0.0) == doubt(0.0, 1.0, 2.0) == 1.0


def test_the_threshold_settles_where_the_share_lies_above_it() -> None:
    doubts = Doubts(DoubtSettings(share=0.1, floor=0.0))
    values = [(number * 37 % 100) / 100 for number in range(5000)]
    asked = [value for value in values if doubts.asks(value)]
    assert len(asked) / len(values) == pytest.approx(0.1, abs=0.02)
    assert min(asked[50:]) > 0.7


def test_little_doubt_is_never_worth_asking() -> None:
    doubts = Doubts(DoubtSettings(share=0.1, floor=0.5))
    assert not any(doubts.asks(0.49) for _ in range(1000))
    assert doubts.threshold == 0.5


def test_a_share_of_nothing_asks_nothing() -> None:
    doubts = Doubts(DoubtSettings(share=0.0))
    assert not doubts.asks(3.0) and doubts.threshold == START


def knowing(method: MethodName = DEFAULT_METHOD) -> Knowledge:
    knowledge = Knowledge("shop", WordEncoder(), rules=RULES[method])
    knowledge.adopt(releases.sign(make_release(vectors=releases.pack_vectors(WordEncoder()(["a", "b"]))), None))
    return knowledge


def test_what_the_teacher_judged_is_not_doubted() -> None:
    knowledge, doubter, window = knowing(), Doubter(DoubtSettings(), SystemProfile()), make_window("connection opened")
    assert doubter.asks(window, 0.5, knowledge) == pytest.approx(2.0)
    knowledge.learn(make_label(window, 0.9))
    assert doubter.asks(window, 0.5, knowledge) is None


def test_what_was_judged_is_doubted_by_how_unsure_the_model_is_where_asking_again_tells_more() -> None:
    knowledge, doubter = knowing("fusionlog+offline"), Doubter(DoubtSettings(share=0.1, floor=0.3), SystemProfile())
    sure, unsure = make_window("connection opened"), make_window("connection closed")
    for window in (sure, unsure):
        knowledge.learn(make_label(window, 0.1, labelled_at=1.0))
    said = [[doubter.asks(window, p, knowledge) for window, p in ((sure, 0.01), (unsure, 0.49))] for _ in range(500)]
    assert not any(value for value, _ in said)
    assert sum(value is not None for _, value in said) == pytest.approx(100, abs=20), (
        "a tenth of all, no shape for good"
    )


def test_a_model_that_contradicts_what_it_was_taught_is_doubted_where_asking_again_tells_more() -> None:
    window, settings = make_window("connection opened"), DoubtSettings(floor=9.0)
    for method, asked in (("fusionlog+offline", [None, CONTRADICTION]), ("fusionlog+online", [None, None])):
        knowledge, doubter = knowing(method), Doubter(settings, SystemProfile())  # type: ignore[arg-type]
        knowledge.learn(make_label(window, 0.1, labelled_at=1.0))
        assert [doubter.asks(window, probability, knowledge) for probability in (0.1, 0.9)] == asked


def test_a_label_ends_the_memory_of_doubts() -> None:
    knowledge, doubter = knowing(), Doubter(DoubtSettings(floor=0.0), SystemProfile())
    window = make_window("connection opened", "connection closed")
    assert doubter.asks(window, 0.0, knowledge) == pytest.approx(1.0)
    knowledge.learn(make_label(make_window("connection opened"), 0.1))
    doubter.unanswered(window)
    doubter.asks(window, 0.0, knowledge)
    doubter.unanswered(window)
    assert doubter.asks(window, 0.0, knowledge) is None, "it resembles what was judged"


def test_windows_of_a_shape_that_is_asked_about_go_along_until_it_is_answered_or_given_up() -> None:
    knowledge, doubter = knowing(), Doubter(DoubtSettings(), SystemProfile())
    window, other = make_window("connection opened"), make_window("connection closed")
    for each in (window, other):
        assert [doubter.asks(each, 0.5, knowledge) for _ in range(30)] == [pytest.approx(2.0)] * 30
    knowledge.learn(make_label(window, 0.9))
    doubter.unanswered(other)
    assert doubter.asks(window, 0.5, knowledge) is None
    assert doubter.asks(other, 1.0, knowledge) != pytest.approx(2.0), "it is doubted anew"


def test_a_model_that_was_never_taught_the_system_is_not_believed() -> None:
    knowledge = Knowledge("shop", WordEncoder())
    base = make_release(system=releases.BASE, vectors=releases.pack_vectors(WordEncoder()(["a", "b"])))
    knowledge.adopt(releases.sign(base, None))
    assert Doubter(DoubtSettings(), SystemProfile()).asks(
        make_window("connection opened"), 0.0, knowledge
    ) == pytest.approx(2.0)
