from __future__ import annotations

from msgspec.structs import replace
from rich.console import Console

from fusionlog.cli.evaluation_view import results
from fusionlog.evaluation.rows import Row
from tests.evaluation.test_rows import make_rows

COMPARISON = "F1, means over"
"""How the title of the last table begins: it wraps at the table's own width."""


def shown(rows: list[Row]) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(results(rows))
    return capture.get()


def test_one_method_is_a_table_of_its_targets() -> None:
    text = shown([*make_rows("guess", "shop", 0, 0.25), *make_rows("guess", "mill", 0, 0.75)])
    assert "guess, teacher:" in text and "0.250" in text and "0.500" in text
    assert COMPARISON not in text


def test_both_folds_of_a_target_have_a_mean_and_methods_are_compared() -> None:
    forward = make_rows("guess", "shop", 0, 0.2)
    reverse = [replace(row, fold="reverse") for row in make_rows("guess", "shop", 0, 0.6)]
    text = shown([*forward, *reverse, *make_rows("other", "mill", 0, 1.0)])
    assert "0.400" in text.split("both")[1].splitlines()[0]
    compared = text.split(COMPARISON)[1]
    assert "0.400" in compared and "1.000" in compared


def test_rows_of_other_ratios_and_protocols_are_not_in_it() -> None:
    assert "guess" not in shown([row for row in make_rows("guess", "shop", 0, 0.2) if not row.leading])
