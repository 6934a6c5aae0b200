"""The comparison of two releases on the same windows, and the decision to withdraw the newer one.

Pure functions of counts. Two bounds, each with a test of its own:

| cause | increase | test |
|---|---|---|
| share | of the share of windows that are called anomalous | evidence of the windows that one release calls so |
| disagreement | of the share of labelled window shapes on which release and teacher disagree | that of such shapes |

A release is withdrawn where an increase is above its bound (`FUSIONLOG_GUARD__SHARE`, `FUSIONLOG_GUARD__DISAGREEMENT`)
and the evidence is 1 / `FUSIONLOG_GUARD__SIGNIFICANCE` or more. A decrease of the share withdraws nothing: a release
is distilled to have fewer false alarms than the base. One that has become blind is found by the teacher's labels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import comb, log10
from typing import Literal, NamedTuple

from fusionlog.decision import is_anomalous
from fusionlog.records import PseudoLabel
from fusionlog.settings import GuardSettings

LEAST_WINDOWS = 50
"""The share of so many windows counts, at least, while the guard goes on. The test takes windows for independent, and
those of one burst are not: 13 windows of one shape would do otherwise."""

Cause = Literal["share", "disagreement"]
Verdicts = tuple[bool, bool]
"""Whether a window is anomalous: by the newer release, by the one before."""


class Paired(NamedTuple):
    """Verdicts of two releases on the same cases, counted: of `cases`, so many count against each, and against one
    alone."""

    cases: int
    new: int
    previous: int
    only_new: int
    only_previous: int

    @property
    def increase(self) -> float:
        """The share of cases that count against the newer release, less that of the one before."""
        return (self.new - self.previous) / self.cases if self.cases else 0.0


class Finding(NamedTuple):
    """Why a release is withdrawn."""

    cause: Cause
    paired: Paired


@dataclass
class ShapeVerdicts:
    """The verdicts on the windows of one shape.

    `reported` are those that workers report, or would report under the release before: a label in place of a score.
    `models` are the last ones of the models alone.
    """

    reported: list[Verdicts] = field(default_factory=list)
    models: Verdicts = (False, False)


def evidence(only_new: int, only_previous: int) -> float:
    """The base-10 logarithm of the evidence that discordant cases are more often the newer release's.

    By the hypothesis to be refused each of the n = b + c discordant cases is that of the newer release (b) with a
    probability of 1/2 at most (McNemar, Psychometrika 1947). The evidence is its likelihood ratio to the mixture of all
    probabilities above 1/2,

        E = 2^n * integral from 1/2 to 1 of 2 q^b (1 - q)^c dq = sum over k = c+1 .. n+1 of C(n+1, k) / ((n+1) C(n, b)).

    Under the hypothesis E reaches 1 / a with a probability of a at most, however often it is looked at on the way
    (Ville's inequality; Robbins, Annals of Mathematical Statistics 1970; Ramdas, Gruenwald, Vovk and Shafer,
    Statistical Science 2023), so that it may be computed after each batch.

    >>> round(10 ** evidence(3, 0), 2), round(10 ** evidence(13, 0))
    (3.75, 1170)
    """
    n = only_new + only_previous
    term = upper = comb(n + 1, only_previous + 1)
    for k in range(only_previous + 1, n + 1):
        term = term * (n + 1 - k) // (k + 1)
        upper += term
    return log10(upper) - log10((n + 1) * comb(n, only_new))


def shares(shapes: list[tuple[ShapeVerdicts, PseudoLabel | None]]) -> Paired:
    """The anomalous windows by each release, as workers report them.

    A window whose shape has a label by now has that verdict under both.
    """
    counted = [
        verdicts if label is None else (is_anomalous(label.probability),) * 2
        for shape, label in shapes for verdicts in shape.reported
    ]  # fmt: skip
    return _paired(counted)


def disagreements(shapes: list[tuple[ShapeVerdicts, PseudoLabel | None]]) -> Paired:
    """The labelled window shapes on which each model and the teacher disagree, each shape once.

    Shapes are labelled for their low certainty under the newer release, which counts against it; the bound allows for
    that. Propagated labels do not count: the teacher did not see those windows.
    """
    labelled = [
        (is_anomalous(label.probability), shape.models)
        for shape, label in shapes if label is not None and label.propagated_from is None
    ]  # fmt: skip
    return _paired([(label != new, label != previous) for label, (new, previous) in labelled])


def finding(share: Paired, disagreement: Paired, settings: GuardSettings, ended: bool) -> Finding | None:
    """Why the newer release is to be withdrawn; None where it is not.

    :param ended: whether no more windows are compared: fewer than `LEAST_WINDOWS` may decide then.
    """
    if (ended or share.cases >= LEAST_WINDOWS) and _beyond(share, settings.share, settings):
        return Finding("share", share)
    if _beyond(disagreement, settings.disagreement, settings):
        return Finding("disagreement", disagreement)
    return None


def _paired(cases: list[Verdicts]) -> Paired:
    return Paired(
        cases=len(cases),
        new=sum(new for new, _ in cases),
        previous=sum(previous for _, previous in cases),
        only_new=sum(new and not previous for new, previous in cases),
        only_previous=sum(previous and not new for new, previous in cases),
    )


def _beyond(paired: Paired, bound: float, settings: GuardSettings) -> bool:
    return paired.increase > bound and (
        evidence(paired.only_new, paired.only_previous) >= -log10(settings.significance)
    )
