"""Title and cause of an incident."""

from __future__ import annotations

import pytest

from fusionlog.incidents.summary import MAX_CAUSE_CHARS, cause, title
from fusionlog.records import TITLE_CHARS, Evidence, IncidentPart, TellingEvent, TellingKind


def part(text: str, kind: TellingKind = "event", system: str = "shop") -> IncidentPart:
    found = Evidence(template=text, text=text, example="", count=kind != "missing", absent=kind == "missing")
    return IncidentPart(system=system, telling=[TellingEvent(key=text, kind=kind, evidence=found)], anomalies=1)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("event", "<*> <*> [<NUM>]: disk <*> failed", "disk <*> failed"),
        ("missing", "payment taken", "missing: payment taken"),
        ("end", "order placed", "ends early: order placed"),
        ("pause", "order placed", "long pause after: order placed"),
        ("event", "数据库 <*> 失败", "数据库 <*> 失败"),
    ],
)
def test_a_title_names_the_event_or_the_missing_step(kind: TellingKind, text: str, expected: str) -> None:
    assert title([part(text, kind)]) == expected


@pytest.mark.parametrize("kind", ["event", "pause"])
def test_a_title_is_short_whatever_is_in_it(kind: TellingKind) -> None:
    for parts in ([part("a b " * 99, kind)], [part("x" * 5000, kind), part("y", system="web")]):
        assert len(title(parts)) <= TITLE_CHARS


def test_a_title_counts_the_systems_and_the_cause_names_them() -> None:
    parts = [part("disk failed"), part("timeout", system="web")]
    assert title(parts) == "2 systems: disk failed"
    assert cause(parts) == "shop: disk failed; web: timeout"
    assert len(cause([part("x" * 99, system=f"s{number}") for number in range(20)])) == MAX_CAUSE_CHARS
