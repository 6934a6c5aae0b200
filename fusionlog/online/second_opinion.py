"""Second opinions: the choice of general windows that are referred to the teacher, by their acquisition score."""

from __future__ import annotations

from msgspec.structs import replace

from fusionlog.active_learning.acquisition import acquisition_score
from fusionlog.active_learning.budget import QuantileBudget
from fusionlog.decision import UNDECIDED
from fusionlog.novelty.profile import SystemProfile
from fusionlog.novelty.similarity import bag_of_events
from fusionlog.online.knowledge import Knowledge
from fusionlog.records import Route, Window
from fusionlog.releases import BASE
from fusionlog.settings import SecondOpinionSettings
from fusionlog.utils.bounded_cache import BoundedCache

KEPT_SCORES = 50_000


class SecondOpinion:
    """Selects general windows of one system for a second opinion, within the budget of the settings. Not thread-safe.

    :param profile: the system's, which gives the surprisal of a window.
    """

    def __init__(self, settings: SecondOpinionSettings, profile: SystemProfile) -> None:
        self._settings, self._profile = settings, profile
        self._budget = QuantileBudget(settings)
        self._similarities: BoundedCache[str, float] = BoundedCache(KEPT_SCORES)
        self._referred: BoundedCache[str, float] = BoundedCache(KEPT_SCORES)
        self._labelled = 0

    def open_to(self, knowledge: Knowledge) -> bool:
        """Whether verdicts on the system are referred at all now."""
        return self._settings.share > 0.0 and knowledge.rules.second_opinion and knowledge.queries_teacher

    def refer(self, window: Window, probability: float, knowledge: Knowledge) -> float | None:
        """The acquisition score of a window that is referred to the teacher; None for one that is not.

        A window of a shape that waits for its second opinion is referred with it, for it costs no more. A window that
        the teacher, or an operator, labelled is not referred.

        :param probability: of the verdict on it.
        """
        labelled = (knowledge.operators.label_of(window) or knowledge.label_of(window.shape)) is not None
        waiting = None if labelled else self._referred.get(window.shape)
        if waiting is not None:
            return waiting
        score = 0.0 if labelled else self._score(window, probability, knowledge)
        if not self._budget.query(score):
            return None
        self._referred.put(window.shape, score)
        return score

    def unanswered(self, window: Window) -> None:
        """Note that a referred window came back without a label: others of its shape are no longer referred with it."""
        self._referred.pop(window.shape)

    def _score(self, window: Window, probability: float, knowledge: Knowledge) -> float:
        """The present acquisition score. A model that was never trained on the system counts as undecided."""
        [version] = knowledge.versions_of([window])
        trained = knowledge.release(version).system != BASE
        surprisal = self._profile.features(window).surprisal
        return acquisition_score(probability if trained else UNDECIDED, self._similarity(window, knowledge), surprisal)

    def _similarity(self, window: Window, knowledge: Knowledge) -> float:
        """The similarity to the nearest labelled window, cached by shape until another one is labelled."""
        if knowledge.labelled != self._labelled:
            self._labelled, self._similarities = knowledge.labelled, BoundedCache(KEPT_SCORES)
        found = self._similarities.get(window.shape)
        if found is None:
            found = knowledge.similarity(bag_of_events(window.events))
            self._similarities.put(window.shape, found)
        return found


def referred(window: Window, score: float) -> Window:
    """A window as referred to the teacher: on the proprietary route, with its acquisition score."""
    route = window.route or Route(kind="general", similarity=1.0, threshold=1.0)
    return replace(window, route=replace(route, kind="proprietary", acquisition_score=round(score, 4)))


def acquisition_score_of(window: Window) -> float | None:
    """The acquisition score of a window that was referred to the teacher; None for any other."""
    return window.route.acquisition_score if window.route else None
