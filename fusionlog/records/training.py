"""The record of a target's training: the state that the train role keeps, or what an operator requests."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from fusionlog.records.base import Duration, Record, Seconds, Sum, SystemName

SubmissionId = Annotated[str, Meta(pattern=r"^fusionlog-train-[0-9a-f]{16}$")]
TrainingPhase = Literal["decided", "submitted", "ended"]
TrainingOutcome = Literal["published", "rejected", "nothing to do", "failed"]
MAX_TARGETS = 1_000
"""Targets of one job, at most."""


class TrainingResult(Struct, frozen=True, kw_only=True):
    """The result of a job for one target.

    `published` is a release `version`, `rejected` a refusal by the gate; both, and `nothing to do`, count as a
    training. `failed` is every other end: of the job, of its cluster, by the time limit, by an operator. `labels` and
    `windows` are the numbers that it was trained on, `peak_bytes` is the greatest resident memory of its task, and
    `metrics` are what the gate measured.
    """

    outcome: TrainingOutcome
    reason: str
    at: Seconds
    version: str | None = None
    seconds: Duration = 0.0
    labels: Sum = 0
    windows: Sum = 0
    peak_bytes: Sum = 0
    metrics: dict[str, float] = {}


class TrainingArtefact(Struct, frozen=True, kw_only=True):
    """What is kept of a training that published a release: why, by which job, with what result, and the lines of its
    progress in the job's log. The newest ones of a target are kept."""

    version: str
    job: SubmissionId
    reasons: list[str]
    decided_at: Seconds
    result: TrainingResult
    stages: list[str] = []


class TrainingState(Struct, frozen=True, kw_only=True):
    """The newest decision on a target, and what became of it.

    A decision is one job, `job` its submission id with Ray, for all `systems` that were due at `decided_at`; each of
    their records has it whole, `reasons` are the target's own. Written before the job is submitted (`decided`), after
    Ray has it (`submitted`), and when it has `ended`, with its `result`. `failures` are those in a row; `next_at` is
    the time before which the target is not due again; labels up to `labels_until` have been trained on. `writer` is
    the process that wrote the record.
    """

    job: SubmissionId
    systems: Annotated[list[SystemName], Meta(min_length=1, max_length=MAX_TARGETS)]
    reasons: list[str]
    decided_at: Seconds
    phase: TrainingPhase
    submitted_at: Seconds = 0.0
    result: TrainingResult | None = None
    failures: Sum = 0
    next_at: Seconds = 0.0
    labels_until: Seconds = 0.0
    writer: str = ""


class TrainingRequest(Struct, frozen=True, kw_only=True):
    """What an operator requests of a target: no training for now, since `paused_at` or, resumed, no more since then;
    and one at once, where `now_at` is newer than its newest decision.

    Of a target's own pause and that of all targets the newer one counts.
    """

    by: str
    paused: bool = False
    paused_at: Seconds = 0.0
    now_at: Seconds = 0.0


class Training(Record, frozen=True, kw_only=True):
    """The training of a target: its `state` by the train role, an operator's `request`, or the `artefact` of a release,
    each under a key of its own.

    `system` is `*` in a request for all targets.
    """

    system: SystemName
    state: TrainingState | None = None
    request: TrainingRequest | None = None
    artefact: TrainingArtefact | None = None

    def __post_init__(self) -> None:
        """Refuse a record that is none of these or several, and a state of a system that its job is not for.

        :raises ValueError: it is.
        """
        if [self.state, self.request, self.artefact].count(None) != 2:
            raise ValueError("a training record has one of a state, a request and an artefact")
        if self.state is not None and self.system not in self.state.systems:
            raise ValueError(f"its job is not for {self.system[:100]!r}")

    @property
    def key(self) -> str:
        """Its key on the topic."""
        if self.artefact is not None:
            return f"{self.system}/{self.artefact.version}/artefact"
        return f"{self.system}/{'request' if self.state is None else 'state'}"
