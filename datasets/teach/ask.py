"""Asks an endpoint the questions, by the label worker's own client, one window a call; every answer is kept at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from datasets.teach.answers import GivenAnswer, problem_of, read_answers
from datasets.teach.questions import AskedUnit
from fusionlog.decision import is_anomalous
from fusionlog.errors import DataError, TeacherError
from fusionlog.settings import LabelSettings, SecretUrl
from fusionlog.teachers.base import Verdict
from fusionlog.teachers.llm.answer_cache import key
from fusionlog.teachers.llm.teacher import CALLS_AT_ONCE, LLMTeacher

UNLIMITED = 1_000_000_000
BATCH = 5 * CALLS_AT_ONCE
"""Questions that the client is handed at a time: its calls under way, and some behind them."""


def asking(label: LabelSettings, url: str, model: str) -> LabelSettings:
    """Label settings for a recording: a window a call, and as many calls as there are questions."""
    changes = {
        "url": SecretUrl(url),
        "model": model,
        "units_per_call": 1,
        "calls_per_hour": UNLIMITED,
        "pseudonyms": False,
    }
    return label.model_copy(update=changes)


async def ask(asked: Sequence[AskedUnit], settings: LabelSettings, out: Path) -> list[str]:
    """Ask what has no answer in the file yet, and append each answer; gives a sentence on each that has none after.

    :raises DataError: the file holds something else than answers to these questions.
    :raises TeacherError: the endpoint cannot be used now.
    """
    waiting = left_of(asked, out)
    # The client's cache goes by the lines alone; here each question counts with its evidence.
    teacher, problems = LLMTeacher(settings, cache_entries=0), []
    try:
        with out.open("ab") as file:
            for batch in batches(waiting):
                for each, outcome in zip(batch, await teacher.label([each.unit for each in batch]), strict=True):
                    if isinstance(outcome, Verdict):
                        file.write(msgspec.json.encode(answer_of(each, outcome)) + b"\n")
                    else:
                        problems.append(outcome)
                file.flush()
                _check_usable(problems)
    finally:
        await teacher.close()
    return [str(problem) for problem in problems]


def left_of(asked: Sequence[AskedUnit], out: Path) -> list[AskedUnit]:
    """The questions without an answer in a file; an answer that was cut off at its end is taken away.

    :raises DataError: it holds something else than answers to these questions.
    """
    if not out.is_file():
        return list(asked)
    content = out.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        out.write_bytes(whole)
    questions, answered = {each.number: each for each in asked}, set()
    for answer in read_answers([out]):
        problem = problem_of(answer, questions)
        if problem:
            raise DataError(out, f"the answer on question {answer.q} is {problem}", "name another file")
        answered.add(answer.q)
    return [each for each in asked if each.number not in answered]


def batches(asked: Sequence[AskedUnit]) -> Iterator[list[AskedUnit]]:
    """The questions in batches; two on the same lines are in different ones, for the client sends such a unit once."""
    batch: dict[bytes, AskedUnit] = {}
    for each in asked:
        content = key(each.unit, "")
        if content in batch or len(batch) == BATCH:
            yield list(batch.values())
            batch = {}
        batch[content] = each
    if batch:
        yield list(batch.values())


def answer_of(each: AskedUnit, verdict: Verdict) -> GivenAnswer:
    """A verdict as an answer. Its events have the ids of the window, those of the question are counted from 1."""
    ids = {event.id: place for place, event in enumerate(each.unit.events, 1)}
    anomalous = {ids[event.id]: event.probability for event in verdict.events if is_anomalous(event.probability)}
    return GivenAnswer(
        q=each.number, sha256=each.question.sha256, confidence=verdict.confidence, reason=verdict.reason,
        label="anomalous" if is_anomalous(verdict.probability) else "normal", events=anomalous,
    )  # fmt: skip


def _check_usable(problems: Sequence[TeacherError]) -> None:
    """:raises TeacherError: the endpoint was away, so that asking on is of no use."""
    away = next((problem for problem in problems if problem.retry_after is not None), None)
    if away is not None:
        raise TeacherError(f"{away}; the same command goes on from here", away.retry_after)
