"""Decisions on general windows of one system: settled verdicts, and windows referred for a second opinion.

The score worker and `evaluate` both decide by these functions. No Kafka, no clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fusionlog.online.calibrated_detector import CalibratedDetector
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.scorer import Score, Scorer
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

    def add(self, other: Decisions) -> None:
        """Add those of another part of the batch."""
        self.settled += other.settled
        self.referred += other.referred


def decide(windows: Sequence[Window], state: SystemState, may_refer: bool = True) -> Decisions:
    """Decide on general windows of one system, and count them into the system's profile (see `decide_in_parts`)."""
    found = Decisions()
    for part in decide_in_parts(windows, state, may_refer):
        found.add(part)
    return found


def decide_in_parts(windows: Sequence[Window], state: SystemState, may_refer: bool = True) -> Iterator[Decisions]:
    """The decisions on general windows of one system, part by part: each window by the profile of those before it.

    Up to the next part the profile is that of these decisions. A window that comes back from the teacher without a
    label is settled, and not counted again.

    :param may_refer: whether a window can be referred to the teacher at all.
    :raises ModelError: the system has no release yet, or its model does not load or run.
    """
    refers, of_network = may_refer and state.second_opinion.open_to(state.knowledge), _labels_or_scores(windows, state)
    start = 0
    while start < len(windows):
        stop = _end_of_part(windows, start, state.detector.room)
        part, found = windows[start:stop], Decisions()
        pairs = zip(part, _calibrated(part, of_network[start:stop], state), strict=True)
        for place, (window, verdict) in enumerate(pairs, start):
            score = _refer(window, verdict, state, refers)
            if score is None:
                found.settled.append((place, verdict))
            else:
                found.referred.append((place, referred(window, score)))
        yield found
        state.detector.update([window for window in part if _is_counted(window)])
        start = stop


def verdicts(windows: Sequence[Window], state: SystemState) -> list[Verdict]:
    """The present verdict on each window: the teacher's label, else the calibrated score of the model.

    :raises ModelError: the system has no release yet, or its model does not load or run.
    """
    return _calibrated(windows, _labels_or_scores(windows, state), state)


def _labels_or_scores(windows: Sequence[Window], state: SystemState) -> list[Verdict]:
    """The label of each window, else the score of the network, not calibrated: neither depends on other windows."""
    labels = state.knowledge.labels_for(windows)
    rest = [window for window, label in zip(windows, labels, strict=True) if label is None]
    scores = iter(state.scorer.score(rest, state.knowledge) if rest else ())
    return [next(scores) if label is None else label for label in labels]


def _calibrated(windows: Sequence[Window], found: Sequence[Verdict], state: SystemState) -> list[Verdict]:
    """The verdicts with their scores calibrated by the present profile."""
    pairs = [(window, each) for window, each in zip(windows, found, strict=True) if isinstance(each, Score)]
    scores = iter(state.detector.calibrated([window for window, _ in pairs], [score for _, score in pairs]))
    return [next(scores) if isinstance(each, Score) else each for each in found]


def _end_of_part(windows: Sequence[Window], start: int, room: int) -> int:
    """The end of a part of windows of which `room` are counted, at most."""
    for place in range(start, len(windows)):
        room -= _is_counted(windows[place])
        if room == 0:
            return place + 1
    return len(windows)


def _is_counted(window: Window) -> bool:
    return acquisition_score_of(window) is None


def _refer(window: Window, verdict: Verdict, state: SystemState, refers: bool) -> float | None:
    if acquisition_score_of(window) is not None:
        state.second_opinion.unanswered(window)
        return None
    return state.second_opinion.refer(window, verdict.probability, state.knowledge) if refers else None
