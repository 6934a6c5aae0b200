"""The plots of a report, as SVG. Needs matplotlib; no display."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from fusionlog.evaluation.matrix import FOLDS, Done
from fusionlog.evaluation.rows import Row, averages, grouped

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "fusionlog",
    "font.size": 9,
    "axes.grid": True,
    "grid.alpha": 0.3,
}
LINES = {"forward": "-", "reverse": "--"}
MARKERS = "osD^vP*X<>hp"
WIDTH, HEIGHT = 3.6, 3.0
"""The size of a panel in inches."""
BINS = np.linspace(-0.01, 1.01, 52)


@matplotlib.rc_context(STYLE)
def precision_recall(done: Sequence[Done]) -> str:
    """A panel for each target: a curve for each method and fold, of the first seed; reverse folds are dashed."""
    first = [each for each in done if each.curve and each.task.seed == min(one.task.seed for one in done)]
    methods = _names(each.task.method for each in done)
    figure, panels = _panels(_names(each.task.target for each in done))
    for each in first:
        axes, colour = panels[each.task.target], methods[each.task.method]
        recall, precision = zip(*each.curve, strict=True)
        label = each.task.method if each.task.fold == _first_fold(first) else None
        axes.step(
            recall, precision, LINES[each.task.fold], color=f"C{colour % 10}", label=label, where="post", linewidth=1.2
        )
    for axes in panels.values():
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    return _svg(figure, next(iter(panels.values())))


@matplotlib.rc_context(STYLE)
def similarities(done: Sequence[Done]) -> str | None:
    """A panel for each target: the distribution of S over windows of the test half, and tau; None without any S."""
    routed = list({(e.task.target, e.task.fold): e for e in reversed(done) if e.similarities}.values())
    if not routed:
        return None
    figure, panels = _panels(_names(each.task.target for each in reversed(routed)))
    for each in sorted(routed, key=lambda one: one.task.fold):
        axes, colour = panels[each.task.target], f"C{FOLDS.index(each.task.fold)}"
        values, counts = zip(*each.similarities, strict=True)
        shares = np.array(counts) / sum(counts)
        axes.hist(np.clip(values, 0, 1), BINS, weights=shares, alpha=0.5, color=colour, label=each.task.fold)
        if each.tau is not None:
            axes.axvline(each.tau, color=colour, linestyle=":", label=f"tau, {each.task.fold}")
    for axes in panels.values():
        axes.set(xlabel="S", ylabel="share of windows")
    return _svg(figure, next(iter(panels.values())))


@matplotlib.rc_context(STYLE)
def cost(rows: Sequence[Row]) -> str:
    """F1 against LLM calls: a small mark for each target of a method, a large one for its mean."""
    figure = Figure(figsize=(2 * WIDTH, 1.4 * HEIGHT), layout="constrained")
    axes = figure.add_subplot()
    leading = [row for row in rows if row.leading]
    for number, (method, group) in enumerate(grouped(leading, lambda row: row.method).items()):
        look: dict[str, Any] = {"color": f"C{number % 10}", "marker": MARKERS[number % len(MARKERS)]}
        targets = [averages(part) for part in grouped(group, lambda row: row.target).values()]
        axes.scatter(
            [each["llm_calls"] or 0 for each in targets], [each["f1"] or 0 for each in targets], 18, alpha=0.5, **look
        )
        mean = averages(group)
        axes.scatter([mean["llm_calls"] or 0], [mean["f1"] or 0], 90, label=method, edgecolors="black", **look)
    axes.set_xscale("symlog", linthresh=1, linscale=0.3)
    axes.set(xlabel="LLM calls a fold (both halves)", ylabel="F1", ylim=(0, 1.02), xlim=(-0.2, None))
    return _svg(figure, axes)


def _panels(names: dict[str, int]) -> tuple[Figure, dict[str, Any]]:
    columns = min(3, len(names))
    size = (-(-len(names) // columns), columns)
    figure = Figure(figsize=(WIDTH * columns, HEIGHT * size[0] + 0.5), layout="constrained")
    grid = figure.subplots(*size, squeeze=False).flatten()
    for spare in grid[len(names) :]:
        spare.set_axis_off()
    panels = dict(zip(names, grid, strict=False))
    for name, axes in panels.items():
        axes.set_title(name)
    return figure, panels


def _names(names: Iterable[str]) -> dict[str, int]:
    """Distinct names in order of first occurrence, numbered."""
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


def _first_fold(done: Sequence[Done]) -> str:
    return next(fold for fold in FOLDS if any(each.task.fold == fold for each in done))


def _svg(figure: Figure, keyed: Any) -> str:
    """The figure as an SVG element, with one legend below for all panels."""
    handles, labels = keyed.get_legend_handles_labels()
    if labels:
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    file = io.StringIO()
    FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None})  # type: ignore[no-untyped-call]
    text = file.getvalue()
    return text[text.index("<svg") :]
