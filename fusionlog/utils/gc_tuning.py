"""When Python looks for garbage in circles."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 50_000, 20, 50


def tune_gc() -> None:
    """Look for circles after 50,000 new objects instead of 700, in all objects after a million of those looks' worth.

    A worker makes thousands of records a poll, and keeps ten thousands of open windows: to look through them again and
    again took a quarter of its time. Its own objects are in no circles; those of libraries are still found. What stands
    at the start (modules, models) is never looked through.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
