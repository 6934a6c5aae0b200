"""The oracle router, an upper bound: it uses the labels to query the teacher where the small model is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fusionlog.evaluation.truth import Truth
from fusionlog.methods.ablations.routers import units_of
from fusionlog.methods.protocol import Outcome, Result

ORACLE = "oracle-router"
SMALL, TEACHER, ROUTED = "fusionlog", "llm-only", "fusionlog+online"
"""The methods that the oracle combines, and the one whose number of queries is its budget."""


def oracle(small: Result, teacher: Result, routed: Result, truth: Truth) -> Result:
    """The small model's verdict; where that is wrong the teacher's, within the budget of queries of `routed`.

    Wrong shapes of the most sessions come first, at most as many as `routed` queried on the test half. The cost is that
    of `routed`.
    """
    units = units_of(routed)
    test, asked = _corrected(small.outcomes, teacher.outcomes, truth.test, units)
    adapted, _ = _corrected(small.adapted, teacher.adapted, truth.adapted, 0)
    answered = {outcome.session for outcome in teacher.outcomes}
    kept = [one for one in routed.asked if one.session in truth.adapted]
    return replace(
        small,
        outcomes=test, adapted=adapted, cost=routed.cost,
        asked=[*kept, *(one for one in teacher.asked if one.session in asked and one.session in answered)],
    )  # fmt: skip


def _corrected(
    outcomes: Sequence[Outcome], teacher: Sequence[Outcome], labels: Mapping[str, bool], units: int
) -> tuple[list[Outcome], set[str]]:
    """The outcomes with the teacher's in place of wrong ones, and the sessions of those."""
    wrong: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.anomalous != labels[outcome.session]:
            wrong.setdefault(outcome.shape, []).append(outcome.session)
    chosen = sorted(wrong.values(), key=len, reverse=True)[:units]
    asked = {session for sessions in chosen for session in sessions}
    labelled = {outcome.session: outcome for outcome in teacher}
    return [
        replace(labelled[outcome.session], proprietary=True)
        if outcome.session in asked
        else replace(outcome, proprietary=False)
        for outcome in outcomes
    ], asked
