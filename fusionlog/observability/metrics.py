"""The Prometheus metrics of every process, from which the demo and dashboards take their figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fusionlog.observability.bounded_metrics import Counter, Gauge, Histogram

# `input` is raw, or keyed: the keyed topic of a system with `repartition: true`, whose lines are read twice.

RECORDS = Counter("fusionlog_records", "records read, or deleted by retention before that", ["system", "input"])
RECORDS_OPENED = Counter("fusionlog_records_opened", "records that hold lines", ["system", "input"])
RECORDS_DEAD = Counter(
    "fusionlog_records_dead_lettered",
    "records that hold no line and went to the dead-letter topic",
    ["system", "input"],
)
RECORDS_DELETED = Counter(
    "fusionlog_records_deleted", "records that retention deleted before they were read", ["system", "input"]
)

LINES = Counter(
    "fusionlog_lines",
    "lines read; a record that holds none, or that retention deleted, counts as one",
    ["system", "input"],
)
LINES_WINDOWED = Counter("fusionlog_lines_windowed", "lines in windows that Kafka acknowledged", ["system", "input"])
LINES_KEYED = Counter("fusionlog_lines_keyed", "raw lines that are in the keyed topic, once each", ["system", "input"])
LINES_DEAD = Counter("fusionlog_lines_dead_lettered", "lines on the dead-letter topic", ["system", "input", "reason"])
LINES_DROPPED = Counter("fusionlog_lines_dropped", "lines dropped by a stated rule", ["system", "input", "rule"])
LINES_JOINED = Counter("fusionlog_lines_joined", "lines that became part of the line before them", ["system", "input"])
LINES_REPEATED = Counter(
    "fusionlog_lines_repeated",
    "lines read again after a takeover, which are in an emitted window or in the keyed topic",
    ["system", "input"],
)
LINES_DELETED = Counter(
    "fusionlog_lines_deleted",
    "records that retention deleted behind the group's commit, before they were finished",
    ["system", "topic", "partition"],
)
LINES_RELEASED = Counter(
    "fusionlog_lines_released",
    "unfinished lines of released partitions: their next reader reads them again",
    ["system", "input"],
)
LINES_OPEN = Gauge(
    "fusionlog_lines_open",
    "lines that are held, or in windows that are not closed or not acknowledged yet",
    ["system", "input"],
)
LINES_UNMATCHED = Counter("fusionlog_lines_unmatched", "lines that do not match the system's header", ["system"])
LINES_UNMINED = Counter(
    "fusionlog_lines_unmined", "lines that got the catch-all event: too many templates are new", ["system"]
)
LINES_INHERITED = Counter(
    "fusionlog_lines_inherited", "lines without a session key that took the key of their source", ["system"]
)
IMPLAUSIBLE_TIMES = Counter(
    "fusionlog_implausible_times", "lines whose time cannot be theirs, or is contradicted by other lines", ["system"]
)

MEMBERSHIPS = Counter(
    "fusionlog_memberships", "lines in sessions: a line counts once in each session", ["system", "input"]
)
MEMBERSHIPS_WINDOWED = Counter(
    "fusionlog_memberships_windowed",
    "lines in windows that Kafka acknowledged, once in each window",
    ["system", "input"],
)
MEMBERSHIPS_KEYED = Counter(
    "fusionlog_memberships_keyed", "raw lines in the keyed topic, once in each session", ["system", "input"]
)
MEMBERSHIPS_DEAD = Counter(
    "fusionlog_memberships_dead_lettered",
    "lines in windows on the dead-letter topic, once in each window",
    ["system", "input"],
)
MEMBERSHIPS_RELEASED = Counter(
    "fusionlog_memberships_released", "unfinished memberships of released partitions", ["system", "input"]
)
MEMBERSHIPS_OPEN = Gauge(
    "fusionlog_memberships_open",
    "memberships in windows that are not closed or not acknowledged yet",
    ["system", "input"],
)
SESSIONS_SCATTERED = Counter(
    "fusionlog_sessions_scattered", "sessions with windows in several partitions within an idle gap", ["system"]
)
SESSIONS_OVERFLOWED = Counter(
    "fusionlog_sessions_overflowed",
    "sessions closed because more were open than FUSIONLOG_INGEST__MAX_OPEN_SESSIONS allows",
    ["system"],
)
LAG = Gauge(
    "fusionlog_lag_records",
    "unread records of a raw topic; records of a windows topic that the workers' group has not committed",
    ["system", "topic", "partition"],
)
PAUSED = Gauge("fusionlog_partitions_paused", "raw partitions paused until Kafka acknowledges the sends", ["system"])
TEMPLATES = Gauge("fusionlog_templates", "log templates known", ["system"])

WINDOWS = Counter("fusionlog_windows", "windows by route", ["system", "route"])
SCORED = Counter("fusionlog_windows_scored", "windows with a verdict of the small model", ["system"])
SECOND_OPINIONS = Counter("fusionlog_windows_second_opinion", "general windows referred to the teacher", ["system"])
CACHE_HITS = Counter("fusionlog_score_cache_hits", "verdicts from the cache by shape", ["system"])
SCORE_SECONDS = Histogram(
    "fusionlog_score_seconds", "from the end of a batch's first window to its verdict", ["system"]
)
LABELLED = Counter("fusionlog_windows_labelled", "windows with a teacher's verdict, each once", ["system"])
PROVISIONAL = Counter(
    "fusionlog_windows_provisional", "windows with a provisional verdict of the offline teacher, each once", ["system"]
)
TO_LEARN = Gauge(
    "fusionlog_windows_to_learn",
    "windows that the learning phases of a system lack; its offline verdicts are provisional until there are none",
    ["system"],
)
RETURNED = Counter("fusionlog_windows_returned", "proprietary windows that became general as they waited", ["system"])
WINDOWS_DEAD = Counter("fusionlog_windows_dead_lettered", "windows on the dead-letter topic", ["stage", "reason"])
WINDOWS_DELETED = Counter(
    "fusionlog_windows_deleted", "windows that retention deleted before they were handled", ["topic", "partition"]
)
TABLE_RECORDS_REFUSED = Counter(
    "fusionlog_table_records_refused", "records of compacted topics that could not be used", ["topic", "reason"]
)
BATCHES_LEFT_OUT = Counter(
    "fusionlog_batches_left_out",
    "batches of records that unpack to more than a worker may hold",
    ["topic", "partition"],
)
WITHDRAWN = Counter("fusionlog_anomalies_withdrawn", "provisional anomalies that turned out to be normal", ["system"])
MUTED = Counter(
    "fusionlog_anomalies_muted", "anomalies that an operator's dismissal keeps from being reported", ["system", "scope"]
)
ANOMALIES = Counter("fusionlog_anomalies", "anomalies by the source of the verdict, model or teacher", ["system", "by"])

LLM_CALLS = Counter("fusionlog_llm_calls", "calls to the teacher's endpoint", ["outcome"])
LLM_TOKENS = Counter("fusionlog_llm_tokens", "tokens of those calls", ["kind"])
LLM_UNITS = Counter("fusionlog_llm_units", "units by outcome: answered, remembered, again, given_up", ["outcome"])
LLM_UNITS_ALONE = Counter(
    "fusionlog_llm_units_alone", "units asked in a call of their own: a line reads like an instruction", ["system"]
)
LLM_CALLS_LEFT = Gauge(
    "fusionlog_llm_calls_left",
    "calls of the hour that are left to all workers of the role, explain's by system",
    ["role", "system"],
)
LLM_MONEY_LEFT = Gauge(
    "fusionlog_llm_money_left", "money of the day that is left to all label and explain workers", ["role"]
)
LLM_BUDGET_SPENT = Gauge(
    "fusionlog_llm_budget_spent", "1 while this worker's next call waits for calls or money", ["role"]
)
LLM_SPENT_CALLS = Counter("fusionlog_llm_spent_calls", "calls of this worker that a budget paid for", ["role"])
LLM_SPENT_TOKENS = Counter("fusionlog_llm_spent_tokens", "their tokens, estimated ones included", ["role", "kind"])
LLM_SPENT_MONEY = Counter("fusionlog_llm_spent_money", "their price, by the prices of the settings", ["role"])
LLM_ESTIMATED = Counter("fusionlog_llm_estimated_calls", "those whose tokens the endpoint did not report", ["role"])
LABELS = Counter("fusionlog_labels", "pseudo-labels published", ["system", "teacher"])
LABELS_PROPAGATED = Counter(
    "fusionlog_labels_propagated", "pseudo-labels propagated to windows from similar labelled ones", ["system"]
)
EVENTS_REOPENED = Counter(
    "fusionlog_events_reopened", "settled events that an answer contradicted: they are asked again", ["system"]
)
LABELS_WAITING = Gauge("fusionlog_labels_waiting", "window shapes that wait for a teacher", ["system"])

ANOMALIES_EXPLAINED = Counter(
    "fusionlog_anomalies_explained",
    "anomalies by outcome of the explain worker: explained, known, repeated, over_budget, given_up, unreadable,"
    " not_final, canary",
    ["system", "outcome"],
)
EXPLANATIONS_ASKED = Counter("fusionlog_explanations_asked", "requests to the LLM to explain an anomaly", ["system"])
EXPLANATIONS_REFUSED = Counter("fusionlog_explanations_refused", "answers that are no explanation", ["system"])
EXPLANATIONS_WAITING = Gauge("fusionlog_explanations_waiting", "anomalies that wait for an explanation", ["system"])
EXPLANATION_CALLS_LEFT = Gauge("fusionlog_explanation_calls_left", "calls of the hour that are left", ["system"])
EXPLANATION_TOKENS = Counter("fusionlog_explanation_tokens", "tokens that published explanations took", ["system"])

INCIDENTS = Counter(
    "fusionlog_incidents",
    "records of incidents written, by the first system and by change: opened, updated, resolved, reopened, withdrawn,"
    " explained",
    ["system", "change"],
)
INCIDENTS_OPEN = Gauge(
    "fusionlog_incidents_open", "open incidents; one of several systems in each", ["system", "severity"]
)
INCIDENTS_BEHIND = Gauge(
    "fusionlog_incidents_behind_seconds",
    "from an anomaly's record to that of its incident, the oldest of the last batch; 0: all are counted",
)

NOTIFICATIONS_SENT = Counter(
    "fusionlog_notifications_sent",
    "messages on incidents that a target accepted, by change: opened, updated, resolved, reopened, withdrawn",
    ["target", "change"],
)
NOTIFICATIONS_FAILED = Counter(
    "fusionlog_notifications_failed",
    "requests that a target did not accept: failed (it is tried again) or refused (it is not)",
    ["target", "outcome"],
)
NOTIFICATIONS_GIVEN_UP = Counter("fusionlog_notifications_given_up", "messages that became dead letters", ["target"])
NOTIFICATIONS_SUPPRESSED = Counter(
    "fusionlog_notifications_suppressed",
    "states of incidents that a target is not notified of: severity or system (it does not want them), over (it was "
    "over before its turn)",
    ["target", "reason"],
)
NOTIFICATIONS_WAITING = Gauge("fusionlog_notifications_waiting", "incidents that wait for a message", ["target"])
NOTIFICATION_TARGET_UP = Gauge(
    "fusionlog_notification_target_up", "1 while a target answers what is sent to it, 0 while that fails", ["target"]
)

MODEL = Gauge("fusionlog_model_info", "1 for the release in use", ["system", "version"])
PROVIDER = Gauge(
    "fusionlog_provider_info",
    "1 for the provider, cuda or cpu, that the part, scorer or encoder, runs on; 0 for the other",
    ["part", "provider"],
)
MODEL_SWAPS = Counter("fusionlog_model_swaps", "releases taken into use after the first", ["system"])
MODELS_WITHDRAWN = Counter(
    "fusionlog_models_withdrawn",
    "releases that this worker gave up: failed on windows, or withdrawn by the guard for their share of anomalies or"
    " their disagreement with the teacher",
    ["system", "reason"],
)
SHADOW_SCORED = Counter(
    "fusionlog_windows_shadow_scored", "windows that the release before a new one scored, too", ["system"]
)
MODEL_REFUSED = Counter("fusionlog_models_refused", "releases that did not verify", ["system"])

KAFKA_UP = Gauge("fusionlog_kafka_up", "1 while Kafka answers this worker, 0 while it does not")
TEACHER_UP = Gauge(
    "fusionlog_teacher_up",
    "1 while the endpoint of the LLM is used, 0 with a reason while it is left alone",
    ["reason"],
)

CANARY_AGE = Gauge(
    "fusionlog_canary_age_seconds", "seconds since a known anomaly of the canary came through; else since the start",
    ["system"],
)  # fmt: skip
CANARY_LATENCY = Gauge(
    "fusionlog_canary_latency_seconds", "from the lines of the canary's last anomaly to that anomaly", ["system"]
)
CANARY_FALSE_ALARMS = Counter(
    "fusionlog_canary_false_alarms", "known normal sessions of the canary that came out as anomalies", ["system"]
)
CANARY_UP = Gauge(
    "fusionlog_canary_up",
    "1 while the canary comes through, 0 while it does not, with where it got stuck: kafka, ingest, score, label,"
    " model, verdict, unknown; or normal, a false alarm",
    ["system", "stage"],
)

RAY_UP = Gauge("fusionlog_ray_up", "1 while Ray's Jobs API answers the train worker that leads, 0 while it does not")
TRAIN_LEADS = Gauge("fusionlog_train_leads", "1 for the train worker that decides and submits, 0 for any other")
TRAININGS = Counter(
    "fusionlog_trainings",
    "ended trainings of a system by outcome: published, rejected, nothing to do, failed",
    ["system", "outcome"],
)
TRAINING_STATE = Gauge(
    "fusionlog_training_state",
    "1 for the state of a system's training: waiting, due, running, retrying or paused; 0 for the others",
    ["system", "state"],
)
TRAINING_FAILURES = Gauge("fusionlog_training_failures", "failed trainings of a system in a row", ["system"])
TRAINING_LABELS = Gauge(
    "fusionlog_training_labels_untrained", "new and changed labels of a system since its last training", ["system"]
)
TRAINING_SHARE = Gauge(
    "fusionlog_training_proprietary_share", "share of a system's recent windows that are proprietary", ["system"]
)
TRAINING_ENDED = Gauge(
    "fusionlog_training_ended_timestamp_seconds", "when the last training of a system ended", ["system"]
)


def show_canary(system: str, stage: str | None) -> None:
    """Show that the canary comes through, or where it got stuck."""
    CANARY_UP.clear()
    CANARY_UP.labels(system, stage or "").set(stage is None)


def show_teacher(reason: str | None) -> None:
    """Show that the endpoint is used, or the reason why it is left alone, a short code."""
    TEACHER_UP.clear()
    TEACHER_UP.labels(reason or "").set(reason is None)


def show_provider(part: str, now: Callable[[], str | None]) -> None:
    """Show the provider that a part runs on; `now` is called whenever metrics are read."""
    for provider in ("cuda", "cpu"):
        PROVIDER.labels(part, provider).set_function(partial(_runs_on, now, provider))


def _runs_on(now: Callable[[], str | None], provider: str) -> float:
    return float(now() == provider)


def total_lag() -> float | None:
    """The sum of the lags that are known; None where none is."""
    found = [sample.value for metric in LAG.collect() for sample in metric.samples]
    return sum(found) if found else None
