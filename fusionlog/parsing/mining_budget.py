"""A budget of work that grows with the lines read, not with the clock: equal streams are refused equal work."""

from __future__ import annotations


class MiningBudget:
    """Operations that a system's lines may cost: some at once, and some more with each line.

    :param burst: operations of a full budget; it is full at the start.
    :param per_line: operations that each line read adds, up to a full budget.
    """

    def __init__(self, burst: int, per_line: int) -> None:
        self._burst, self._per_line = burst, per_line
        self._left, self._lines = burst, 0

    def spend(self, operations: int, lines: int) -> bool:
        """Take operations off the budget; False, and nothing is taken, where they are not left.

        :param lines: lines read up to now.
        """
        self._left = min(self._burst, self._left + (lines - self._lines) * self._per_line)
        self._lines = lines
        if operations > self._left:
            return False
        self._left -= operations
        return True
