from __future__ import annotations

from fusionlog.novelty.features import NoveltyFeatures
from fusionlog.records import template_id
from fusionlog.workers.anomaly_record import EVIDENCE_EVENTS, by_model
from tests.factories import make_window

STEPS = [f"step {name} done" for name in "abcdefgh"]
WINDOW = make_window(*STEPS, "disk failed")
EVENTS = {template_id(text): 0.9 for text in STEPS} | {template_id("disk failed"): 0.1}


def reason_of(novelty: NoveltyFeatures | None) -> str:
    return by_model(WINDOW, 0.8, 0.5, EVENTS, "m1", 2000.0, novelty).reason


def test_the_reason_says_what_is_unusual() -> None:
    assert "failed" not in reason_of(None) and ";" not in reason_of(NoveltyFeatures(0.5, 0.9, 0.3))
    assert "'disk failed', a failure of one window in 100" in reason_of(NoveltyFeatures(0.0, 2.0, 2.0))
    told = reason_of(NoveltyFeatures(3.0, 2.0, 1.0))
    assert "an event of one window in 100" in told and "deviates from the profile as one window in 1,000 does" in told


def test_a_rare_failure_is_the_first_evidence() -> None:
    plain, told = (
        by_model(WINDOW, 0.8, 0.5, EVENTS, "m1", 2000.0, how) for how in (None, NoveltyFeatures(0.0, 2.0, 2.0))
    )
    assert "disk failed" not in {each.text for each in plain.evidence}
    assert told.evidence[0].text == "disk failed" and len(told.evidence) == EVIDENCE_EVENTS
