from pathlib import Path

import pytest

from fusionlog.errors import DataError
from fusionlog.evaluation.truth import read_truth
from fusionlog.methods.protocol import read_fold
from fusionlog.settings import IngestSettings
from tests.evaluation.factories import is_bad, write_labels


def test_the_labels_of_both_halves_in_their_order(data: Path) -> None:
    truth = read_truth(data, read_fold(data, "shop", "reverse", IngestSettings()))
    assert list(truth.adapted) == [f"s{number}" for number in range(15, 30)]
    assert list(truth.test.values()) == [is_bad(number) for number in range(15)]
    assert truth.anomalous("s4") and truth.anomalous("s19") and not truth.anomalous("s0")


def test_a_session_without_a_label_is_named(data: Path) -> None:
    write_labels(data / "shop", {f"s{number}": False for number in range(29)})
    with pytest.raises(DataError, match="no label of session 's29'"):
        read_truth(data, read_fold(data, "shop", "forward", IngestSettings()))
