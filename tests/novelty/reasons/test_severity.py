from __future__ import annotations

import pytest

from fusionlog.novelty.reasons.severity import greatest, severity_of
from fusionlog.records import Evidence
from tests.novelty.reasons.factories import make_absent, make_evidence


@pytest.mark.parametrize(
    ("evidence", "severity"),
    [
        ([], "warning"),
        ([make_evidence("cache cold", share=0.01)], "warning"),
        ([make_evidence("mail sent", atypical=True)], "warning"),
        ([make_absent()], "error"),
        ([make_evidence("payment refused", share=0.01)], "error"),
        ([make_evidence("cache cold", share=0.01, level="error")], "error"),
        ([make_evidence("cache cold", share=0.01, level="critical")], "critical"),
        ([make_evidence("fatal: java.lang.OutOfMemoryError in <*>", share=0.0)], "critical"),
        (
            [make_evidence("cache cold", share=0.01), make_evidence("write failed: no space left", share=0.0)],
            "critical",
        ),
    ],
)
def test_the_severity_is_that_of_the_most_severe_telling_event(evidence: list[Evidence], severity: str) -> None:
    assert severity_of(evidence) == severity


def test_the_level_of_a_routine_line_is_no_severity() -> None:
    assert severity_of([make_evidence("machine check done", share=0.8, level="critical")]) == "warning"


def test_a_withdrawn_anomaly_is_information() -> None:
    assert severity_of([make_absent()], withdrawn=True) == "info"


def test_an_incident_has_the_greatest_severity_of_its_anomalies() -> None:
    assert greatest(["warning", "critical", "info"]) == "critical" and greatest([]) == "warning"
