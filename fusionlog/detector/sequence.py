"""The order of a window's lines, for detectors that read sequences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import numpy as np

from fusionlog.records import Window
from fusionlog.types import DetectorName, IntArray

ORDERED: frozenset[DetectorName] = frozenset({"gru"})
"""The detectors that are shown a window line by line; the others see its distinct events, with counts."""


def cache_key(window: Window, detector: DetectorName) -> str:
    """The cache key of a window for a detector: its shape, or the hash of its templates line by line."""
    if detector not in ORDERED:
        return window.shape
    lines = ";".join(window.events[place].template for place in window.sequence)
    return blake2b(lines.encode(), digest_size=12).hexdigest()


def cache_keys(windows: Sequence[Window], detector: DetectorName) -> list[str]:
    """The `cache_key` of each window."""
    if detector not in ORDERED:
        return [window.shape for window in windows]
    return [cache_key(window, detector) for window in windows]


def by_cache_key(windows: Iterable[Window], detector: DetectorName) -> list[list[Window]]:
    """Windows grouped by `cache_key`, in order of first occurrence: a detector cannot distinguish those of a group."""
    groups: dict[str, list[Window]] = {}
    for window in windows:
        groups.setdefault(cache_key(window, detector), []).append(window)
    return list(groups.values())


def order_of(window: Window, detector: DetectorName) -> IntArray | None:
    """The event of each line of a window `[lines]`; None for a detector that does not read the order."""
    return np.array(window.sequence, dtype=np.int64) if detector in ORDERED else None
