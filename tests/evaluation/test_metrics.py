import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import matthews_corrcoef

from fusionlog.evaluation.metrics import Confusion, confusion


def test_counts_sessions_by_truth_and_verdict() -> None:
    labels = {"a": True, "b": True, "c": False, "d": False, "e": False}
    result = confusion(labels, {"a", "c", "unlabelled"})
    assert (result.true_positive, result.false_positive, result.false_negative, result.true_negative) == (1, 1, 1, 2)
    assert (result.precision, result.recall, result.f1) == (0.5, 0.5, 0.5)
    assert result.fpr == pytest.approx(1 / 3)
    assert result.mcc == pytest.approx((1 * 2 - 1 * 1) / math.sqrt(2 * 2 * 3 * 3))


def test_nothing_flagged_is_zero_and_not_an_error() -> None:
    result = confusion({"a": True}, set())
    assert (result.precision, result.recall, result.f1, result.fpr, result.mcc) == (0.0, 0.0, 0.0, 0.0, 0.0)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_the_correlation_is_scikit_learns(pairs: list[tuple[bool, bool]]) -> None:
    truth, said = zip(*pairs, strict=True)
    counts = Confusion(
        true_positive=sum(t and s for t, s in pairs), false_positive=sum(s and not t for t, s in pairs),
        false_negative=sum(t and not s for t, s in pairs), true_negative=sum(not t and not s for t, s in pairs),
    )  # fmt: skip
    if len(set(truth)) > 1 and len(set(said)) > 1:
        assert counts.mcc == pytest.approx(matthews_corrcoef(truth, said))
    else:
        assert counts.mcc == 0.0
