"""Batches of model inputs: the distinct events of windows, or their lines in order, padded to one length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from math import prod

import numpy as np

from fusionlog.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Windows as a detector's inputs.

    `events` is `[batch, places, dim]` float32, unit vectors of the windows' distinct events; `counts` is
    `[batch, places]` float32, how often each stands in its window. A count of 0 is padding.

    For a detector that reads the order a place is a line, with a count of 1; `order` `[batch, places]` is the index of
    its event in the window, 0 for padding. Else a place is a distinct event, and `order` is None.
    """

    events: FloatArray
    counts: FloatArray
    order: IntArray | None = None

    def __len__(self) -> int:
        return len(self.counts)

    def by_event(self, values: FloatArray) -> FloatArray:
        """Values of places `[batch, places]` to values of distinct events `[batch, events]`: the maximum of each event.

        They are not negative, and 0 for padding, as probabilities are.
        """
        if self.order is None:
            return values
        found = np.zeros((len(self), int(self.order.max()) + 1), dtype=np.float32)
        np.maximum.at(found, (np.arange(len(self))[:, None], self.order), values)
        return found


def collate(windows: Sequence[tuple[FloatArray, FloatArray]], orders: Sequence[IntArray] | None = None) -> Batch:
    """The batch of windows: each padded to the length of the longest.

    :param windows: event vectors `[n, dim]` and counts `[n]` of each window; n may differ, dim may not.
    :param orders: the event of each line of each window, for a detector that reads the order.
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


class BatchBuffer:
    """A buffer for batches, reused by successive ones: fresh pages for each batch cost as much time as the model."""

    def __init__(self) -> None:
        self._memory = np.empty(0, dtype=np.float32)

    def array(self, *shape: int) -> FloatArray:
        """An uninitialised array of this shape; it overwrites the previous one."""
        size = prod(shape)
        if size > len(self._memory):
            self._memory = np.empty(size, dtype=np.float32)
        return self._memory[:size].reshape(shape)


def gather(
    vectors: FloatArray, rows: Sequence[Sequence[int]], counts: Sequence[Sequence[int]], buffer: BatchBuffer
) -> Batch:
    """The batch of `collate` from shared vectors: each distinct event's vector is given once.

    :param vectors: of distinct events, `[n, dim]`.
    :param rows: those of `vectors` that stand in each window. :param counts: how often each of them does.
    :param buffer: memory for the batch, which is valid until the next one is laid out there.
    """
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    filled = np.arange(max(1, lengths.max())) < lengths[:, None]
    places = np.full(filled.shape, len(vectors), dtype=np.int64)
    numbers = np.zeros(filled.shape, dtype=np.float32)
    places[filled] = np.fromiter(chain.from_iterable(rows), np.int64)
    numbers[filled] = np.fromiter(chain.from_iterable(counts), np.float32)
    padding = np.zeros((1, vectors.shape[1]), dtype=np.float32)
    events = buffer.array(*filled.shape, vectors.shape[1])
    np.concatenate([vectors, padding]).take(places, axis=0, out=events, mode="clip")
    return Batch(events, numbers)


def _padded(rows: Sequence[tuple[FloatArray, FloatArray]], dim: int) -> tuple[FloatArray, FloatArray]:
    """Vectors and counts of each row as `[batch, places, dim]` and `[batch, places]`, zeros behind them."""
    longest = max(1, *(len(counts) for _, counts in rows))
    events = np.zeros((len(rows), longest, dim), dtype=np.float32)
    counts = np.zeros((len(rows), longest), dtype=np.float32)
    for row, (vectors, number) in enumerate(rows):
        events[row, : len(number)] = vectors
        counts[row, : len(number)] = number
    return events, counts
