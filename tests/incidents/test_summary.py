"""Title, cause and severity of an incident."""

from __future__ import annotations

import pytest

from fusionlog.incidents import IncidentPart, TellingEvent
from fusionlog.incidents.incident import MAX_TITLE_CHARS, TellingKind
from fusionlog.incidents.summary import MAX_CAUSE_CHARS, cause, severity, title


def part(text: str, kind: TellingKind = "event", system: str = "shop") -> IncidentPart:
    return IncidentPart(system=system, telling=[TellingEvent(key=text, kind=kind, text=text)], anomalies=1)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("event", "<*> <*> [<NUM>]: disk <*> failed", "shop: disk <*> failed"),
        ("missing", "payment taken", "shop: missing: payment taken"),
        ("count", "retry", "shop: unusual count: retry"),
        ("event", "<*> <*>", "shop: <*> <*>"),
        ("event", "compute [instance: <KEY>] Failed to build", "shop: compute Failed to build"),
        ("event", "[Node id=<NUM>] disconnected (<*>)", "shop: Node id=<NUM>] disconnected (<*>)"),
        ("event", "数据库 <*> 失败", "shop: 数据库 <*> 失败"),
        ("event", "first\nsecond\tthird", "shop: first second third"),
    ],
)
def test_a_title_names_the_event_or_the_missing_step(kind: TellingKind, text: str, expected: str) -> None:
    assert title([part(text, kind)]) == expected


@pytest.mark.parametrize(("system", "text"), [("shop", "a b " * 99), ("s" * 200, "x" * 5000)])
def test_a_title_is_short_whatever_is_in_it(system: str, text: str) -> None:
    found = title([part(text, system=system)])
    assert len(found) == MAX_TITLE_CHARS
    assert text[:10] in found


def test_a_title_counts_the_other_systems_and_the_cause_names_them() -> None:
    parts = [part("disk failed"), part("timeout", system="web")]
    assert title(parts) == "shop +1: disk failed"
    assert cause(parts) == "shop: disk failed; web: timeout"
    assert len(cause([part("x" * 999)])) == MAX_CAUSE_CHARS


@pytest.mark.parametrize(
    ("parts", "sessions", "expected"),
    [
        ([part("paid", "missing")], 1, "low"),
        ([part("disk failed", "missing")], 1, "low"),
        ([part("disk failed")], 1, "medium"),
        ([part("disk failed")], 3, "high"),
        ([part("disk failed")], 30, "critical"),
        ([part("disk failed"), part("timeout", system="web")], 100, "critical"),
    ],
)
def test_severity_rises_with_sessions_failures_and_systems(
    parts: list[IncidentPart], sessions: int, expected: str
) -> None:
    assert severity(parts, sessions) == expected
