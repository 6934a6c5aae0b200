from fusionlog.evaluation.oracle import oracle
from fusionlog.evaluation.truth import Truth
from fusionlog.methods.protocol import Query
from fusionlog.teachers.cost import Cost
from tests.evaluation.factories import make_outcome, make_result

TRUTH = Truth({"a": False}, {"t1": True, "t2": True, "t3": True, "t4": False})
SMALL = make_result(
    [
        make_outcome("t1", 0.1, shape="x"), make_outcome("t2", 0.1, shape="y"), make_outcome("t3", 0.1, shape="y"),
        make_outcome("t4", 0.1, shape="z"),
    ],
    [make_outcome("a", 0.9, shape="x")],
)  # fmt: skip
TEACHER = make_result([make_outcome(f"t{n}", 0.8, shape="any") for n in range(1, 5)], [make_outcome("a", 0.1)])


def routed(*asked: str, units: int = 9) -> object:
    return make_result(
        SMALL.outcomes,
        SMALL.adapted,
        asked=[Query(name, True) for name in asked],
        cost=Cost(calls=3, prompt_tokens=5, units=units),
    )  # fmt: skip


def test_only_wrong_verdicts_are_asked_about_and_those_of_most_sessions_first() -> None:
    found = oracle(SMALL, TEACHER, routed("a", "t4"), TRUTH)
    assert [(one.session, one.anomalous, one.proprietary) for one in found.outcomes] == [
        ("t1", False, False), ("t2", True, True), ("t3", True, True), ("t4", False, False),
    ]  # fmt: skip
    assert (found.cost.calls, found.cost.units, found.cost.tokens) == (3, 9, 5)


def test_with_enough_units_all_that_the_teacher_knows_is_right() -> None:
    found = oracle(SMALL, TEACHER, routed("t1", "t2", "t4"), TRUTH)
    assert [one.anomalous for one in found.outcomes] == [True, True, True, False]


def test_without_units_it_is_the_small_model() -> None:
    found = oracle(SMALL, TEACHER, routed("a"), TRUTH)
    assert [one.score for one in found.outcomes] == [0.1] * 4
    assert found.adapted == SMALL.adapted
