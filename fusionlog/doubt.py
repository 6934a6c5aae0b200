"""Which verdicts of the small model are worth a teacher's second opinion.

The router looks at single events. A window of nothing but known events may still be one that the model was never
taught: a step repeated, a step missing, an end too early. Two things tell, without a label: how far the window is from
the nearest one that a teacher judged, and how far the model is from being sure.
"""

from __future__ import annotations

from dataclasses import dataclass

from fusionlog.settings import DoubtSettings


def doubt(probability: float, resemblance: float) -> float:
    """From 0 (sure, and of a known window) to 2: 1 - |2p - 1| plus the distance to the nearest judged window."""
    return (1.0 - abs(2.0 * probability - 1.0)) + (1.0 - resemblance)


@dataclass
class Allowance:
    """How many windows may be doubted: a stock for a system that is new, then a share of what comes by.

    A window that is let through costs one; without the rest, a system where no two windows are alike would send every
    one of them to the teacher.
    """

    settings: DoubtSettings
    left: float = -1.0

    def __post_init__(self) -> None:
        if self.left < 0:
            self.left = float(self.settings.stock)

    def seen(self, windows: int) -> None:
        """Windows have come by."""
        self.left = min(self.left + self.settings.share * windows, max(self.left, self.settings.stock))

    def spend(self, value: float) -> bool:
        """Whether a window of this doubt is worth asking about, and may be."""
        if value < self.settings.floor or self.left < 1.0:
            return False
        self.left -= 1.0
        return True
