"""Model inputs of windows under a release, and a cache key that windows of equal content share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fusionlog.detector.batch import Batch, BatchBuffer, collate, gather
from fusionlog.types import FloatArray, IntArray

ContentKey = tuple[str, tuple[tuple[str, int], ...]]
"""Windows of one key get one verdict of a release: the shape (the hash of the lines, for a detector that looks at
order), and the rows of the bank that stand in for templates."""


@dataclass(frozen=True, eq=False)
class Description:
    """The cache keys and model inputs of windows under a release; `keys` has one a window.

    :param vectors: of the windows' distinct events after substitution, `[n, dim]`.
    :param rows: those of `vectors` that stand in each window. :param counts: how often each of them does.
    :param orders: the event of each line of each window; None for a detector that does not look at order.
    """

    keys: list[ContentKey]
    vectors: FloatArray
    rows: list[list[int]]
    counts: list[list[int]]
    orders: list[IntArray] | None

    def batch(self, places: Sequence[int], buffer: BatchBuffer | None = None) -> Batch:
        """The inputs of the windows at these places.

        :param buffer: memory for the batch; default: memory of its own.
        """
        rows, counts = [self.rows[place] for place in places], [self.counts[place] for place in places]
        if self.orders is None:
            return gather(self.vectors, rows, counts, buffer or BatchBuffer())
        windows = [
            (self.vectors[row], np.array(count, dtype=np.float32)) for row, count in zip(rows, counts, strict=True)
        ]
        return collate(windows, [self.orders[place] for place in places])
