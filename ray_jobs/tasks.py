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

CPUS = 1


@ray.remote(num_cpus=CPUS, max_retries=1)
def fit(examples: Sequence[Example], settings: DistillSettings, how: BaseTraining) -> bytes:
    """Train a network from scratch and export it to ONNX."""
    from fusionlog.detector.fitting import model

    return model(examples, settings, how, threads=CPUS)


class RayTrainer:
    """A trainer on the cluster that this process is connected to.

    :param settings: of the training.
    """

    def __init__(self, settings: DistillSettings) -> None:
        gpus = 1 if ray.cluster_resources().get("GPU", 0) >= 1 else 0  # type: ignore[no-untyped-call]
        self._fit, self._settings = fit.options(num_gpus=gpus), settings

    def __call__(self, jobs: Sequence[Sequence[Example]], how: BaseTraining = "erm", /) -> list[bytes]:
        """ONNX models of several sets of examples, trained in parallel, in their order.

        :raises RayError: a task failed.
        """
        try:
            models: list[bytes] = ray.get([self._fit.remote(examples, self._settings, how) for examples in jobs])
        except RayTaskError as error:
            raise RayError(f"a training task failed: {str(error).strip().splitlines()[-1]}") from error
        return models


@contextmanager
def connected(cpus: int = 2) -> Iterator[str]:
    """A connection to the cluster that runs this job, or to a Ray of its own outside of one; gives the job's id.

    :param cpus: tasks that a Ray of its own runs at a time.
    """
    with _place(cpus) as place:
        ray.init(**place, log_to_driver=False, logging_level=logging.WARNING)
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
        yield {"num_cpus": cpus, "_temp_dir": f"{directory}/r"}


def cores() -> int:
    """The cores that this process may use: it encodes while no task runs yet."""
    return len(os.sched_getaffinity(0))
