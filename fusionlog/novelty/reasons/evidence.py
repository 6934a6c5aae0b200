"""The evidence of an anomaly beside what is usual: typical counts, unusual values, and the steps that are missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice

from msgspec.structs import replace

from fusionlog.novelty.cooccurrence import LEAST_WINDOWS, Deviation
from fusionlog.novelty.failure_lexicon import reports_failure
from fusionlog.novelty.missing_steps import RARE, MissingStep, missing_steps
from fusionlog.novelty.profile import SystemProfile
from fusionlog.novelty.reasons.telling import by_telling
from fusionlog.records import Evidence, Window, WindowEvent

MOST_ADDED = 3
"""Events of the window that are added to the evidence of a verdict, at most: those that are unusual."""
MOST_ABSENT = 3
"""Absent events of an anomaly, at most."""


def compared(evidence: Sequence[Evidence], window: Window, profile: SystemProfile, own: int = 1) -> list[Evidence]:
    """The evidence of a window's verdict with what is usual of each event, and what is unusual in the window beside it.

    The most telling event comes first. Before `LEAST_WINDOWS` windows came, nothing is added.

    :param own: how often the window itself was counted; it is left out.
    """
    windows = profile.windows - own
    if windows < LEAST_WINDOWS:
        return by_telling(evidence)
    deviations = [each for each in profile.deviations(window, own) if each.share <= RARE]
    absent = [_absent(step, window, profile) for step in missing_steps(window, profile, deviations)][:MOST_ABSENT]
    unusual_counts = {each.event for each in deviations if each.kind == "count"}
    value = profile.unusual_value(window, own)
    phrase = {value.event.template: value.phrase} if value is not None and value.share <= RARE else {}

    def usual(each: Evidence) -> Evidence:
        seen = max(0, profile.frequencies.events[each.template] - own)
        place = next((n for n, event in enumerate(window.events) if event.template == each.template), -1)
        return replace(
            each, typical=profile.typical_count(each.template), share=min(1.0, seen / windows), windows=windows,
            atypical=place in unusual_counts, value=phrase.get(each.template, ""),
        )  # fmt: skip

    here = {each.template for each in evidence}
    unusual = (event for event in _unusual(window, deviations, profile, own) if event.template not in here)
    valued = (event for event in window.events if event.template in phrase and event.template not in here)
    added = {event.template: event for event in (*valued, *unusual)}
    present = [*evidence, *map(evidence_of, islice(added.values(), MOST_ADDED))]
    return by_telling([*absent, *map(usual, present)])


def evidence_of(event: WindowEvent) -> Evidence:
    """An event of a window as evidence, without a probability."""
    return Evidence(template=event.template, text=event.text, example=event.example, count=event.count)


def _unusual(
    window: Window, deviations: Iterable[Deviation], profile: SystemProfile, own: int
) -> Iterable[WindowEvent]:
    """The rare events of a window that report a failure, the rarest first, then those with an unusual count."""
    most = RARE * (profile.windows - own)
    seen = profile.frequencies.events
    failed = [each for each in window.events if seen[each.template] - own <= most and reports_failure(each.text)]
    yield from sorted(failed, key=lambda event: seen[event.template])
    counts = [each for each in deviations if each.kind == "count"]
    yield from (window.events[each.event] for each in sorted(counts, key=lambda each: each.share))


def _absent(step: MissingStep, window: Window, profile: SystemProfile) -> Evidence:
    return Evidence(
        template=step.template, text=step.text, example="", count=0, absent=True,
        typical=profile.typical_count(step.template), share=step.share, windows=step.windows,
        beside=window.events[step.beside].text,
    )  # fmt: skip
