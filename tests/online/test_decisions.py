from __future__ import annotations

import pytest
from msgspec.structs import replace

from fusionlog.errors import ModelError
from fusionlog.online.decisions import SystemState, decide, verdicts
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.scorer import Score, Scorer
from fusionlog.online.second_opinion import acquisition_score_of
from fusionlog.online.verdict import is_anomalous
from fusionlog.records import PseudoLabel, Route
from fusionlog.settings import ScoreSettings, SecondOpinionSettings
from tests.encoders import WordEncoder
from tests.factories import make_label, make_window
from tests.online.factories import WORDS, knowing

BAD, GOOD = make_window("disk failed"), make_window("disk opened")


def state(knowledge: Knowledge | None = None, share: float = 0.0) -> SystemState:
    scorer = Scorer(ScoreSettings(provider="cpu"))
    return SystemState.of(knowledge or knowing(), scorer, SecondOpinionSettings(share=share))


def test_every_window_is_settled_in_its_place_where_nothing_is_referred() -> None:
    found = decide([GOOD, BAD], state())
    assert [(place, is_anomalous(verdict)) for place, verdict in found.settled] == [(0, False), (1, True)]
    assert found.referred == []


def test_the_teachers_label_goes_before_the_models_score() -> None:
    knowledge = knowing()
    knowledge.learn(make_label(BAD, 0.1))
    label, score = verdicts([BAD, GOOD], state(knowledge))
    assert isinstance(label, PseudoLabel) and isinstance(score, Score)
    assert not is_anomalous(label)


def test_what_is_unlike_all_labelled_windows_is_referred_with_its_score() -> None:
    found = decide([BAD], state(share=0.1))
    ((place, window),) = found.referred
    assert (place, window.id, acquisition_score_of(window)) == (0, BAD.id, 1.0)
    assert found.settled == []


def test_without_a_teacher_to_ask_nothing_is_referred() -> None:
    found = decide([BAD], state(share=0.1), may_refer=False)
    assert found.referred == [] and len(found.settled) == 1


def test_a_window_that_came_back_is_settled_and_not_counted_again() -> None:
    used = state(share=0.1)
    back = replace(BAD, route=Route(kind="general", similarity=1.0, threshold=0.8, acquisition_score=1.0))
    assert [place for place, _ in decide([back], used).settled] == [0]
    assert used.detector.profile.windows == 0
    decide([BAD, GOOD], used)
    assert used.detector.profile.windows == 2


def test_without_a_release_nothing_is_decided() -> None:
    with pytest.raises(ModelError, match="no model release yet"):
        decide([BAD], state(Knowledge("shop", WordEncoder(*WORDS))))


def test_an_empty_batch_has_no_verdicts() -> None:
    found = decide([], state())
    assert found.settled == found.referred == []
