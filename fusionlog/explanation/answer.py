"""The parser of a language model's explanation: the text of a record, with evidence lines referred to by their ids.

The answer is data, never an instruction. The evidence must be in the window: an id that is not refuses the whole
answer, for its cause then rests on something that nobody logged.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from fusionlog.teachers.base import Unit, clip
from fusionlog.teachers.llm.answers import values

MAX_TEXT_CHARS = 1000
"""Characters of a cause or a next step that are kept."""


class Answer(Struct, frozen=True):
    """An explanation as the model answers it. `next_step` may be missing: a recorded teacher has none."""

    root_cause: str
    evidence: list[int]
    next_step: str = ""


def read(content: str | None, unit: Unit) -> Answer | str:
    """The explanation of a unit in the content of an answer, or the reason why the answer cannot be used."""
    found, problem = values(content)
    if problem:
        return problem
    if len(found) != 1:
        return f"one JSON object was asked for, not {len(found)}"
    try:
        answer = msgspec.convert(found[0], Answer)
    except msgspec.ValidationError as error:
        return f"it does not match the schema: {error}"
    problem = _problem(answer, unit)
    if problem:
        return problem
    evidence = list(dict.fromkeys(answer.evidence))
    return Answer(_kept(answer.root_cause), evidence, _kept(answer.next_step))


def _problem(answer: Answer, unit: Unit) -> str:
    ids = {event.id for event in unit.events}
    unknown = sorted(set(answer.evidence) - ids)
    if unknown:
        return f"its evidence names event {unknown[0]}, and the session has events 1 to {max(ids)}"
    if not answer.evidence:
        return "it names no event as evidence"
    return "" if answer.root_cause.strip() else "its root_cause is empty"


def _kept(text: str) -> str:
    return clip(text.strip(), MAX_TEXT_CHARS)
