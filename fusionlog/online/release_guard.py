"""The guard of one system's releases: the first windows after a swap are scored by the release before it, too.

It stands beside `decisions`, not in it: no verdict depends on it but through the withdrawal of a release, which a
worker acts on. `evaluate`, which compares methods on recordings, has no guard.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from fusionlog.errors import ModelError, ReleaseError
from fusionlog.observability import metrics
from fusionlog.online.decisions import SystemState
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.release_comparison import Finding, Paired, ShapeVerdicts, disagreements, finding, shares
from fusionlog.online.verdict import is_anomalous
from fusionlog.records import ModelRelease, PseudoLabel, Seconds, Window, Withdrawal
from fusionlog.settings import GuardSettings
from fusionlog.types import Clock

log = structlog.get_logger(__name__)


class Objection(NamedTuple):
    """A release that is to be withdrawn, and why."""

    version: str
    withdrawal: Withdrawal


@dataclass
class Comparison:
    """The windows of a system that a new release and the one before it have scored, by shape."""

    new: str
    previous: str
    since: Seconds
    shapes: dict[str, ShapeVerdicts] = field(default_factory=dict)
    windows: int = 0
    looked: tuple[int, int, bool] = (0, 0, False)
    """The windows and labels at the last look, and whether it was to end: without a change nothing is computed."""

    def labelled(self, knowledge: Knowledge) -> list[tuple[ShapeVerdicts, PseudoLabel | None]]:
        """The verdicts on each shape with its present label."""
        return [(verdicts, knowledge.label_of(shape)) for shape, verdicts in self.shapes.items()]


class ReleaseGuard:
    """Compares each new release of a system with the one before. For one thread at a time.

    A release is new where it was made within `FUSIONLOG_GUARD__SECONDS`, or came after this worker's first windows. It
    is compared with the newest release below it that has passed, else with the lowest one kept: a bad release is no
    measure for the next one.
    """

    def __init__(self, settings: GuardSettings, clock: Clock = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._passed: set[str] | None = None
        self._comparison: Comparison | None = None
        self._version: str | None = None

    def observe(self, windows: Sequence[Window], state: SystemState) -> Objection | None:
        """Compare the release in use with the one before on a batch; before it is decided on.

        A release before that cannot score ends the comparison.

        :raises ReleaseError: the model of the new release failed on the batch, or took too long.
        """
        comparison = self._present(state.knowledge) if self._settings.windows else None
        if comparison is None:
            return None
        try:
            _extend(comparison, windows, state, self._settings.windows - comparison.windows)
        except ModelError as error:
            if isinstance(error, ReleaseError) and error.version == comparison.new:
                raise
            self._comparison = None
            log.warning(
                "the guard ends: the release before cannot score", system=state.knowledge.system,
                version=comparison.new, before=comparison.previous, error=str(error),
            )  # fmt: skip
            return None
        return self._conclude(comparison, state.knowledge)

    def _present(self, knowledge: Knowledge) -> Comparison | None:
        """The comparison of the release in use; None where it has passed, or there is nothing to compare it with."""
        version = knowledge.version
        if version != self._version or self._passed is None:
            kept, now = knowledge.kept, self._clock()
            if self._passed is None:
                self._passed = {each.version for each in kept if now - each.created >= self._settings.seconds}
            self._comparison = _begun(kept, self._passed, now)
            self._version = version
        return self._comparison

    def _conclude(self, comparison: Comparison, knowledge: Knowledge) -> Objection | None:
        """What follows from the windows and labels up to now."""
        now = self._clock()
        over = now - comparison.since >= self._settings.seconds
        ended = over or comparison.windows >= self._settings.windows
        look = comparison.windows, knowledge.labelled, over
        if look == comparison.looked:
            return None
        comparison.looked = look
        labelled = comparison.labelled(knowledge)
        share, disagreement = shares(labelled), disagreements(labelled)
        found = finding(share, disagreement, self._settings, ended)
        if found is not None:
            withdrawal = withdrawal_of(found, comparison, share, disagreement, knowledge.system, self._settings, now)
            return Objection(comparison.new, withdrawal)
        if ended:
            self._pass(comparison, share, disagreement, knowledge.system)
        if over:
            self._comparison = None
        return None

    def _pass(self, comparison: Comparison, share: Paired, disagreement: Paired, system: str) -> None:
        """Note that a release stays, once."""
        assert self._passed is not None
        if comparison.new not in self._passed:
            self._passed.add(comparison.new)
            figures = _figures(share, disagreement)
            log.info("model stays", system=system, version=comparison.new, before=comparison.previous, **figures)


def withdrawal_of(
    found: Finding, comparison: Comparison, share: Paired, disagreement: Paired, system: str,
    settings: GuardSettings, now: Seconds,
) -> Withdrawal:  # fmt: skip
    """The record of a withdrawal: its reason as a sentence, and all counts."""
    paired, new, previous = found.paired, comparison.new, comparison.previous
    if found.cause == "share":
        counted = (
            f"of {paired.cases} windows of {system}, {new} calls {paired.new} anomalous, {previous} before it "
            f"{paired.previous}"
        )
        setting = f"FUSIONLOG_GUARD__SHARE allows {settings.share:g}"
    else:
        counted = (
            f"of {paired.cases} labelled window shapes of {system}, {new} disagrees with the teacher on {paired.new}, "
            f"{previous} before it on {paired.previous}"
        )
        setting = f"FUSIONLOG_GUARD__DISAGREEMENT allows {settings.disagreement:g}"
    return Withdrawal(
        system=system, at=now, cause=found.cause, previous=previous, figures=_figures(share, disagreement),
        reason=f"{counted}: {paired.increase:.3g} of them more, and {setting}",
    )  # fmt: skip


def _begun(kept: Sequence[ModelRelease], passed: set[str], now: Seconds) -> Comparison | None:
    """The comparison of the first of some releases, in rank, with one after it."""
    if len(kept) < 2 or not kept[0].guarded or kept[0].version in passed:
        return None
    proven = (each for each in kept[1:] if each.version in passed or not each.guarded)
    return Comparison(kept[0].version, next(proven, kept[-1]).version, now)


def _extend(comparison: Comparison, windows: Sequence[Window], state: SystemState, room: int) -> None:
    """Score windows of the newer release by both, `room` of them at most."""
    if room <= 0:
        return
    versions = state.knowledge.versions_of(windows)
    part = [window for window, version in zip(windows, versions, strict=True) if version == comparison.new][:room]
    if not part:
        return
    state.detector.begin(comparison.new)
    (models, reported), (models_before, reported_before) = (
        _verdicts(part, version, state) for version in (comparison.new, comparison.previous)
    )
    for window, *pairs in zip(part, models, models_before, reported, reported_before, strict=True):
        verdicts = comparison.shapes.setdefault(window.shape, ShapeVerdicts())
        verdicts.models = pairs[0], pairs[1]
        verdicts.reported.append((pairs[2], pairs[3]))
    comparison.windows += len(part)
    metrics.SHADOW_SCORED.labels(state.knowledge.system).inc(len(part))


def _verdicts(windows: Sequence[Window], version: str, state: SystemState) -> tuple[list[bool], list[bool]]:
    """Whether each window is anomalous by a release: by its model alone, and as a worker reports it."""
    scores = state.detector.shadow_calibrated(windows, state.scorer.score_under(version, windows, state.knowledge))
    labels = state.knowledge.labels_for(windows, version)
    reported = [is_anomalous(score if label is None else label) for score, label in zip(scores, labels, strict=True)]
    return [is_anomalous(score) for score in scores], reported


def _figures(share: Paired, disagreement: Paired) -> dict[str, float]:
    """The counts of a comparison, by name."""
    return {
        "windows": share.cases, "anomalous": share.new, "anomalous_before": share.previous,
        "labelled": disagreement.cases, "disagreeing": disagreement.new, "disagreeing_before": disagreement.previous,
    }  # fmt: skip
