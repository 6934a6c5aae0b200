"""Training of a meta-learner on the sources' tasks: feature selection, oversampling, episodes, threshold."""

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
    """A learner, the features it takes, and the logit from which a window is anomalous."""

    learner: Learner
    selection: SelectedFeatures
    threshold: float

    def scores(self, task: SystemTask) -> FloatArray:
        """The scores of a task's queries `[m]`; scores from one half on are anomalous."""
        logits = _logits(self.learner, self.selection, task) - self.threshold
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0))), dtype=np.float32)


def train_learner(name: LearnerName, tasks: Sequence[SystemTask], steps: int, seed: int) -> TrainedLearner:
    """Train a learner on all sources' tasks, and choose its threshold by leaving out each source in turn.

    The threshold is the logit of greatest mean F1 of the learners on the source that each was trained without.

    :param tasks: of sources, with labels; those of one system have its name.
    :raises ValueError: no task has both kinds of windows.
    """
    usable = [task for task in tasks if _both(task)]
    if not usable:
        raise ValueError("no source has both normal and anomalous sessions")
    systems = list(dict.fromkeys(task.system for task in usable))
    known: list[Stretch] = []
    logits: list[Floats] = []
    for system in systems if len(systems) > 1 else ():
        learner, selection = _fit(name, [task for task in usable if task.system != system], steps, seed)
        for task in (task for task in usable if task.system == system):
            known.append(Stretch(np.empty((0, 0)), _labels(task)))
            logits.append(_logits(learner, selection, task).astype(np.float64))
    learner, selection = _fit(name, usable, steps, seed)
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
