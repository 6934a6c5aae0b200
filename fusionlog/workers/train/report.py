"""What the train role reports of its targets: metrics, and the answer to the probe of readiness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from fusionlog.observability import metrics
from fusionlog.records import TrainingResult
from fusionlog.workers.train.due import Counts, Due, StateName, Target, state_of

STATES: tuple[StateName, ...] = get_args(StateName)
SHOWN = 20
"""Targets that are reported by name, at most: the ones that fail, run or are due first."""

Targets = Mapping[str, tuple[Target, Counts, Due]]


class TrainingReport:
    """The last look at the targets."""

    def __init__(self) -> None:
        self._leads = False
        self._targets: Targets = {}

    def ray(self, *, there: bool) -> None:
        """Report whether Ray answers."""
        metrics.RAY_UP.set(there)

    def ended(self, system: str, result: TrainingResult) -> None:
        """Report the end of a training."""
        metrics.TRAININGS.labels(system, result.outcome).inc()

    def show(self, leads: bool, targets: Targets) -> None:
        """Report all targets; the worker that leads alone has their metrics, so that sums count each once."""
        gone = set(self._targets) - set(targets) if leads else set(self._targets)
        self._leads, self._targets = leads, targets
        metrics.TRAIN_LEADS.set(leads)
        for system in gone:
            _remove(system)
        if leads:
            for system, (target, counts, due) in targets.items():
                _show(system, target, counts, due)

    def body(self) -> Mapping[str, object]:
        """The part of the answer to the probe of readiness."""
        order = sorted(self._targets.items(), key=_urgency)
        return {
            "leads": self._leads,
            "targets": len(self._targets),
            "shown": {
                name: {"state": state_of(target, due), "why": due.why, "failures": target.failures}
                for name, (target, _, due) in order[:SHOWN]
            },
        }

    @property
    def problem(self) -> str | None:
        """The targets whose last training failed; None where there are none."""
        failed = [(name, target) for name, (target, _, _) in self._targets.items() if target.failures]
        if not failed or not self._leads:
            return None
        name, target = max(failed, key=lambda each: each[1].failures)
        why = target.state.result.reason if target.state and target.state.result else ""
        more = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        return f"the training of {name} failed {target.failures} times in a row{more}: {why}"


def _urgency(each: tuple[str, tuple[Target, Counts, Due]]) -> tuple[int, bool, bool, str]:
    name, (target, _, due) = each
    return -target.failures, not target.running, not due, name


def _show(system: str, target: Target, counts: Counts, due: Due) -> None:
    now = state_of(target, due)
    for state in STATES:
        metrics.TRAINING_STATE.labels(system, state).set(state == now)
    metrics.TRAINING_FAILURES.labels(system).set(target.failures)
    metrics.TRAINING_LABELS.labels(system).set(counts.news)
    if counts.share is not None:
        metrics.TRAINING_SHARE.labels(system).set(counts.share)
    if target.state is not None and target.state.result is not None:
        metrics.TRAINING_ENDED.labels(system).set(target.state.result.at)


def _remove(system: str) -> None:
    for state in STATES:
        metrics.TRAINING_STATE.remove(system, state)
    for each in (metrics.TRAINING_FAILURES, metrics.TRAINING_LABELS, metrics.TRAINING_SHARE, metrics.TRAINING_ENDED):
        each.remove(system)
