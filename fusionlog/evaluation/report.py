"""The report of an evaluation: tables and plots, as Markdown with pictures and as one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fusionlog.evaluation import plots
from fusionlog.evaluation.matrix import Done
from fusionlog.evaluation.pages import Block, Heading, PictureBlock, TableBlock, Text, html, markdown
from fusionlog.evaluation.rows import Protocol, Ratio, Row, averages, grouped, spread
from fusionlog.utils.files import writing

TITLE = "FusionLog: an evaluation"
PROTOCOL = (
    "A target's sessions are split by time into two halves. A method adapts on one, unlabelled, and is scored on the "
    "other (inductive); forward adapts on the earlier, reverse on the later. No label of the target is read before its "
    "verdicts are there. Figures are of sessions; means over seeds, then over folds and targets; ± is the standard "
    "deviation over seeds. LLM calls are those of both halves of a fold."
)


def write_report(directory: Path, done: Sequence[Done]) -> Path:
    """Write `report.md` with its pictures, and `report.html`; returns the path of the latter.

    :param directory: created if it does not exist.
    :raises WriteError: it cannot be written.
    """
    page, blocks = directory / "report.html", report(done)
    with writing(directory):
        directory.mkdir(exist_ok=True)
        for block in blocks:
            if isinstance(block, PictureBlock):
                (directory / f"{block.name}.svg").write_text(block.svg, encoding="utf-8")
        (directory / "report.md").write_text(markdown(blocks), encoding="utf-8")
        page.write_text(html(TITLE, blocks), encoding="utf-8")
    return page


def report(done: Sequence[Done]) -> list[Block]:
    """The blocks of the report."""
    rows = [row for each in done for row in each.rows]
    leading = [row for row in rows if row.leading]
    return [
        Heading(TITLE, 1), Text(_about(done)), Text(PROTOCOL),
        Heading("F1, inductive, natural class ratio"), _overview(leading),
        Heading("By fold"), _folds(leading),
        Heading("Other protocols and ratios"), _protocols(rows),
        Heading("Cost, and the teacher on what it was asked"), _costs(leading),
        Heading("Plots"), *_pictures(done, rows),
    ]  # fmt: skip


def _about(done: Sequence[Done]) -> str:
    tasks = [each.task for each in done]
    seeds, targets = len({task.seed for task in tasks}), dict.fromkeys(task.target for task in tasks)
    sources = {task.target: ", ".join(task.sources) for task in tasks}
    learned = "; ".join(f"{target} from {sources[target]}" for target in targets)
    return f"{len(done)} runs, {seeds} seed{'s' if seeds > 1 else ''}. Targets and their sources: {learned}."


def _overview(rows: Sequence[Row]) -> TableBlock:
    targets = list(dict.fromkeys(row.target for row in rows))
    lines = []
    for method, group in grouped(rows, lambda row: row.method).items():
        by_target = grouped(group, lambda row: row.target)
        cells = [_figure(averages(by_target[target])["f1"]) if target in by_target else "" for target in targets]
        lines.append([method, *cells, _figure(averages(group)["f1"]), spread(group)])
    return TableBlock(["method", *targets, "all", "±"], lines)


def _folds(rows: Sequence[Row]) -> TableBlock:
    figures = ("precision", "recall", "f1", "fpr", "auprc", "mcc", "f1_deduplicated", "f1_seen", "f1_unseen")
    lines: list[list[str]] = []
    strong: set[int] = set()
    for (method, target), group in grouped(rows, lambda row: (row.method, row.target)).items():
        folds = grouped(group, lambda row: row.fold)
        for fold, part in [*folds.items(), *([("both", group)] if len(folds) > 1 else [])]:
            if fold == "both":
                strong.add(len(lines))
            mean = averages(part)
            cells = [_figure(mean[name]) for name in figures]
            lines.append([method, target, fold, *cells, spread(part)])
    return TableBlock(
        ["method", "target", "fold", "P", "R", "F1", "FPR", "AUPRC", "MCC", "F1 by shape", "F1 seen", "F1 unseen", "±"],
        lines, frozenset(strong),
    )  # fmt: skip


def _protocols(rows: Sequence[Row]) -> TableBlock:
    kinds: tuple[tuple[Protocol, Ratio], ...] = (
        ("inductive", "natural"), ("inductive", "balanced"), ("transductive", "natural"), ("transductive", "balanced"),
    )  # fmt: skip
    lines = []
    for method, group in grouped(rows, lambda row: row.method).items():
        cells = []
        for protocol, ratio in kinds:
            part = [row for row in group if (row.protocol, row.ratio) == (protocol, ratio)]
            cells += [_figure(averages(part)["f1"]), _figure(averages(part)["auprc"])]
        lines.append([method, *cells])
    return TableBlock(["method", *(f"{p}, {r}: {name}" for p, r in kinds for name in ("F1", "AUPRC"))], lines)


def _costs(rows: Sequence[Row]) -> TableBlock:
    lines = []
    for (method, target), group in grouped(rows, lambda row: (row.method, row.target)).items():
        mean = averages(group)
        shares = [f"{100 * (mean[name] or 0):.1f} %" for name in ("share_proprietary", "share_proprietary_last_fifth")]
        lines.append(
            [
                method, target, ", ".join(sorted({row.teacher for row in group})),
                _figure(mean["teacher_precision"]), _figure(mean["teacher_recall"]),
                *(f"{mean[name] or 0:.0f}" for name in ("llm_calls", "llm_units", "llm_tokens")), *shares,
                *(f"{mean[name] or 0:.1f}" for name in ("seconds_train", "seconds_score")),
            ]
        )  # fmt: skip
    columns = ["method", "target", "teacher", "its P", "its R", "calls", "units", "tokens", "asked", "last fifth"]
    return TableBlock([*columns, "s to adapt", "s to score"], lines)


def _pictures(done: Sequence[Done], rows: Sequence[Row]) -> list[PictureBlock]:
    found = [
        PictureBlock(
            "precision-recall", plots.precision_recall(done), "Precision and recall by target; reverse folds dashed"
        ),
        PictureBlock("cost", plots.cost(rows), "F1 against LLM calls: small marks are targets, large ones means"),
    ]
    similarities = plots.similarities(done)
    if similarities is not None:
        found.append(PictureBlock("similarities", similarities, "S of the windows of the test half, and tau"))
    return found


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
