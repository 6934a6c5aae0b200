"""The records on FusionLog's topics. JSON Schemas and the AsyncAPI document are generated from these types alone.

Every record has a version `v`. Within a version a field is only ever added, with a default, and unknown fields are
ignored on reading, so that an old reader survives a new writer. A field that is renamed, removed or given another
meaning raises the version; a record of an earlier version is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from fusionlog.types import DetectorName, Position, RouteKind

VERSION = 2
"""The version of the records (see CHANGELOG.md)."""

Probability = Annotated[float, Meta(ge=0.0, le=1.0)]
Seconds = Annotated[float, Meta(ge=0.0, lt=253402300800.0, description="Unix time in seconds, before the year 10000")]
Duration = Annotated[float, Meta(ge=0.0, description="Duration in seconds")]
Weight = Annotated[float, Meta(ge=0.0)]
Count = Annotated[int, Meta(ge=1, lt=2**31)]
Partition = Annotated[int, Meta(ge=0, lt=2**31)]
Offset = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Index = Annotated[int, Meta(ge=0, lt=2**31)]
Sum = Annotated[int, Meta(ge=0, le=2**53)]
Money = Annotated[float, Meta(ge=-1.0, le=1e12, description="below 0 by what rounding leaves")]
SystemName = Annotated[str, Meta(min_length=1, max_length=200)]
MAX_EVENTS = 10_000
"""Distinct events of a window, at most."""
ClosedBy = Literal["idle", "size", "count", "silence", "overflow"]
"""`overflow`: more sessions were open in the partition than FUSIONLOG_INGEST__MAX_OPEN_SESSIONS."""
SpendingRole = Literal["label", "explain"]


LEAST_DURATION: Seconds = 1.0
"""A window has a longest duration from here up."""
LEAST_PAUSE: Seconds = 10.0
"""A window has a longest pause from here up."""


class Record(Struct, frozen=True, kw_only=True):
    """Base of every record."""

    v: Annotated[int, Meta(ge=VERSION)] = VERSION


class KeyedLine(Record, frozen=True, kw_only=True, gc=False):
    """A line in one of its sessions, on its way from a raw partition to the partition of the session.

    `text` is the line as the parser sees it, its pieces joined; `fields` are those of its envelope that its event may
    depend on. `time` is the line's, its own where it is `stated`; `arrived` is that of its raw record. The line lies at
    `offset` and `index` of the raw `topic` and `partition`; `member` is the number of the session among those of the
    line, from 0. `after` is the offset, index and member of the record that the same writer sent before this one, from
    the same raw partition to the same partition; None: it has sent none, or all of them are there, and so are those of
    earlier writers. `epoch` is greater where the raw partition's offsets began again.
    """

    session: str
    text: str
    time: Seconds
    arrived: Seconds
    topic: str
    partition: Partition
    offset: Offset
    stated: bool = False
    index: Index = 0
    member: Index = 0
    epoch: Offset = 0
    after: tuple[Offset, Index, Index] | None = None
    fields: dict[str, Any] = {}


class Template(Record, frozen=True, kw_only=True):
    """A log template of a system, as Drain3 found it. Its id is a hash of its text: equal on every worker.

    `constants` are the places of the tokens of `text`, from 0, that never become a wildcard: codes and operators'
    placeholders.
    """

    system: SystemName
    id: str
    text: str
    example: str
    first_seen: Seconds
    replaces: str | None = None
    constants: list[int] = []


class WindowEvent(Struct, frozen=True, kw_only=True, gc=False):
    """A distinct event of a window: its template, a line of it in this window, and its number of lines there.

    The line, `example`, is the first one, or, from a second up, the one with the longest duration. `duration` is the
    longest duration that one of its lines in this window names, in seconds; 0: none does. `quantities` are the greatest
    values of its other named numbers in this window, by name: sizes in bytes, retries, percentages.
    """

    template: str
    text: str
    example: str
    count: Count
    duration: Duration = 0.0
    quantities: dict[str, float] = {}


class Longest(Struct, frozen=True, kw_only=True, gc=False):
    """The longest duration, or pause, of a window, in seconds, and its event: a place in `events`. For a pause, it is
    the event before it."""

    seconds: Duration
    event: Annotated[int, Meta(ge=0)]


class Route(Struct, frozen=True, kw_only=True):
    """Why a window is general or proprietary: S = min over events of the max cosine to the bank, against tau.

    `acquisition_score` is set where a general window gets a second opinion: it is sent to the teacher, though the small
    model has a verdict."""

    kind: RouteKind
    similarity: float
    threshold: float
    least_similar_event: str | None = None
    model: str | None = None
    acquisition_score: float | None = None


class Span(Struct, frozen=True, kw_only=True, gc=False):
    """The lines of a window that lie in one raw partition: from the first one to the last one."""

    partition: Partition
    first_offset: Offset
    last_offset: Offset
    first_index: Index = 0
    last_index: Index = 0


class Window(Record, frozen=True, kw_only=True):
    """A session, or a window of a fixed number of lines, ready for a verdict.

    `closed_by` is why the window ends: `idle`, no line of the session came for an idle gap; `size`, or `count`, it is
    full; `silence`, none came to the partition; `overflow`, too many sessions were open there.
    `events` are distinct, in order of first occurrence; `sequence` indexes them, one entry a line. `shape` is the hash
    of the multiset of templates and of the decades of `duration` and `pause`: windows of one shape get one verdict.
    `duration` is the longest that a line of the window names, from a second up; `pause` the longest between two lines
    after one another, by the times that they or their envelopes have, from ten seconds up. A record may hold several
    lines: the first line is number `first_index` of its record, from 0, the last one number `last_index`. `provisional`
    is the probability in a verdict that the offline teacher gave while the teacher was away; the window waits for the
    teacher's own.

    Of a system with `repartition: true`, the topic and the offsets are those of the keyed topic; `spans` are where the
    lines lie in the raw topic, by partition.
    """

    id: str
    system: SystemName
    session: str
    shape: str
    topic: str
    partition: Partition
    first_offset: Offset
    last_offset: Offset
    started: Seconds
    ended: Seconds
    closed_by: ClosedBy
    events: Annotated[list[WindowEvent], Meta(min_length=1, max_length=MAX_EVENTS)]
    sequence: Annotated[list[int], Meta(min_length=1)]
    route: Route | None = None
    first_index: Index = 0
    last_index: Index = 0
    provisional: Probability | None = None
    duration: Longest | None = None
    pause: Longest | None = None
    spans: list[Span] = []

    def __post_init__(self) -> None:
        """Refuse events that are not distinct, and places that are none in `events`.

        :raises ValueError: the template of such an event, or the number of such a place.
        """
        if len({event.template for event in self.events}) < len(self.events):
            raise ValueError(f"{_twice(self.events)!r} stands twice among its events")
        longest = (each.event for each in (self.duration, self.pause) if each is not None)
        for place in (min(self.sequence, default=0), max(self.sequence, default=0), *longest):
            if not 0 <= place < len(self.events):
                raise ValueError(f"{place} is no place in its {len(self.events)} events")


def _twice(events: Sequence[WindowEvent]) -> str:
    """The first template that several of these events have; its beginning."""
    counts = Counter(event.template for event in events)
    return next(template for template, count in counts.items() if count > 1)[:50]


class EventLabel(Struct, frozen=True, kw_only=True):
    """A teacher's verdict on one event of a window."""

    template: str
    text: str
    count: Count
    probability: Probability
    reason: str = ""


class Revocation(Struct, frozen=True, kw_only=True):
    """The withdrawal of a label by an operator.

    `templates` are the events that were named; none where the window shape was. `events` are the withdrawn verdicts: a
    restoration puts them back.
    """

    by: str
    at: Seconds
    note: str = ""
    templates: list[str] = []
    events: list[EventLabel] = []


class PseudoLabel(Record, frozen=True, kw_only=True):
    """A teacher's verdict on a window shape: the probability that it is anomalous, and that of each of its events.

    A label with `propagated_from` was propagated from that shape, of the same cluster (see `methods.alpha`): no call
    was made about its own. `contradicts` are the templates whose verdict up to then this answer contradicts: they are
    asked about again. A `revoked` label counts for nothing, and has no `events`, so that an earlier reader learns none.
    """

    system: SystemName
    shape: str
    probability: Probability
    confidence: Probability
    reason: str
    events: list[EventLabel]
    teacher: str
    window: str
    labelled_at: Seconds
    propagated_from: str | None = None
    contradicts: list[str] = []
    revoked: Revocation | None = None


class BankEvent(Struct, frozen=True, kw_only=True):
    """An event of a model's training set: its system, its template, and the probability of an anomaly by itself."""

    system: SystemName
    template: str
    text: str
    probability: Probability


class Lineage(Struct, frozen=True, kw_only=True):
    """The provenance of a release: parent, sources, teachers, number of pseudo-labels and of rounds, and Ray job.

    `parsing` is the fingerprint of the parsing that a base was trained under: a hash of the event of every source line.
    `bundled` marks the base of the package, which no system with the name of one of its sources takes into use.
    """

    parent: str | None = None
    sources: list[str] = []
    teachers: list[str] = []
    labels: Sum = 0
    rounds: Sum = 0
    job: str = ""
    parsing: str = ""
    bundled: bool = False


class Calibration(Struct, frozen=True, kw_only=True):
    """The weights that combine the network's probability p with the novelty features of a window into its score.

    The features are its surprisal s, its rarity r and that of its failures f in the profile of its system:

    logit score = probability * logit p + surprisal * s + rarity * r + failure * f + intercept.
    """

    probability: Weight
    surprisal: Weight
    rarity: Weight
    failure: Weight
    intercept: float


class LogisticRegression(Struct, frozen=True, kw_only=True):
    """A non-negative logistic regression over the features of a window, fitted on the labelled sources:

    logit p = surprisal * s + rarity * r + failure * f + transferred * t + intercept,

    where t is the greatest probability of an anomaly that an event of a source transfers to one of the window's.
    """

    surprisal: Weight
    rarity: Weight
    failure: Weight
    transferred: Weight = 0.0
    intercept: float


class Withdrawal(Struct, frozen=True, kw_only=True):
    """The withdrawal of a release by the guard of a score worker, after its first windows.

    `system` is the one whose windows it was compared on with release `previous`, to which workers go back. `figures`
    are the counts of the comparison (see `online.release_comparison`).
    """

    system: SystemName
    at: Seconds
    cause: Literal["share", "disagreement"]
    reason: str
    previous: str
    figures: dict[str, float] = {}


class ModelRelease(Record, frozen=True, kw_only=True):
    """A small model with all that a worker needs to use it. `system` is `*` for the base model of the sources.

    `vectors` is an npy file, `[len(bank), dim]` float32, the unit vectors of `bank`. `profile` is the packed profile of
    recent windows that a worker starts with; without a `calibration` the score is the network's.

    What was fitted on the sources is copied to every descendant: `offline_teacher` is the offline teacher's regression,
    on features corrected for multiple comparisons; `novelty` the one on features as counted, which a calibration adds
    to its own weights where that helps; `reference_auprc` the base's AUPRC on source sessions that it was not trained
    on, which the gate compares a descendant with. `metrics` are measurements for people: nothing is computed from them.

    A `withdrawn` release is used by no worker, until it is published without its withdrawal. A release that is not
    `guarded` was chosen by an operator, who rolled back to it or restored it: no guard withdraws it.

    `sha256` covers every other field but `signature`, which is its maker's ed25519 signature where keys are configured,
    over all fields but these three, `withdrawn` and `guarded`.
    """

    system: SystemName
    version: str
    created: Seconds
    detector: DetectorName
    encoder: str
    onnx: bytes
    bank: list[BankEvent]
    vectors: bytes
    threshold: Probability
    tau: Annotated[float, Meta(ge=-1.0, le=1.0)]
    lineage: Lineage
    metrics: dict[str, float] = {}
    calibration: Calibration | None = None
    offline_teacher: LogisticRegression | None = None
    novelty: LogisticRegression | None = None
    reference_auprc: Probability | None = None
    profile: bytes = b""
    withdrawn: Withdrawal | None = None
    guarded: bool = True
    sha256: str = ""
    signature: str | None = None


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


class Spend(Record, frozen=True, kw_only=True):
    """What one worker has spent on a language model within one minute: requests, tokens, and their price.

    `system` is the one whose calls are counted apart, as an explain worker's are; empty otherwise. `money` is in the
    currency of the prices in the settings, and `reserved` the part of it that is held for requests under way.
    `estimated` counts the requests whose tokens the endpoint did not report: theirs come from the length of the texts.
    `number` counts the records of a worker. Of records with one key the last one counts.
    """

    worker: str
    number: Sum
    role: SpendingRole
    minute: Annotated[
        int, Meta(ge=0, lt=253370764800, description="Unix time of the beginning of the minute, before the year 9999")
    ]
    calls: Sum
    system: str = ""
    prompt_tokens: Sum = 0
    completion_tokens: Sum = 0
    money: Money = 0.0
    reserved: Money = 0.0
    estimated: Sum = 0


def template_id(text: str) -> str:
    """The id of a template: 16 hexadecimal digits of a hash of its text, the same on every worker."""
    return blake2b(text.encode(), digest_size=8).hexdigest()


def window_id(topic: str, partition: int, first: Position, last: Position, session: str) -> str:
    """The id of a window: a hash of where its lines lie in Kafka and of its session, so that a window emitted twice is
    recognisable, and two sessions of the same lines are two windows."""
    place = f"{topic}/{partition}/{first[0]}.{first[1]}/{last[0]}.{last[1]}/{session}"
    return blake2b(place.encode(), digest_size=16).hexdigest()


def spans_id(topic: str, spans: Sequence[Span], session: str) -> str:
    """The id of a window by where its lines lie in the raw topic; of one partition, that of a window cut there.

    :param spans: by partition, ascending.
    """
    ids = [
        window_id(
            topic, span.partition, (span.first_offset, span.first_index), (span.last_offset, span.last_index), session
        )
        for span in spans
    ]
    return ids[0] if len(ids) == 1 else blake2b("/".join(ids).encode(), digest_size=16).hexdigest()


def window_shape(
    counts: Iterable[tuple[str, int]],
    duration: tuple[str, Seconds] | None = None,
    pause: tuple[str, Seconds] | None = None,
) -> str:
    """The hash of a window's multiset of templates, given as (template id, count) pairs in any order.

    :param duration: its longest duration from a second up, and :param pause: its longest pause from ten seconds up, by
        the template of the event: the decade of each, the third one open, is part of the shape.
    """
    parts = [f"{template}:{count}" for template, count in sorted(counts)]
    for name, longest, least in (("duration", duration, LEAST_DURATION), ("pause", pause, LEAST_PAUSE)):
        if longest is not None:
            parts.append(f"{name}:{longest[0]}:{decade(longest[1], least)}")
    return blake2b(";".join(parts).encode(), digest_size=12).hexdigest()


def decade(seconds: float, least: float) -> int:
    """The decade of a time from `least` seconds up: 0, 1, and 2 for a hundred times as long and longer."""
    return sum(seconds >= least * factor for factor in (10, 100))
