"""The runs of an evaluation as Ray tasks, which share the vectors of all events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import ray
from ray.exceptions import RayError as RayTaskError

from fusionlog.data.systems import read_catalog, read_sessions, session_windows
from fusionlog.embedding.encoder import NamedEncode, load_encoder
from fusionlog.errors import FusionLogError, RayError
from fusionlog.evaluation.matrix import Done, Task
from fusionlog.evaluation.runner import CachedEncode, Runner
from fusionlog.settings import Settings, load, with_secrets, without_secrets
from ray_jobs import tasks
from ray_jobs.shared import Reference, Vectors, encode, put
from ray_jobs.tasks import last_line


@lru_cache(maxsize=1)
def process_runner(settings: Settings, offline: bool, vectors: Reference | None = None) -> Runner:
    """The runner of this process: Ray gives a worker one task after the other, and the next one uses what was read.

    :param vectors: the shared vectors of the systems' events.
    """
    encode: NamedEncode = load_encoder(settings)
    if vectors is not None:
        found: Vectors = vectors.read()
        encode = CachedEncode(encode, found.by_text())
    return Runner(settings, encode, offline)


@ray.remote(num_cpus=tasks.CPUS, max_retries=1)
def do(group: Sequence[Task], settings: Settings, offline: bool, vectors: Reference) -> list[Done | str]:
    """Run tasks, one after the other; for each its result, or the reason of its failure.

    :param settings: without secrets, which the node has itself.
    """
    whole = with_secrets(settings, load())
    return [_done(task, whole, offline, vectors) for task in group]


@ray.remote(num_cpus=tasks.CPUS, max_retries=1)
def event_texts(data: Path, system: str, settings: Settings) -> dict[str, str]:
    """The texts of a system's events by template; none where its data cannot be read, which its runs report."""
    try:
        windows = session_windows(system, read_catalog(data)[system], read_sessions(data, system), settings.ingest)
    except FusionLogError:
        return {}
    return {event.template: event.text for window in windows for event in window.events}


def share_vectors(todo: Sequence[Task], settings: Settings) -> Reference:
    """Encode the events of all systems of some runs once, in parallel, and put their vectors into the object store.

    Those of a system that cannot be read are left out: each run that needs it fails by itself, with the reason.

    :param settings: without secrets.
    """
    systems = dict.fromkeys((task.data, name) for task in todo for name in (task.target, *task.sources))
    found: dict[str, str] = {}
    for task in [event_texts.remote(data, name, settings) for data, name in systems]:
        with suppress(RayTaskError):
            texts: dict[str, str] = ray.get(task)
            found |= texts
    return put(encode(found, settings))


def scattered(todo: Sequence[Task], settings: Settings, offline: bool) -> Iterator[tuple[Task, Done | str]]:
    """Run tasks on the cluster: each as soon as its group has ended, with its result or the reason of its failure.

    :raises RayError: the events of the systems could not be encoded.
    """
    sent = without_secrets(settings)
    try:
        vectors = share_vectors(todo, sent)
    except RayTaskError as error:
        raise RayError(f"the events could not be encoded: {last_line(error)}") from error
    running: dict[Any, list[Task]] = {do.remote(group, sent, offline, vectors): group for group in groups(todo)}
    while running:
        (ended, *_), _ = ray.wait(list(running), num_returns=1)
        group = running.pop(ended)
        try:
            yield from zip(group, ray.get(ended), strict=True)
        except RayTaskError as error:
            yield from ((task, last_line(error)) for task in group)


def groups(todo: Sequence[Task]) -> list[list[Task]]:
    """Tasks grouped by worker: the folds of a run train the same base model and read the same sources."""
    found: dict[Task, list[Task]] = {}
    for task in todo:
        found.setdefault(msgspec.structs.replace(task, fold="forward"), []).append(task)
    return list(found.values())


def _done(task: Task, settings: Settings, offline: bool, vectors: Reference) -> Done | str:
    try:
        return asyncio.run(process_runner(settings, offline, vectors).do(task))
    except FusionLogError as error:
        return str(error)
