"""Training examples of a small model: windows as vectors and counts, with soft labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fusionlog.decision import is_anomalous
from fusionlog.detector.batch import Batch, collate
from fusionlog.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Example:
    """A distinct window: event vectors `[events, dim]`, counts `[events]`, and soft labels.

    `probability` is the window's, `event_probabilities` `[events]` those of its events by themselves. `weight` is how
    often the window was seen; `balanced` turns it into how often training draws it. `order` `[lines]` is the event of
    each line; examples of a detector that does not read the order lack it. `system` is the window's.
    """

    vectors: FloatArray
    counts: FloatArray
    probability: float
    event_probabilities: FloatArray
    weight: float = 1.0
    order: IntArray | None = None
    system: str = ""

    def places(self) -> tuple[IntArray, FloatArray, FloatArray]:
        """The event, its count `[places]` and its probability at each place of a network's input.

        A place is a distinct event, or a line where there is an order.
        """
        if self.order is None:
            return np.arange(len(self.counts)), self.counts, self.event_probabilities
        return self.order, np.ones(len(self.order), dtype=np.float32), self.event_probabilities[self.order]


def batch_of(examples: Sequence[Example]) -> Batch:
    """The batch of examples; all of them have an order, or none has."""
    orders = [example.order for example in examples if example.order is not None]
    return collate([(example.vectors, example.counts) for example in examples], orders or None)


def balanced(examples: Sequence[Example], mass: float = 1.0) -> list[Example]:
    """The examples with weights to draw them by, which sum to `mass`.

    log1p of the frequency, so that a routine does not drown the rest; then each class (on either side of one half) is
    scaled to the square root of its mass, half-way between natural and equal classes.
    """
    if not examples:
        return []
    weights = np.log1p([example.weight for example in examples])
    anomalous = np.array([is_anomalous(example.probability) for example in examples])
    for members in (anomalous, ~anomalous):
        weights[members] /= np.sqrt(weights[members].sum() or 1.0)
    weights *= mass / weights.sum()
    return [replace(example, weight=float(weight)) for example, weight in zip(examples, weights, strict=True)]
