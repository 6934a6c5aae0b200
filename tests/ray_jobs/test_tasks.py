"""Fits as tasks of a Ray of its own: a task that fails is one sentence, and the connection ends with its context."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest
import ray

from fusionlog.detector.batch import collate
from fusionlog.detector.examples import Example
from fusionlog.detector.onnx_session import Detector
from fusionlog.errors import RayError
from fusionlog.settings import DistillSettings
from ray_jobs import tasks

STEPS = DistillSettings(steps=150, hidden=16)


def make_example(place: int, probability: float) -> Example:
    """A window of one event, the unit vector at `place` of four."""
    vector = np.eye(4, dtype=np.float32)[[place]]
    return Example(vector, np.ones(1, np.float32), probability, np.array([probability], np.float32))


@pytest.mark.ray
@pytest.mark.long
def test_models_come_in_the_order_of_their_examples_and_a_failed_task_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One Ray for all of it: its start and two fits take half a minute."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    first, second = make_example(0, 0.0), make_example(1, 1.0)
    upside_down = [make_example(0, 1.0), make_example(1, 0.0)]
    with tasks.connected(cpus=1) as job:
        assert job == ray.get_runtime_context().get_job_id()
        assert ray.cluster_resources()["CPU"] == 1
        shown: list[str] = []
        trainer = tasks.RayTrainer(STEPS, shown.append)
        models = trainer([[first, second], upside_down])
        assert shown and all(re.fullmatch(r"2 fits, step \d+ of 300", line) for line in shown)
        with pytest.raises(RayError, match=r"a training task failed: \w+Error: .+") as raised:
            trainer([["no example"]])  # type: ignore[list-item]
    assert "\n" not in str(raised.value)
    assert not ray.is_initialized()
    batch = collate([(each.vectors, each.counts) for each in (first, second)])
    (low, high), (high_too, low_too) = (Detector(model, "cpu").score(batch)[0] for model in models)
    assert max(low, low_too) < 0.5 < min(high, high_too)


def test_the_cores_are_those_that_this_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        assert tasks.cores() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert tasks.cores() == len(allowed)
