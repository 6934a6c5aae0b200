from __future__ import annotations

from fusionlog.methods.ablations.routers import units_of
from fusionlog.methods.protocol import Query
from tests.evaluation.factories import make_outcome, make_result

TEST, ADAPTED = [make_outcome("t0"), make_outcome("t1")], [make_outcome("a0")]


def test_queries_of_the_test_half_count_whatever_their_answer() -> None:
    asked = [Query("a0", True), Query("t0", True), Query("t1", False)]
    assert units_of(make_result(TEST, ADAPTED, asked=asked)) == 2


def test_two_shapes_of_one_session_are_two_queries() -> None:
    assert units_of(make_result(TEST, ADAPTED, asked=[Query("t0", True), Query("t0", False)])) == 2


def test_a_result_without_a_query_of_the_test_half_has_none() -> None:
    assert units_of(make_result(TEST, ADAPTED, asked=[Query("a0", True)])) == units_of(make_result(TEST)) == 0
