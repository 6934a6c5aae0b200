"""The parser of a language model's answer. It is data: it may set labels of the units of the call, and nothing else.

The strict schema asks for `{"answers": [...]}`; the answers are read from wherever they stand in the texts of a reply
(see `reply` and `json_values`). Values of another type are converted where their meaning is plain; all else is an
`AnswerError`.

An answer belongs to the unit that has exactly its event ids. Ids are unique within a request, so answers that are
swapped, left out, doubled or made up cannot reach the wrong unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from fusionlog.decision import THRESHOLD, UNSURE_NORMAL
from fusionlog.teachers.base import MAX_REASON_CHARS, EventVerdict, Unit, Verdict, clip
from fusionlog.teachers.llm.json_values import objects_with
from fusionlog.teachers.llm.reply import AnswerError, Reply

Label = Literal["normal", "anomalous"]
Confidence = Annotated[float, Meta(ge=0.0, le=1.0)]
MAX_CONTENT_CHARS = 400_000
"""More than twenty of the largest units can need (60 events of 300 characters each); beyond it nothing is read."""

_LABELS: dict[str, Label] = {
    "normal": "normal",
    "not anomalous": "normal",
    "non-anomalous": "normal",
    "no anomaly": "normal",
    "false": "normal",
    "anomalous": "anomalous",
    "anomaly": "anomalous",
    "abnormal": "anomalous",
    "true": "anomalous",
}
_MARKS = " \t\r\n.!*`'\""


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


class _Unreadable(Exception):
    """A value of an answer has no plain meaning; the message names the field."""


def match(reply: Reply, units: Sequence[Unit]) -> list[Verdict | AnswerError]:
    """A verdict for each unit as it was sent (ids unique over all of them), or why its answer cannot be used."""
    first: list[Verdict | AnswerError] = []
    for text in reply.texts:
        found = _matched(text, reply, units)
        if any(isinstance(each, Verdict) for each in found):
            return found
        first = first or found
    return first or [reply.error("")] * len(units)


def usable(found: list[Verdict | AnswerError]) -> list[Verdict | AnswerError]:
    """What was found in an answer, where at least one unit has a verdict.

    :raises AnswerError: none has.
    """
    errors = [each for each in found if isinstance(each, AnswerError)]
    if errors and len(errors) == len(found):
        errors[0].several = len(found) > 1
        raise errors[0]
    return found


def probability(label: Label, confidence: float) -> float:
    """The probability of an anomaly: at least one half for the label `anomalous`, less for `normal`."""
    return max(confidence, THRESHOLD) if label == "anomalous" else min(1.0 - confidence, UNSURE_NORMAL)


def number(value: Any) -> float | None:
    """A finite number, also one that stands in a text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if isfinite(found) else None


def whole_number(value: Any) -> int | None:
    """A whole number, also one that stands in a text; None for anything else."""
    found = number(value)
    return int(found) if found is not None and found.is_integer() and abs(found) < 2**53 else None


def plain_text(value: Any, limit: int) -> str:
    """A text that can be published, cut; empty for anything else."""
    return clip(value.encode("utf-8", "replace").decode(), limit) if isinstance(value, str) else ""


def _matched(text: str, reply: Reply, units: Sequence[Unit]) -> list[Verdict | AnswerError]:
    """The verdicts that one text of a reply holds."""
    if len(text) > MAX_CONTENT_CHARS:
        return [reply.error(f"the answer is longer than {MAX_CONTENT_CHARS} characters")] * len(units)
    answers: dict[frozenset[int], list[Answer]] = {}
    problem = ""
    for value in objects_with(text, "events"):
        try:
            answer = _answer(value)
        except _Unreadable as error:
            problem = problem or f"an answer does not match the schema: {error}"
        else:
            answers.setdefault(frozenset(event.id for event in answer.events), []).append(answer)
    if not answers and not problem:
        problem = "the answer holds no JSON object with a label, a confidence and events"
    return [_verdict(unit, answers, problem, reply) for unit in units]


def _answer(value: dict[str, Any]) -> Answer:
    """The answer in a JSON object.

    :raises _Unreadable: a value of it has no plain meaning.
    """
    events = list(_events(value["events"]))
    scale = _scale([value.get("confidence"), *(each.get("confidence") for each in events)])
    answer = Answer(
        label=_label(value.get("label")),
        confidence=_confidence(value.get("confidence"), scale),
        events=[
            EventAnswer(
                _id(each.get("id")), _label(each.get("label")), _confidence(each.get("confidence"), scale),
                plain_text(each.get("reason"), MAX_REASON_CHARS),
            )
            for each in events
        ],
        reason=plain_text(value.get("reason"), MAX_REASON_CHARS),
    )  # fmt: skip
    if len({event.id for event in answer.events}) < len(events):
        raise _Unreadable("it names an event twice")
    return answer


def _events(value: Any) -> Iterator[dict[str, Any]]:
    """The events of an answer: a list, a single one, or an object that has them by id."""
    if isinstance(value, dict):
        by_id = [{"id": id, **each} for id, each in value.items() if isinstance(each, dict)]
        value = by_id if len(by_id) == len(value) else [value]
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise _Unreadable("events is not a list of objects")
    yield from value


def _id(value: Any) -> int:
    found = whole_number(value)
    if found is None:
        raise _Unreadable("an id is not a whole number")
    return found


def _label(value: Any) -> Label:
    if isinstance(value, bool):
        return "anomalous" if value else "normal"
    found = _LABELS.get(value.strip(_MARKS).lower()) if isinstance(value, str) else None
    if found is None:
        raise _Unreadable("a label is neither normal nor anomalous")
    return found


def _scale(confidences: Sequence[Any]) -> float:
    """100 where all confidences of an answer can be nothing but percent, else 1."""
    found = [number(value) for value in confidences]
    return 100.0 if all(each is not None and 1.0 < each <= 100.0 for each in found) else 1.0


def _confidence(value: Any, scale: float) -> float:
    if isinstance(value, str) and value.strip().endswith("%"):
        value, scale = value.strip()[:-1], 100.0
    found = number(value)
    if found is None or not 0.0 <= found / scale <= 1.0:
        raise _Unreadable("a confidence is not a number from 0 to 1")
    return found / scale


def _verdict(
    unit: Unit, answers: dict[frozenset[int], list[Answer]], problem: str, reply: Reply
) -> Verdict | AnswerError:
    found = answers.get(frozenset(event.id for event in unit.events), [])
    if len(found) != 1:
        missing = "two answers for one unit" if found else "no answer has the ids of the unit's events"
        return reply.error(problem or missing)
    answer = found[0]
    labels = {event.id: event for event in answer.events}
    return Verdict(
        probability=probability(answer.label, answer.confidence),
        confidence=answer.confidence,
        reason=answer.reason,
        events=tuple(_event_verdict(labels[event.id]) for event in unit.events),
    )


def _event_verdict(event: EventAnswer) -> EventVerdict:
    return EventVerdict(id=event.id, probability=probability(event.label, event.confidence), reason=event.reason)
