"""How a sample's sessions end: after which gap, and after how many lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fusionlog.onboarding.key_candidates import Keys

STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
USUAL_IDLE = 600
"""Seconds: where only few gaps are longer, a session that rests longer is cut."""
MAX_EVENTS = 500


def guess_idle(keys: Keys, times: Sequence[float | None]) -> int | None:
    """Seconds after which a session ends: three times the 99.9th percentile of the gaps within sessions, rounded up.

    Not more than ten minutes, unless one of ten gaps is longer than a minute. None: the lines have no times.
    """
    gaps = sorted(_gaps(keys, times))
    if not gaps:
        return None
    most = max(USUAL_IDLE, 10 * gaps[int(0.9 * (len(gaps) - 1))])
    return _rounded(min(3 * gaps[int(0.999 * (len(gaps) - 1))], most))


def guess_max_events(keys: Keys) -> int:
    """Lines of a session, at most: 500, or twice as many as a long one has."""
    sizes = sorted(Counter(key for key in keys if key is not None).values())
    long = sizes[int(0.99 * (len(sizes) - 1))] if sizes else 0
    return MAX_EVENTS if 2 * long <= MAX_EVENTS else -(-2 * long // MAX_EVENTS) * MAX_EVENTS


def _gaps(keys: Keys, times: Sequence[float | None]) -> list[float]:
    last: dict[str, float] = {}
    gaps = []
    for key, time in zip(keys, times, strict=True):
        if key is not None and time is not None:
            if key in last:
                gaps.append(max(time - last[key], 0.0))
            last[key] = max(time, last.get(key, time))
    return gaps


def _rounded(seconds: float) -> int:
    return next((step for step in STEPS if step >= seconds), STEPS[-1])
