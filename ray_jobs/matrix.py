"""The runs of an evaluation as Ray tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import ray
from ray.exceptions import RayError as RayTaskError

from fusionlog.embedding.encoder import load_encoder
from fusionlog.errors import FusionLogError
from fusionlog.evaluation.matrix import Done, Task
from fusionlog.evaluation.runner import Runner
from fusionlog.settings import Settings, load, with_secrets, without_secrets
from ray_jobs import tasks


@lru_cache(maxsize=1)
def process_runner(settings: Settings, offline: bool) -> Runner:
    """The runner of this process: Ray gives a worker one task after the other, and the next one uses what was read."""
    return Runner(settings, load_encoder(settings), offline)


@ray.remote(num_cpus=tasks.CPUS, max_retries=1)
def do(group: Sequence[Task], settings: Settings, offline: bool) -> list[Done | str]:
    """Run tasks, one after the other; for each its result, or the reason of its failure.

    :param settings: without secrets, which the node has itself.
    """
    whole = with_secrets(settings, load())
    return [_done(task, whole, offline) for task in group]


def scattered(todo: Sequence[Task], settings: Settings, offline: bool) -> Iterator[tuple[Task, Done | str]]:
    """Run tasks on the cluster: each as soon as its group has ended, with its result or the reason of its failure."""
    sent = without_secrets(settings)
    running: dict[Any, list[Task]] = {do.remote(group, sent, offline): group for group in groups(todo)}
    while running:
        (ended, *_), _ = ray.wait(list(running), num_returns=1)
        group = running.pop(ended)
        try:
            yield from zip(group, ray.get(ended), strict=True)
        except RayTaskError as error:
            yield from ((task, str(error).strip().splitlines()[-1]) for task in group)


def groups(todo: Sequence[Task]) -> list[list[Task]]:
    """Tasks grouped by worker: the folds of a run train the same base model and read the same sources."""
    found: dict[Task, list[Task]] = {}
    for task in todo:
        found.setdefault(msgspec.structs.replace(task, fold="forward"), []).append(task)
    return list(found.values())


def _done(task: Task, settings: Settings, offline: bool) -> Done | str:
    try:
        return asyncio.run(process_runner(settings, offline).do(task))
    except FusionLogError as error:
        return str(error)
