"""The figures of a result against the target's labels, which no earlier step reads.

* A session without a window (none of its lines was parsed into one) has no outcome: it is normal, with score 0.
* Balanced, 50/50: all sessions of the rarer class, and as many of the other drawn without replacement; each figure is
  the mean over `DRAWS` such draws, by a fixed seed.
* De-duplicated: every shape once. Its label and its verdict are those of at least half of its sessions, ties being
  anomalous; its score is their mean.
* Seen and unseen: the sessions of the test half whose shape occurs, or does not occur, in the adaptation half.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve

from fusionlog.evaluation.metrics import Confusion
from fusionlog.evaluation.rows import Protocol, Ratio, Row
from fusionlog.evaluation.truth import Truth
from fusionlog.methods.protocol import Fold, FoldName, Outcome, Result
from fusionlog.types import BoolArray

DRAWS = 20
DRAW_SEED = 20_240
LAST_SHARE = 0.2
POINTS = 200
NO_TEACHER = "none"


@dataclass(frozen=True)
class RowKey:
    """The run that a row belongs to: target, method, fold, seed, teacher."""

    target: str
    method: str
    fold: FoldName
    seed: int
    teacher: str = NO_TEACHER

    @classmethod
    def of(cls, fold: Fold, method: str, seed: int, teacher: str | None = None) -> RowKey:
        """The key of a method's run on a fold."""
        return cls(fold.target, method, fold.name, seed, teacher or NO_TEACHER)


@dataclass(frozen=True, eq=False)
class LabelledOutcomes:
    """Sessions with their labels (`truth`), a method's verdicts and its scores, `[sessions]` each."""

    truth: BoolArray
    verdicts: BoolArray
    scores: NDArray[np.float64]

    def take(self, places: NDArray[np.int64]) -> LabelledOutcomes:
        """The sessions at these indices."""
        return LabelledOutcomes(self.truth[places], self.verdicts[places], self.scores[places])

    @property
    def confusion(self) -> Confusion:
        """The confusion matrix."""
        truth, verdicts = self.truth, self.verdicts
        return Confusion(
            true_positive=int((truth & verdicts).sum()), false_positive=int((~truth & verdicts).sum()),
            false_negative=int((truth & ~verdicts).sum()), true_negative=int((~truth & ~verdicts).sum()),
        )  # fmt: skip

    @property
    def auprc(self) -> float:
        """The area under the precision-recall curve as average precision; 0 where nothing is anomalous."""
        return float(average_precision_score(self.truth, self.scores)) if self.truth.any() else 0.0


def rows_of(result: Result, truth: Truth, about: RowKey) -> list[Row]:
    """The rows of a result: inductive and transductive, each at the natural ratio and balanced."""
    seen = {outcome.shape for outcome in result.adapted}
    return [
        *_rows(result, result.outcomes, truth.test, truth, about, "inductive", seen),
        *_rows(result, result.adapted, truth.adapted, truth, about, "transductive", None),
    ]


def labelled(outcomes: Sequence[Outcome], labels: Mapping[str, bool]) -> LabelledOutcomes:
    """Every labelled session with its outcome, in the labels' order."""
    found = {outcome.session: outcome for outcome in outcomes}
    known = [found.get(session) for session in labels]
    return LabelledOutcomes(
        np.array(list(labels.values()), dtype=np.bool_),
        np.array([outcome is not None and outcome.anomalous for outcome in known], dtype=np.bool_),
        np.array([outcome.score if outcome else 0.0 for outcome in known], dtype=np.float64),
    )


def deduplicated(outcomes: Sequence[Outcome], labels: Mapping[str, bool]) -> LabelledOutcomes:
    """The outcomes with every window shape counted as one session (see the module's docstring)."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.shape, []).append(outcome)
    return LabelledOutcomes(
        np.array([_half(labels[one.session] for one in group) for group in groups.values()], dtype=np.bool_),
        np.array([_half(one.anomalous for one in group) for group in groups.values()], dtype=np.bool_),
        np.array([np.mean([one.score for one in group]) for group in groups.values()], dtype=np.float64),
    )


def curve(outcomes: Sequence[Outcome], labels: Mapping[str, bool]) -> list[tuple[float, float]]:
    """Points of the precision-recall curve, (recall, precision), at most about `POINTS` of them."""
    all_ = labelled(outcomes, labels)
    if not all_.truth.any():
        return []
    precision, recall, _ = precision_recall_curve(all_.truth, all_.scores)
    kept = np.unique(np.linspace(0, len(recall) - 1, min(POINTS, len(recall))).round().astype(int))
    return [(_rounded(float(recall[place])), _rounded(float(precision[place]))) for place in kept]


def draws(all_: LabelledOutcomes) -> list[LabelledOutcomes]:
    """`DRAWS` balanced draws: all sessions of the rarer class, and as many of the other."""
    anomalous, normal = np.flatnonzero(all_.truth), np.flatnonzero(~all_.truth)
    size, random = min(len(anomalous), len(normal)), np.random.default_rng(DRAW_SEED)
    picked = [
        np.concatenate([random.choice(each, size, replace=False) for each in (anomalous, normal)]) for _ in range(DRAWS)
    ]
    return [all_.take(places) for places in picked]


def share(flags: Sequence[bool], last: float = 1.0) -> float:
    """The share of set flags among the last `last` of them, 0 to 1."""
    tail = flags[len(flags) - max(1, round(len(flags) * last)) :] if flags else flags
    return sum(tail) / len(tail) if tail else 0.0


def _rows(
    result: Result,
    outcomes: Sequence[Outcome],
    labels: Mapping[str, bool],
    truth: Truth,
    about: RowKey,
    protocol: Protocol,
    seen: set[str] | None,
) -> list[Row]:
    everything = labelled(outcomes, labels)
    shapes = _by_shape(outcomes, labels, seen)
    none: dict[str, float | None] = dict.fromkeys(shapes)
    return [
        _row(result, outcomes, truth, about, protocol, "natural", [everything], shapes),
        _row(result, outcomes, truth, about, protocol, "balanced", draws(everything), none),
    ]


def _row(
    result: Result,
    outcomes: Sequence[Outcome],
    truth: Truth,
    about: RowKey,
    protocol: Protocol,
    ratio: Ratio,
    samples: Sequence[LabelledOutcomes],
    shapes: Mapping[str, float | None],
) -> Row:
    """One row, whose figures are means over the samples."""
    tables = [sample.confusion for sample in samples]
    teacher = _teacher(result, truth)
    proprietary = [outcome.proprietary for outcome in outcomes]
    return Row(
        target=about.target, method=about.method, fold=about.fold, seed=about.seed, protocol=protocol, ratio=ratio,
        precision=_mean([each.precision for each in tables]),
        recall=_mean([each.recall for each in tables]),
        f1=_mean([each.f1 for each in tables]),
        fpr=_mean([each.fpr for each in tables]),
        auprc=_mean([sample.auprc for sample in samples]),
        mcc=_mean([each.mcc for each in tables]),
        f1_deduplicated=shapes["f1_deduplicated"], f1_seen=shapes["f1_seen"], f1_unseen=shapes["f1_unseen"],
        teacher=about.teacher,
        teacher_precision=_rounded(teacher.precision) if teacher else None,
        teacher_recall=_rounded(teacher.recall) if teacher else None,
        llm_calls=result.cost.calls, llm_units=result.cost.units, llm_tokens=result.cost.tokens,
        share_proprietary=_rounded(share(proprietary)),
        share_proprietary_last_fifth=_rounded(share(proprietary, LAST_SHARE)),
        seconds_train=round(result.seconds_train, 3), seconds_score=round(result.seconds_score, 3),
    )  # fmt: skip


def _by_shape(
    outcomes: Sequence[Outcome], labels: Mapping[str, bool], seen: set[str] | None
) -> dict[str, float | None]:
    """The figures by shape; those of seen and unseen shapes are None where there is no such session."""
    found: dict[str, float | None] = {"f1_deduplicated": _rounded(deduplicated(outcomes, labels).confusion.f1)}
    for name, wanted in (("f1_seen", True), ("f1_unseen", False)):
        some = [outcome for outcome in outcomes if seen is not None and (outcome.shape in seen) == wanted]
        part = labelled(some, {outcome.session: labels[outcome.session] for outcome in some})
        found[name] = _rounded(part.confusion.f1) if some else None
    return found


def _teacher(result: Result, truth: Truth) -> Confusion | None:
    """The confusion matrix of the teacher on the sessions it was queried about; None without a query."""
    if not result.asked:
        return None
    verdicts = np.array([asked.anomalous for asked in result.asked], dtype=np.bool_)
    labels = np.array([truth.anomalous(asked.session) for asked in result.asked], dtype=np.bool_)
    return LabelledOutcomes(labels, verdicts, verdicts.astype(np.float64)).confusion


def _half(flags: Iterable[bool]) -> bool:
    values = list(flags)
    return 2 * sum(values) >= len(values)


def _mean(values: Sequence[float]) -> float:
    return _rounded(float(np.mean(values)))


def _rounded(value: float) -> float:
    return round(value, 4)
