"""The rows of an evaluation's table, and means over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, stdev
from typing import Any, Literal

import msgspec

from fusionlog.methods.protocol import FoldName

Protocol = Literal["inductive", "transductive"]
Ratio = Literal["natural", "balanced"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a method on one fold of a target, with one seed, under one protocol and class ratio.

    `inductive` rows are of the test half, `transductive` ones of the adaptation half. `llm_calls`, `llm_units`,
    `llm_tokens` and the teacher's own figures are of the whole fold under either protocol. A figure is None where there
    is nothing to measure. `balanced` rows have no figures by shape.
    """

    target: str
    method: str
    fold: FoldName
    seed: int
    protocol: Protocol
    ratio: Ratio
    precision: float
    recall: float
    f1: float
    fpr: float
    auprc: float
    mcc: float
    f1_deduplicated: float | None
    f1_seen: float | None
    f1_unseen: float | None
    teacher: str
    teacher_precision: float | None
    teacher_recall: float | None
    llm_calls: int
    llm_units: int
    llm_tokens: int
    share_proprietary: float
    share_proprietary_last_fifth: float
    seconds_train: float
    seconds_score: float

    @property
    def leading(self) -> bool:
        """Whether it is a row of the main tables: inductive, at the natural ratio."""
        return self.protocol == "inductive" and self.ratio == "natural"


FIGURES = tuple(
    field.name
    for field in msgspec.structs.fields(Row)
    if field.name not in ("target", "method", "fold", "seed", "protocol", "ratio", "teacher")
)


def averages(rows: Sequence[Row]) -> dict[str, float | None]:
    """The mean of every figure over rows, without those that could not be measured."""
    found: dict[str, float | None] = {}
    for name in FIGURES:
        values = [value for row in rows if (value := getattr(row, name)) is not None]
        found[name] = fmean(values) if values else None
    return found


def f1_by_seed(rows: Sequence[Row]) -> list[float]:
    """The mean F1 of each seed over the rows' targets and folds."""
    return [fmean(row.f1 for row in group) for group in grouped(rows, lambda row: row.seed).values()]


def spread(rows: Sequence[Row]) -> str:
    """The standard deviation of F1 over seeds, as text; empty where there is one seed."""
    by_seed = f1_by_seed(rows)
    return f"{deviation(by_seed):.3f}" if len(by_seed) > 1 else ""


def deviation(values: Sequence[float]) -> float:
    """The standard deviation of a sample; 0 of a single value."""
    return stdev(values) if len(values) > 1 else 0.0


def grouped(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """Rows by a key, in order of first occurrence."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def table(rows: Sequence[Row]) -> dict[str, Any]:
    """`{"rows": [...], "mean": {...}}`, what `--json` writes.

    `mean` has the mean figures of the first method (its name is `method`) over all targets, folds and seeds, inductive
    at the natural ratio; `by_method` the same of each method, each with its `by_target`. `f1_sd` is over seeds.
    """
    leading = [row for row in rows if row.leading]
    groups = grouped(leading, lambda row: row.method)
    if not groups:
        return {"rows": rows, "mean": {}}
    by_method = {name: _mean(group, by_target=True) for name, group in groups.items()}
    first = next(iter(groups))
    return {"rows": rows, "mean": {"method": first, **_mean(groups[first]), "by_method": by_method}}


def _mean(rows: Sequence[Row], by_target: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {**averages(rows), "f1_sd": deviation(f1_by_seed(rows))}
    if by_target:
        found["by_target"] = {name: _mean(group) for name, group in grouped(rows, lambda row: row.target).items()}
    return found
