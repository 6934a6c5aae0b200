from __future__ import annotations

import pytest

from fusionlog import releases
from fusionlog.novelty.profile import SystemProfile
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.second_opinion import SecondOpinion, acquisition_score_of, referred
from fusionlog.rules import DEFAULT_METHOD, RULES, MethodName
from fusionlog.settings import SecondOpinionSettings
from tests.encoders import WordEncoder
from tests.factories import make_label, make_release, make_window


def knowing(method: MethodName = DEFAULT_METHOD) -> Knowledge:
    knowledge = Knowledge("shop", WordEncoder(), rules=RULES[method])
    knowledge.adopt(releases.sign(make_release(vectors=releases.pack_vectors(WordEncoder()(["a", "b"]))), None))
    return knowledge


def test_verdicts_are_referred_by_methods_that_doubt_while_the_teacher_is_asked() -> None:
    def open_to(method: MethodName, share: float = 0.1) -> bool:
        return SecondOpinion(SecondOpinionSettings(share=share), SystemProfile()).open_to(knowing(method))

    assert open_to("fusionlog+online") and not open_to("fusionlog+online", share=0.0)
    assert not open_to("fusionlog"), "the system has a release of its own"
    assert not open_to("generallog") and not open_to("source-only")


def test_a_labelled_shape_is_not_referred() -> None:
    knowledge, policy, window = (
        knowing(),
        SecondOpinion(SecondOpinionSettings(), SystemProfile()),
        make_window("connection opened"),
    )
    assert policy.refer(window, 0.5, knowledge) == pytest.approx(2.0)
    knowledge.learn(make_label(window, 0.9))
    assert policy.refer(window, 0.5, knowledge) is None


def test_a_label_ends_the_memory_of_scores() -> None:
    knowledge, policy = knowing(), SecondOpinion(SecondOpinionSettings(min_score=0.0), SystemProfile())
    window = make_window("connection opened", "connection closed")
    assert policy.refer(window, 0.0, knowledge) == pytest.approx(1.0)
    knowledge.learn(make_label(make_window("connection opened"), 0.1))
    policy.unanswered(window)
    policy.refer(window, 0.0, knowledge)
    policy.unanswered(window)
    assert policy.refer(window, 0.0, knowledge) is None, "it is similar to a labelled window"


def test_windows_of_a_referred_shape_are_referred_with_it_until_it_is_labelled_or_given_up() -> None:
    knowledge, policy = knowing(), SecondOpinion(SecondOpinionSettings(), SystemProfile())
    window, other = make_window("connection opened"), make_window("connection closed")
    for each in (window, other):
        assert [policy.refer(each, 0.5, knowledge) for _ in range(30)] == [pytest.approx(2.0)] * 30
    knowledge.learn(make_label(window, 0.9))
    policy.unanswered(other)
    assert policy.refer(window, 0.5, knowledge) is None
    assert policy.refer(other, 1.0, knowledge) != pytest.approx(2.0), "it is scored again"


def test_a_model_never_trained_on_the_system_is_uncertain() -> None:
    knowledge = Knowledge("shop", WordEncoder())
    base = make_release(system=releases.BASE, vectors=releases.pack_vectors(WordEncoder()(["a", "b"])))
    knowledge.adopt(releases.sign(base, None))
    policy = SecondOpinion(SecondOpinionSettings(), SystemProfile())
    assert policy.refer(make_window("connection opened"), 0.0, knowledge) == pytest.approx(2.0)


def test_a_referred_window_carries_its_score_to_the_teacher() -> None:
    window = knowing().route(make_window("connection opened"))
    sent = referred(window, 1.23456)
    assert sent.route is not None
    assert (sent.route.kind, sent.route.model) == ("proprietary", window.route.model)  # type: ignore[union-attr]
    assert acquisition_score_of(sent) == 1.2346
    assert acquisition_score_of(window) is None and acquisition_score_of(make_window()) is None
