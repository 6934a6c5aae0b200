from __future__ import annotations

from fusionlog.online.scorer import Score
from fusionlog.online.verdict import is_anomalous
from tests.factories import make_label, make_window


def test_a_score_is_held_against_its_release_and_a_label_against_one_half() -> None:
    score = Score(0.5, 0.6, {}, "v1", cached=False)
    assert not is_anomalous(score)
    assert is_anomalous(make_label(make_window(), 0.5)) and not is_anomalous(make_label(make_window(), 0.49))
