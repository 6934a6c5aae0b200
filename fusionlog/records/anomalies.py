"""Records of anomalies, of their explanations, and of operators' verdicts on them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from fusionlog.records.base import Count, Offset, Partition, Probability, Record, Seconds, Sum, SystemName
from fusionlog.records.windows import Longest, Route, WindowEvent


class Evidence(Struct, frozen=True, kw_only=True):
    """An event of an anomalous window that is evidence of the anomaly, with a line of it."""

    template: str
    text: str
    example: str
    count: Count
    probability: Probability | None = None


class Anomaly(Record, frozen=True, kw_only=True):
    """An anomalous window: its score, the source of the verdict, and the reason.

    Of records with one id the last one counts: a `provisional` verdict of the offline teacher is followed by the
    teacher's own, which is `withdrawn` where the window turns out to be normal.

    `id` is the window's, so that a repeat is recognised. `evidence` are the events that indicate the anomaly most;
    `events` are those of the window, in order of first occurrence, of a window with very many the most informative
    alone; `pause` is the window's, with a place in them. `unusual` are sentences on what is unusual in it, by the
    windows before: missing events, numbers, rare events.
    """

    id: str
    system: SystemName
    session: str
    shape: str
    score: Probability
    threshold: Probability
    verdict_source: str
    by: Literal["model", "teacher"]
    reason: str
    evidence: list[Evidence]
    route: Route
    topic: str
    partition: Partition
    first_offset: Offset
    last_offset: Offset
    started: Seconds
    ended: Seconds
    detected_at: Seconds
    events: list[WindowEvent] = []
    provisional: bool = False
    withdrawn: bool = False
    pause: Longest | None = None
    unusual: list[str] = []


class ExplainedLine(Struct, frozen=True, kw_only=True):
    """A line of an anomalous window that is evidence of an explanation; `count` is the window's lines of the event."""

    template: str
    line: str
    count: Count


class Explanation(Record, frozen=True, kw_only=True):
    """A language model's explanation of a window shape: the cause of the anomaly, the evidence, and the next step.

    `anomaly` is the one that the call was about, `evidence` are lines of its window. `calls` and `tokens` are the cost.
    """

    system: SystemName
    shape: str
    anomaly: str
    session: str
    score: Probability
    cause: str
    evidence: list[ExplainedLine]
    next_step: str
    explained_by: str
    calls: Sum
    tokens: Sum
    explained_at: Seconds


class Feedback(Record, frozen=True, kw_only=True):
    """An operator's verdict on an anomaly: confirm or dismiss."""

    anomaly: str
    system: SystemName
    shape: str
    verdict: Literal["confirm", "dismiss"]
    by: str
    at: Seconds
    note: str = ""
