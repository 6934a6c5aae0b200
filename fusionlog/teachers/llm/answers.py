"""The parser of a language model's answer. It is data: it may set labels of the units of the call, and nothing else.

Accepted at the root: `{"answers": [...]}` (what the strict schema asks for: such a schema must have an object there), a
bare array, or a single answer. A Markdown fence and a `<think>` block around it are taken off; any other prose is
refused. Of an array that was cut off the whole answers before the cut are kept.

An answer belongs to the unit that has exactly its event ids. Ids are unique within a request, so answers that are
swapped, left out, doubled or made up cannot reach the wrong unit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from fusionlog.decision import THRESHOLD, UNSURE_NORMAL
from fusionlog.teachers.base import MAX_REASON_CHARS, EventVerdict, Unit, Verdict, clip

Label = Literal["normal", "anomalous"]
Confidence = Annotated[float, Meta(ge=0.0, le=1.0)]
MAX_CONTENT_CHARS = 400_000
"""More than twenty of the largest units can need (60 events of 300 characters each); beyond it nothing is read."""

_THINK = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
_OPENING = re.compile(r"""\A\s*(?:\{\s*"answers"\s*:\s*)?\[\s*""")
_COMMA = re.compile(r"\s*,\s*")
_SPACE = re.compile(r"\s*\Z")


class EventAnswer(Struct, frozen=True):
    """The model's label of one event."""

    id: int
    label: Label
    confidence: Confidence
    reason: str = ""


class Answer(Struct, frozen=True):
    """The model's label of one unit, and of its events."""

    label: Label
    confidence: Confidence
    events: list[EventAnswer]
    reason: str = ""


def match(content: str | None, units: Sequence[Unit]) -> list[Verdict | str]:
    """A verdict for each unit as it was sent (ids unique over all of them), or why its answer cannot be used."""
    raw, problem = values(content)
    answers: dict[frozenset[int], list[Answer]] = {}
    for value in raw:
        try:
            answer = msgspec.convert(value, Answer)
        except msgspec.ValidationError as error:
            problem = problem or f"an answer does not match the schema: {error}"
            continue
        ids = frozenset(event.id for event in answer.events)
        if len(ids) < len(answer.events):
            problem = problem or "an answer names an event twice"
        else:
            answers.setdefault(ids, []).append(answer)
    return [_verdict(unit, answers, problem) for unit in units]


def values(content: str | None) -> tuple[list[Any], str]:
    """The JSON values that stand for answers, not validated yet, and what was wrong with the text ("" if nothing)."""
    if not content or len(content) > MAX_CONTENT_CHARS:
        return [], "the answer is empty" if not content else f"the answer is longer than {MAX_CONTENT_CHARS} characters"
    text = _unwrapped(content)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _whole_values(text), "the answer is not one JSON value"
    if isinstance(value, dict) and "answers" in value:
        value = value["answers"]
    return (value if isinstance(value, list) else [value]), ""


def probability(label: Label, confidence: float) -> float:
    """The probability of an anomaly: at least one half for the label `anomalous`, less for `normal`."""
    return max(confidence, THRESHOLD) if label == "anomalous" else min(1.0 - confidence, UNSURE_NORMAL)


def _unwrapped(content: str) -> str:
    text = _THINK.sub("", content)
    fenced = _FENCE.match(text)
    return fenced[1] if fenced else text


def _whole_values(text: str) -> list[Any]:
    """The whole elements of an array whose end is missing; none where there is anything else after them."""
    opening = _OPENING.match(text)
    if opening is None:
        return []
    found: list[Any] = []
    place, decoder = opening.end(), json.JSONDecoder()
    while True:
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            return found
        found.append(value)
        comma = _COMMA.match(text, place)
        if comma is None:
            return found if _SPACE.match(text, place) else []
        place = comma.end()


def _verdict(unit: Unit, answers: dict[frozenset[int], list[Answer]], problem: str) -> Verdict | str:
    found = answers.get(frozenset(event.id for event in unit.events), [])
    if len(found) != 1:
        return problem or ("two answers for one unit" if found else "no answer has the ids of the unit's events")
    answer = found[0]
    labels = {event.id: event for event in answer.events}
    return Verdict(
        probability=probability(answer.label, answer.confidence),
        confidence=answer.confidence,
        reason=clip(answer.reason, MAX_REASON_CHARS),
        events=tuple(_event_verdict(labels[event.id]) for event in unit.events),
    )


def _event_verdict(event: EventAnswer) -> EventVerdict:
    return EventVerdict(
        id=event.id,
        probability=probability(event.label, event.confidence),
        reason=clip(event.reason, MAX_REASON_CHARS),
    )
