"""The train role: one worker leads; it follows the jobs on Ray, and submits one where targets are due."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import structlog

from fusionlog.errors import BrokerError, BrokerRefusedError, RayError
from fusionlog.kafka.known_systems import KnownSystems
from fusionlog.kafka.membership import AssignmentLost
from fusionlog.observability.outage import Outage
from fusionlog.records import Seconds, TrainingArtefact, TrainingResult, TrainingState
from fusionlog.releases import BASE
from fusionlog.settings import Settings
from fusionlog.topics import CANARY
from fusionlog.types import Clock
from fusionlog.workers.train import job as jobs
from fusionlog.workers.train.decisions import Job, completed, decide, ended, open_jobs, submitted
from fusionlog.workers.train.due import Counts, Due, Target, due
from fusionlog.workers.train.label_counts import LabelCounts
from fusionlog.workers.train.ray_api import JobStatus, RayJobs, RefusedJobError
from fusionlog.workers.train.report import TrainingReport
from fusionlog.workers.train.share_watch import ShareWatch

log = structlog.get_logger(__name__)

PROBE = "fusionlog-train-0000000000000000"
"""The id of no job: the answer to it shows whether Ray is there while nothing is submitted."""
PROBE_SECONDS = 60.0


class States(Protocol):
    """The states of targets that the worker which leads reads and writes; `TargetStates`, but for tests."""

    of: dict[str, TrainingState]

    @property
    def leads(self) -> bool:
        """Whether this worker leads."""

    def target(self, system: str) -> Target:
        """The target of a system."""

    async def refresh(self) -> None:
        """Read them, where this worker leads since a moment."""

    async def overwrite_late(self) -> None:
        """Write those once more that a former leader has replaced."""

    async def write(self, states: Mapping[str, TrainingState]) -> None:
        """Write some, and return when they are kept."""

    async def keep(self, artefacts: Mapping[str, TrainingArtefact]) -> None:
        """Write how releases were trained."""

    async def prove(self) -> None:
        """Prove that this worker leads."""


class TrainWorker:
    """Decides, submits and follows, one step after the other: what a step needs of an earlier one is in Kafka.

    :param deployment: what distinguishes deployments that share a Ray.
    :param writer: the name of this process in its records.
    :param variables: the environment that jobs get their settings from.
    """

    def __init__(
        self, settings: Settings, states: States, labels: LabelCounts, windows: ShareWatch, ray: RayJobs,
        deployment: str, writer: str, variables: Mapping[str, str], clock: Clock = time.time,
    ) -> None:  # fmt: skip
        self._settings, self._states, self._labels, self._windows = settings, states, labels, windows
        self._ray, self._clock = ray, clock
        self._deployment, self._writer = deployment, writer
        self._env = jobs.environment(variables)
        self._systems = KnownSystems(settings)
        self._outage, self._kafka = Outage(clock=clock), Outage(clock=clock)
        self._probed_at = 0.0
        self.report = TrainingReport()

    @property
    def problem(self) -> str | None:
        """Why no training gets on; None where nothing hinders it."""
        return self._outage.reason

    async def run(self) -> None:
        """Check again and again until cancelled."""
        while True:
            await self.check()
            await asyncio.sleep(self._settings.train.poll_seconds)

    async def check(self) -> None:
        """One look at the jobs and the labels; what cannot be done now is done at a later one.

        :raises BrokerRefusedError: a permission is missing.
        """
        leads = self._states.leads
        try:
            if leads:
                await self._lead()
        except AssignmentLost as lost:
            log.info("another train worker leads now", why=str(lost))
        except RayError as error:
            self._ray_away(error)
        except BrokerRefusedError:
            raise
        except BrokerError as error:
            if self._kafka.away(str(error)):
                log.warning("no training gets on while Kafka is away", why=str(error))
        else:
            self._kafka.back()
        self.report.show(leads, {name: self._target(name) for name in self._targets()})

    async def _lead(self) -> None:
        await self._states.refresh()
        await self._states.overwrite_late()
        await self._windows.look()
        found = open_jobs(self._states.of)
        await self._advance_all(found)
        if not found and self._clock() - self._probed_at >= PROBE_SECONDS:
            await self._status(PROBE)
        await self._submit_due()

    async def _advance_all(self, found: Sequence[Job]) -> None:
        """Take each decision one step further: one that cannot be hinders no other.

        :raises RayError: the first that came, at the end.
        """
        errors = list[RayError]()
        for each in found:
            try:
                await self._advance(each)
            except RayError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    async def _submit_due(self) -> None:
        """Decide on the targets that are due, as many as jobs may run, and submit their jobs."""
        train = self._settings.train
        while sum(not self._is_held(job) for job in open_jobs(self._states.of)) < train.jobs:
            found = self._due()
            chosen = dict(list(found.items())[: train.targets_per_job])
            if not chosen:
                return
            states = decide(chosen, self._states.of, self._clock(), self._deployment, self._writer)
            await self._states.write(states)
            for name, why in chosen.items():
                log.info("a training is due", system=name, why=why.why, job=states[name].job)
            for job in open_jobs(self._states.of):
                if not job.submitted:
                    await self._advance(job)

    def _due(self) -> dict[str, Due]:
        """The targets that are due: those that an operator requests first, then those that wait longest."""
        found = {name: due for name in self._targets() if (due := self._target(name)[2])}
        return dict(sorted(found.items(), key=lambda each: (each[1].at, each[0])))

    async def _advance(self, job: Job) -> None:
        """Take a decision one step further.

        :raises RayError: Ray does not answer.
        """
        if job.unwritten:
            await self._states.write(completed(job, self._states.of, self._writer))
        if not job.submitted:
            await self._submit(job)
            return
        status = await self._status(job.id)
        if status is None:
            await self._fail(job, "Ray has no such job any more: its cluster was started again")
        elif status.ended:
            await self._end_with(job, status, await self._log(job, status))
        elif self._clock() - job.submitted_at > self._settings.train.timeout:
            await self._ray.stop(job.id)
            why = f"it did not end in {self._settings.train.timeout:.0f} s (FUSIONLOG_TRAIN__TIMEOUT) and was stopped"
            await self._fail(job, why)

    async def _submit(self, job: Job) -> None:
        """Submit a decision's job, where Ray has it not yet; one of paused targets alone is held."""
        if self._is_held(job) and await self._status(job.id) is None:
            return
        await self._states.prove()
        try:
            await self._ray.submit(job.id, jobs.command(job.systems, self._settings.train), self._env)
        except RefusedJobError as error:
            self._ray_there()
            await self._fail(job, str(error))
            return
        self._ray_there()
        now, states = self._clock(), self._states.of
        await self._states.write({name: submitted(states[name], now, self._writer) for name in job.open})
        log.info("a training was submitted to Ray", job=job.id, systems=list(job.systems))

    def _is_held(self, job: Job) -> bool:
        """Whether a job is not known to be submitted, all its targets are paused, and no operator requests it."""
        targets = [self._states.target(name) for name in job.open]
        requested = any(each.requested or each.by_request for each in targets)
        return not job.submitted and not requested and all(each.paused for each in targets)

    async def _fail(self, job: Job, reason: str) -> None:
        """End a job that has no result of its own."""
        await self._end(job, dict.fromkeys(job.open, jobs.failure(reason, self._clock())))

    async def _end(self, job: Job, results: Mapping[str, TrainingResult]) -> None:
        """Write the results of a job for its open targets."""
        states, train = self._states.of, self._settings.train
        await self._states.write({
            name: ended(states[name], result, train, self._writer) for name, result in results.items()
        })  # fmt: skip
        for name, result in results.items():
            self._ended(name, job, result)

    async def _end_with(self, job: Job, status: JobStatus, log: str) -> None:
        """Keep how each release of an ended job was trained, then its results: in this order none is left out."""
        results = jobs.results(status, log, job.open, self._clock())
        published = {name: each for name, each in results.items() if each.outcome == "published" and each.version}
        states = self._states.of
        if published:
            await self._states.keep({
                name: TrainingArtefact(
                    version=each.version or "", job=job.id, reasons=states[name].reasons,
                    decided_at=job.decided_at, result=each, stages=jobs.stages(log, name),
                )
                for name, each in published.items()
            })  # fmt: skip
        await self._end(job, results)

    def _ended(self, system: str, job: Job, result: TrainingResult) -> None:
        self.report.ended(system, result)
        if result.outcome != "failed":
            self._windows.trained(system)
            log.info("a training ended", system=system, outcome=result.outcome, why=result.reason, job=job.id)
            return
        state = self._states.of[system]
        log.error(
            "a training failed", system=system, why=result.reason, job=job.id, failures=state.failures,
            again_seconds=round(state.next_at - result.at),
        )  # fmt: skip

    async def _status(self, id: str) -> JobStatus | None:
        status = await self._ray.status(id)
        self._ray_there()
        return status

    async def _log(self, job: Job, status: JobStatus) -> str:
        """The log of an ended job; empty where it failed and has none, or has shown none for long."""
        try:
            return await self._ray.log(job.id)
        except RayError:
            late = self._clock() - job.submitted_at > self._settings.train.timeout
            if status.progress == "succeeded" and not late:
                raise
            return ""

    def _ray_away(self, error: RayError) -> None:
        if self._outage.away(str(error)):
            log.warning("no training gets on", why=str(error))
        self.report.ray(there=False)

    def _ray_there(self) -> None:
        self._probed_at = self._clock()
        self.report.ray(there=True)
        if (seconds := self._outage.back()) is not None:
            log.info("Ray answers again", seconds=round(seconds, 1))

    def _targets(self) -> Iterable[str]:
        """The systems that are trained: the configured ones, and without a systems file those with labels."""
        names = {*self._settings.systems, *self._labels.systems, *self._states.of} - {BASE, CANARY}
        return [name for name in sorted(names) if self._is_trained(name)]

    def _is_trained(self, name: str) -> bool:
        if self._settings.systems and name not in self._settings.systems:
            return False
        return self._systems.has(name) and self._settings.rules(name).adapts

    def _target(self, name: str) -> tuple[Target, Counts, Due]:
        """A target, what is known of it, and whether it is due."""
        target = self._states.target(name)
        since: Seconds = target.state.labels_until if target.state else 0.0
        counts = self._windows.counted(name, self._labels.of(name, since))
        now, least = self._clock(), self._settings.distill.min_labels
        return target, counts, due(target, counts, now, self._settings.train, least)
