"""The router that knows where the small model is wrong: an upper bound, made by whoever has the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fusionlog.evaluation.truth import Truth
from fusionlog.methods.ablations.routers import units_of
from fusionlog.methods.protocol import Outcome, Result

ORACLE = "oracle-router"
SMALL, TEACHER, ROUTED = "fusionlog", "llm-only", "fusionlog+online"
"""The methods whose results it is made of, and the one that says how many units may be asked about."""


def oracle(small: Result, teacher: Result, routed: Result, truth: Truth) -> Result:
    """The small model's verdict unless it is wrong, then the teacher's, for no more shapes of the test half than were
    asked about in `routed`, those of the most sessions first. What `routed` was asked is what it costs."""
    units = units_of(routed)
    test, asked = _corrected(small.outcomes, teacher.outcomes, truth.test, units)
    adapted, _ = _corrected(small.adapted, teacher.adapted, truth.adapted, 0)
    said = {outcome.session: outcome.anomalous for outcome in teacher.outcomes}
    kept = [one for one in routed.asked if one.session in truth.adapted]
    return replace(
        small,
        outcomes=test, adapted=adapted, cost=routed.cost,
        asked=[*kept, *(one for one in teacher.asked if one.session in asked and one.session in said)],
    )  # fmt: skip


def _corrected(
    outcomes: Sequence[Outcome], teacher: Sequence[Outcome], labels: Mapping[str, bool], units: int
) -> tuple[list[Outcome], set[str]]:
    """The outcomes with the teacher's in place of wrong ones, and the sessions that it was asked about."""
    wrong: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.anomalous != labels[outcome.session]:
            wrong.setdefault(outcome.shape, []).append(outcome.session)
    chosen = sorted(wrong.values(), key=len, reverse=True)[:units]
    asked = {session for sessions in chosen for session in sessions}
    said = {outcome.session: outcome for outcome in teacher}
    return [
        replace(said[outcome.session], proprietary=True)
        if outcome.session in asked
        else replace(outcome, proprietary=False)
        for outcome in outcomes
    ], asked
