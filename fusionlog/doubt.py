"""Which verdicts of the small model are worth a teacher's second opinion.

The router looks at single events. A window of nothing but known events may still be one that the model was never
taught: a step repeated, a step missing, an end too early. Three things tell, without a label: how far the model is from
being sure, how far the window is from the nearest one that a teacher judged, and which habits of the system it breaks.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from fusionlog import decision
from fusionlog.knowledge import Knowledge
from fusionlog.novelty.profile import SystemProfile
from fusionlog.parsing.memo import Memo
from fusionlog.records import PseudoLabel, Route, Window
from fusionlog.releases import BASE
from fusionlog.settings import DoubtSettings

SURPRISAL_WEIGHT = 0.5
START = 1.0
"""The first threshold: a model that cannot tell, or what is unlike one window in a hundred."""
STEP = 0.1
CONTRADICTION = 1.0
"""The doubt in a verdict that is not what the teacher said of this very shape, which the model was taught."""


def doubt(probability: float, resemblance: float, surprisal: float) -> float:
    """1 - |2p - 1|, plus the distance to the nearest judged window, plus half the surprisal (see `SystemProfile`).

    0 is a sure verdict on a usual window; what is unlike one window in a hundred has 1 by that alone.
    """
    return (1.0 - abs(2.0 * probability - 1.0)) + (1.0 - resemblance) + SURPRISAL_WEIGHT * surprisal


@dataclass
class Doubts:
    """The most doubtful of the windows that come by, a stated share of them: those are asked about.

    The threshold follows the quantile by stochastic approximation (Robbins and Monro, 1951): each window that is asked
    about raises it, each that is not lowers it, so that in the long run `share` of the windows lie above. It never
    falls below `floor`, so that where little is doubtful, little is asked.
    """

    settings: DoubtSettings
    threshold: float = START

    def asks(self, value: float) -> bool:
        """Whether a window of this doubt is one of them."""
        share = self.settings.share
        if share == 0.0:
            return False
        asked = value >= self.threshold
        step = STEP * (1.0 - share) if asked else -STEP * share
        self.threshold = max(self.settings.floor, self.threshold + step)
        return asked


def doubted(window: Window, value: float) -> Window:
    """The window on its way to the teacher, with the doubt it is sent for."""
    route = window.route or Route(kind="general", similarity=1.0, threshold=1.0)
    return replace(window, route=replace(route, kind="proprietary", doubt=round(value, 4)))


def doubt_of(window: Window) -> float | None:
    """The doubt for which a window was sent to the teacher; None where it was not for a doubt."""
    return window.route.doubt if window.route else None


KEPT_DOUBTS = 50_000


@dataclass
class Doubter:
    """Doubts the small model's verdicts on one system. For one thread at a time."""

    settings: DoubtSettings
    profile: SystemProfile

    def __post_init__(self) -> None:
        self._doubts = Doubts(self.settings)
        self._memo: Memo[str, float] = Memo(KEPT_DOUBTS)
        self._asked: Memo[str, float] = Memo(KEPT_DOUBTS)
        self._known = 0

    def asks(self, window: Window, probability: float, knowledge: Knowledge) -> float | None:
        """The doubt in the model's verdict on a window, where the teacher should be asked about it; else None.

        A window of a shape that is being asked about goes along, for it costs nothing more. What the teacher has judged
        is not doubted, except where it judges a shape anew each time: there it is, the more so what contradicts it.
        """
        if self.settings.share == 0.0 or not knowledge.rules.doubts or not knowledge.asks:
            return None
        said = knowledge.verdict_of(window.shape)
        judged = said is not None
        if said is not None and knowledge.rules.offline and _contradicts(window, probability, said, knowledge):
            return CONTRADICTION
        along = None if judged else self._asked.get(window.shape)
        if along is not None:
            return along
        certain = judged and not knowledge.rules.offline
        value = 0.0 if certain else self._doubt(window, probability, knowledge)
        if not self._doubts.asks(value):
            return None
        self._asked.put(window.shape, value)
        return value

    def unanswered(self, window: Window) -> None:
        """A doubted window came back without an answer: others of its shape do not go along any more."""
        self._asked.pop(window.shape)

    def _doubt(self, window: Window, probability: float, knowledge: Knowledge) -> float:
        """The doubt as of now: the profile keeps the surprisal. A model never taught this system is not believed."""
        taught = knowledge.release(knowledge.version_of(window)).system != BASE
        surprisal = self.profile.features(window).surprisal
        return doubt(probability if taught else decision.UNDECIDED, self._resemblance(window, knowledge), surprisal)

    def _resemblance(self, window: Window, knowledge: Knowledge) -> float:
        """The resemblance to the nearest judged window, cached by shape until another one is judged."""
        if len(knowledge.judged) != self._known:
            self._known, self._memo = len(knowledge.judged), Memo(KEPT_DOUBTS)
        found = self._memo.get(window.shape)
        if found is None:
            found = knowledge.resemblance(window)
            self._memo.put(window.shape, found)
        return found


def _contradicts(window: Window, probability: float, said: PseudoLabel, knowledge: Knowledge) -> bool:
    """Whether the model's verdict on a window is another one than its teacher's on the shape."""
    release = knowledge.release(knowledge.version_of(window))
    threshold = release.threshold if release.calibration is None else decision.THRESHOLD
    return (probability >= threshold) != decision.is_anomalous(said.probability)
