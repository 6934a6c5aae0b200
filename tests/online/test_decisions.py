from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.errors import ModelError
from fusionlog.online.calibrated_detector import MOST_PENDING
from fusionlog.online.decisions import SystemState, decide, verdicts
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.scorer import Score, Scorer
from fusionlog.online.second_opinion import acquisition_score_of
from fusionlog.online.verdict import is_anomalous
from fusionlog.records import Calibration, PseudoLabel, Route, Window
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
    decide([BAD, GOOD] * 10, used)
    assert used.detector.profile.windows == 20


def test_without_a_release_nothing_is_decided() -> None:
    with pytest.raises(ModelError, match="no model release yet"):
        decide([BAD], state(Knowledge("shop", WordEncoder(*WORDS))))


def test_an_empty_batch_has_no_verdicts() -> None:
    found = decide([], state())
    assert found.settled == found.referred == []


def calibrated() -> SystemState:
    """The state of a system whose release has a calibration, and no profile; a tenth of its windows is referred."""
    knowledge = knowing()
    plain = knowledge.release(knowledge.version_in_use)
    calibration = Calibration(probability=1.0, surprisal=0.7, rarity=0.4, failure=0.3, intercept=-0.5)
    release = replace(plain, calibration=calibration, version=f"{plain.version}x", created=plain.created + 1)
    knowledge.adopt(releases.sign(release, None))
    return state(knowledge, share=0.1)


def general_windows(count: int = 300) -> list[Window]:
    texts = [
        ("disk failed",) if place % 37 == 5 else ("disk opened",) * (1 + place % 3) + ("disk full",) * (place % 11 == 3)
        for place in range(count)
    ]
    return [make_window(*each, session=f"s{place}", first_offset=place) for place, each in enumerate(texts)]


def decided(windows: Sequence[Window], sizes: Sequence[int]) -> list[tuple[int, float]]:
    """The probability of each window, in batches of these sizes, the last one again and again; -1: it was referred."""
    used, found, start = calibrated(), list[tuple[int, float]](), 0
    for size in (*sizes, *[sizes[-1]] * len(windows)):
        part = decide(windows[start : start + size], used)
        found += [(start + place, verdict.probability) for place, verdict in part.settled]
        found += [(start + place, -1.0) for place, _ in part.referred]
        start += size
    return sorted(found)


def test_no_verdict_depends_on_which_windows_come_together() -> None:
    windows = general_windows()
    expected = decided(windows, [1])
    assert len(expected) == len(windows) and len({probability for _, probability in expected}) > 15
    for sizes in ([300], [20], [3, 250], [7], [1, 10, 100]):
        assert decided(windows, sizes) == expected


def test_the_profile_is_of_all_but_the_last_windows() -> None:
    used = calibrated()
    for start in range(0, 300, 100):
        decide(general_windows()[start : start + 100], used)
        assert 0.9 * (start + 100) <= used.detector.profile.windows <= start + 100


def test_a_long_stream_waits_for_no_more_than_a_thousand_windows() -> None:
    used = calibrated()
    used.detector.profile.update(GOOD, 1_000_000)
    assert used.detector.room == MOST_PENDING
    used.detector.update([GOOD] * 999)
    assert used.detector.room == 1
    used.detector.update([GOOD])
    assert used.detector.profile.windows == 1_001_000
