"""Offline verdicts in order: each window by those before it, however windows are batched.

While a system is being learned a verdict is provisional: little was counted before it. When the learning phase ends,
its windows get their verdicts again, each by all others of the phase. So the final verdicts depend on the windows and
their order alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fusionlog.records import Window
from fusionlog.teachers.base import Verdict
from fusionlog.teachers.offline.teacher import OfflineTeacher

LEARNING_WINDOWS = 200
"""Windows of a system's learning phase."""


@dataclass(frozen=True)
class OrderedVerdict:
    """A window and its verdict; `provisional` where a final verdict on the window follows."""

    window: Window
    verdict: Verdict
    provisional: bool


class VerdictsInOrder:
    """The verdicts of an offline teacher on the windows of its systems, one after the other.

    :param teacher: counts no window from elsewhere in between. A profile that it loads counts as learned.
    :param learning: windows of a system's learning phase.
    """

    def __init__(self, teacher: OfflineTeacher, learning: int = LEARNING_WINDOWS) -> None:
        self._teacher, self._learning = teacher, learning
        self._first: dict[str, list[Window]] = {}

    def learned(self, system: str) -> int:
        """The number of windows of a system's learning phase so far, `learning` at most."""
        return min(self._teacher.counted(system), self._learning)

    def take(self, windows: Sequence[Window]) -> list[OrderedVerdict]:
        """The verdicts on these windows, and again those on the windows of a learning phase that ends in them."""
        self._teacher.prepare(windows)
        return [found for window in windows for found in self._take(window)]

    def finish(self, system: str) -> list[OrderedVerdict]:
        """The final verdicts on the windows of a learning phase, which ends: no further window comes."""
        first = self._first.pop(system, [])
        return [OrderedVerdict(window, self._teacher.verdict(window, own=True), False) for window in first]

    def _take(self, window: Window) -> Iterator[OrderedVerdict]:
        system = window.system
        provisional = self._teacher.counted(system) < self._learning
        yield OrderedVerdict(window, self._teacher.verdict(window), provisional)
        self._teacher.count([window])
        if provisional:
            self._first.setdefault(system, []).append(window)
        if self._teacher.counted(system) >= self._learning:
            yield from self.finish(system)
