"""Decisions on general windows of one system: settled verdicts, and windows referred for a second opinion.

The score worker and `evaluate` both decide by these functions. No Kafka, no clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fusionlog.online.calibrated_detector import CalibratedDetector
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.scorer import Scorer
from fusionlog.online.second_opinion import SecondOpinion, acquisition_score_of, referred
from fusionlog.online.verdict import Verdict
from fusionlog.records import Window
from fusionlog.settings import SecondOpinionSettings

BATCH_WINDOWS = 20
"""Windows of a recording that arrive together: the score worker takes those that Kafka has."""


@dataclass(frozen=True)
class SystemState:
    """The state that verdicts on one system depend on. For one thread at a time; its knowledge may change from any."""

    knowledge: Knowledge
    scorer: Scorer
    detector: CalibratedDetector
    second_opinion: SecondOpinion

    @classmethod
    def of(cls, knowledge: Knowledge, scorer: Scorer, settings: SecondOpinionSettings) -> SystemState:
        """The initial state of a system: an empty profile."""
        detector = CalibratedDetector(knowledge)
        return cls(knowledge, scorer, detector, SecondOpinion(settings, detector.profile))


@dataclass
class Decisions:
    """The decisions on a batch by a window's place: a verdict, or the window referred to the teacher."""

    settled: list[tuple[int, Verdict]] = field(default_factory=list)
    referred: list[tuple[int, Window]] = field(default_factory=list)


def decide(windows: Sequence[Window], state: SystemState, may_refer: bool = True) -> Decisions:
    """Decide on a batch of general windows of one system, and count it into the system's profile.

    A window that comes back from the teacher without a label is settled, and not counted again.

    :param may_refer: whether a window can be referred to the teacher at all.
    :raises ModelError: the system has no release yet, or its model does not load or run.
    """
    found, refers = Decisions(), may_refer and state.second_opinion.open_to(state.knowledge)
    for place, (window, verdict) in enumerate(zip(windows, verdicts(windows, state), strict=True)):
        score = _refer(window, verdict, state, refers)
        if score is None:
            found.settled.append((place, verdict))
        else:
            found.referred.append((place, referred(window, score)))
    state.detector.update([window for window in windows if acquisition_score_of(window) is None])
    return found


def verdicts(windows: Sequence[Window], state: SystemState) -> list[Verdict]:
    """The present verdict on each window: the teacher's label, else the calibrated score of the model.

    :raises ModelError: the system has no release yet, or its model does not load or run.
    """
    labels = state.knowledge.labels_for(windows)
    rest = [window for window, label in zip(windows, labels, strict=True) if label is None]
    scores = iter(state.detector.calibrated(rest, state.scorer.score(rest, state.knowledge)) if rest else ())
    return [next(scores) if label is None else label for label in labels]


def _refer(window: Window, verdict: Verdict, state: SystemState, refers: bool) -> float | None:
    if acquisition_score_of(window) is not None:
        state.second_opinion.unanswered(window)
        return None
    return state.second_opinion.refer(window, verdict.probability, state.knowledge) if refers else None
