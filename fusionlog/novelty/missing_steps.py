"""The usual steps that a window lacks: events that nearly all windows with one of its events have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from fusionlog.novelty.cooccurrence import Deviation
from fusionlog.novelty.failure_lexicon import words
from fusionlog.novelty.profile import SystemProfile
from fusionlog.records import Window

ANOTHER_FORM = 0.75
"""The share of common words from which on an event is another form of a missing one: its template has changed."""
RARE = 0.05
"""The greatest share of comparable windows at which a deviation counts."""


class MissingStep(NamedTuple):
    """A step that a window lacks, and `present` of `windows` windows with an event of it have.

    `beside` is the place of this event in the window: of several the one whose windows lack the step least often.
    """

    template: str
    text: str
    beside: int
    present: int
    windows: int

    @property
    def share(self) -> float:
        """The share of the comparable windows that have the step."""
        return self.present / self.windows


def missing_steps(window: Window, profile: SystemProfile, deviations: Sequence[Deviation]) -> Iterator[MissingStep]:
    """The missing steps with a known text, the most surprising one first.

    :param deviations: of the window; those above `RARE` are left out.
    """
    here = [set(words(event.text).split()) for event in window.events]
    found: dict[str, Deviation] = {}
    missing = (each for each in deviations if each.kind == "missing" and each.share <= RARE)
    for each in sorted(missing, key=lambda each: (each.share, each.other)):
        found.setdefault(each.other, each)
    for each in found.values():
        text = profile.text(each.other)
        if text and not _is_among(set(words(text).split()), here):
            windows = round(each.of)
            yield MissingStep(each.other, text, each.event, windows - each.number, windows)


def _is_among(missing: AbstractSet[str], here: Sequence[AbstractSet[str]]) -> bool:
    """Whether an event of the window is another form of a missing one. One without words of letters is none."""
    return bool(missing) and any(len(missing & each) >= ANOTHER_FORM * len(missing | each) for each in here)
