"""The units of a call and its outcomes: which go together, which are asked about again, whether they make sense."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from msgspec.structs import replace

from fusionlog.decision import is_anomalous
from fusionlog.errors import TeacherError
from fusionlog.observability import metrics
from fusionlog.teachers.base import Unit, Verdict
from fusionlog.teachers.llm.injections import has_instructions
from fusionlog.teachers.llm.refusals import ContextError, RefusedError
from fusionlog.teachers.llm.reply import AnswerError

CHECKED_UNITS = 4
"""A call with fewer verdicts is not checked for contradictions."""

Outcome = Verdict | TeacherError


def may_be_asked_again(outcome: Outcome) -> bool:
    """Whether the outcome is about the units of the call: another call with one of them may have another."""
    return isinstance(outcome, AnswerError | RefusedError)


def problem_of_all(outcomes: Mapping[bytes, Outcome]) -> str:
    """The problem with the first answer where no unit of a call has a usable one; empty otherwise."""
    problems = [outcome.problem for outcome in outcomes.values() if isinstance(outcome, AnswerError)]
    return problems[0] if problems and len(problems) == len(outcomes) else ""


def is_final(error: Outcome) -> bool:
    """Whether a request with one unit was refused for what it holds: the same would be refused again."""
    return isinstance(error, RefusedError) and not isinstance(error, ContextError)


def contradictions(outcomes: Mapping[bytes, Outcome]) -> float:
    """The share of verdicts that differ from "anomalous as soon as an event is"; 0 for too few verdicts."""
    verdicts = [outcome for outcome in outcomes.values() if isinstance(outcome, Verdict)]
    if len(verdicts) < CHECKED_UNITS:
        return 0.0
    differ = [
        is_anomalous(verdict.probability) != any(is_anomalous(event.probability) for event in verdict.events)
        for verdict in verdicts
    ]
    return sum(differ) / len(differ)


def batches_of(units: dict[bytes, Unit], size: int) -> list[dict[bytes, Unit]]:
    """Units that are sent together: of one system and policy, `size` at most; one with instructions goes alone."""
    groups: dict[object, dict[bytes, Unit]] = defaultdict(dict)
    for k, unit in units.items():
        suspicious = has_instructions(unit)
        metrics.LLM_UNITS_ALONE.labels(unit.system).inc(suspicious)
        groups[unit.system, unit.description, unit.policy, k if suspicious else None][k] = unit
    return [part for group in groups.values() for part in parts_of(group, size)]


def parts_of(units: Mapping[bytes, Unit], size: int) -> list[dict[bytes, Unit]]:
    """The units in parts of `size` at most, in their order."""
    items = list(units.items())
    return [dict(items[start : start + size]) for start in range(0, len(items), size)]


def restored(answer: Verdict | AnswerError, unit: Unit) -> Outcome:
    """The verdict with the event ids of the unit, in place of those of the call; an error as it is.

    A unit with instructions in it may have swayed the model: its verdict counts for its own shape, and its events stay
    without one.
    """
    if isinstance(answer, AnswerError):
        return answer
    if has_instructions(unit):
        return replace(answer, events=())
    events = tuple(replace(event, id=own.id) for event, own in zip(answer.events, unit.events, strict=True))
    return replace(answer, events=events)
