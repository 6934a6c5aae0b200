"""Offline verdicts in order: each window by those before it, however windows are batched.

While a system is being learned a verdict is provisional: little was counted before it. When the learning phase ends,
its windows get their verdicts again, each by all others of the phase. So the final verdicts depend on the windows and
their order alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from fusionlog.records import Window
from fusionlog.teachers.base import Verdict
from fusionlog.teachers.offline.teacher import OfflineTeacher

LEARNING_WINDOWS = 200
"""Windows of a system's learning phase."""


@dataclass(frozen=True)
class OrderedVerdict:
    """A window and its verdict; `provisional` where a final verdict on it follows, `again` where it is this one.

    :param window: where the verdict is `again`, with the probability in the provisional one.
    """

    window: Window
    verdict: Verdict
    provisional: bool = False
    again: bool = False


class VerdictsInOrder:
    """The verdicts of an offline teacher on the windows of its systems, one after the other.

    :param teacher: counts no window from elsewhere in between.
    :param learning: windows of a system's learning phase.
    """

    def __init__(self, teacher: OfflineTeacher, learning: int = LEARNING_WINDOWS) -> None:
        self.teacher, self._learning = teacher, learning
        self._first: dict[str, list[Window]] = {}

    @property
    def systems(self) -> Collection[str]:
        """The systems whose windows were counted."""
        return self.teacher.systems

    def learned(self, system: str) -> int:
        """The number of windows of a system's learning phase so far, `learning` at most.

        A lent profile of so many windows ends the phase.
        """
        return min(self.teacher.counted(system), self._learning)

    def take(self, windows: Sequence[Window]) -> Iterator[OrderedVerdict]:
        """The verdicts on these windows, and again those on the windows of a learning phase that ends in them.

        Each is computed when it is iterated to: up to the next one the teacher's profile is that of the verdict.
        """
        self.teacher.prepare(windows)
        for window in windows:
            yield from self._take(window)

    def count(self, windows: Sequence[Window]) -> None:
        """Take windows whose verdicts are out already: of the learning phase alone they are computed."""
        self.teacher.prepare([window for window in windows if not self._is_learned(window.system)][: self._learning])
        for window in windows:
            if self._is_learned(window.system):
                self.teacher.count([window])
            else:
                for _ in self._take(window):
                    pass

    def at_present(self, window: Window) -> OrderedVerdict:
        """The verdict on a window that is not counted now: one that goes another way, or was counted before."""
        return OrderedVerdict(window, self.teacher.verdict(window, own=window.provisional is not None))

    def finish(self, system: str) -> Iterator[OrderedVerdict]:
        """The final verdicts on the windows of a learning phase, which ends: no further window comes."""
        for window in self._first.pop(system, []):
            yield OrderedVerdict(window, self.teacher.verdict(window, own=True), again=True)

    def _is_learned(self, system: str) -> bool:
        return self.learned(system) >= self._learning and system not in self._first

    def _take(self, window: Window) -> Iterator[OrderedVerdict]:
        system, verdict = window.system, self.teacher.verdict(window)
        provisional = self.learned(system) < self._learning
        yield OrderedVerdict(window, verdict, provisional)
        self.teacher.count([window])
        if provisional:
            self._first.setdefault(system, []).append(replace(window, provisional=verdict.probability))
        if self.learned(system) >= self._learning:
            yield from self.finish(system)
