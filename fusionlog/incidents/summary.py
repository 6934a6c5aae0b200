"""The title and the cause of an incident, by the rules of an anomaly's (`fusionlog.novelty.reasons`)."""

from __future__ import annotations

from collections.abc import Sequence

from fusionlog.novelty.reasons.title import cut, title_of
from fusionlog.records import TITLE_CHARS, IncidentPart, TellingEvent, TellingKind

MAX_CAUSE_CHARS = 500
_PHRASES: dict[TellingKind, str] = {"end": "ends early: ", "pause": "long pause after: "}


def title(parts: Sequence[IncidentPart]) -> str:
    """The number of systems, where there are several, and the most frequent telling event of the first one;
    `TITLE_CHARS` at most."""
    several = f"{len(parts)} systems: " if len(parts) > 1 else ""
    return cut(f"{several}{phrase(parts[0].telling[0])}", TITLE_CHARS)


def cause(parts: Sequence[IncidentPart]) -> str:
    """The telling events that most anomalies of each system have, in words; `MAX_CAUSE_CHARS` at most."""
    return cut("; ".join(f"{part.system}: {_cause(part)}" for part in parts), MAX_CAUSE_CHARS)


def phrase(telling: TellingEvent) -> str:
    """A telling event in words, `TITLE_CHARS` at most."""
    return cut(f"{_PHRASES.get(telling.kind, '')}{title_of([telling.evidence])}", TITLE_CHARS)


def _cause(part: IncidentPart) -> str:
    most = [each for each in part.telling if 2 * each.anomalies >= part.anomalies]
    return ", ".join(phrase(each) for each in most or part.telling[:1])
