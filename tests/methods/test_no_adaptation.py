from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from fusionlog.methods.base import MethodContext
from fusionlog.methods.no_adaptation import run_without_adaptation
from fusionlog.methods.protocol import Result
from fusionlog.rules import MethodName
from tests.methods.factories import fold_of, make_context
from tests.methods.test_teacher_queries import Teacher


@cache
def trained() -> MethodContext:
    """A context whose trainer keeps the base for all tests here."""
    return make_context()


async def run(data: Path, method: MethodName, *texts: str, model: bool = True) -> Result:
    """The result on two sessions of `job started` and then the given ones."""
    context = replace(trained(), teacher=Teacher())
    return await run_without_adaptation(fold_of(data, *texts), context, method, context.base() if model else None)


async def test_each_half_has_the_outcomes_of_its_own_sessions(data: Path) -> None:
    result = await run(data, "source-only", "job lost", "retry scheduled")
    assert [outcome.session for outcome in result.adapted] == ["s0", "s1"]
    assert [outcome.session for outcome in result.outcomes] == ["s2", "s3"]
    assert result.adapted[0].score == result.adapted[1].score
    assert result.outcomes[0].score > result.outcomes[1].score
    assert result.seconds_train == 0.0


async def test_both_halves_are_one_stream_with_one_full_call(data: Path) -> None:
    result = await run(data, "llm-only", "job started", "disk failed", "job started", model=False)
    assert [asked.session for asked in result.asked] == ["s0", "s3"]
    assert (result.cost.calls, result.cost.units) == (1, 2)
    assert [outcome.anomalous for outcome in (*result.adapted, *result.outcomes)] == [False, False, False, True, False]


@pytest.mark.parametrize(("method", "asked"), [("source-only", []), ("generallog", ["s3"])])
async def test_the_rules_of_the_method_say_what_is_asked_about(
    method: MethodName, asked: list[str], data: Path
) -> None:
    result = await run(data, method, "job lost", "disk failed")
    assert [query.session for query in result.asked] == asked
    assert [outcome.session for outcome in result.outcomes if outcome.proprietary] == asked


async def test_the_similarities_are_those_of_the_test_half_to_the_releases_bank(data: Path) -> None:
    result = await run(data, "source-only", "job lost", "disk failed", "retry scheduled")
    assert result.tau == 0.9
    assert list(result.similarities) == [1.0, 0.0, 1.0]


async def test_without_a_model_there_is_no_threshold_and_no_similarity(data: Path) -> None:
    result = await run(data, "llm-only", "job lost", model=False)
    assert result.tau is None and list(result.similarities) == []
