"""The records on FusionLog's topics. JSON Schemas and the AsyncAPI document are generated from these types alone.

Every record has a version `v`. Within a version a field is only ever added, with a default, and unknown fields are
ignored on reading, so that an old reader survives a new writer. A field that is renamed, removed or given another
meaning raises the version; a record of an earlier version is refused.
"""

from __future__ import annotations

from fusionlog.records.anomalies import (
    TITLE_CHARS,
    Anomaly,
    Evidence,
    ExplainedLine,
    Explanation,
    Feedback,
    Severity,
)
from fusionlog.records.base import (
    MAX_EVENTS,
    VERSION,
    ClosedBy,
    Count,
    Duration,
    Probability,
    Record,
    Seconds,
    SpendingRole,
    SystemName,
    Weight,
)
from fusionlog.records.incidents import (
    MAX_ANOMALY_IDS,
    MAX_HOSTS,
    MAX_SESSIONS,
    Change,
    Incident,
    IncidentPart,
    Status,
    TellingEvent,
    TellingKind,
)
from fusionlog.records.labels import EventLabel, PseudoLabel, Revocation
from fusionlog.records.lines import KeyedLine, Template, template_id
from fusionlog.records.models import BankEvent, Calibration, Lineage, LogisticRegression, ModelRelease, Withdrawal
from fusionlog.records.notifications import Notification, NotifiedChange
from fusionlog.records.spending import Spend
from fusionlog.records.training import Training, TrainingArtefact, TrainingRequest, TrainingResult, TrainingState
from fusionlog.records.windows import (
    LEAST_DURATION,
    LEAST_PAUSE,
    MAX_PLACES,
    Longest,
    Route,
    Span,
    Window,
    WindowEvent,
    decade,
    spans_id,
    window_id,
    window_shape,
)
from fusionlog.records.workers import SystemCounts, WorkerState

__all__ = [
    "LEAST_DURATION",
    "LEAST_PAUSE",
    "MAX_ANOMALY_IDS",
    "MAX_EVENTS",
    "MAX_HOSTS",
    "MAX_PLACES",
    "MAX_SESSIONS",
    "TITLE_CHARS",
    "VERSION",
    "Anomaly",
    "BankEvent",
    "Calibration",
    "Change",
    "ClosedBy",
    "Count",
    "Duration",
    "EventLabel",
    "Evidence",
    "ExplainedLine",
    "Explanation",
    "Feedback",
    "Incident",
    "IncidentPart",
    "KeyedLine",
    "Lineage",
    "LogisticRegression",
    "Longest",
    "ModelRelease",
    "Notification",
    "NotifiedChange",
    "Probability",
    "PseudoLabel",
    "Record",
    "Revocation",
    "Route",
    "Seconds",
    "Severity",
    "Span",
    "Spend",
    "SpendingRole",
    "Status",
    "SystemCounts",
    "SystemName",
    "TellingEvent",
    "TellingKind",
    "Template",
    "Training",
    "TrainingArtefact",
    "TrainingRequest",
    "TrainingResult",
    "TrainingState",
    "Weight",
    "Window",
    "WindowEvent",
    "Withdrawal",
    "WorkerState",
    "decade",
    "spans_id",
    "template_id",
    "window_id",
    "window_shape",
]
