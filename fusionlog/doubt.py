"""Which verdicts of the small model are worth a teacher's second opinion.

The router looks at single events. A window of nothing but known events may still be one that the model was never
taught: a step repeated, a step missing, an end too early. Three things tell, without a label: how far the model is from
being sure, how far the window is from the nearest one that a teacher judged, and which habits of the system it breaks.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from fusionlog.habits import Habits
from fusionlog.knowledge import Knowledge
from fusionlog.parsing.memo import Memo
from fusionlog.records import Route, Window
from fusionlog.releases import BASE
from fusionlog.settings import DoubtSettings

SURPRISE_WEIGHT = 0.5
START = 1.0
"""The first threshold: a model that cannot tell, or what is unlike one window in a hundred."""
STEP = 0.1


def doubt(probability: float, resemblance: float, surprise: float) -> float:
    """1 - |2p - 1|, plus the distance to the nearest judged window, plus half the surprise (see `habits`).

    0 is a sure verdict on a usual window; what is unlike one window in a hundred has 1 by that alone.
    """
    return (1.0 - abs(2.0 * probability - 1.0)) + (1.0 - resemblance) + SURPRISE_WEIGHT * surprise


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
    habits: Habits

    def __post_init__(self) -> None:
        self._doubts = Doubts(self.settings)
        self._memo: Memo[str, float] = Memo(KEPT_DOUBTS)
        self._asked: Memo[str, float] = Memo(KEPT_DOUBTS)
        self._known = ("", 0)

    def asks(self, window: Window, probability: float, knowledge: Knowledge) -> float | None:
        """The doubt in the model's verdict on a window, where the teacher should be asked about it; else None.

        A window of a shape that is being asked about goes along, for it costs nothing more. What the teacher has judged
        is not doubted.
        """
        if self.settings.share == 0.0 or not knowledge.rules.doubts or not knowledge.asks:
            return None
        judged = knowledge.verdict_of(window.shape) is not None
        along = None if judged else self._asked.get(window.shape)
        if along is not None:
            return along
        value = 0.0 if judged else self._doubt(window, probability, knowledge)
        if not self._doubts.asks(value):
            return None
        self._asked.put(window.shape, value)
        return value

    def unanswered(self, window: Window) -> None:
        """A doubted window came back without an answer: others of its shape do not go along any more."""
        self._asked.pop(window.shape)

    def _doubt(self, window: Window, probability: float, knowledge: Knowledge) -> float:
        """Remembered by shape until a model or a label comes. A model never taught this system is not believed."""
        version = knowledge.version_of(window)
        known = (version, len(knowledge.judged))
        if known != self._known:
            self._known, self._memo = known, Memo(KEPT_DOUBTS)
        value = self._memo.get(window.shape)
        if value is None:
            taught = knowledge.release(version).system != BASE
            surprise = self.habits.surprise(window)
            value = doubt(probability if taught else 0.5, knowledge.resemblance(window), surprise)
            self._memo.put(window.shape, value)
        return value
