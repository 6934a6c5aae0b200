"""MAML and prototypical networks on a fold (after arXiv 2601.14336): the labeller's verdicts are their support."""

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
    """A network that the sources taught to learn from the labeller in a few gradient steps."""
    return await _meta("maml", fold, context)


async def protonet(fold: Fold, context: MethodContext) -> Result:
    """A network that the sources taught to tell windows by the means of what the labeller says of a system."""
    return await _meta("protonet", fold, context)


async def _meta(name: str, fold: Fold, context: MethodContext) -> Result:
    """The result of a learner. Both halves are the queries of one task, whose support is the adaptation half."""
    began = time.perf_counter()
    scores = _teacher(name, context, _tasks(context))
    seconds, began = time.perf_counter() - began, time.perf_counter()
    task = task_of(fold.target, fold.adapt, fold.test, _labeller(context).without_history(), context.cache)
    adapted, test = scores(replace(task, queries=task.support)), scores(task)
    said = [
        outcomes(windows, found.tolist(), is_anomalous(found).tolist(), [False] * len(windows))
        for windows, found in ((fold.test, test), (fold.adapt, adapted))
    ]
    return Result(
        outcomes=said[0], adapted=said[1], asked=(), cost=FREE, seconds_train=seconds,
        seconds_score=time.perf_counter() - began,
    )  # fmt: skip


def _teacher(name: str, context: MethodContext, tasks: list[SystemTask]) -> Callable[[SystemTask], FloatArray]:
    """What gives a task's queries their scores.

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
    """Each source as a target would be, judged by a labeller that knows the others."""
    known = {source.system: known_events(source, event_probabilities(source)) for source in context.sources}
    tasks: list[SystemTask] = []
    for source in context.sources:
        others = [event for system, events in known.items() if system != source.system for event in events]
        labeller = OfflineTeacher(others, context.encode, _labeller(context).formula)
        tasks += source_tasks(source, labeller, context.cache)
    return tasks


def _labeller(context: MethodContext) -> OfflineTeacher:
    """The labeller of a bench.

    :raises SettingError: it has another teacher.
    """
    if not isinstance(context.teacher, OfflineTeacher):
        raise SettingError("--method", "maml or protonet", "its teacher is the offline labeller alone")
    return context.teacher
