"""What is unusual in a window, in sentences: for people, and for the model that explains an anomaly."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from fusionlog.novelty.missing_steps import RARE
from fusionlog.novelty.profile import SystemProfile
from fusionlog.records import Window
from fusionlog.teachers.base import EventEvidence, UnitEvidence, chosen_places, clip
from fusionlog.teachers.evidence import evidence_of

MOST_SENTENCES = 6
MAX_NAME_CHARS = 80


def unusual_by(window: Window, profile: SystemProfile, own: int = 1) -> list[str]:
    """The sentences on a window by a profile.

    :param own: how often the window itself was counted; it is left out.
    """
    places = sorted(chosen_places(window))
    return unusual(window, evidence_of(window, places, profile, [""] * len(places), own))


def unusual(window: Window, evidence: UnitEvidence) -> list[str]:
    """The sentences on a window, `MOST_SENTENCES` at most: missing events first, then numbers, the end, rare events."""
    named = [
        (clip(window.events[place].text, MAX_NAME_CHARS), window.events[place].count, each)
        for place, each in zip(sorted(chosen_places(window)), evidence.events, strict=True)
    ]
    return list(islice(_sentences(named, evidence.sessions_before), MOST_SENTENCES))


def _sentences(named: list[tuple[str, int, EventEvidence]], windows: int) -> Iterator[str]:
    for name, _, each in named:
        for missing in each.missing:
            yield f"{missing.text!r} is missing: it is in {missing.usual} windows with {name!r}"
    for name, count, each in named:
        if each.unusual_count:
            yield f"{name!r} has {count} lines: {each.unusual_count} windows with it"
    for name, _, each in named:
        if each.unusual_end:
            yield f"it ends with {name!r}, as do {each.unusual_end} windows with it"
    for name, _, each in sorted(named, key=lambda item: item[2].seen or 0):
        if each.seen is not None and each.seen <= RARE * windows:
            yield f"{name!r} is in {each.seen} of {windows} windows before"
