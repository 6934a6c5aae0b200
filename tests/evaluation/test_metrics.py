from fusionlog.evaluation.metrics import confusion


def test_counts_sessions_by_truth_and_verdict() -> None:
    labels = {"a": True, "b": True, "c": False, "d": False, "e": False}
    result = confusion(labels, {"a", "c", "unlabelled"})
    assert (result.true_positive, result.false_positive, result.false_negative, result.true_negative) == (1, 1, 1, 2)
    assert (result.precision, result.recall, result.f1) == (0.5, 0.5, 0.5)


def test_nothing_flagged_is_zero_and_not_an_error() -> None:
    result = confusion({"a": True}, set())
    assert (result.precision, result.recall, result.f1) == (0.0, 0.0, 0.0)
