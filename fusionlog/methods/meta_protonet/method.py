"""MAML and prototypical networks on a fold (after arXiv 2601.14336), with the offline labeller's labels as support."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from fusionlog.data.sources import event_probabilities
from fusionlog.decision import is_anomalous
from fusionlog.distillation.base_model import known_events
from fusionlog.errors import MissingExtraError, SettingError
from fusionlog.methods.base import MethodContext
from fusionlog.methods.meta_protonet.episodes import SystemTask, source_tasks, task_of
from fusionlog.methods.protocol import Fold, Result, outcomes
from fusionlog.teachers.cost import FREE
from fusionlog.teachers.offline.teacher import OfflineTeacher
from fusionlog.types import FloatArray


async def maml(fold: Fold, context: MethodContext) -> Result:
    """MAML: a network meta-trained on the sources, adapted to the target by a few gradient steps."""
    return await _meta("maml", fold, context)


async def protonet(fold: Fold, context: MethodContext) -> Result:
    """A prototypical network, meta-trained on the sources: a window gets the class of the nearer prototype."""
    return await _meta("protonet", fold, context)


async def _meta(name: str, fold: Fold, context: MethodContext) -> Result:
    """The result of a learner: both halves are queries of one task, whose support is the adaptation half."""
    began = time.perf_counter()
    scores = _scorer(name, context, _tasks(context))
    seconds, began = time.perf_counter() - began, time.perf_counter()
    task = task_of(fold.target, fold.adapt, fold.test, _labeller(context).without_history(), context.cache)
    adapted, test = scores(replace(task, queries=task.support)), scores(task)
    found = [
        outcomes(windows, scored.tolist(), is_anomalous(scored).tolist(), [False] * len(windows))
        for windows, scored in ((fold.test, test), (fold.adapt, adapted))
    ]
    return Result(
        outcomes=found[0], adapted=found[1], asked=(), cost=FREE, seconds_train=seconds,
        seconds_score=time.perf_counter() - began,
    )  # fmt: skip


def _scorer(name: str, context: MethodContext, tasks: list[SystemTask]) -> Callable[[SystemTask], FloatArray]:
    """The trained learner's scoring function: from a task to the scores of its queries `[m]`.

    :raises MissingExtraError: torch, scikit-learn or imbalanced-learn is not installed.
    """
    try:
        from fusionlog.methods.meta_protonet.learners import LEARNERS
        from fusionlog.methods.meta_protonet.training import TrainedLearner, train_learner
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or "torch", "train", "meta-learning") from error
    settings = context.settings.distill
    [known] = [each for each in LEARNERS if each == name]
    return partial(TrainedLearner.scores, train_learner(known, tasks, settings.steps, settings.seed))


def _tasks(context: MethodContext) -> list[SystemTask]:
    """The tasks of the sources; each source plays the target of a labeller that knows the others."""
    known = {source.system: known_events(source, event_probabilities(source)) for source in context.sources}
    tasks: list[SystemTask] = []
    for source in context.sources:
        others = [event for system, events in known.items() if system != source.system for event in events]
        labeller = OfflineTeacher(others, context.encode, _labeller(context).regression)
        tasks += source_tasks(source, labeller, context.cache)
    return tasks


def _labeller(context: MethodContext) -> OfflineTeacher:
    """The offline labeller of a context.

    :raises SettingError: the context has another teacher.
    """
    if not isinstance(context.teacher, OfflineTeacher):
        raise SettingError("--method", "maml or protonet", "its teacher is the offline labeller alone")
    return context.teacher
