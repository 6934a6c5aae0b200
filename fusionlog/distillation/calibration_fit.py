"""Fitting a release's calibration (see `fusionlog.detector.calibration`) on the teacher's labels, by cross-fitting.

1. A network is overconfident on its training windows. So each labelled window is scored by a network that was fitted
   without it and without windows similar to it; events that only those have are substituted by the nearest known one.
2. A non-negative logistic regression is fitted on the logit of that score, surprisal and rarity, and its threshold
   is moved where a bootstrap supports it.
3. The labels are few and selected for being unusual. The labelled sources give a regression on the same features over
   all their windows (`source_regressions`). Its logit is added where this makes the cross-fitted F1 greater, each shape
   weighted by its frequency; then only the window itself is left out of the profile that it is compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering
from sklearn.model_selection import GroupKFold

from fusionlog.decision import UNDECIDED, is_anomalous
from fusionlog.detector.calibration import clipped_logit
from fusionlog.detector.examples import Example, balanced
from fusionlog.distillation.logistic import fit_logistic
from fusionlog.distillation.offline_fit import f1
from fusionlog.distillation.students import FitAll, soft_predictions
from fusionlog.novelty.profile import SystemProfile
from fusionlog.novelty.similarity import bag_of_events, weighted_jaccard
from fusionlog.records import Calibration, LogisticRegression, PseudoLabel, Window
from fusionlog.routing.bank import nearest
from fusionlog.teachers.offline.features import Features
from fusionlog.teachers.offline.features import logit as feature_logit
from fusionlog.types import FloatArray, IntArray

Logits = NDArray[np.float64]

CLUSTERS = 25
"""The number of clusters of windows; a cluster stays in one fold."""
LEAST_LABELS = 40
"""Ten for each of the four weights. With fewer, or fewer than `LEAST_OF_A_CLASS` of a class, nothing is fitted."""
LEAST_OF_A_CLASS = 5
SLOPE_PRIOR = 1.0
"""The variance of the Gaussian prior on the weights; its mean (1, 0, 0) is the network's own logit."""
RESAMPLES, CONFIDENCE = 1000, 0.95
NOTHING = LogisticRegression(surprisal=0.0, rarity=0.0, failure=0.0, intercept=0.0)


@dataclass(frozen=True, eq=False)
class LabelledExample:
    """A labelled shape: its label, its training example, the first recent window of it, and how many there are."""

    label: PseudoLabel
    example: Example
    window: Window
    times: int


def calibrate(
    labelled: Sequence[LabelledExample],
    profile: SystemProfile,
    replay: Sequence[Example],
    fits: FitAll,
    folds: int,
    sources: LogisticRegression | None = None,
) -> Calibration | None:
    """Fit a calibration on labels; None where they are too few.

    :param profile: of recent windows; a window's own shape is left out when its features are computed.
    :param replay: the sources' examples, weighted to their share of the draws.
    :param fits: trains the networks.
    :param folds: of the cross-fitting; fewer than two turn the calibration off.
    :param sources: the sources' regression on uncorrected features, added where that raises the cross-fitted F1.
    """
    labels = np.array([each.example.probability for each in labelled])
    anomalous = is_anomalous(labels)
    if folds < 2 or len(labelled) < LEAST_LABELS or min(anomalous.sum(), (~anomalous).sum()) < LEAST_OF_A_CLASS:
        return None
    parts = _parts([each.window for each in labelled], folds)
    probabilities = _cross_fitted(labelled, parts, replay, fits)
    novelty = [profile.compute_features(each.window, each.times) for each in labelled]
    table = np.array(
        [(clipped_logit(p), each.surprisal, each.rarity) for p, each in zip(probabilities, novelty, strict=True)]
    )
    weights, scores = stacked(table, labels), _cross_stacked(table, labels, parts)
    times = np.array([each.times for each in labelled], dtype=np.float64)
    if sources is not None:
        counted = [Features.counted(profile.compute_features(each.window, own=1)) for each in labelled]
        together = scores + [feature_logit(sources, each) for each in counted]
        if f1(together >= 0, anomalous, times) > f1(scores >= 0, anomalous, times):
            return _calibration(weights, sources)
    weights[-1] -= threshold(scores, anomalous, times)
    return _calibration(weights, NOTHING)


def _calibration(weights: Logits, sources: LogisticRegression) -> Calibration:
    """The sum of the stacked regression and the sources' regression."""
    probability, surprisal, rarity, intercept = weights.tolist()
    return Calibration(
        probability=probability,
        surprisal=surprisal + sources.surprisal,
        rarity=rarity + sources.rarity,
        failure=sources.failure,
        intercept=intercept + sources.intercept,
    )


def _cross_stacked(table: Logits, labels: Logits, parts: IntArray) -> Logits:
    """The logit of each label under a stacked regression that was fitted without its fold, `[labels]`."""
    scores = np.empty(len(labels))
    for part in np.unique(parts):
        inside = parts == part
        weights = stacked(table[~inside], labels[~inside])
        scores[inside] = table[inside] @ weights[:-1] + weights[-1]
    return scores


def stacked(table: Logits, labels: Logits) -> Logits:
    """Fit a non-negative logistic regression on soft labels; returns its weights, the intercept last.

    :param table: `[labels, 3]`, the features.
    :param labels: `[labels]`, the teacher's probabilities.
    """
    prior = np.eye(table.shape[1])[0]
    found = fit_logistic(table, labels, np.ones(len(labels)), prior, 1.0 / (2 * SLOPE_PRIOR))
    return np.append(found.weights, found.intercept)


def threshold(logits: Logits, anomalous: NDArray[np.bool_], times: Logits) -> float:
    """The logit of greatest mean F1 over bootstrap resamples (Efron and Tibshirani, 1993), as a decision threshold.

    Only logits that beat 0 (a probability of one half) in 95 % of the resamples are candidates; 0 where there is none.

    :param times: the number of recent windows of each shape `[labels]`, its weight in F1.
    """
    random = np.random.default_rng(0)
    candidates = np.unique(np.append(logits, 0.0))
    called = logits[:, None] >= candidates[None]
    total, better, usual = np.zeros(len(candidates)), np.zeros(len(candidates)), np.searchsorted(candidates, 0.0)
    for _ in range(RESAMPLES):
        drawn = random.integers(0, len(logits), len(logits))
        weights = times[drawn]
        hits = (weights * anomalous[drawn]) @ called[drawn]
        f1 = 2 * hits / np.maximum(1, weights @ anomalous[drawn] + weights @ called[drawn])
        total += f1
        better += f1 > f1[usual]
    sure = better >= CONFIDENCE * RESAMPLES
    return float(candidates[np.where(sure, total, -1.0).argmax()]) if sure.any() else 0.0


def _parts(windows: Sequence[Window], folds: int) -> IntArray:
    """The fold of each window; similar windows share a fold."""
    bags = [bag_of_events(window.events) for window in windows]
    apart = np.array([[1.0 - weighted_jaccard(one, other) for other in bags] for one in bags])
    clusters = AgglomerativeClustering(
        min(CLUSTERS, len(windows)), metric="precomputed", linkage="average"
    ).fit_predict(apart)
    parts = np.empty(len(windows), dtype=np.int64)
    number = min(folds, len(np.unique(clusters)))
    for part, (_, inside) in enumerate(GroupKFold(number).split(apart, groups=clusters)):
        parts[inside] = part
    return parts


def _cross_fitted(
    labelled: Sequence[LabelledExample], parts: IntArray, replay: Sequence[Example], fits: FitAll
) -> list[float]:
    """The probability of each window by a network that was fitted without the window's fold."""
    numbers = np.unique(parts).tolist()
    training = [[each for each, part in zip(labelled, parts, strict=True) if part != number] for number in numbers]
    share = 1.0 - sum(example.weight for example in replay)
    networks = fits([[*balanced([each.example for each in others], share), *replay] for others in training])
    found = [UNDECIDED] * len(labelled)
    for number, others, onnx in zip(numbers, training, networks, strict=True):
        places = np.flatnonzero(parts == number).tolist()
        known = _event_vectors(others)
        substituted = [_substituted(labelled[place], known) for place in places]
        for place, prediction in zip(places, soft_predictions(onnx, substituted), strict=True):
            found[place] = prediction.window
    return found


def _event_vectors(labelled: Sequence[LabelledExample]) -> dict[str, FloatArray]:
    """The vectors of the labels' events, by template."""
    return {
        event.template: vector
        for each in labelled
        for event, vector in zip(each.label.events, each.example.vectors, strict=True)
    }


def _substituted(labelled: LabelledExample, known: dict[str, FloatArray]) -> Example:
    """The example with each unknown event's vector substituted by the nearest known one."""
    vectors, every = labelled.example.vectors.copy(), np.array(list(known.values()))
    unknown = [place for place, event in enumerate(labelled.label.events) if event.template not in known]
    for place, row in zip(unknown, nearest(vectors[unknown], every)[1], strict=True):
        vectors[place] = every[row] if row >= 0 else vectors[place]
    return replace(labelled.example, vectors=vectors)
