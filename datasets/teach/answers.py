"""The answers of a reader or a model on the questions, as they were given: read from files, held against the questions.

One JSON object a line: `{"q", "sha256", "label", "confidence", "reason", "events": {id: confidence}}`. `events` are
those that alone indicate an anomaly; the others are normal by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from datasets.teach.questions import AskedUnit
from fusionlog.errors import DataError
from fusionlog.teachers.llm.answers import Confidence, Label

NAMED = 20
"""Questions that an error names; of more it tells how many."""
LEAST_HASH = 16
"""Characters of a question's hash that an answer has at least."""


class GivenAnswer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer. `q` is the number of its question, `sha256` that question's hash or its first 16 digits or more."""

    q: Annotated[int, Meta(ge=0)]
    sha256: Annotated[str, Meta(min_length=LEAST_HASH)]
    label: Label
    confidence: Confidence
    reason: str = ""
    events: dict[int, Confidence] = {}


def read_answers(files: Iterable[Path]) -> Iterator[GivenAnswer]:
    """The answers in these files.

    :raises DataError: a file cannot be read, or a line of it is no answer.
    """
    decoder = msgspec.json.Decoder(GivenAnswer)
    for path in files:
        for number, line in enumerate(_content(path).split(b"\n"), 1):
            if line.strip():
                try:
                    yield decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise DataError(path, f"line {number} is no answer: {error}", "see docs/labelling.md") from error


def checked(
    system: str, asked: Sequence[AskedUnit], given: Sequence[GivenAnswer]
) -> list[tuple[AskedUnit, GivenAnswer]]:
    """Each question with its one answer, in the order of their numbers.

    :raises DataError: an answer is missing, there twice, of another question, or on an event that its question lacks.
    """
    questions = {each.number: each for each in asked}
    answers: dict[int, GivenAnswer] = {}
    problems: dict[str, list[str]] = {}
    for answer in given:
        problem = "twice" if answer.q in answers else problem_of(answer, questions)
        if problem:
            problems.setdefault(problem, []).append(str(answer.q))
        answers.setdefault(answer.q, answer)
    missing = [str(number) for number in sorted(questions.keys() - answers.keys())]
    listed = "; ".join(f"{what}: {_some(of)}" for what, of in ({"missing": missing} | problems).items() if of)
    if listed:
        raise DataError(f"answers on {system}", listed, f"there must be one on each of {len(questions)} questions")
    return [(questions[number], answers[number]) for number in sorted(questions)]


def problem_of(answer: GivenAnswer, questions: Mapping[int, AskedUnit]) -> str:
    """What is wrong with an answer as one to these questions; empty where nothing is."""
    each = questions.get(answer.q)
    if each is None:
        return "not among the questions"
    if not each.question.sha256.startswith(answer.sha256):
        return "of another question, by its hash"
    if answer.events.keys() - each.texts.keys():
        return "with an event that the question lacks"
    return ""


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(path, f"cannot be read: {error.strerror}", "name the files of answers") from error


def _some(numbers: Sequence[str]) -> str:
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    return ", ".join(numbers[:NAMED]) + more
