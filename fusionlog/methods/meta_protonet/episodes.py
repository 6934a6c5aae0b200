"""A system as a task of meta-learning: a support set labelled by the offline labeller, and later queries.

A source plays a target: one half with the labeller's probabilities is the support set; the windows of the other half
are the queries, with features counted from the windows before each, and their labels are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fusionlog.data.sources import Source, split
from fusionlog.distillation.source_regressions import in_batches
from fusionlog.embedding.encoder import VectorCache
from fusionlog.methods.meta_protonet.features import window_features
from fusionlog.records import Window
from fusionlog.teachers.offline.features import Features
from fusionlog.teachers.offline.teacher import OfflineTeacher
from fusionlog.types import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class SystemTask:
    """A task: support `[n, features]` with probabilities `[n]`, and queries `[m, features]`.

    `probabilities` are the labeller's; `anomalous` are the labels of the queries `[m]`, None for a target.
    """

    system: str
    support: FloatArray
    probabilities: FloatArray
    queries: FloatArray
    anomalous: BoolArray | None = None


def task_of(
    system: str, before: Sequence[Window], after: Sequence[Window], labeller: OfflineTeacher, cache: VectorCache
) -> SystemTask:
    """The task of a system: support from the windows `before`, queries from the windows `after`.

    :param labeller: one that has counted no window of the system yet.
    """
    labeller.count(before)
    observed, probabilities = labeller.features_and_probabilities(before, own=True)
    support = window_features(before, observed, probabilities, cache)
    features: list[Features] = []
    predicted: list[float] = []
    for batch in in_batches(after):
        some, scores = labeller.features_and_probabilities(batch)
        features, predicted = features + some, predicted + scores
        labeller.count(batch)
    queries = window_features(after, features, predicted, cache)
    return SystemTask(system, support, np.array(probabilities, dtype=np.float32), queries)


def source_tasks(source: Source, labeller: OfflineTeacher, cache: VectorCache) -> list[SystemTask]:
    """The two tasks of a source, each half being the support of the other.

    :param labeller: one that knows the other sources; each task uses a copy of it without history.
    """
    earlier, later = [half.windows for half in split(source, held_out=0.5)]
    tasks = []
    for before, after in ((earlier, later), (later, earlier)):
        task = task_of(source.system, before, after, labeller.without_history(), cache)
        tasks.append(replace(task, anomalous=np.array([source.anomalous[each.session] for each in after], np.bool_)))
    return tasks
