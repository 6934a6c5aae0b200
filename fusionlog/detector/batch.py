"""What a detector looks at: the distinct events of some windows, padded to one length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fusionlog.types import FloatArray


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Windows as a detector's inputs.

    `events` is `[batch, events, dim]` float32, unit vectors of the windows' distinct events; `counts` is
    `[batch, events]` float32, how often each stands in its window. A count of 0 is padding.
    """

    events: FloatArray
    counts: FloatArray

    def __len__(self) -> int:
        return len(self.counts)


def collate(windows: Sequence[tuple[FloatArray, FloatArray]]) -> Batch:
    """Pad windows to the most events that one of them has.

    :param windows: event vectors `[n, dim]` and counts `[n]` of each window; n may differ, dim may not.
    :return: a batch of `len(windows)` windows.
    :raises ValueError: no window is given, or their shapes do not fit together.
    """
    if not windows:
        raise ValueError("a batch needs at least one window")
    longest = max(1, *(len(counts) for _, counts in windows))
    dim = windows[0][0].shape[1]
    events = np.zeros((len(windows), longest, dim), dtype=np.float32)
    counts = np.zeros((len(windows), longest), dtype=np.float32)
    for row, (vectors, number) in enumerate(windows):
        if vectors.shape != (len(number), dim):
            raise ValueError(f"window {row} has vectors {vectors.shape} for {len(number)} counts of dimension {dim}")
        events[row, : len(number)] = vectors
        counts[row, : len(number)] = number
    return Batch(events, counts)
