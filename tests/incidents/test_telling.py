"""The telling events of an anomaly."""

from __future__ import annotations

from typing import Any

import pytest

from fusionlog.incidents.similarity import LEAST_SIMILARITY, similarity
from fusionlog.incidents.telling import MAX_TELLING, key_words, telling_events
from fusionlog.records import Evidence, IncidentPart, Longest, TellingEvent
from tests.factories import make_anomaly


def found(*texts: str, score: float = 0.9, **fields: Any) -> list[tuple[str, str]]:
    return [(each.kind, each.evidence.text) for each in telling_events(make_anomaly(*texts, score=score, **fields))]


def test_anomalous_events_tell_failures_first() -> None:
    assert found("order placed", "disk failed") == [("event", "disk failed"), ("event", "order placed")]


def test_few_events_tell() -> None:
    assert len(found(*(f"{name} failed" for name in ("disk", "fan", "link", "node", "pump")))) == MAX_TELLING


def evidence(text: str, **fields: Any) -> Evidence:
    return Evidence(**{"template": text, "text": text, "example": text, "count": 1, **fields})


def test_the_strongest_kind_of_evidence_tells_alone() -> None:
    """What is anomalous by itself, a missing step, an unusual count, a rare event."""
    rare, count = evidence("restart", share=0.01, windows=90), evidence("retry", share=0.9, windows=90, atypical=True)
    missing = evidence("paid", share=0.99, windows=90, absent=True, count=0)
    anomalous = [evidence("order lost", probability=0.9), evidence("disk failed", share=0.01, windows=90)]
    for more, expected in (
        ([], [("event", "restart")]),
        ([count], [("event", "retry")]),
        ([count, missing], [("missing", "paid")]),
        ([count, missing, *anomalous], [("event", "disk failed"), ("event", "order lost")]),
    ):
        assert found("order placed", evidence=[rare, *more]) == expected


def test_an_unusual_end_tells_where_no_evidence_does() -> None:
    sentence = "it ends with 'order placed', as do 0 of 90 windows with it"
    assert found("order placed", score=0.1, unusual=[sentence]) == [("end", "order placed")]


def test_a_pause_tells_where_nothing_else_does() -> None:
    assert found("order placed", score=0.1, pause=Longest(seconds=40.0, event=0)) == [("pause", "order placed")]


@pytest.mark.parametrize("fields", [{}, {"evidence": []}, {"evidence": [], "events": []}])
def test_every_anomaly_has_a_telling_event(fields: dict[str, Any]) -> None:
    assert len(found("order placed", "paid", score=0.1, **fields)) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("user alice failed to log in at gate 3", "user bob failed to log in at gate 7", True),
        ('"GET <PATH> HTTP/<NUM>" 500 <NUM>', '"GET <PATH> HTTP/<NUM>" 404 <NUM>', False),
        ("ORA-00600: internal error", "ORA-00942: internal error", False),
        ("reply 4.4.1 of the server", "reply 5.1.1 of the server", False),
        ("用户 login 失败", "用户 login 成功", False),
        ("服务启动", "连接中断", False),
        ("the mount of volume data failed", "the mount of volume data succeeded", False),
    ],
)
def test_texts_of_one_event_are_one_and_codes_scripts_and_outcomes_set_apart(one: str, other: str, same: bool) -> None:
    events = [
        TellingEvent(key=f"event:{key_words(text)}", kind="event", evidence=evidence(text)) for text in (one, other)
    ]
    part = IncidentPart(system="shop", telling=events[:1], anomalies=1)
    assert (similarity(events[1:], part) >= LEAST_SIMILARITY) is same


def test_a_missing_event_and_the_event_itself_are_two_causes() -> None:
    event = TellingEvent(key="event:paid", kind="event", evidence=evidence("paid"))
    missing = TellingEvent(key="missing:paid", kind="missing", evidence=evidence("paid", absent=True))
    assert similarity([missing], IncidentPart(system="shop", telling=[event], anomalies=1)) == 0
