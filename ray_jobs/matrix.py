"""The runs of an evaluation as Ray tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import ray
from ray.exceptions import RayError as RayTaskError

from fusionlog.embedding import Encoder, find_encoder
from fusionlog.evaluation.tasks import Done, Task
from fusionlog.evaluation.workshop import Workshop
from fusionlog.settings import Settings
from ray_jobs import tasks


@lru_cache(maxsize=1)
def workshop(settings: Settings, offline: bool) -> Workshop:
    """The workshop of this process: Ray gives a worker one task after the other, and what one read serves the next."""
    return Workshop(settings, Encoder(find_encoder(settings)), offline)


@ray.remote(num_cpus=tasks.CPUS, max_retries=1)
def do(task: Task, settings: Settings, offline: bool) -> Done:
    """Run a task."""
    return asyncio.run(workshop(settings, offline).do(task))


def scattered(todo: Sequence[Task], settings: Settings, offline: bool) -> Iterator[tuple[Task, Done | str]]:
    """The tasks on the cluster, each as soon as it has ended, with what it came to or why it failed."""
    running: dict[Any, Task] = {do.remote(task, settings, offline): task for task in todo}
    while running:
        (ended, *_), _ = ray.wait(list(running), num_returns=1)
        task = running.pop(ended)
        try:
            yield task, ray.get(ended)
        except RayTaskError as error:
            yield task, str(error).strip().splitlines()[-1]
