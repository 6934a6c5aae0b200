"""Incidents as a state machine over records."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fusionlog.incidents import Incidents
from fusionlog.records import MAX_ANOMALY_IDS, Anomaly, Explanation, Incident
from fusionlog.settings import IncidentSettings
from tests.factories import make_anomaly
from tests.incidents.test_grouping import ANOMALIES

TWO = [(1, 0.0, ("disk failed", "fan failed")), (2, 10.0, ("fan failed", "pump failed", "valve failed"))]
TIMES = IncidentSettings(quiet_seconds=300, reopen_seconds=900, together_seconds=60, keep_seconds=10_000)


def anomaly(number: int, at: float, text: str = "disk failed", system: str = "shop", **fields: Any) -> Anomaly:
    return make_anomaly(text, system=system, first_offset=number, started=at, ended=at + 1, **fields)


def after(anomalies: Iterable[Anomaly], known: Iterable[Incident] = ()) -> Incidents:
    found = Incidents(known, TIMES)
    for each in anomalies:
        found.update(each, each.ended)
    return found


def test_anomalies_with_the_same_telling_event_are_one_incident() -> None:
    (found,) = after([anomaly(1, 0), anomaly(2, 100, score=0.95), anomaly(3, 200)])
    assert (found.anomalies, found.first_seen, found.last_seen, found.status) == (3, 0, 201, "open")
    assert found.sessions == ["s1", "s2", "s3"]
    assert (found.anomaly, found.score) == (anomaly(2, 100).id, 0.95)


def test_the_shape_does_not_matter() -> None:
    unlike = make_anomaly("disk failed", "retry", "retry", first_offset=9, started=10.0, ended=11.0)
    assert len(after([anomaly(1, 0), unlike])) == 1


def test_other_events_and_other_systems_later_are_other_incidents() -> None:
    assert len(after([anomaly(1, 0), anomaly(2, 1, "password refused"), anomaly(3, 200, system="web")])) == 3


def test_of_several_the_most_similar_incident_that_is_not_quiet_gets_it() -> None:
    both = [make_anomaly(*texts, first_offset=n, started=at, ended=at) for n, at, texts in TWO]
    found = after(both)
    third = found.update(make_anomaly("disk failed", "fan failed", first_offset=9, started=20.0, ended=21.0))
    assert third is not None
    assert third.anomaly_ids[0] == both[0].id


def test_an_incident_is_resolved_when_it_is_quiet_and_opened_again_when_it_comes_back() -> None:
    found = after([anomaly(1, 0)])
    assert found.resolve(301) == []
    (resolved,) = found.resolve(302)
    assert (resolved.status, resolved.change, resolved.resolved_at) == ("resolved", "resolved", 302)
    assert found.resolve(303) == []
    opened = found.update(anomaly(2, 800))
    assert opened is not None
    assert (opened.id, opened.status, opened.change) == (resolved.id, "open", "reopened")
    assert (opened.reopened, opened.resolved_at) == (1, None)


def test_a_verdict_that_comes_late_opens_an_incident_that_stays_open_for_a_while() -> None:
    found = Incidents(settings=TIMES)
    found.update(anomaly(1, 0), 5000)
    assert found.resolve(5300) == []
    assert len(found.resolve(5301)) == 1


def test_a_late_verdict_within_a_resolved_incident_is_counted_and_opens_nothing() -> None:
    found = after([anomaly(1, 0), anomaly(2, 100)])
    found.resolve(1000)
    late = found.update(anomaly(3, 50), 1100)
    assert late is not None
    assert (late.status, late.change, late.anomalies, late.resolved_at) == ("resolved", "updated", 3, 1000)


def test_after_longer_it_is_another_incident_that_names_the_one_before() -> None:
    first, second = after([anomaly(1, 0), anomaly(2, 902)])
    assert second.previous == first.id


def test_a_replay_opens_and_changes_nothing() -> None:
    anomalies = [anomaly(n, 100 * n, text) for n, text in enumerate(["disk failed", "login refused", "disk failed"])]
    found = after(anomalies)
    found.resolve(1000)
    before = list(found)
    assert [found.update(each) for each in anomalies] == [None] * 3
    assert list(found) == before


def test_a_restart_goes_on_from_the_records() -> None:
    anomalies = [anomaly(number, 100 * number) for number in range(6)]
    records = [msgspec.json.decode(msgspec.json.encode(each), type=Incident) for each in after(anomalies[:3])]
    assert list(after(anomalies, records)) == list(after(anomalies))


@given(ANOMALIES, st.data())
def test_a_restart_at_any_place_and_a_replay_from_any_place_before_it_change_nothing(
    anomalies: list[Anomaly], data: st.DataObject
) -> None:
    kept = data.draw(st.integers(0, len(anomalies)))
    again = data.draw(st.integers(0, kept))
    records = [msgspec.json.decode(msgspec.json.encode(each), type=Incident) for each in after(anomalies[:kept])]
    found = after(anomalies[again:], records)
    assert {each.id: each for each in found} == {each.id: each for each in after(anomalies)}


def test_a_replay_of_more_anomalies_than_are_kept_counts_none_twice() -> None:
    anomalies = [anomaly(number, float(number)) for number in range(MAX_ANOMALY_IDS + 5)]
    found = after([*anomalies, *anomalies])
    (only,) = found
    assert (len(found), only.anomalies, len(only.anomaly_ids)) == (1, MAX_ANOMALY_IDS + 5, MAX_ANOMALY_IDS)


def test_an_incident_whose_anomalies_are_withdrawn_is_withdrawn() -> None:
    one, two = anomaly(1, 0), anomaly(2, 10)
    found = after([one, two, replace(one, withdrawn=True)])
    assert [(each.status, each.anomalies) for each in found] == [("open", 1)]
    found.update(replace(two, withdrawn=True))
    assert [(each.status, each.severity) for each in found] == [("withdrawn", "info")]
    assert found.update(replace(two, withdrawn=True)) is None
    found.update(two)
    assert sorted(each.status for each in found) == ["open", "withdrawn"]


def test_a_final_verdict_after_a_provisional_one_is_the_same_anomaly() -> None:
    found = after([anomaly(1, 0, provisional=True), anomaly(1, 0)])
    assert [each.anomalies for each in found] == [1]


def test_systems_that_begin_to_fail_together_have_one_incident() -> None:
    (found,) = after([anomaly(1, 0), anomaly(2, 40, "timeout", "web"), anomaly(3, 90, "timeout", "web")])
    assert (found.systems, found.anomalies) == (["shop", "web"], 3)
    assert [(part.system, part.anomalies) for part in found.parts] == [("shop", 1), ("web", 2)]


@pytest.mark.parametrize("at", [70, 500])
def test_systems_that_begin_apart_have_incidents_of_their_own(at: float) -> None:
    assert len(after([anomaly(1, 0), anomaly(2, at, "timeout", "web")])) == 2


def test_where_incidents_begin_all_the_time_a_coincidence_joins_none() -> None:
    busy = [anomaly(n, 200.0 * n, "disk failed", f"s{n}") for n in range(10)]
    found = after([*busy, anomaly(99, 1810, "timeout", "web")])
    assert all(len(each.systems) == 1 for each in found)


def test_a_resolved_incident_is_forgotten_after_its_time() -> None:
    found = after([anomaly(1, 0)])
    (resolved,) = found.resolve(1000)
    assert found.forget(10_000) == []
    assert found.forget(20_000) == [resolved.id]
    assert len(found) == 0
    assert found.update(anomaly(2, 20_001)) is not None


def test_hosts_are_those_of_the_anomalies() -> None:
    found = after(anomaly(number, number, hosts=[f"host-{number}"]) for number in (1, 2, 2))
    assert [each.hosts for each in found] == [["host-1", "host-2"]]


def test_the_severity_is_the_greatest_of_its_anomalies() -> None:
    found = after([anomaly(1, 0, "order placed"), make_anomaly("order placed", "disk full: write failed", started=5.0)])
    assert [each.severity for each in found] == ["critical"]


def explanation(of: Anomaly, incident: str | None = None, cause: str = "the disk is full") -> Explanation:
    return Explanation(
        system=of.system, shape=of.shape, anomaly=of.id, session=of.session, score=of.score, cause=cause, evidence=[],
        next_step="make room", explained_by="llm", calls=1, tokens=9, explained_at=5.0, incident=incident,
    )  # fmt: skip


def test_an_incident_has_the_explanation_of_one_of_its_anomalies() -> None:
    one, two = anomaly(1, 0), anomaly(2, 10)
    found = after([one, two])
    explained = found.explain(explanation(two))
    assert explained is not None and explained.explanation is not None
    assert (explained.change, explained.explanation.cause) == ("explained", "the disk is full")
    assert found.explain(explanation(two)) is None
    assert found.explain(explanation(anomaly(3, 0))) is None
    assert found.explain(explanation(anomaly(3, 0), explained.id)) is not None


def test_an_anomaly_is_of_the_incident_that_it_would_be_counted_in() -> None:
    found = after([anomaly(1, 0)])
    (only,) = found
    assert [found.of(each) for each in (anomaly(1, 0), anomaly(2, 100))] == [only, only]
    assert [found.of(each) for each in (anomaly(3, 100, "login refused"), anomaly(4, 2000))] == [None, None]
