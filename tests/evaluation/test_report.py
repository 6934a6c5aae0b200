"""The report of runs of two methods: what stands in which table, and the files that it makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

pytest.importorskip("matplotlib")

from fusionlog.errors import WriteError
from fusionlog.evaluation import plots
from fusionlog.evaluation.matrix import Done, Task
from fusionlog.evaluation.pages import TableBlock
from fusionlog.evaluation.report import report, write_report
from fusionlog.methods.protocol import FoldName
from tests.evaluation.test_rows import make_rows


def done(method: str, target: str, f1: float, fold: FoldName = "forward", seed: int = 0, **fields: object) -> Done:
    rows = [replace(row, fold=fold) for row in make_rows(method, target, seed, f1)]
    task = Task(data=Path("data"), target=target, sources=("mill",), method=method, fold=fold, seed=seed)
    values = {"curve": [(0.0, 1.0), (1.0, 0.5)], "verdicts": [("s1", 0.9, True, False)], **fields}
    return Done(key=f"{method}-{target}-{fold}-{seed}", task=task, rows=rows, **values)


RUNS = [
    done("guess", "shop", 0.2, similarities=[(0.5, 3), (1.0, 1)], tau=0.9),
    done("guess", "shop", 0.6, "reverse", similarities=[(0.7, 2)]),
    done("other", "shop", 1.0),
]


DRAWN = (plots.precision_recall, plots.cost, plots.similarities)


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes a second a picture: only the tests of pictures do."""
    for draw in DRAWN:
        monkeypatch.setattr(plots, draw.__name__, lambda _: "<svg/>")


def table(place: int) -> TableBlock:
    return [block for block in report(RUNS) if isinstance(block, TableBlock)][place]


def test_the_overview_has_a_mean_of_folds_for_each_method_and_target() -> None:
    assert table(0).columns == ["method", "shop", "all", "±"]
    assert [list(row[:3]) for row in table(0).rows] == [["guess", "0.400", "0.400"], ["other", "1.000", "1.000"]]


def test_both_folds_have_a_row_of_their_own_in_bold() -> None:
    folds = table(1)
    assert [row[2] for row in folds.rows] == ["forward", "reverse", "both", "forward"]
    assert folds.strong == {2} and folds.rows[2][5] == "0.400"


def test_a_picture_is_the_same_bytes_each_time() -> None:
    assert DRAWN[1](RUNS[0].rows) == DRAWN[1](RUNS[0].rows)


def test_the_similarities_are_drawn_where_there_are_any() -> None:
    assert DRAWN[2](RUNS[2:]) is None
    assert "tau, forward" in DRAWN[2](RUNS[:1])
    assert "precision" in DRAWN[0](RUNS[2:])


def test_the_files_stand_in_a_directory_that_is_made(tmp_path: Path) -> None:
    page = write_report(tmp_path / "out", RUNS)
    names = {path.name for path in page.parent.iterdir()}
    assert names == {"report.md", "report.html", "precision-recall.svg", "cost.svg", "similarities.svg"}
    assert "(precision-recall.svg)" in (tmp_path / "out" / "report.md").read_text()


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError):
        write_report(tmp_path / "file" / "out", RUNS)
