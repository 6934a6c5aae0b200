"""What the plots of a report show: their panels, their legends, and nothing where there is nothing to draw."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")

from fusionlog.evaluation import plots
from fusionlog.evaluation.matrix import Done, Task
from fusionlog.methods.protocol import FoldName
from tests.evaluation.test_rows import make_rows


def make_done(method: str, target: str, fold: FoldName = "forward", seed: int = 0, **fields: object) -> Done:
    task = Task(data=Path("data"), target=target, sources=("mill",), method=method, fold=fold, seed=seed)
    values = {"curve": [(0.0, 1.0), (1.0, 0.5)], "rows": [], "verdicts": [], **fields}
    return Done(key=f"{method}-{target}-{fold}-{seed}", task=task, **values)


def words(svg: str) -> list[str]:
    """The texts of a picture, without the numbers of its axes."""
    assert svg.startswith("<svg")
    return [text for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg) if not re.fullmatch(r"[\d.−-]*", text)]


def curves(svg: str, dashed: bool) -> int:
    """The coloured lines of a picture: those of the grid and the axes are grey or black."""
    styles = re.findall(r'<path [^>]*style="fill: none; ([^"]*stroke: #(?!b0b0b0|000000)[^"]*)"', svg)
    return sum(("stroke-dasharray" in style) == dashed for style in styles)


def test_curves_have_a_panel_for_each_target_and_a_name_for_each_method() -> None:
    found = words(plots.precision_recall([make_done("guess", "shop"), make_done("other", "farm")]))
    assert [found.count(name) for name in ("shop", "farm", "recall", "precision")] == [1, 1, 2, 2]
    assert "guess" in found


def test_a_method_is_named_once_and_its_reverse_fold_is_dashed() -> None:
    svg = plots.precision_recall([make_done("guess", "shop"), make_done("guess", "shop", "reverse")])
    assert words(svg).count("guess") == 1
    assert curves(svg, dashed=True) == 1
    assert curves(plots.precision_recall([make_done("guess", "shop")]), dashed=True) == 0


def test_only_the_first_seed_and_runs_with_a_curve_are_drawn() -> None:
    alone = [make_done("guess", "shop", seed=3)]
    more = [*alone, make_done("guess", "shop", seed=4), make_done("guess", "shop", "reverse", seed=3, curve=[])]
    assert plots.precision_recall(more) == plots.precision_recall(alone)


def test_similarities_have_a_threshold_only_where_there_is_one() -> None:
    runs = [
        make_done("guess", "shop", similarities=[(0.5, 3), (1.0, 1)], tau=0.9),
        make_done("guess", "shop", "reverse", similarities=[(0.7, 2)]),
        make_done("guess", "farm"),
    ]
    svg = plots.similarities(runs)
    assert svg is not None
    found = words(svg)
    assert {"shop", "forward", "reverse", "tau, forward"} <= set(found)
    assert not {"farm", "tau, reverse"} & set(found)


def test_without_any_similarity_there_is_no_picture() -> None:
    assert plots.similarities([make_done("guess", "shop")]) is None


def test_the_similarities_of_a_fold_are_those_of_its_first_run() -> None:
    first = make_done("guess", "shop", similarities=[(0.5, 3)])
    later = make_done("other", "shop", similarities=[(0.9, 3)])
    assert plots.similarities([first, later]) == plots.similarities([first]) != plots.similarities([later])


def test_the_cost_names_each_method_and_is_of_the_leading_rows_alone() -> None:
    rows = [*make_rows("guess", "shop", 0, 0.5), *make_rows("other", "shop", 0, 0.8)]
    svg = plots.cost(rows)
    assert {"guess", "other", "F1", "LLM calls a fold (both halves)"} <= set(words(svg))
    assert plots.cost([row for row in rows if row.leading]) == svg
    assert plots.cost([row for row in rows if row.leading and row.method == "guess"]) != svg
