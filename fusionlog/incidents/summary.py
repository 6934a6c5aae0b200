"""What people see of an incident first: its title, its cause and its severity."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from fusionlog.incidents.incident import MAX_TITLE_CHARS, IncidentPart, Severity, TellingEvent
from fusionlog.novelty.failure_lexicon import reports_failure

MAX_CAUSE_CHARS = 500
FEW_SESSIONS = 3
MANY_SESSIONS = 30

_LEADING = re.compile(r"^(?:<[^<>]*>|[\W\d_])+(?=.*\w)")
_BRACKETS = re.compile(r"\[[^\[\]]*<[^<>]*>[^\[\]]*\]|\([^()]*<[^<>]*>[^()]*\)")
_WORDS = re.compile(r"[^\W\d_]{2,}")
LEAST_WORDS = 2
_SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")
_PHRASES = {
    "event": "{}",
    "missing": "missing: {}",
    "count": "unusual count: {}",
    "end": "ends early: {}",
    "pause": "long pause after: {}",
}


def title(parts: Sequence[IncidentPart]) -> str:
    """The systems and the first telling event, or the missing step; `MAX_TITLE_CHARS` at most."""
    first = parts[0]
    others = f" +{len(parts) - 1}" if len(parts) > 1 else ""
    name = _clip(first.system, MAX_TITLE_CHARS // 4)
    return _clip(f"{name}{others}: {phrase(_short(first.telling[0]))}", MAX_TITLE_CHARS)


def cause(parts: Sequence[IncidentPart]) -> str:
    """The telling events that most anomalies of each system have, in words; `MAX_CAUSE_CHARS` at most."""
    return _clip("; ".join(f"{part.system}: {_cause(part)}" for part in parts), MAX_CAUSE_CHARS)


def phrase(telling: TellingEvent) -> str:
    """A telling event in words, without the placeholders that it begins with."""
    text = " ".join(_LEADING.sub("", telling.text).split()) or telling.text
    return _PHRASES[telling.kind].format(text)


def severity(parts: Sequence[IncidentPart], sessions: int) -> Severity:
    """One step up each for `FEW_SESSIONS`, for `MANY_SESSIONS`, for an event that reports a failure, and for several
    systems."""
    failed = any(each.kind == "event" and reports_failure(each.text) for part in parts for each in part.telling)
    steps = (sessions >= FEW_SESSIONS) + (sessions >= MANY_SESSIONS) + failed + (len(parts) > 1)
    return _SEVERITIES[min(steps, len(_SEVERITIES) - 1)]


def _short(telling: TellingEvent) -> TellingEvent:
    """A telling event without the brackets that hold a value (`[instance: <KEY>]`), where words are left."""
    text = _BRACKETS.sub(" ", telling.text)
    return replace(telling, text=text) if len(_WORDS.findall(text)) >= LEAST_WORDS else telling


def _cause(part: IncidentPart) -> str:
    most = [each for each in part.telling if 2 * each.count >= part.anomalies]
    return ", ".join(phrase(each) for each in most or part.telling[:1])


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
