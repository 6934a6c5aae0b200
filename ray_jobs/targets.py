"""Targets as Ray tasks: each is distilled by a task of its own, with its resources, wherever the cluster has room.

A task gets references: to its windows, to its parent release, to what all tasks share. It computes and returns a
candidate; the driver of the job signs and publishes it. So a task may run twice, when a worker or a node dies, and
what it returns is published once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import GetTimeoutError
from ray.exceptions import RayError as RayTaskError

from fusionlog.detector.examples import Example
from fusionlog.distillation.distill import Distilled, NothingToDistilError, distill
from fusionlog.errors import FusionLogError, ModelError
from fusionlog.records import ModelRelease, PseudoLabel
from fusionlog.releases import bank_vectors
from fusionlog.settings import BaseTraining, DistillSettings, Settings
from fusionlog.utils.memory import peak_bytes, reset_peak
from ray_jobs import shared
from ray_jobs.material import windows_of
from ray_jobs.progress import Show, nothing
from ray_jobs.shared import Readable
from ray_jobs.tasks import last_line

SHOW_SECONDS = 2.0
ANSWER_SECONDS = 10.0
"""The longest wait for lines of progress: the actor that has them may be starting again."""


@dataclass(frozen=True)
class Order:
    """What a target's task is sent.

    `now` is the time of the release, in Unix seconds: a task that runs again makes the same version.
    """

    system: str
    labels: Sequence[PseudoLabel]
    blocks: Sequence[Readable]
    parent: Readable
    now: float


@dataclass(frozen=True)
class Ended:
    """What a target's task came to: a candidate, or the reason why there is none.

    `windows` is the number of its distinct windows, `peak_bytes` the greatest resident memory of its worker meanwhile.
    """

    distilled: Distilled | None = None
    nothing_to_do: str = ""
    failed: str = ""
    windows: int = 0
    seconds: float = 0.0
    peak_bytes: int = 0


class Lines:
    """Lines of progress of all tasks; an actor, since tasks run on any node."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        """Add a line."""
        self._lines.append(line)

    def since(self, number: int) -> list[str]:
        """The lines after so many."""
        return self._lines[number:]


@dataclass
class Fits:
    """The fits of a task, one after the other in its own process: on CUDA where the task has a GPU.

    :param show: takes the steps that are done, every `SHOW_SECONDS` at most.
    """

    settings: DistillSettings
    threads: int
    show: Show = nothing
    done: int = 0
    _shown: float = field(default_factory=time.monotonic)

    def __call__(self, jobs: Sequence[Sequence[Example]], how: BaseTraining = "erm", /) -> list[bytes]:
        """ONNX models of several sets of examples, in their order."""
        return [self._one(examples, how) for examples in jobs]

    def _one(self, examples: Sequence[Example], how: BaseTraining) -> bytes:
        from fusionlog.detector.fitting import model

        self.done += 1
        return model(examples, self.settings, how, threads=self.threads, on_step=self._step)

    def _step(self, steps: int) -> None:
        if time.monotonic() - self._shown >= SHOW_SECONDS:
            self._shown = time.monotonic()
            self.show(f"fit {self.done}, step {steps} of {self.settings.steps}")


def compute(order: Order, common: Readable, settings: Settings, job: str, show: Show = nothing) -> Ended:
    """Distil one target in this process."""
    reset_peak()
    began, windows = time.monotonic(), 0
    try:
        parent: ModelRelease = order.parent.read()
        kept = settings.distill.model_copy(update={"detector": parent.detector})
        threads = max(1, int(kept.task_cpus))
        encoder = shared.encoder_of(settings, threads)
        if encoder.name != parent.encoder:
            raise ModelError(
                f"release {parent.version} is of encoder {parent.encoder}, but {encoder.name} is configured"
            )
        found = windows_of(block.read() for block in order.blocks)
        windows = len(found)
        show(f"{len(order.labels):,} labels, {windows:,} windows")
        cache = shared.vector_cache(common, encoder)
        cache.remember(parent.bank, bank_vectors(parent))
        sources = [each for each in shared.examples(common, parent.detector, settings) if each.system != order.system]
        fits = Fits(kept, threads, show)
        made = distill(order.labels, found, sources, parent, cache, kept, fits, now=order.now, job=job)
        ended = Ended(distilled=made)
    except NothingToDistilError as error:
        ended = Ended(nothing_to_do=str(error))
    except FusionLogError as error:
        ended = Ended(failed=str(error))
    return Ended(
        ended.distilled, ended.nothing_to_do, ended.failed, windows, round(time.monotonic() - began, 2), peak_bytes()
    )


@ray.remote
def target(order: Order, common: Readable, settings: Settings, job: str, lines: Any) -> Ended:
    """Distil one target.

    :param settings: without secrets: a task needs none.
    :param lines: the actor that takes the lines of its progress.
    """

    def show(line: str) -> None:
        lines.add.remote(f"{order.system}, {line}")

    return compute(order, common, settings, job, show)


def resources(settings: DistillSettings) -> dict[str, float]:
    """What a target's task asks the cluster for."""
    gpus = settings.task_gpus
    if gpus is None:
        gpus = 1.0 if ray.cluster_resources().get("GPU", 0) >= 1 else 0.0  # type: ignore[no-untyped-call]
    return {"num_cpus": settings.task_cpus, "num_gpus": gpus}


def distil_all(
    orders: Sequence[Order], common: Readable, settings: Settings, job: str, show: Show
) -> Iterator[tuple[Order, Ended]]:
    """Distil targets on the cluster: each as soon as its task has ended.

    All tasks are handed in at once, so that an autoscaler has the whole demand before it.
    """
    lines = ray.remote(num_cpus=0, max_restarts=-1)(Lines).remote()
    options = {**resources(settings.distill), "max_retries": settings.distill.task_retries}
    running: dict[Any, Order] = {
        target.options(**options).remote(order, common, settings, job, lines): order for order in orders
    }
    shown = 0
    while running:
        ended, _ = ray.wait(list(running), num_returns=1, timeout=SHOW_SECONDS)
        shown += _show_new(lines, shown, show)
        for each in ended:
            yield running.pop(each), _result(each)


def _result(task: Any) -> Ended:
    try:
        found: Ended = ray.get(task)
    except RayTaskError as error:
        return Ended(failed=f"its task failed: {last_line(error)}")
    return found


def _show_new(lines: Any, number: int, show: Show) -> int:
    """Show the lines after so many, and give their number."""
    with suppress(RayTaskError, GetTimeoutError):
        new: list[str] = ray.get(lines.since.remote(number), timeout=ANSWER_SECONDS)
        for line in new:
            show(line)
        return len(new)
    return 0
