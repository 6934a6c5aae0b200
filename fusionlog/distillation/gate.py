"""The gate: the checks that a candidate must pass to be published. No label of the target is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score, cohen_kappa_score

from fusionlog.data.sources import SourceExamples
from fusionlog.decision import is_anomalous
from fusionlog.detector.examples import Example
from fusionlog.distillation.students import soft_predictions, window_probabilities
from fusionlog.types import FloatArray

ONE_SIDED_95 = 1.645


@dataclass(frozen=True)
class Check:
    """One check: a measured value, and whether it passes; `value` is None where nothing could be measured."""

    name: str
    value: float | None
    passed: bool
    rule: str


@dataclass(frozen=True)
class GateReport:
    """The checks of a candidate, and the check on the sources.

    A failed `sources` does not refuse the candidate: a release that has forgotten the sources still serves its target,
    but their events leave its bank.
    """

    checks: tuple[Check, ...]
    sources: Check

    @property
    def accepted(self) -> bool:
        """Whether the candidate may be published."""
        return all(check.passed for check in self.checks)

    @property
    def reason(self) -> str:
        """One line: the failed checks with their values and rules, or that every check passed."""
        refused = [_failure(check) for check in self.checks if not check.passed]
        forgotten = "" if self.sources.passed else f"; the sources leave the bank, {_failure(self.sources)}"
        return ("; ".join(refused) or "every check passed") + forgotten

    @property
    def metrics(self) -> dict[str, float]:
        """The measured values, by the name of the check."""
        return {check.name: check.value for check in (self.sources, *self.checks) if check.value is not None}


def _failure(check: Check) -> str:
    return f"{check.name} is {check.value:.3f}, {check.rule}"


def auprc(onnx: bytes, examples: Sequence[Example]) -> float | None:
    """The area under the precision-recall curve, every window counted; None where there is only one class.

    A distinct window that is anomalous in a share of its occurrences counts as both, by that share.
    """
    anomalous = np.array([example.probability * example.weight for example in examples])
    normal = np.array([(1 - example.probability) * example.weight for example in examples])
    if anomalous.sum() == 0 or normal.sum() == 0:
        return None
    scores = window_probabilities(soft_predictions(onnx, examples))
    truth = np.repeat([1, 0], len(examples))
    return float(average_precision_score(truth, np.tile(scores, 2), sample_weight=np.concatenate([anomalous, normal])))


@dataclass(frozen=True)
class Area:
    """An AUPRC, its standard error, and its value by chance, the share of anomalous windows."""

    value: float
    error: float
    chance: float

    @property
    def at_best(self) -> float:
        """The upper confidence bound at 95 % (one-sided)."""
        return self.value + ONE_SIDED_95 * self.error


def source_area(onnx: bytes, sources: Sequence[SourceExamples]) -> Area | None:
    """The mean over the sources of the AUPRC on their held-out sessions, so that a large source does not decide.

    The error is binomial, sqrt(A (1 - A) / n) of n anomalous windows (Boyd, Eng and Page, ECML PKDD 2013).
    """
    areas, variances, chances = [], [], []
    for source in sources:
        area = auprc(onnx, source.held_out)
        if area is not None:
            anomalous = sum(example.probability * example.weight for example in source.held_out)
            areas.append(area)
            variances.append(area * (1 - area) / max(1.0, anomalous))
            chances.append(anomalous / sum(example.weight for example in source.held_out))
    if not areas:
        return None
    return Area(float(np.mean(areas)), float(np.sqrt(np.sum(variances))) / len(areas), float(np.mean(chances)))


def check_sources(measured: Area | None, reference: float | None, margin: float) -> Check:
    """Check that on held-out source sessions the candidate keeps the reference's gain over chance but for `margin`.

    The upper confidence bound of the AUPRC must reach that: held-out sources have a few dozen anomalous windows, so
    their AUPRC varies by .05 from draw to draw. A share may be lost, since a release serves one target.
    """
    if measured is None or reference is None:
        return Check("source_auprc", None, True, "no held-out source sessions")
    floor = measured.chance + (1 - margin) * (reference - measured.chance)
    rule = f"at best {measured.at_best:.3f}; must reach {floor:.3f} (the base has {reference:.3f})"
    return Check("source_auprc", measured.value, measured.at_best >= floor, rule)


def check_rate(scores: FloatArray, weights: Sequence[float], least: float, most: float) -> Check:
    """Check that the share of recent target windows that the candidate calls anomalous is plausible.

    :param scores: the candidate's scores of distinct windows, `[windows]`.
    :param weights: the number of occurrences of each, `[windows]`.
    """
    if not len(scores):
        return Check("target_rate", None, True, "no recent windows")
    rate = float(np.average(is_anomalous(scores), weights=weights))
    return Check("target_rate", rate, least <= rate <= most, f"must lie in [{least}, {most}]")


def check_agreement(onnx: bytes, labelled: Sequence[Example], least: float) -> Check:
    """Check that candidate and teacher agree beyond chance (Cohen's kappa, every distinct window once).

    Where the teacher gave labels of one class only, kappa is undefined or 0, and the share of equal labels is used.
    """
    labels = np.array([is_anomalous(example.probability) for example in labelled])
    verdicts = is_anomalous(window_probabilities(soft_predictions(onnx, labelled)))
    one_class = labels.all() or not labels.any()
    agreement = float((labels == verdicts).mean()) if one_class else float(cohen_kappa_score(labels, verdicts))
    return Check("teacher_agreement", agreement, agreement >= least, f"must be at least {least}")
