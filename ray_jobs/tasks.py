"""Fits as Ray tasks: in parallel where they do not depend on each other, on a GPU where the cluster has one."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import RayError as RayTaskError

from fusionlog.detector.examples import Example
from fusionlog.errors import RayError
from fusionlog.settings import BaseTraining, DistillSettings
from ray_jobs.progress import Show, nothing, steps

CPUS = 1
STEPS_A_REPORT = 20
SHOW_SECONDS = 2.0


class StepCounts:
    """The number of steps that each fit has done, by its number; an actor, since fits run on any node."""

    def __init__(self) -> None:
        self._steps: dict[int, int] = {}

    def report(self, fit: int, done: int) -> None:
        """Note the steps that a fit has done."""
        self._steps[fit] = done

    def total(self, fits: Sequence[int]) -> int:
        """The steps that these fits have done together."""
        return sum(self._steps.get(each, 0) for each in fits)


@ray.remote(num_cpus=CPUS, max_retries=1)
def fit(
    examples: Sequence[Example], settings: DistillSettings, how: BaseTraining, counts: Any = None, number: int = 0
) -> bytes:
    """Train a network from scratch and export it to ONNX.

    :param counts: the actor that takes the steps of this fit under its number; None: they are not reported.
    """
    from fusionlog.detector.fitting import model

    def report(done: int) -> None:
        if counts is not None and done % STEPS_A_REPORT == 0:
            counts.report.remote(number, done)

    return model(examples, settings, how, threads=CPUS, on_step=report)


class RayTrainer:
    """A trainer on the cluster that this process is connected to.

    :param settings: of the training.
    :param show: takes the steps of the fits that run, while they run.
    """

    def __init__(self, settings: DistillSettings, show: Show = nothing) -> None:
        gpus = 1 if ray.cluster_resources().get("GPU", 0) >= 1 else 0  # type: ignore[no-untyped-call]
        self._fit, self._settings, self._show = fit.options(num_gpus=gpus), settings, show
        self._counts: Any = ray.remote(num_cpus=0)(StepCounts).remote() if show is not nothing else None
        self._started = 0

    def __call__(self, jobs: Sequence[Sequence[Example]], how: BaseTraining = "erm", /) -> list[bytes]:
        """ONNX models of several sets of examples, trained in parallel, in their order.

        :raises RayError: a task failed.
        """
        numbers = range(self._started, self._started + len(jobs))
        self._started += len(jobs)
        try:
            running = [
                self._fit.remote(examples, self._settings, how, self._counts, number)
                for number, examples in zip(numbers, jobs, strict=True)
            ]
            if self._counts is not None:
                self._follow(running, numbers)
            models: list[bytes] = ray.get(running)
        except RayTaskError as error:
            raise RayError(f"a training task failed: {last_line(error)}") from error
        return models

    def _follow(self, running: Sequence[Any], numbers: Sequence[int]) -> None:
        """Show the steps of fits each time that there are more, until all have ended."""
        waiting, shown = list(running), 0
        while waiting:
            _, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=SHOW_SECONDS)
            done = ray.get(self._counts.total.remote(numbers))
            if done > shown:
                self._show(steps(len(running), done, self._settings.steps))
                shown = done


def last_line(error: Exception) -> str:
    """The last line of an error of Ray, which has the exception of the task; the first ones are its traceback."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()


@contextmanager
def connected(cpus: int = 2) -> Iterator[str]:
    """A connection to the cluster that runs this job, or to a Ray of its own outside of one; gives the job's id.

    :param cpus: tasks that a Ray of its own runs at a time.
    :raises RayError: there is none, or it does not come up.
    """
    with _place(cpus) as place:
        try:
            ray.init(**place, log_to_driver=False, logging_level=logging.WARNING)
        except Exception as error:  # Ray raises what it likes: `Exception` where a node does not come up in time
            remedy = "it is started again when the job is" if place else "check the cluster that runs this job"
            raise RayError(f"no Ray to run tasks on: {last_line(error)}; {remedy}") from error
        try:
            yield str(ray.get_runtime_context().get_job_id())
        finally:
            ray.shutdown()


@contextmanager
def _place(cpus: int) -> Iterator[dict[str, Any]]:
    """Nothing where a cluster runs this; else the size of a Ray of its own, within a directory of this user alone."""
    if "RAY_ADDRESS" in os.environ:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="fusionlog-ray-", ignore_cleanup_errors=True) as directory:
        yield {"num_cpus": cpus, "include_dashboard": False, "_temp_dir": f"{directory}/r"}


def cores() -> int:
    """The cores that this process may use: it encodes while no task runs yet."""
    return len(os.sched_getaffinity(0))
