"""The check of an endpoint: six made-up windows, asked by the client of the label worker."""

from __future__ import annotations

from msgspec import Struct

from fusionlog.teachers.base import Verdict
from fusionlog.teachers.llm.teacher import LLMTeacher

MAX_REQUESTS = 12


class EndpointCheck(Struct, frozen=True):
    """Whether an endpoint is of use, and what it can do. `reason` is one sentence.

    `format` and `system_role` are those of the answers; None where none was usable.
    """

    usable: bool
    answered: int
    requests: int
    format: str | None
    system_role: bool | None
    seconds: float
    tokens: int
    reason: str


async def check(teacher: LLMTeacher) -> EndpointCheck:
    """Ask about the made-up windows, by `MAX_REQUESTS` requests at most. It is of use if it answers half of them."""
    endpoint, before, started = teacher.endpoint, teacher.cost, teacher.endpoint.clock()
    outcomes = await teacher.trial(MAX_REQUESTS)
    spent, dialect = teacher.cost - before, endpoint.dialect
    answered = sum(isinstance(outcome, Verdict) for outcome in outcomes)
    usable = 2 * answered >= len(outcomes)
    errors = [str(outcome) for outcome in outcomes if not isinstance(outcome, Verdict)]
    summary = f"{endpoint.place} answered {answered} of {len(outcomes)} made-up windows"
    role = "with" if dialect.system_role else "without"
    why = endpoint.problem or (errors[0] if errors else "")
    reason = f"{summary}: {why}" if errors else f"{summary} ({dialect.format.name}, {role} a system role)"
    return EndpointCheck(
        usable=usable,
        answered=answered,
        requests=spent.calls,
        format=dialect.format.name if answered else None,
        system_role=dialect.system_role if answered else None,
        seconds=round(endpoint.clock() - started, 3),
        tokens=spent.tokens,
        reason=reason,
    )
