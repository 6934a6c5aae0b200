import json

import msgspec
import pytest

from fusionlog.evaluation.figures import RowKey, rows_of
from fusionlog.evaluation.rows import Row, averages, deviation, spread, table
from fusionlog.evaluation.truth import Truth
from tests.evaluation.factories import make_outcome, make_result

FIELDS = {
    "target", "method", "fold", "seed", "protocol", "ratio", "precision", "recall", "f1", "fpr", "auprc", "mcc",
    "llm_calls", "llm_units", "llm_tokens", "share_proprietary", "share_proprietary_last_fifth", "seconds_train",
    "seconds_score",
}  # fmt: skip


def make_rows(method: str, target: str, seed: int, f1: float) -> list[Row]:
    result = make_result([make_outcome("t", 0.9)], [make_outcome("a", 0.9)])
    rows = rows_of(result, Truth({"a": True}, {"t": True}), RowKey(target, method, "forward", seed))
    return [msgspec.structs.replace(row, f1=f1 if row.leading else 0.0) for row in rows]


def test_a_row_has_the_fields_that_readers_of_the_json_rely_on() -> None:
    written = json.loads(msgspec.json.encode(make_rows("guess", "shop", 0, 1.0)))
    assert all(row.keys() >= FIELDS for row in written)


def test_means_are_of_inductive_rows_at_the_natural_ratio() -> None:
    rows = [
        row
        for method, target, seed, f1 in [
            ("guess", "shop", 0, 0.2), ("guess", "shop", 1, 0.4), ("guess", "mill", 0, 0.6), ("guess", "mill", 1, 0.8),
            ("other", "shop", 0, 1.0),
        ]
        for row in make_rows(method, target, seed, f1)
    ]  # fmt: skip
    mean = table(rows)["mean"]
    assert mean["method"] == "guess" and mean["f1"] == pytest.approx(0.5)
    assert mean["f1_sd"] == pytest.approx(deviation([0.4, 0.6]))
    assert mean["by_method"]["guess"]["by_target"]["mill"]["f1"] == pytest.approx(0.7)
    assert mean["by_method"]["other"]["f1"] == 1.0


def test_what_could_not_be_measured_is_left_out_of_a_mean() -> None:
    first, second = (make_rows("guess", "shop", seed, 1.0)[0] for seed in (0, 1))
    rows = [msgspec.structs.replace(first, f1_seen=0.5), msgspec.structs.replace(second, f1_seen=None)]
    assert averages(rows)["f1_seen"] == 0.5
    assert averages([second])["teacher_precision"] is None


def test_one_seed_has_no_deviation() -> None:
    assert spread(make_rows("guess", "shop", 0, 1.0)) == "" and table([])["mean"] == {}
