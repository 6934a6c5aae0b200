"""Fitting a release's calibration (see `fusionlog.detector.calibration`) on the teacher's labels, by cross-fitting.

A network is sure of the windows that it was fitted on, so what it says of them tells nothing. Each window is scored by
a network that was fitted without it and without the windows that are like it, and that never saw the events which only
they have: these are shown to it as the nearest event that it knows, as ever.

The labels are few and chosen for being strange, so what they say of unusual windows is not all there is to know. The
labelled sources teach the same (`labeller`), on every window they have. The logit of their regression is added where
this makes the cross-fitted F1 greater, each shape weighted by how often it was seen: then a window counts as one of
many of its shape, and is left out of what it is compared with by itself alone.
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

KINDS = 25
"""Clusters of windows that stay together in one fold."""
LEAST_LABELS = 40
"""Ten for each of the four weights. Fewer labels, or fewer than `LEAST_OF_A_CLASS` of either verdict, tell nothing."""
LEAST_OF_A_CLASS = 5
SLOPE_PRIOR = 1.0
"""The variance of the Gaussian prior on the weights; its mean is the network's own word, (1, 0, 0)."""
RESAMPLES, CONFIDENCE = 1000, 0.95
NOTHING = LogisticRegression(surprisal=0.0, rarity=0.0, failure=0.0, intercept=0.0)


@dataclass(frozen=True, eq=False)
class LabelledExample:
    """A labelled shape: its label, as an example, and the recent windows that have it: the first, and how many."""

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
    taught: LogisticRegression | None = None,
) -> Calibration | None:
    """The calibration that labels speak for, None where they are too few to tell.

    :param profile: of recent windows; a window's own are left out when it is looked at.
    :param replay: what the sources teach beside the labels, weighted to its share of the draws.
    :param fits: trains the networks.
    :param taught: the sources' regression on features as counted, added where the cross-fitted F1 is greater so.
    """
    said = np.array([each.example.probability for each in labelled])
    anomalous = is_anomalous(said)
    if folds < 2 or len(labelled) < LEAST_LABELS or min(anomalous.sum(), (~anomalous).sum()) < LEAST_OF_A_CLASS:
        return None
    parts = _parts([each.window for each in labelled], folds)
    probabilities = _cross_fitted(labelled, parts, replay, fits)
    how = [profile.compute_features(each.window, each.times) for each in labelled]
    table = np.array(
        [(clipped_logit(p), each.surprisal, each.rarity) for p, each in zip(probabilities, how, strict=True)]
    )
    weights, scores = stacked(table, said), _cross_stacked(table, said, parts)
    times = np.array([each.times for each in labelled], dtype=np.float64)
    if taught is not None:
        counted = [Features.counted(profile.compute_features(each.window, own=1)) for each in labelled]
        together = scores + [feature_logit(taught, each) for each in counted]
        if f1(together >= 0, anomalous, times) > f1(scores >= 0, anomalous, times):
            return _calibration(weights, taught)
    weights[-1] -= threshold(scores, anomalous, times)
    return _calibration(weights, NOTHING)


def _calibration(weights: Logits, taught: LogisticRegression) -> Calibration:
    """The logit of the stack and that of the sources' regression, added."""
    probability, surprisal, rarity, intercept = weights.tolist()
    return Calibration(
        probability=probability,
        surprisal=surprisal + taught.surprisal,
        rarity=rarity + taught.rarity,
        failure=taught.failure,
        intercept=intercept + taught.intercept,
    )


def _cross_stacked(table: Logits, said: Logits, parts: IntArray) -> Logits:
    """The logit of each label by a stack that was fitted without its part, `[labels]`."""
    scores = np.empty(len(said))
    for part in np.unique(parts):
        inside = parts == part
        of_others = stacked(table[~inside], said[~inside])
        scores[inside] = table[inside] @ of_others[:-1] + of_others[-1]
    return scores


def stacked(table: Logits, said: Logits) -> Logits:
    """The weights of a logistic regression on soft labels, the intercept last; none of the others is negative.

    :param table: `[labels, 3]`, the features.
    :param said: `[labels]`, the teacher's probabilities.
    """
    prior = np.eye(table.shape[1])[0]
    found = fit_logistic(table, said, np.ones(len(said)), prior, 1.0 / (2 * SLOPE_PRIOR))
    return np.append(found.weights, found.intercept)


def threshold(logits: Logits, anomalous: NDArray[np.bool_], times: Logits) -> float:
    """The logit from which F1 is greatest on average over bootstrap resamples, of those that beat 0 in 95 % of them; 0,
    which is one half, where none does (Efron and Tibshirani, 1993).

    :param times: how often each shape was seen: a false alarm on a common one costs as often.
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
    """The fold of each window; those that resemble each other are in one."""
    bags = [bag_of_events(window.events) for window in windows]
    apart = np.array([[1.0 - weighted_jaccard(one, other) for other in bags] for one in bags])
    kinds = AgglomerativeClustering(min(KINDS, len(windows)), metric="precomputed", linkage="average").fit_predict(
        apart
    )
    parts = np.empty(len(windows), dtype=np.int64)
    number = min(folds, len(np.unique(kinds)))
    for part, (_, inside) in enumerate(GroupKFold(number).split(apart, groups=kinds)):
        parts[inside] = part
    return parts


def _cross_fitted(
    labelled: Sequence[LabelledExample], parts: IntArray, replay: Sequence[Example], fits: FitAll
) -> list[float]:
    """What a network that was fitted without a window's part says of it."""
    numbers = np.unique(parts).tolist()
    taught = [[each for each, part in zip(labelled, parts, strict=True) if part != number] for number in numbers]
    share = 1.0 - sum(example.weight for example in replay)
    networks = fits([[*balanced([each.example for each in others], share), *replay] for others in taught])
    found = [UNDECIDED] * len(labelled)
    for number, others, onnx in zip(numbers, taught, networks, strict=True):
        places = np.flatnonzero(parts == number).tolist()
        known = _known_similarity(others)
        shown = [_shown(labelled[place], known) for place in places]
        for place, opinion in zip(places, soft_predictions(onnx, shown), strict=True):
            found[place] = opinion.window
    return found


def _known_similarity(taught: Sequence[LabelledExample]) -> dict[str, FloatArray]:
    """The vectors of the labels' events, by template."""
    return {
        event.template: vector
        for each in taught
        for event, vector in zip(each.label.events, each.example.vectors, strict=True)
    }


def _shown(labelled: LabelledExample, known: dict[str, FloatArray]) -> Example:
    """A window as a network is shown it that was taught the known events."""
    vectors, every = labelled.example.vectors.copy(), np.array(list(known.values()))
    strangers = [place for place, event in enumerate(labelled.label.events) if event.template not in known]
    for place, row in zip(strangers, nearest(vectors[strangers], every)[1], strict=True):
        vectors[place] = every[row] if row >= 0 else vectors[place]
    return replace(labelled.example, vectors=vectors)
