"""A system as a task of meta-learning: support that the offline labeller judged, queries that come after it.

A source is shown as a target would be: one half goes by, and the labeller's probabilities on it are the support; the
windows of the other half, each judged by those before it, are the queries, and their labels are known.
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
    """Support `[n, features]` with the labeller's probabilities `[n]`, queries `[m, features]` and, of a source, their
    labels `[m]`."""

    system: str
    support: FloatArray
    probabilities: FloatArray
    queries: FloatArray
    anomalous: BoolArray | None = None


def task_of(
    system: str, before: Sequence[Window], after: Sequence[Window], labeller: OfflineTeacher, cache: VectorCache
) -> SystemTask:
    """The task of a system of which `before` was there to adapt on.

    :param labeller: one that has seen nothing of the system yet.
    """
    labeller.count(before)
    evidence, probabilities = labeller.features_and_probabilities(before, own=True)
    support = window_features(before, evidence, probabilities, cache)
    told: list[Features] = []
    judged: list[float] = []
    for batch in in_batches(after):
        found, said = labeller.features_and_probabilities(batch)
        told, judged = told + found, judged + said
        labeller.count(batch)
    queries = window_features(after, told, judged, cache)
    return SystemTask(system, support, np.array(probabilities, dtype=np.float32), queries)


def source_tasks(source: Source, labeller: OfflineTeacher, cache: VectorCache) -> list[SystemTask]:
    """Both halves of a source, each as the support of the other one.

    :param labeller: one that knows the other sources; it is asked anew for each half.
    """
    earlier, later = [half.windows for half in split(source, held_out=0.5)]
    tasks = []
    for before, after in ((earlier, later), (later, earlier)):
        task = task_of(source.system, before, after, labeller.without_history(), cache)
        tasks.append(replace(task, anomalous=np.array([source.anomalous[each.session] for each in after], np.bool_)))
    return tasks
