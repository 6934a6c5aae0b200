"""The questions about one system that its teacher has still to answer: what to ask next, and what to ask no more.

The label worker and an evaluation both ask by these, so that both ask the same of the same windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic

from fusionlog.doubt import doubt_of
from fusionlog.knowledge import Knowledge
from fusionlog.labeling.waiting import Item, Waiting
from fusionlog.records import PseudoLabel, Window


class Questions(Generic[Item]):
    """Windows of one system that wait for its teacher, each with what its owner wants back when it waits no longer.

    :param knowledge: what is known of the system; answers are learned by it.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self._waiting: Waiting[Item] = Waiting()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def windows(self) -> list[Window]:
        """One window of each shape that waits."""
        return self._waiting.windows

    def add(self, window: Window, item: Item) -> None:
        """Let a window wait."""
        self._waiting.add(window, item, doubt_of(window) or 0.0)

    def count(self, shape: str) -> int:
        """How many windows of a shape wait."""
        return self._waiting.count(shape)

    def take(self, shape: str) -> list[Item]:
        """The items of a shape, which waits no longer."""
        return self._waiting.take(shape)

    def settled(self) -> Iterator[Item]:
        """The items of what became general meanwhile, or of what is asked no more: it leaves, and the model speaks.

        A doubted window waits for its answer while there is one to wait for.
        """
        for window in self._waiting.windows:
            if not (self.knowledge.asks and (doubt_of(window) or _proprietary(self.knowledge.route(window)))):
                yield from self.take(window.shape)

    def next(self, units: int) -> list[Window]:
        """The windows to ask about in the next call, one of a shape, at most `units`."""
        return self._waiting.choose(units, self.knowledge.strange, self.knowledge.judged)

    def answer(self, label: PseudoLabel) -> list[Item]:
        """Learn what the teacher said; the items of what it was said of, which waits no longer."""
        self.knowledge.learn(label)
        return self.take(label.shape)


def _proprietary(window: Window) -> bool:
    return window.route is None or window.route.kind == "proprietary"
