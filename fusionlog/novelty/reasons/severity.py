"""The severity of an anomaly or an incident, by its evidence.

| severity | rule |
|---|---|
| `critical` | a telling line whose header has that level, or that reports a crash, no memory or space, lost data |
| `error` | a telling line that reports a failure or has that level; a missing step |
| `warning` | any other anomaly: rare events, unusual counts, durations and sizes |
| `info` | none: a withdrawn anomaly |

A level counts with telling lines alone: the levels of routine lines mislead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fusionlog.novelty.failure_lexicon import reports_failure
from fusionlog.novelty.reasons.telling import is_telling
from fusionlog.records import Evidence, Severity

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error", "critical")
"""From the least to the greatest."""
_CRASH = re.compile(
    r"\b(?:kernel panic|panic(?:ked)?|fatal|out of memory|outofmemoryerror|oom[- ]?kill\w*|segfault|segmentation fault|"
    r"core dumped|no space left|disk full|corrupt(?:ed|ion)|data loss)\b",
    re.IGNORECASE,
)


def severity_of(evidence: Iterable[Evidence], withdrawn: bool = False) -> Severity:
    """The severity by the evidence, that of the most severe event in it."""
    if withdrawn:
        return "info"
    return greatest(_of_event(each) for each in evidence)


def greatest(severities: Iterable[Severity]) -> Severity:
    """The greatest of severities; `warning` of none: an anomaly is one at least."""
    return max(severities, key=SEVERITIES.index, default="warning")


def _of_event(each: Evidence) -> Severity:
    if each.absent:
        return "error"
    if not is_telling(each):
        return "warning"
    fails = reports_failure(each.text)
    if each.level == "critical" or (fails and _CRASH.search(each.text)):
        return "critical"
    return "error" if fails or each.level == "error" else "warning"
