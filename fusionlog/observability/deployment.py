"""The state of a deployment, from the states that its workers write. Pure; times are Unix seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fusionlog.records import SystemCounts, WorkerState

GONE_SECONDS = 60.0
"""A worker without a report for so long is gone: six reports did not come."""
RATE_SECONDS = 90.0
"""Rates are of the reports of the last so many seconds."""
USING = ("ingest", "score", "label")
"""The roles that use releases."""


@dataclass
class SystemView:
    """A system over all workers: lines a minute, counts since the workers' starts, releases in use by version."""

    lines_per_minute: float = 0.0
    counts: SystemCounts = field(default_factory=SystemCounts)
    models: dict[str | None, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Deployment:
    """The running workers by role and name, those that went without a word, and the systems by name."""

    workers: list[WorkerState]
    gone: list[WorkerState]
    systems: dict[str, SystemView]

    def using(self, system: str, version: str | None) -> tuple[int, int]:
        """How many workers use a release of a system (None: another than the system's own), and of how many."""
        found = self.systems.get(system, SystemView()).models
        return found.get(version, 0), sum(found.values())


def deployment(states: Iterable[WorkerState], now: float) -> Deployment:
    """The deployment by the reports of the last hour, in the order of their topic."""
    by_worker: dict[tuple[str, str], list[WorkerState]] = {}
    for state in states:
        by_worker.setdefault((state.role, state.worker), []).append(state)
    last = [reports[-1] for _, reports in sorted(by_worker.items()) if not reports[-1].stopped]
    running = [state for state in last if now - state.at <= GONE_SECONDS]
    reports = [by_worker[state.role, state.worker] for state in running]
    return Deployment(running, [state for state in last if state not in running], _systems(reports))


def _systems(reports: Sequence[Sequence[WorkerState]]) -> dict[str, SystemView]:
    found: dict[str, SystemView] = {}
    for own in reports:
        state = own[-1]
        for system, counts in state.systems.items():
            view = found.setdefault(system, SystemView())
            view.counts = _sum(view.counts, counts)
            view.lines_per_minute += rate(own, system)
        for system, version in state.models.items() if state.role in USING else ():
            models = found.setdefault(system, SystemView()).models
            models[version] = models.get(version, 0) + 1
    return dict(sorted(found.items()))


def rate(reports: Sequence[WorkerState], system: str) -> float:
    """Lines of a system a minute, by the reports of one worker within the last `RATE_SECONDS`."""
    last = reports[-1]
    recent = [state for state in reports if last.at - state.at <= RATE_SECONDS and state.started == last.started]
    seconds = last.at - recent[0].at
    none = SystemCounts()
    lines = last.systems.get(system, none).lines - recent[0].systems.get(system, none).lines
    return 60.0 * lines / seconds if seconds > 0 else 0.0


def _sum(one: SystemCounts, other: SystemCounts) -> SystemCounts:
    fields = SystemCounts.__struct_fields__
    return SystemCounts(**{name: getattr(one, name) + getattr(other, name) for name in fields})
