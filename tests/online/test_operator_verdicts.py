"""Operators' verdicts: what they mute, for how long, and the labels that they are."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from fusionlog.kafka.codecs import key_of
from fusionlog.online.operator_verdicts import OperatorVerdicts, as_label, is_operators, merged
from fusionlog.records import Anomaly, Evidence, Feedback, template_id
from tests.factories import make_anomaly, make_feedback, make_label, make_revoked, make_window

BAD = make_window("disk failed", "disk opened")


def verdicts(*given: Feedback) -> OperatorVerdicts:
    found = OperatorVerdicts()
    for each in given:
        found.put(key_of(each), each)
    return found


def with_evidence(*evidence: Evidence, **fields: Any) -> Anomaly:
    return replace(make_anomaly("disk failed"), evidence=list(evidence), **fields)


def missing(text: str) -> Evidence:
    return Evidence(template=template_id(text), text=text, example="", count=0, absent=True)


def test_a_dismissed_shape_is_mute_and_labelled_normal_and_no_other_is() -> None:
    found = verdicts(make_feedback(make_anomaly("disk failed"), note="a restart"))
    label = found.label_of(make_window("disk failed", session="other"))
    assert label is not None and (label.probability, label.reason) == (0.0, "dismissed by ann: a restart")
    assert found.mute_of(make_anomaly("disk failed"), 0.0) and is_operators(label)
    assert found.label_of(BAD) is None and found.mute_of(make_anomaly("disk full"), 0.0) is None


def test_a_dismissal_that_ends_mutes_until_then_and_is_no_label() -> None:
    found = verdicts(make_feedback(make_anomaly("disk failed"), until=100.0))
    assert found.mute_of(make_anomaly("disk failed"), 99.9) is not None
    assert found.mute_of(make_anomaly("disk failed"), 100.0) is None
    assert found.label_of(make_window("disk failed")) is None and merged([], [*found._all.values()]) == []


def test_the_last_verdict_on_a_target_counts_and_an_undone_one_does_not() -> None:
    anomaly = make_anomaly("disk failed")
    found = verdicts(make_feedback(anomaly), make_feedback(anomaly, verdict="confirm"))
    label = found.label_of(make_window("disk failed"))
    assert label is not None and label.probability == 1.0 and found.mute_of(anomaly, 0.0) is None
    found.remove(key_of(make_feedback(anomaly)))
    assert found.label_of(make_window("disk failed")) is None


def test_an_event_is_mute_where_nothing_else_tells_of_the_anomaly() -> None:
    both = replace(make_anomaly("disk failed", "belt failed"), shape="another")
    only = replace(make_anomaly("disk failed", "disk failed"), shape="a third")
    found = verdicts(make_feedback(make_anomaly("disk failed"), scope="event", event=template_id("disk failed")))
    assert found.mute_of(only, 0.0) is not None and found.mute_of(both, 0.0) is None
    found.put("second", make_feedback(make_anomaly("x"), scope="event", event=template_id("belt failed")))
    assert found.mute_of(both, 0.0) is not None


def test_a_missing_event_is_another_target_than_the_event() -> None:
    step = missing("disk closed")
    found = verdicts(make_feedback(make_anomaly("x"), scope="event", event=step.template, absent=True))
    assert found.mute_of(with_evidence(step), 0.0) is not None
    assert found.mute_of(with_evidence(replace(step, absent=False, count=1, probability=0.9)), 0.0) is None


def test_a_confirmed_event_makes_every_window_with_it_an_anomaly_unless_its_shape_is_dismissed() -> None:
    confirmed = make_feedback(make_anomaly("x"), verdict="confirm", scope="event", event=template_id("disk opened"))
    label = verdicts(confirmed).label_of(BAD)
    assert label is not None and (label.probability, label.shape) == (1.0, BAD.shape)
    dismissed = make_feedback(make_anomaly("disk failed", "disk opened"))
    label = verdicts(confirmed, dismissed).label_of(BAD)
    assert label is not None and label.probability == 0.0


def test_an_operators_label_takes_the_place_of_the_teachers_revoked_ones_too() -> None:
    for label in (make_label(BAD, 0.9, labelled_at=9e9), make_revoked(make_label(BAD))):
        given = make_feedback(make_anomaly("disk failed", "disk opened"))
        assert merged([label], [given]) == [as_label(given)]


@pytest.mark.parametrize(
    ("events", "probability", "verdict", "expected"),
    [
        ({"disk failed": 0.9, "disk opened": 0.1}, 0.9, "dismiss", 0.0),
        ({"disk failed": 0.9, "disk opened": 0.8}, 0.9, "dismiss", 0.9),
        ({"disk failed": 0.1, "disk opened": 0.1}, 0.9, "dismiss", 0.9),
        ({"disk failed": 0.1, "disk opened": 0.1}, 0.1, "confirm", 1.0),
    ],
    ids=["alone", "beside another", "for another reason", "confirmed"],
)  # fmt: skip
def test_a_verdict_on_an_event_corrects_every_label_with_it(
    events: dict[str, float], probability: float, verdict: str, expected: float
) -> None:
    label = make_label(BAD, probability)
    label = replace(label, events=[replace(each, probability=events[each.text]) for each in label.events])
    given = make_feedback(make_anomaly("x"), verdict=verdict, scope="event", event=template_id("disk failed"), at=3e3)
    [found] = merged([label], [given])
    assert found.probability == expected and found.labelled_at == 3e3
    assert {each.text: each.probability for each in found.events}["disk failed"] == float(verdict == "confirm")
    assert merged([make_label(make_window("belt lost"))], [given])[0].labelled_at == 2e3
