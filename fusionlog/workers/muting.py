"""What operators' dismissals keep from being reported: counted by system and scope, and in the worker's own report."""

from __future__ import annotations

from fusionlog.observability import metrics
from fusionlog.online.operator_verdicts import OperatorVerdicts, is_operators
from fusionlog.online.verdict import Verdict, is_anomalous
from fusionlog.records import Anomaly, Feedback, PseudoLabel
from fusionlog.workers.verdict_report import VerdictCounts, VerdictReport


def muted_by(anomaly: Anomaly, verdicts: OperatorVerdicts, report: VerdictReport, now: float) -> Feedback | None:
    """The dismissal that mutes an anomaly, counted; None where it is to be reported."""
    dismissal = verdicts.mute_of(anomaly, now)
    if dismissal is not None:
        _count(anomaly.system, dismissal.scope, report)
    return dismissal


def count_dismissed(verdict: Verdict, report: VerdictReport) -> None:
    """Count a window whose verdict is an operator's dismissal."""
    if isinstance(verdict, PseudoLabel) and is_operators(verdict) and not is_anomalous(verdict):
        _count(verdict.system, "shape", report)


def _count(system: str, scope: str, report: VerdictReport) -> None:
    metrics.MUTED.labels(system, scope).inc()
    report.add(system, VerdictCounts(muted=1))
