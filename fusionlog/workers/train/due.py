"""Whether a target is due for a training: a pure function of its state, its counts and the time.

A target is due by `train now`; after a failure, when the back-off is over; and, not sooner than the interval after the
training before, by any of these reasons: enough new labels, enough changed ones, enough verdicts of operators; drift of
its windows with any of these, or one of these that has waited for long. Nothing is due while its job runs, nor, `train
now` apart, while it is paused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Literal

from fusionlog.records import Seconds, TrainingRequest, TrainingState
from fusionlog.settings import TrainSettings

OPERATOR = "operator"
"""The reason of a training that an operator requested."""
StateName = Literal["waiting", "due", "running", "retrying", "paused"]


@dataclass(frozen=True)
class Counts:
    """What is known of a target beside its state.

    :param labels: its labels that a teacher gave and nobody revoked.
    :param new: labels newer than those that were trained on.
    :param changed: newer revocations, and newer labels that contradict earlier ones.
    :param feedback: newer verdicts of operators on its anomalies that are labels.
    :param oldest: the time of the oldest of these; None: there is none.
    :param share: the share of its recent windows that are proprietary; None: not known.
    :param least_share: the least such share since its last training; None: not known.
    """

    labels: int = 0
    new: int = 0
    changed: int = 0
    feedback: int = 0
    oldest: Seconds | None = None
    share: float | None = None
    least_share: float | None = None

    @property
    def news(self) -> int:
        """All that a training has not had yet."""
        return self.new + self.changed + self.feedback


@dataclass(frozen=True)
class Target:
    """A target's newest decision, its operator's request, and that for all targets."""

    state: TrainingState | None = None
    request: TrainingRequest | None = None
    general: TrainingRequest | None = None

    @property
    def running(self) -> bool:
        """Whether its newest decision has not ended."""
        return self.state is not None and self.state.phase != "ended"

    @property
    def paused(self) -> bool:
        """Whether it is paused, by the newer one of its own request and of that for all."""
        found = [each for each in (self.general, self.request) if each is not None and each.paused_at > 0]
        return bool(found) and max(found, key=lambda each: each.paused_at).paused

    @property
    def requested(self) -> bool:
        """Whether an operator requests a training that no decision has been made for."""
        decided = self.state.decided_at if self.state else 0.0
        return self.request is not None and self.request.now_at > decided

    @property
    def by_request(self) -> bool:
        """Whether an operator requested its newest decision."""
        return self.state is not None and OPERATOR in self.state.reasons

    @property
    def failures(self) -> int:
        """Its failures in a row."""
        return self.state.failures if self.state else 0


@dataclass(frozen=True)
class Due:
    """Why a target is due, or why it is not.

    :param reasons: why it is due; empty: it is not.
    :param why: the same as one sentence.
    :param at: the time before which it is not due, whatever comes.
    """

    reasons: tuple[str, ...] = ()
    why: str = ""
    at: Seconds = field(default=0.0)

    def __bool__(self) -> bool:
        return bool(self.reasons)


def due(target: Target, counts: Counts, now: Seconds, settings: TrainSettings, min_labels: int) -> Due:
    """Whether a target is due now.

    :param min_labels: the labels without which nothing is distilled.
    """
    if target.running:
        assert target.state is not None
        return Due(why=f"job {target.state.job} runs", at=inf)
    if target.requested:
        return Due((OPERATOR,), "an operator requests it", 0.0)
    at = earliest(target.state, settings)
    if target.paused:
        return Due(why="paused: fusionlog train resume", at=at)
    if now < at:
        waits = "the next attempt comes" if target.failures else "the interval ends"
        return Due(why=f"{waits} in {at - now:.0f} s", at=at)
    if target.failures:
        return Due(("retry",), f"attempt {target.failures + 1}", at)
    if counts.labels < min_labels:
        return Due(why=f"{counts.labels} labels, and FUSIONLOG_DISTILL__MIN_LABELS is {min_labels}", at=at)
    reasons = tuple(_reasons(target, counts, now, settings))
    return Due(reasons, ", ".join(reasons) or _progress(counts, settings), at)


def earliest(state: TrainingState | None, settings: TrainSettings) -> Seconds:
    """The time before which a target is not due: the end of the back-off, or of the interval as it is set now."""
    if state is None:
        return 0.0
    return state.next_at if state.failures else min(state.next_at, state.decided_at + settings.interval)


def _progress(counts: Counts, settings: TrainSettings) -> str:
    """How far a target is from each bound."""
    labels = f"{counts.new} new labels of {settings.new_labels}, {counts.changed} changed of {settings.changed_labels}"
    return f"{labels}, {counts.feedback} verdicts of {settings.feedback}"


def _reasons(target: Target, counts: Counts, now: Seconds, settings: TrainSettings) -> Iterator[str]:
    if counts.new >= settings.new_labels:
        yield f"{counts.new} new labels"
    if counts.changed >= settings.changed_labels:
        yield f"{counts.changed} changed labels"
    if counts.feedback >= settings.feedback:
        yield f"{counts.feedback} verdicts of operators"
    if counts.news and target.state is not None and has_drifted(counts, settings.drift):
        yield f"share of proprietary windows {counts.share:.2f} after {counts.least_share:.2f}"
    if counts.news and counts.oldest is not None and now - counts.oldest >= settings.stale_seconds:
        yield f"a label waits since {now - counts.oldest:.0f} s"


def has_drifted(counts: Counts, least: float) -> bool:
    """Whether the share of proprietary windows has increased so much since the last training; 0: never."""
    if counts.share is None or counts.least_share is None or least == 0:
        return False
    return counts.share - counts.least_share >= least


def state_of(target: Target, answer: Due) -> StateName:
    """The state of a target in one word."""
    if target.running:
        return "running"
    if answer:
        return "due"
    if target.paused:
        return "paused"
    return "retrying" if target.failures else "waiting"
