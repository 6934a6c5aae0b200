"""The parser of a language model's explanation: the text of a record, with evidence lines referred to by their ids.

The answer is data, never an instruction. The evidence must be in the window: an id that is not refuses the whole
answer, for its cause then rests on something that nobody logged.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from fusionlog.teachers.base import Unit
from fusionlog.teachers.llm.answers import plain_text, whole_number
from fusionlog.teachers.llm.json_values import objects_with
from fusionlog.teachers.llm.reply import AnswerError, Reply

MAX_TEXT_CHARS = 1000
"""Characters of a cause or a next step that are kept."""


class Answer(Struct, frozen=True):
    """An explanation as the model answers it. `next_step` may be missing: a recorded teacher has none."""

    root_cause: str
    evidence: list[int]
    next_step: str = ""


def read(reply: Reply, unit: Unit) -> Answer:
    """The explanation of a unit in a reply.

    :raises AnswerError: there is none that can be used.
    """
    first: AnswerError | None = None
    for text in reply.texts:
        try:
            return _read(text, reply, unit)
        except AnswerError as error:
            first = first or error
    raise first or reply.error("")


def _read(text: str, reply: Reply, unit: Unit) -> Answer:
    found = objects_with(text, "root_cause")
    if not found:
        raise reply.error("the answer holds no JSON object with a root_cause")
    if any(each != found[0] for each in found):
        raise reply.error(f"one JSON object was asked for, not {len(found)}")
    evidence = _evidence(found[0].get("evidence"))
    cause, next_step = (
        plain_text(found[0].get(name), MAX_TEXT_CHARS * 10).strip() for name in ("root_cause", "next_step")
    )
    problem = _problem(evidence, unit) or ("" if cause else "its root_cause is empty")
    if evidence is None or problem:
        raise reply.error(problem, understood=evidence is not None and isinstance(found[0]["root_cause"], str))
    return Answer(plain_text(cause, MAX_TEXT_CHARS), evidence, plain_text(next_step, MAX_TEXT_CHARS))


def _evidence(value: Any) -> list[int] | None:
    """The ids of events, each once; None where one of them is no whole number."""
    held = [whole_number(each) for each in (value if isinstance(value, list) else [value])]
    ids = [each for each in held if each is not None]
    return list(dict.fromkeys(ids)) if len(ids) == len(held) else None


def _problem(evidence: list[int] | None, unit: Unit) -> str:
    ids = {event.id for event in unit.events}
    if evidence is None:
        return "its evidence is not a list of event ids"
    unknown = sorted(set(evidence) - ids)
    if unknown:
        return f"its evidence names event {unknown[0]}, and the session has events 1 to {max(ids)}"
    return "" if evidence else "it names no event as evidence"
