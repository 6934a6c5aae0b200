from __future__ import annotations

from msgspec.structs import replace

from fusionlog.novelty.features import NoveltyFeatures
from fusionlog.novelty.value_ranges import UnusualValue
from fusionlog.records import Longest, template_id
from fusionlog.workers.anomaly_record import EVIDENCE_EVENTS, by_model
from tests.factories import make_event, make_window

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


def test_the_reason_names_an_unusual_value() -> None:
    event = replace(make_event("mail sent"), duration=3.9)
    value = UnusualValue(0.001, event, "duration", 3.9, 0.1, True)
    assert "'mail sent': its duration 3.9 s, usually below 0.1 s" in reason_of(NoveltyFeatures(3.0, 0.0, 0.0, value))


def test_an_anomaly_has_the_pause_at_its_place_among_the_events_that_it_carries() -> None:
    steps = [make_event(f"step {number}", 2) for number in range(80)] + [make_event("last")]
    window = make_window(events=steps, pause=Longest(seconds=40.0, event=80))
    anomaly = by_model(window, 0.8, 0.5, {}, "m1", 2000.0)
    assert len(anomaly.events) < len(steps) and anomaly.pause is not None
    assert anomaly.events[anomaly.pause.event].text == "last" and anomaly.pause.seconds == 40.0
