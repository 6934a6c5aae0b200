"""The formula of the offline labeller: what was observed of a window, weighed as the labelled sources teach.

A logistic regression whose weights are not negative: each observation can only speak for an anomaly, so that a system
unlike the sources cannot turn one round. Fitted where the sources are; the labeller itself needs numpy alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from fusionlog.novelty.features import NoveltyFeatures
from fusionlog.types import BoolArray

PRIOR_SHARE = 0.1
"""What the anomalous windows of a source weigh of it, however many they are: a target is taken for a system in which
one window in ten is anomalous, and a source in which a third are does not teach to call a third of another's so."""
PRIOR_WEIGHT = 1.0
RIDGE = 1e-3
"""Of the squared distance of a weight from `PRIOR_WEIGHT`, against the mean cross-entropy: what the sources say nothing
of counts as much as a logit for each order of magnitude."""
SWEEPS = 200
EDGES = 200
"""Places of the decision that are compared, from the least to the greatest logit."""
OFFLINE, COUNTED = "offline.", "counted."
"""Of the metrics of a release: the offline labeller's formula, and that of a calibration, by what is counted alone."""

Floats = NDArray[np.float64]


class Evidence(Struct, frozen=True):
    """What was observed of a window, or of an event by itself: each 0 where nothing is wrong.

    :param surprise: of the window's most surprising break of a habit, in orders of magnitude (see `profile`), beyond
        that of the most surprising among so many by chance.
    :param rarity: of its rarest event (see `frequencies`), beyond that of the rarest among so many by chance.
    :param failure: how much rarer an event that speaks of a failure is than the mean of those that do not.
    :param carried: the greatest probability of an anomaly that a source's event carries over, times their likeness.
    """

    surprise: float = 0.0
    rarity: float = 0.0
    failure: float = 0.0
    carried: float = 0.0

    @property
    def values(self) -> tuple[float, float, float, float]:
        """As the formula weighs them."""
        return self.surprise, self.rarity, self.failure, self.carried

    @classmethod
    def counted(cls, how: NoveltyFeatures) -> Evidence:
        """Of what is counted alone."""
        return cls(surprise=how.surprisal, rarity=how.rarity, failure=how.failure)


@dataclass(frozen=True)
class Observed:
    """The evidence of a labelled stretch of windows `[windows, 4]`, and which of them are anomalous `[windows]`."""

    evidence: Floats
    anomalous: BoolArray

    @property
    def mass(self) -> Floats:
        """What each window weighs `[windows]`: `PRIOR_SHARE` for all that are anomalous, together 1."""
        bad = int(self.anomalous.sum())
        return np.where(
            self.anomalous, PRIOR_SHARE / max(1, bad), (1 - PRIOR_SHARE) / max(1, len(self.anomalous) - bad)
        )

    @classmethod
    def of(cls, evidence: Sequence[Evidence], anomalous: Sequence[bool]) -> Observed:
        """From what was observed of each window."""
        rows = np.array([each.values for each in evidence], dtype=np.float64)
        return cls(rows.reshape(len(evidence), len(Evidence.__struct_fields__)), np.array(anomalous, dtype=np.bool_))


class Formula(Struct, frozen=True):
    """p = 1 / (1 + exp(-(bias + weights . evidence))); one half is where the sources are told apart best."""

    weights: tuple[float, float, float, float]
    bias: float

    def logit(self, evidence: Evidence) -> float:
        """bias + weights . evidence."""
        return self.bias + sum(weight * value for weight, value in zip(self.weights, evidence.values, strict=True))

    def probability(self, evidence: Evidence) -> float:
        """How likely what was observed is an anomaly."""
        return 1.0 / (1.0 + exp(-min(max(self.logit(evidence), -30.0), 30.0)))

    def metrics(self, prefix: str = OFFLINE) -> dict[str, float]:
        """As a release of the base model carries it."""
        named = zip(Evidence.__struct_fields__, self.weights, strict=True)
        return {f"{prefix}bias": self.bias, **{f"{prefix}{name}": weight for name, weight in named}}

    @classmethod
    def of_metrics(cls, metrics: Mapping[str, float], prefix: str = OFFLINE) -> Formula | None:
        """The formula that a release carries, None where it has none."""
        names = [f"{prefix}{name}" for name in Evidence.__struct_fields__]
        if not {f"{prefix}bias", *names} <= metrics.keys():
            return None
        surprise, rarity, failure, carried = (metrics[name] for name in names)
        return cls((surprise, rarity, failure, carried), metrics[f"{prefix}bias"])


UNTAUGHT = Formula((PRIOR_WEIGHT,) * 4, -3.0)
"""What is looked at where the sources teach nothing: three orders of magnitude, of whatever they are, are as likely an
anomaly as not."""


def fit(stretches: Sequence[Observed]) -> Formula | None:
    """The formula of labelled stretches, each of which counts the same; None where none has both kinds of windows.

    The weights minimise the mean cross-entropy of the stretches, by coordinate descent. The bias is then moved so that
    one half is where the mean of their F1 is the greatest: cross-entropy has no use for a decision that is right in two
    of five, F1 has.
    """
    told = [each for each in stretches if each.anomalous.any() and not each.anomalous.all()]
    if not told:
        return None
    weights, bias = _descend(told)
    edge = best_edge(told, [each.evidence @ weights + bias for each in told])
    surprise, rarity, failure, carried = weights.tolist()
    return Formula((surprise, rarity, failure, carried), float(bias - edge))


def f1(said: BoolArray, anomalous: BoolArray, mass: Floats) -> float:
    """2 TP / (2 TP + FP + FN) of weighed windows."""
    return float(2 * mass[said & anomalous].sum() / (mass[said].sum() + mass[anomalous].sum()))


def _descend(stretches: Sequence[Observed]) -> tuple[Floats, float]:
    """Weights, none negative, and the bias that minimise the cross-entropy: a Newton step a coordinate, in turn."""
    evidence = np.concatenate([each.evidence for each in stretches])
    anomalous = np.concatenate([each.anomalous for each in stretches])
    mass = np.concatenate([each.mass for each in stretches]) / len(stretches)
    columns = np.column_stack([evidence, np.ones(len(evidence))])
    found, last = np.zeros(columns.shape[1]), columns.shape[1] - 1
    logits = columns @ found
    for _ in range(SWEEPS):
        for place in range(len(found)):
            said, column = 1 / (1 + np.exp(-np.clip(logits, -30, 30))), columns[:, place]
            ridge = RIDGE if place < last else 0.0
            slope = (mass * (said - anomalous)) @ column + 2 * ridge * (found[place] - PRIOR_WEIGHT)
            curve = (mass * said * (1 - said)) @ column**2 + 2 * ridge + 1e-9
            moved = found[place] - slope / curve
            moved = moved if place == last else max(0.0, moved)
            logits = logits + (moved - found[place]) * column
            found[place] = moved
    return found[:-1], float(found[-1])


def best_edge(stretches: Sequence[Observed], logits: Sequence[Floats]) -> float:
    """The logit from which calling windows anomalous gives the greatest mean F1."""
    whole = np.concatenate(logits)
    edges = np.linspace(whole.min(), whole.max(), EDGES)
    told = list(zip(stretches, logits, strict=True))
    means = [np.mean([f1(each >= edge, known.anomalous, known.mass) for known, each in told]) for edge in edges]
    return float(edges[np.argmax(means)])
