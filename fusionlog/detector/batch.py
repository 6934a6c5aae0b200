"""What a detector looks at: the distinct events of some windows, or their lines in order, padded to one length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fusionlog.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Windows as a detector's inputs.

    `events` is `[batch, places, dim]` float32, unit vectors of the windows' distinct events; `counts` is
    `[batch, places]` float32, how often each stands in its window. A count of 0 is padding.

    For a detector that looks at order a place is a line, with a count of 1; `order` `[batch, places]` says which of its
    window's events that is, 0 for padding. Else a place is a distinct event, and `order` is None.
    """

    events: FloatArray
    counts: FloatArray
    order: IntArray | None = None

    def __len__(self) -> int:
        return len(self.counts)

    def by_event(self, values: FloatArray) -> FloatArray:
        """Values of places `[batch, places]` as values of distinct events `[batch, events]`: the greatest of each.

        They are not negative, and 0 for padding, as probabilities are.
        """
        if self.order is None:
            return values
        found = np.zeros((len(self), int(self.order.max()) + 1), dtype=np.float32)
        np.maximum.at(found, (np.arange(len(self))[:, None], self.order), values)
        return found


def collate(windows: Sequence[tuple[FloatArray, FloatArray]], orders: Sequence[IntArray] | None = None) -> Batch:
    """Pad windows to the most places that one of them has.

    :param windows: event vectors `[n, dim]` and counts `[n]` of each window; n may differ, dim may not.
    :param orders: which event stands in each line of each window, for a detector that looks at order.
    :return: a batch of `len(windows)` windows.
    :raises ValueError: no window is given, or their shapes do not fit together.
    """
    if not windows:
        raise ValueError("a batch needs at least one window")
    dim = windows[0][0].shape[1]
    for row, (vectors, number) in enumerate(windows):
        if vectors.shape != (len(number), dim):
            raise ValueError(f"window {row} has vectors {vectors.shape} for {len(number)} counts of dimension {dim}")
    if orders is None:
        return Batch(*_padded(windows, dim))
    lines = [
        (vectors[order], np.ones(len(order), dtype=np.float32))
        for (vectors, _), order in zip(windows, orders, strict=True)
    ]
    events, counts = _padded(lines, dim)
    places = np.zeros(counts.shape, dtype=np.int64)
    for row, order in enumerate(orders):
        places[row, : len(order)] = order
    return Batch(events, counts, places)


def _padded(rows: Sequence[tuple[FloatArray, FloatArray]], dim: int) -> tuple[FloatArray, FloatArray]:
    """Vectors and counts of each row as `[batch, places, dim]` and `[batch, places]`, zeros behind them."""
    longest = max(1, *(len(counts) for _, counts in rows))
    events = np.zeros((len(rows), longest, dim), dtype=np.float32)
    counts = np.zeros((len(rows), longest), dtype=np.float32)
    for row, (vectors, number) in enumerate(rows):
        events[row, : len(number)] = vectors
        counts[row, : len(number)] = number
    return events, counts
