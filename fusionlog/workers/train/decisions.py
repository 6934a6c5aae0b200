"""Decisions on targets: the states that a decision goes through, and what is left of it after a restart.

A decision is one job for the targets that were due together. Each target's record has the whole of it, so that any one
of them is enough to find it again; its submission id follows from what was decided, so that Ray takes it once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from msgspec.structs import replace

from fusionlog.records import Seconds, TrainingResult, TrainingState
from fusionlog.settings import TrainSettings
from fusionlog.workers.train.due import Due

MOST_RETRY_SECONDS = 24 * 3600.0
LATEST: Seconds = 253402300799.0
"""The last second that a record takes: the end of the year 9999."""
TICK = 0.001
"""Seconds between two decisions, at least."""
REPEATED = frozenset({"failed"})
"""The outcomes after which a training is repeated."""

States = Mapping[str, TrainingState]
"""States by the names of their targets."""


@dataclass(frozen=True)
class Job:
    """A decision that has not ended for some of its targets.

    :param open: its targets whose records show no result of it.
    :param unwritten: its targets that have no record of it.
    """

    id: str
    systems: tuple[str, ...]
    open: tuple[str, ...]
    unwritten: tuple[str, ...]
    decided_at: Seconds
    submitted_at: Seconds

    @property
    def submitted(self) -> bool:
        """Whether a record shows that Ray has it."""
        return self.submitted_at > 0


def submission_id(deployment: str, systems: Collection[str], decided_at: Seconds) -> str:
    """The submission id of a decision: the same for the same decision, another one for any other.

    :param deployment: what distinguishes deployments that share a Ray.
    """
    text = "\n".join([deployment, repr(decided_at), *sorted(systems)])
    return f"fusionlog-train-{blake2b(text.encode(), digest_size=8).hexdigest()}"


def decide(
    dues: Mapping[str, Due], before: States, now: Seconds, deployment: str, writer: str
) -> dict[str, TrainingState]:
    """The states of targets that are due, with one decision for all of them.

    It is later than every decision that names one of them, also where the clock of the worker before was ahead.
    """
    systems = sorted(dues)
    earlier = [state.decided_at for state in before.values() if not dues.keys().isdisjoint(state.systems)]
    at = min(max([now, *(each + TICK for each in earlier)]), LATEST)
    job = submission_id(deployment, systems, at)
    return {name: _decided(before.get(name), job, systems, list(dues[name].reasons), at, writer) for name in systems}


def _decided(
    before: TrainingState | None, job: str, systems: Sequence[str], reasons: list[str], now: Seconds, writer: str
) -> TrainingState:
    """A decided state; what was learned of the target before stays in it."""
    new = TrainingState(job=job, systems=list(systems), reasons=reasons, decided_at=now, phase="decided", writer=writer)
    if before is None:
        return new
    return replace(
        new, result=before.result, failures=before.failures, next_at=before.next_at, labels_until=before.labels_until
    )


def submitted(state: TrainingState, now: Seconds, writer: str) -> TrainingState:
    """The state of a target whose job Ray has."""
    return replace(state, phase="submitted", submitted_at=now, writer=writer)


def ended(state: TrainingState, result: TrainingResult, settings: TrainSettings, writer: str) -> TrainingState:
    """The state of a target whose job has a result; after a failure its labels still count as new."""
    if result.outcome in REPEATED:
        failures, until = state.failures + 1, state.labels_until
        next_at = result.at + back_off(failures, settings.retry_seconds)
    else:
        failures, until = 0, state.decided_at
        next_at = state.decided_at + settings.interval
    return replace(
        state, phase="ended", result=result, failures=failures, next_at=min(next_at, LATEST), labels_until=until,
        writer=writer,
    )  # fmt: skip


def back_off(failures: int, seconds: Seconds) -> Seconds:
    """Seconds before an attempt after so many failures in a row."""
    return min(seconds * 2.0 ** min(failures - 1, 30), max(seconds, MOST_RETRY_SECONDS))


def open_jobs(states: States) -> list[Job]:
    """The decisions that have not ended, oldest first.

    The newest decision that names a target is the target's, also where its own record does not have it: whoever wrote
    the records may have been killed between two of them.
    """
    newest = _newest(states.values())
    found: dict[str, list[str]] = {}
    for name, decision in newest.items():
        own = states.get(name)
        if own is None or own.job != decision.job or own.phase != "ended":
            found.setdefault(decision.job, []).append(name)
    return sorted((_job(id, names, states, newest) for id, names in found.items()), key=lambda job: job.decided_at)


def _newest(states: Iterable[TrainingState]) -> dict[str, TrainingState]:
    newest: dict[str, TrainingState] = {}
    for state in sorted(states, key=lambda state: (state.decided_at, state.job)):
        newest |= dict.fromkeys(state.systems, state)
    return newest


def _job(id: str, names: Sequence[str], states: States, newest: States) -> Job:
    decision = newest[names[0]]
    own = {name: state for name in decision.systems if (state := states.get(name)) and state.job == id}
    return Job(
        id=id,
        systems=tuple(decision.systems),
        open=tuple(sorted(names)),
        unwritten=tuple(sorted(name for name in names if name not in own)),
        decided_at=decision.decided_at,
        submitted_at=max((state.submitted_at for state in own.values()), default=0.0),
    )


def completed(job: Job, states: States, writer: str) -> dict[str, TrainingState]:
    """The states of a decision's targets that have no record of it."""
    return {
        name: _decided(states.get(name), job.id, job.systems, ["decided with others"], job.decided_at, writer)
        for name in job.unwritten
    }
