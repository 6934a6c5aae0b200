"""Which evidence tells most of an anomaly: a rare failure, a missing step, an anomalous event, an unusual number.

By the evidence alone, so that an incident, whose evidence is that of several anomalies, is described by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable

from fusionlog.decision import is_anomalous
from fusionlog.novelty.failure_lexicon import reports_failure
from fusionlog.novelty.missing_steps import RARE
from fusionlog.records import Evidence

ROUTINE = 0.5
"""The share of windows from which on an event is routine, whatever it reports."""
UNREMARKABLE = 6
"""The rank of evidence that nothing distinguishes."""


def by_telling(evidence: Iterable[Evidence]) -> list[Evidence]:
    """The evidence, the most telling first; of equal rank the rarer, then the more anomalous one."""
    return sorted(evidence, key=lambda each: (rank(each), _rarity(each), -(each.probability or 0.0)))


def is_telling(evidence: Evidence) -> bool:
    """Whether anything distinguishes the evidence."""
    return rank(evidence) < UNREMARKABLE


def rank(evidence: Evidence) -> int:
    """The rank of evidence: 0 for a failure that is anomalous or rare, 1 for a missing step, 2 for another anomalous
    event, 3 for an unusual count or value, 4 for a rare event, 5 for another failure; else `UNREMARKABLE`."""
    if evidence.absent:
        return 1
    routine = (evidence.share or 0.0) >= ROUTINE
    anomalous = evidence.probability is not None and is_anomalous(evidence.probability) and not routine
    rare = evidence.share is not None and evidence.share <= RARE
    failed = reports_failure(evidence.text) and not routine
    return next(
        place
        for place, holds in (
            (0, failed and (anomalous or rare)), (2, anomalous), (3, evidence.atypical or bool(evidence.value)),
            (4, rare), (5, failed), (UNREMARKABLE, True),
        )
        if holds
    )  # fmt: skip


def _rarity(evidence: Evidence) -> float:
    """What evidence of one rank is ordered by: the share of windows with the event; of an absent one, without it."""
    if evidence.share is None:
        return 1.0
    return 1.0 - evidence.share if evidence.absent else evidence.share
