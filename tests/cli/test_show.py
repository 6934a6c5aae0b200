"""`fusionlog show`: which verdicts of operators are on an anomaly."""

from __future__ import annotations

from msgspec.structs import replace

from fusionlog.cli.show import concerns
from fusionlog.online.giving_verdicts import on_anomaly
from fusionlog.records import Feedback
from tests.factories import make_anomaly

GIVEN = Feedback(anomaly="", system="", shape="", verdict="dismiss", by="ann", at=1.0)
ONE, OTHER = make_anomaly("disk failed", "disk opened"), make_anomaly("disk failed", "user greeted", first_offset=9)


def test_a_verdict_on_the_shape_is_on_the_anomalies_of_that_shape() -> None:
    verdict = on_anomaly(ONE, GIVEN, False)
    assert concerns(verdict, replace(ONE, id="another")) and not concerns(verdict, OTHER)


def test_a_verdict_on_an_event_is_on_all_that_it_tells_of_in_its_system() -> None:
    verdict = on_anomaly(ONE, GIVEN, True)
    assert concerns(verdict, OTHER)
    assert not concerns(verdict, replace(OTHER, system="bank"))
    assert not concerns(replace(verdict, absent=True), OTHER)
