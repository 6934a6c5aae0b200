"""From the sources' tasks to verdicts on a target: selection, oversampling, episodes, and the edge of an anomaly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fusionlog.distillation.logistic import Floats
from fusionlog.distillation.offline_fit import Stretch, best_threshold
from fusionlog.methods.meta_protonet.episodes import SystemTask
from fusionlog.methods.meta_protonet.feature_selection import SelectedFeatures, select
from fusionlog.methods.meta_protonet.features import STRUCTURE
from fusionlog.methods.meta_protonet.learners import Episode, Learner, LearnerName, predict, train
from fusionlog.methods.meta_protonet.oversampling import oversampled
from fusionlog.types import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class TrainedLearner:
    """A learner, what it is shown of a window, and the logit from which it calls one anomalous."""

    learner: Learner
    selection: SelectedFeatures
    threshold: float

    def scores(self, task: SystemTask) -> FloatArray:
        """The scores of a target's queries `[m]`, anomalous from one half on."""
        logits = _logits(self.learner, self.selection, task) - self.threshold
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0))), dtype=np.float32)


def train_learner(name: LearnerName, tasks: Sequence[SystemTask], steps: int, seed: int) -> TrainedLearner:
    """A learner of all sources' tasks. Where it calls a window anomalous is chosen with each source left out in turn:
    where the mean F1 of the learners that did not see it is the greatest.

    :param tasks: of sources, with labels; those of one system have its name.
    :raises ValueError: no task has both kinds of windows.
    """
    told = [task for task in tasks if _both(task)]
    if not told:
        raise ValueError("no source has both normal and anomalous sessions")
    systems = list(dict.fromkeys(task.system for task in told))
    known: list[Stretch] = []
    logits: list[Floats] = []
    for system in systems if len(systems) > 1 else ():
        learner, selection = _fit(name, [task for task in told if task.system != system], steps, seed)
        for task in (task for task in told if task.system == system):
            known.append(Stretch(np.empty((0, 0)), _labels(task)))
            logits.append(_logits(learner, selection, task).astype(np.float64))
    learner, selection = _fit(name, told, steps, seed)
    return TrainedLearner(learner, selection, best_threshold(known, logits) if known else 0.0)


def _fit(name: LearnerName, tasks: Sequence[SystemTask], steps: int, seed: int) -> tuple[Learner, SelectedFeatures]:
    features = np.concatenate([task.queries for task in tasks])
    selection = select(features, np.concatenate([_labels(task) for task in tasks]), seed, len(STRUCTURE))
    episodes = []
    for task in tasks:
        queries, anomalous = oversampled(selection(task.queries), _labels(task), seed)
        episodes.append(Episode(selection(task.support), task.probabilities, queries, anomalous))
    return train(name, episodes, steps, seed), selection


def _logits(learner: Learner, selection: SelectedFeatures, task: SystemTask) -> FloatArray:
    return predict(learner, selection(task.support), task.probabilities, selection(task.queries))


def _labels(task: SystemTask) -> BoolArray:
    assert task.anomalous is not None
    return task.anomalous


def _both(task: SystemTask) -> bool:
    return task.anomalous is not None and bool(task.anomalous.any()) and not task.anomalous.all()
