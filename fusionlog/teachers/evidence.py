"""The evidence beside a window that a teacher is asked about, from the unlabelled windows before it; and neighbours.

An event's line does not show that it was never seen before, that it comes five times where it usually comes once, or
that the line which always follows it is missing. The profile of the system has these counts; no label is in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from math import floor, log1p

from fusionlog.decision import is_anomalous
from fusionlog.novelty.cooccurrence import LEAST_WINDOWS, Deviation
from fusionlog.novelty.missing_steps import RARE, missing_steps
from fusionlog.novelty.profile import SystemProfile
from fusionlog.records import PseudoLabel, Window
from fusionlog.teachers.base import Difference, EventEvidence, MissingEvent, Neighbour, UnitEvidence, clip
from fusionlog.teachers.llm.injections import reads_like_instruction
from fusionlog.utils.redaction import redact

MOST_MISSING = 3
"""Missing events of a window that are shown."""
MAX_TEXT_CHARS = 100
"""Characters of an event that is shown beside a window: of a missing one, or of a neighbour's."""
MAX_REASON_CHARS = 120
MOST_DIFFERENCES = 3
"""Events that are shown of a neighbour: those whose counts differ most."""

_BY = {
    "count": "by the count of an event",
    "missing": "by a missing event",
    "pair": "by two events that seldom meet",
    "last": "by its last event",
    "value": "by a value that a line names",
}


def evidence_of(
    window: Window, places: Sequence[int], profile: SystemProfile, levels: Sequence[str], own: int = 0
) -> UnitEvidence:
    """The evidence on the events of a window at these places; without counts before `LEAST_WINDOWS` windows came.

    :param levels: of these events, one each.
    :param own: how often the window itself was counted; it is left out.
    """
    windows = profile.windows - own
    if windows < LEAST_WINDOWS:
        return UnitEvidence(tuple(EventEvidence(level=level) for level in levels))
    deviations = list(profile.deviations(window, own))
    rare = [each for each in deviations if each.share <= RARE]
    missing = _missing(window, profile, rare)
    events = []
    for place, level in zip(places, levels, strict=True):
        here = [each for each in rare if each.event == place]
        events.append(
            EventEvidence(
                level=level,
                seen=max(0, profile.frequencies.events[window.events[place].template] - own),
                unusual_count=next((_count(each) for each in here if each.kind == "count"), ""),
                missing=tuple(found for at, found in missing if at == place),
                unusual_end=next((_of(each) for each in here if each.kind == "last"), ""),
            )
        )
    value = profile.unusual_value(window, own)
    return UnitEvidence(tuple(events), windows, _surprise(deviations, value.share if value else 1.0))


def neighbour_of(window: Window, label: PseudoLabel, similarity: float) -> Neighbour | None:
    """A labelled window of the same system as it is shown beside a window; None where a text of it reads like an
    instruction, for it would stand in every question about a similar window."""
    found = Neighbour(
        similarity=floor(100 * similarity) / 100,
        label="anomalous" if is_anomalous(label.probability) else "normal",
        reason=clip(redact(label.reason), MAX_REASON_CHARS),
        differs=tuple(_differences(window, label)),
    )
    texts = (found.reason, *(each.text for each in found.differs))
    return None if any(map(reads_like_instruction, texts)) else found


def _differences(window: Window, label: PseudoLabel) -> Iterator[Difference]:
    """The events whose counts differ most between a window and a labelled one."""
    here = {event.template: event.count for event in window.events}
    there = {event.template: event.count for event in label.events}
    texts = {each.template: each.text for each in label.events} | {each.template: each.text for each in window.events}

    def distance(template: str) -> float:
        return abs(log1p(here.get(template, 0)) - log1p(there.get(template, 0)))

    differing = [template for template in texts if distance(template) > 0]
    for template in sorted(differing, key=distance, reverse=True)[:MOST_DIFFERENCES]:
        yield Difference(_shown(texts[template]), here.get(template, 0), there.get(template, 0))


def _shown(text: str) -> str:
    """A text beside a unit as it is sent: redacted, then cut in the middle: what sets events apart is often last."""
    text = redact(text)
    half = MAX_TEXT_CHARS // 2
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[: half - 1]}…{text[-half:]}"


def _missing(window: Window, profile: SystemProfile, rare: Sequence[Deviation]) -> list[tuple[int, MissingEvent]]:
    """The most surprising missing events as they are sent, each with the place of the event beside it."""
    shown = (
        (step.beside, MissingEvent(_shown(step.text), f"{step.present} of {step.windows}"))
        for step in missing_steps(window, profile, rare)
        if not reads_like_instruction(step.text)
    )
    return list(islice(shown, MOST_MISSING))


def _count(deviation: Deviation) -> str:
    return f"as {'many' if deviation.high else 'few'} in {_of(deviation)}"


def _of(deviation: Deviation) -> str:
    return f"{deviation.number} of {deviation.of:.0f}"


def _surprise(deviations: Sequence[Deviation], value: float) -> str:
    """The greatest deviation in words; empty where no event of the window is known.

    :param value: the share of windows whose values deviate as much; 1 where none does.
    """
    shares = [(each.share, _BY[each.kind]) for each in deviations] + [(value, _BY["value"])] * (value < 1)
    share, by = min(shares, default=(0.0, ""))
    if not by or share > RARE:
        return "ordinary" if by else ""
    return f"1 in {floor(1 / share)} sessions deviates as much, {by}"
