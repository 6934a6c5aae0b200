"""Fakes for the decision paths of the train role: of Ray's Jobs API, and of the topic that a killed worker leaves."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from fusionlog.errors import RayError
from fusionlog.records import TrainingArtefact, TrainingRequest, TrainingState
from fusionlog.releases import BASE
from fusionlog.settings import Settings
from fusionlog.workers.train.due import Target
from fusionlog.workers.train.label_counts import LabelCounts
from fusionlog.workers.train.ray_api import JobStatus, RefusedJobError
from fusionlog.workers.train.share_watch import ShareWatch
from fusionlog.workers.train.worker import TrainWorker
from tests.factories import make_label, make_window


class Killed(BaseException):
    """SIGKILL: no handler of the worker runs to an end."""


@dataclass
class Killer:
    """Kills at the n-th point of a run; None: never."""

    at: int | None = None
    points: int = 0

    def point(self) -> None:
        self.points += 1
        if self.points == self.at:
            raise Killed


@dataclass
class FakeJob:
    systems: list[str]
    env: dict[str, str]
    status: JobStatus = field(default_factory=lambda: JobStatus("running"))
    log: str = ""


class FakeRay:
    """A fake of Ray: jobs by submission id, which end when a test ends them."""

    def __init__(self, killer: Killer | None = None) -> None:
        self.killer = killer or Killer()
        self.jobs: dict[str, FakeJob] = {}
        self.away: str | None = None
        self.refusal: str | None = None
        self.stopped: list[str] = []
        self.no_log: set[str] = set()
        self.most_at_once: dict[str, int] = {}

    def _there(self) -> None:
        if self.away is not None:
            raise RayError(self.away)

    async def submit(self, id: str, entrypoint: str, env: Mapping[str, str]) -> None:
        self._there()
        self.killer.point()
        if self.refusal is not None:
            raise RefusedJobError(self.refusal)
        words = shlex.split(entrypoint)
        systems = [word for before, word in pairwise(words) if before == "--system"]
        self.jobs.setdefault(id, FakeJob(systems, dict(env)))
        for system in systems:
            running = sum(system in job.systems and not job.status.ended for job in self.jobs.values())
            self.most_at_once[system] = max(running, self.most_at_once.get(system, 0))
        self.killer.point()

    async def status(self, id: str) -> JobStatus | None:
        self._there()
        return self.jobs[id].status if id in self.jobs else None

    async def log(self, id: str) -> str:
        self._there()
        if id in self.no_log:
            raise RayError("the log is too long")
        return self.jobs[id].log

    async def stop(self, id: str) -> None:
        self._there()
        self.stopped.append(id)
        self.jobs[id].status = JobStatus("stopped")

    async def close(self) -> None:
        pass

    def end(self, **outcomes: str) -> None:
        """End all jobs that run: published, or another outcome by target; a failed one fails its job."""
        for job in self.jobs.values():
            if not job.status.ended:
                found = {name: outcomes.get(name, "published") for name in job.systems}
                reports = [{"system": name, "outcome": each, "reason": f"of {name}", "seconds": 2.5, "version": "v1"}
                           for name, each in found.items()]  # fmt: skip
                job.log = (
                    "".join(f"distill: {name}, 9 labels\n" for name in found) + json.dumps({"targets": reports}) + "\n"
                )
                failed = "failed" in found.values()
                job.status = JobStatus("failed", code=2) if failed else JobStatus("succeeded", code=0)

    def trainings(self, system: str) -> int:
        return sum(system in job.systems for job in self.jobs.values())


class FakeStates:
    """A fake of the topic's states: what one worker wrote is there for the next; a record is a point to be killed at.

    :param topic: the topic, which outlives the workers.
    """

    def __init__(self, topic: dict[str, TrainingState], requests: dict[str, TrainingRequest], killer: Killer) -> None:
        self._topic, self.requests, self._killer = topic, requests, killer
        self.of: dict[str, TrainingState] = {}
        self.artefacts: dict[str, TrainingArtefact] = {}
        self.leads = True

    def target(self, system: str) -> Target:
        return Target(self.of.get(system), self.requests.get(system), self.requests.get(BASE))

    async def refresh(self) -> None:
        self.of = self.of or dict(self._topic)

    async def overwrite_late(self) -> None:
        pass

    async def write(self, states: Mapping[str, TrainingState]) -> None:
        for name, state in states.items():
            self._killer.point()
            self._topic[name] = state
            self._killer.point()
        self.of |= states

    async def keep(self, artefacts: Mapping[str, TrainingArtefact]) -> None:
        for name, artefact in artefacts.items():
            self._killer.point()
            self.artefacts[name] = artefact

    async def prove(self) -> None:
        pass


@dataclass
class Deployment:
    """A topic, a Ray and labels, and the worker that leads; it may be killed and started again."""

    settings: dict[str, Any] = field(default_factory=dict)
    now: float = 1_000_000.0
    topic: dict[str, TrainingState] = field(default_factory=dict)
    requests: dict[str, TrainingRequest] = field(default_factory=dict)
    killer: Killer = field(default_factory=Killer)

    def __post_init__(self) -> None:
        self.ray, self.labels = FakeRay(self.killer), LabelCounts()
        self.shares: dict[str, float] = {}
        self.shapes = 0
        self.artefacts: dict[str, TrainingArtefact] = {}
        self.worker = self.started()

    def started(self) -> TrainWorker:
        """A new worker on what the one before has left."""
        train = {"new_labels": 3, "interval": 100.0, "retry_seconds": 10.0, "targets_per_job": 5, **self.settings}
        config = Settings.model_validate({"train": train, "distill": {"min_labels": 1}})
        states = FakeStates(self.topic, self.requests, self.killer)
        states.artefacts = self.artefacts

        async def sample() -> Mapping[str, float]:
            return self.shares

        watch = ShareWatch(sample, clock=lambda: self.now)
        variables = {"FUSIONLOG_DISTILL__STEPS": "9", "FUSIONLOG_TRAIN__JOBS": "1", "HOME": "/root"}
        self.worker = TrainWorker(
            config, states, self.labels, watch, self.ray, "test", "w", variables, clock=lambda: self.now
        )
        return self.worker

    def label(self, system: str, number: int = 3, at: float | None = None, **fields: Any) -> None:
        """Labels of new shapes."""
        for _ in range(number):
            self.shapes += 1
            values = {"system": system, "shape": f"shape{self.shapes}", "labelled_at": self.now if at is None else at}
            self.labels.take("", make_label(make_window("disk failed"), **{**values, **fields}))

    async def check(self, seconds: float = 0.0) -> None:
        self.now += seconds
        await self.worker.check()

    def outcome(self, system: str) -> str | None:
        result = self.topic[system].result
        return result.outcome if result else None
