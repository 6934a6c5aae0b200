from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusionlog.evaluation.figures import RowKey, curve, deduplicated, draws, labelled, rows_of, share
from fusionlog.evaluation.rows import FIGURES, Row
from fusionlog.evaluation.truth import Truth
from fusionlog.methods.protocol import Outcome, Query, Result
from fusionlog.teachers.cost import Cost
from tests.evaluation.factories import make_outcome, make_result

ABOUT = RowKey("shop", "guess", "forward", 3, "recorded")
TRUTH = Truth(adapted={"a1": False, "a2": True}, test={"t1": True, "t2": True, "t3": False, "t4": False, "t5": False})


def rows(result: Result, truth: Truth = TRUTH) -> dict[tuple[str, str], Row]:
    return {(row.protocol, row.ratio): row for row in rows_of(result, truth, ABOUT)}


def test_figures_by_hand() -> None:
    test = [
        make_outcome("t1", 0.9, shape="bad"), make_outcome("t2", 0.2, shape="quiet"),
        make_outcome("t3", 0.6, shape="odd"),
        make_outcome("t4", 0.1, shape="good"), make_outcome("t5", 0.3, shape="good", proprietary=True),
    ]  # fmt: skip
    adapted = [make_outcome("a1", 0.1, shape="good"), make_outcome("a2", 0.8, shape="bad")]
    result = make_result(
        test, adapted, asked=[Query("t5", True), Query("a2", True)], cost=Cost(calls=2, completion_tokens=99, units=7)
    )
    row = rows(result)["inductive", "natural"]
    assert (row.precision, row.recall, row.f1, row.fpr) == (0.5, 0.5, 0.5, 0.3333)
    # by descending score: t1 (hit, 1/1), t3, t5, t2 (hit, 2/4), t4
    assert row.auprc == pytest.approx((1 + 2 / 4) / 2)
    assert row.mcc == pytest.approx(0.1667, abs=1e-4)
    assert (row.f1_seen, row.f1_unseen) == (1.0, 0.0)
    assert (row.teacher, row.teacher_precision, row.teacher_recall) == ("recorded", 0.5, 1.0)
    assert (row.llm_calls, row.llm_units, row.llm_tokens) == (2, 7, 99)
    assert (row.share_proprietary, row.share_proprietary_last_fifth) == (0.2, 1.0)
    seen = rows(result)["transductive", "natural"]
    assert (seen.f1, seen.auprc, seen.f1_seen, seen.share_proprietary) == (1.0, 1.0, None, 0.0)


def test_a_session_without_an_outcome_is_normal() -> None:
    row = rows(make_result([make_outcome("t1", 0.9)]))["inductive", "natural"]
    assert (row.precision, row.recall) == (1.0, 0.5)


def test_a_shape_counts_once_and_by_its_majority() -> None:
    labels = {"t1": True, "t2": False, "t3": False, "t4": True, "t5": False}
    shapes = {"t1": "mixed", "t2": "mixed", "t3": "mostly good", "t4": "mostly good", "t5": "mostly good"}
    outcomes = [make_outcome(name, 0.2 + 0.6 * (name == "t1"), shape=shape) for name, shape in shapes.items()]
    found = deduplicated(outcomes, labels)
    assert found.truth.tolist() == [True, False]
    assert found.verdicts.tolist() == [True, False]
    assert found.scores.tolist() == pytest.approx([0.5, 0.2])


def test_balanced_draws_have_all_anomalies_and_as_many_normal_sessions() -> None:
    outcomes = [make_outcome(f"s{number}", number / 100, shape=str(number)) for number in range(100)]
    labels = {f"s{number}": number >= 90 for number in range(100)}
    samples = draws(labelled(outcomes, labels))
    assert all(sample.truth.sum() == 10 == (~sample.truth).sum() for sample in samples)
    assert len({tuple(sample.scores) for sample in samples}) > 1
    again = draws(labelled(outcomes, labels))
    assert all(np.array_equal(one.scores, other.scores) for one, other in zip(samples, again, strict=True))


def test_balanced_rows_are_means_of_draws() -> None:
    test = [make_outcome("t1", 0.9), make_outcome("t2", 0.8), *(make_outcome(f"t{n}", 0.1) for n in (3, 4, 5))]
    row = rows(make_result(test))["inductive", "balanced"]
    assert (row.precision, row.recall, row.fpr, row.auprc, row.f1_deduplicated) == (1.0, 1.0, 0.0, 1.0, None)


def test_a_share_of_the_last_fifth() -> None:
    assert share([False] * 8 + [True, False], 0.2) == 0.5
    assert (share([]), share([True])) == (0.0, 1.0)


def test_a_curve_is_short_and_ends_at_no_recall() -> None:
    outcomes = [make_outcome(f"s{number}", number / 1000) for number in range(1000)]
    points = curve(outcomes, {f"s{number}": number % 3 == 0 for number in range(1000)})
    assert len(points) <= 200 and points[-1] == (0.0, 1.0)
    assert curve(outcomes[:1], {"s0": False}) == []


@st.composite
def judgements(draw: st.DrawFn) -> list[tuple[Outcome, bool]]:
    """Sessions with a truth, a verdict, a score and one of five shapes."""
    row = st.tuples(st.booleans(), st.booleans(), st.floats(0, 1), st.sampled_from("abcde"))
    drawn = draw(st.lists(row, min_size=1, max_size=40))
    return [
        (make_outcome(f"s{place}", score, said, shape=shape), truth)
        for place, (truth, said, score, shape) in enumerate(drawn)
    ]


@settings(deadline=None)
@given(judgements(), st.randoms())
def test_figures_do_not_depend_on_the_order_of_outcomes_and_stay_in_their_range(
    pairs: list[tuple[Outcome, bool]], random: Random
) -> None:
    truth = Truth({}, {outcome.session: label for outcome, label in pairs})
    outcomes = [outcome for outcome, _ in pairs]
    first = rows_of(make_result(outcomes), truth, ABOUT)[0]
    shuffled = random.sample(outcomes, len(outcomes))
    assert rows_of(make_result(shuffled), truth, ABOUT)[0] == first
    values = {name: getattr(first, name) for name in FIGURES if getattr(first, name) is not None}
    assert all(-1 <= value <= 1 for name, value in values.items() if not name.startswith(("llm", "seconds")))
