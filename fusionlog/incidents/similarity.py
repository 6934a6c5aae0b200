"""The similarity of an anomaly to an incident, by their telling events in one system."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from msgspec.structs import replace

from fusionlog.novelty.failure_lexicon import contradict
from fusionlog.records import IncidentPart, TellingEvent

SAME_WORDS = 0.6
"""The share of common words from which on two telling events of one kind are one."""
CORE_SHARE = 1 / 3
"""The share of an incident's anomalies that a telling event is found in, at least, to count in a comparison."""
LEAST_SIMILARITY = 0.5
"""The similarity from which on an anomaly belongs to an incident."""


def similarity(telling: Sequence[TellingEvent], part: IncidentPart) -> float:
    """The share of an anomaly's telling events that are among those of an incident's core, 0 to 1."""
    core = [each for each in part.telling if each.anomalies >= CORE_SHARE * part.anomalies]
    return sum(any(_is_same(one.key, other.key) for other in core) for one in telling) / max(1, len(telling))


def merged(known: Sequence[TellingEvent], found: Sequence[TellingEvent], limit: int) -> list[TellingEvent]:
    """The telling events of an incident with those of another anomaly counted in, the most frequent first."""
    counts = {each.key: each for each in known}
    for each in found:
        same = next((key for key in counts if _is_same(key, each.key)), None)
        if same is None:
            counts[each.key] = each
        else:
            counts[same] = replace(counts[same], anomalies=counts[same].anomalies + 1)
    return sorted(counts.values(), key=lambda each: -each.anomalies)[:limit]


@lru_cache(maxsize=20_000)
def _is_same(one: str, other: str) -> bool:
    """Whether two keys are of one kind, with the same codes, most words in common, and no opposite ones."""
    if one == other:
        return True
    (kind, text), (other_kind, other_text) = one.split(":", 1), other.split(":", 1)
    words, others = frozenset(text.split()), frozenset(other_text.split())
    return (
        kind == other_kind
        and len(words & others) >= SAME_WORDS * len(words | others)
        and not any(each.startswith("#") for each in words ^ others)
        and not contradict(text, other_text)
    )
