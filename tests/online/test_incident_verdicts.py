"""An operator's verdict on an incident: what it mutes, what it leaves, and what it labels."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from fusionlog.kafka.codecs import key_of
from fusionlog.online.incident_verdicts import MOST, on_incident
from fusionlog.online.operator_verdicts import OperatorVerdicts
from fusionlog.records import Anomaly, Evidence, Feedback, template_id
from tests.factories import make_anomaly

GIVEN = Feedback(anomaly="", system="", shape="", verdict="dismiss", by="ann", at=1000.0)
CALM = make_anomaly("disk opened")


def evidence(text: str, **fields: Any) -> Evidence:
    return Evidence(
        **{"template": template_id(text), "text": text, "example": text, "count": 1, "probability": 0.9, **fields}
    )


def anomaly(number: int, *texts: str, more: str = "", **fields: Any) -> Anomaly:
    """An anomaly that some events tell of, in a window of a shape of its own."""
    made = make_anomaly(*texts, *[f"step {number}"], *([more] if more else []), first_offset=number)
    return replace(made, evidence=[evidence(each) for each in texts], **fields)


def verdicts(*anomalies: Anomaly, **fields: Any) -> OperatorVerdicts:
    found = OperatorVerdicts()
    for each in on_incident("i1", anomalies, replace(GIVEN, **fields)):
        assert each.incident == "i1"
        found.put(key_of(each), each)
    return found


def test_the_anomalies_of_a_dismissed_incident_are_muted_and_so_is_the_next_of_its_cause() -> None:
    many = [anomaly(number, "disk failed") for number in range(3)]
    muted = verdicts(*many, until=5000.0)
    assert all(muted.mute_of(each, 2000.0) for each in (*many, anomaly(9, "disk failed")))
    assert muted.mute_of(many[0], 5001.0) is None


def test_an_anomaly_with_a_further_telling_event_is_not_muted() -> None:
    muted = verdicts(anomaly(1, "disk failed"), anomaly(2, "disk failed", "login refused"))
    assert muted.mute_of(anomaly(3, "login refused"), 0.0) is not None
    assert muted.mute_of(anomaly(4, "disk failed", "order lost"), 0.0) is None
    assert muted.mute_of(anomaly(5, "order lost"), 0.0) is None


def test_a_missing_step_is_muted_as_one() -> None:
    lacks = replace(CALM, evidence=[evidence("disk closed", absent=True, count=0, probability=None)])
    assert [(each.scope, each.absent) for each in on_incident("i1", [lacks], GIVEN)] == [("event", True)]


def test_what_no_event_distinguishes_is_muted_by_its_shape_alone() -> None:
    calm = replace(CALM, evidence=[evidence("disk opened", probability=0.1)])
    muted = verdicts(calm)
    assert muted.mute_of(calm, 0.0) is not None
    other = replace(make_anomaly("disk opened", "disk opened", "user greeted"), evidence=calm.evidence)
    assert muted.mute_of(other, 0.0) is None


def test_a_confirmation_is_one_on_each_shape() -> None:
    one, two = anomaly(1, "disk failed"), anomaly(2, "disk failed")
    found = on_incident("i1", [one, two, one], replace(GIVEN, verdict="confirm"))
    assert sorted((each.scope, each.shape) for each in found) == sorted(("shape", x.shape) for x in (one, two))


def test_an_incident_of_several_systems_is_dismissed_in_each() -> None:
    found = on_incident("i1", [anomaly(1, "disk failed"), replace(anomaly(2, "disk failed"), system="bank")], GIVEN)
    assert sorted(each.system for each in found) == ["bank", "shop"]


def test_so_many_verdicts_at_most_those_of_most_anomalies_first() -> None:
    many = [anomaly(number, f"disk {chr(97 + number % 26)}{number} failed") for number in range(MOST + 50)]
    found = on_incident("i1", [*many, *many[-1:]], GIVEN)
    assert len(found) == MOST and found[0].event == many[-1].evidence[0].template
