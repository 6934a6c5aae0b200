"""The incidents of given anomalies."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fusionlog.incidents import group
from fusionlog.records import Anomaly
from tests.factories import make_anomaly

TEXTS = ("disk failed", "login refused", "order placed")

ANOMALIES = st.lists(
    st.builds(
        lambda number, at, text, system: make_anomaly(
            text, system=system, first_offset=number, started=float(at), ended=at + 1.0
        ),
        st.integers(0, 50),
        st.integers(0, 5000),
        st.sampled_from(TEXTS),
        st.sampled_from(("shop", "web")),
    ),
    max_size=20,
    unique_by=lambda each: each.id,
)


def test_no_anomalies_are_no_incidents() -> None:
    assert group([]) == []


def test_of_several_records_with_an_id_the_last_one_counts() -> None:
    one = make_anomaly("disk failed", provisional=True)
    assert group([one, replace(one, withdrawn=True)]) == []
    assert [each.anomalies for each in group([one, replace(one, provisional=False)])] == [1]


def test_what_was_quiet_before_the_last_anomaly_is_resolved() -> None:
    early = make_anomaly("disk failed", first_offset=1, started=0.0, ended=1.0)
    late = make_anomaly("login refused", first_offset=2, started=1000.0, ended=1001.0)
    assert [each.status for each in group([late, early])] == ["resolved", "open"]


@given(ANOMALIES)
def test_each_anomaly_is_in_one_incident_whatever_their_order(anomalies: list[Anomaly]) -> None:
    found = group(anomalies)
    assert sorted(id for each in found for id in each.anomaly_ids) == sorted(each.id for each in anomalies)
    assert group(reversed(anomalies)) == found
    assert group([*anomalies, *anomalies]) == found
