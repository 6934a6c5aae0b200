"""Two learners that are taught to learn a system from its support: MAML and prototypical networks. Imports torch.

An episode is one source: the learner adapts to the support, which the offline labeller judged, and is corrected by the
labels of the queries. Both see the support as they will see a target's, wrong verdicts and all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from fusionlog.decision import THRESHOLD
from fusionlog.detector.training import backward, optimise, seeded
from fusionlog.types import BoolArray, FloatArray

WIDTH = 32
DROPOUT = 0.3
INNER_RATE = 0.1
INNER_STEPS = 5
LearnerName = Literal["maml", "protonet"]


@dataclass(frozen=True, eq=False)
class Episode:
    """Support `[n, features]` with probabilities `[n]`; queries `[m, features]` with labels `[m]`."""

    support: FloatArray
    probabilities: FloatArray
    queries: FloatArray
    anomalous: BoolArray


class Learner(nn.Module, ABC):
    """Judges queries after a look at the support."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(features, WIDTH), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(WIDTH, WIDTH), nn.ReLU()
        )

    @abstractmethod
    def logits_of(self, support: Tensor, probabilities: Tensor, queries: Tensor) -> Tensor:
        """Logits of the queries `[m]`."""

    def learn(self, support: Tensor, probabilities: Tensor, queries: Tensor, anomalous: Tensor) -> None:
        """Leave the gradient of an episode in the parameters."""
        backward(balanced_loss(self.logits_of(support, probabilities, queries), anomalous))


class Prototypes(Learner):
    """Prototypical networks (Snell et al., NeurIPS 2017): a window is of the class whose mean embedding is nearer.

    logit = scale (|z - c0|^2 - |z - c1|^2) + bias; a prototype is the mean of the support's embeddings, each weighted
    by how likely it is of the class. Where the labeller found no anomaly its most suspicious windows stand for it.
    """

    def __init__(self, features: int) -> None:
        super().__init__(features)
        self.scale = nn.Parameter(torch.tensor(1.0 / WIDTH))
        self.bias = nn.Parameter(torch.tensor(0.0))

    def logits_of(self, support: Tensor, probabilities: Tensor, queries: Tensor) -> Tensor:
        """Logits of the queries `[m]`."""
        known, asked = self.body(support), self.body(queries)
        bad = probabilities * (probabilities >= min(THRESHOLD, float(probabilities.max())))
        away = [((asked - _mean(known, weights)) ** 2).sum(dim=1) for weights in (1 - probabilities, bad)]
        logits: Tensor = self.scale * (away[0] - away[1]) + self.bias
        return logits


class Maml(Learner):
    """Model-agnostic meta-learning to the first order (Finn et al., ICML 2017).

    theta' = theta after `INNER_STEPS` plain gradient steps on the support; the gradient of the queries' loss there is
    taken for that at theta.
    """

    def __init__(self, features: int) -> None:
        super().__init__(features)
        self.head = nn.Linear(WIDTH, 1)

    def logits_of(self, support: Tensor, probabilities: Tensor, queries: Tensor) -> Tensor:
        """Logits of the queries `[m]`."""
        return self.adapted(support, probabilities).logits(queries)

    def learn(self, support: Tensor, probabilities: Tensor, queries: Tensor, anomalous: Tensor) -> None:
        """Leave the gradient of an episode in the parameters."""
        fast = self.adapted(support, probabilities)
        fast.zero_grad()
        backward(balanced_loss(fast.logits(queries), anomalous))
        for slow, moved in zip(self.parameters(), fast.parameters(), strict=True):
            slow.grad = moved.grad

    def logits(self, windows: Tensor) -> Tensor:
        """Logits of windows `[n]` as the parameters stand."""
        found: Tensor = self.head(self.body(windows)).squeeze(-1)
        return found

    def adapted(self, support: Tensor, probabilities: Tensor) -> Maml:
        """A copy that has taken the inner steps."""
        fast = deepcopy(self)
        optimiser = torch.optim.SGD(fast.parameters(), lr=INNER_RATE)
        with torch.enable_grad():
            for _ in range(INNER_STEPS):
                optimiser.zero_grad()
                backward(balanced_loss(fast.logits(support), probabilities))
                optimiser.step()
        return fast


LEARNERS: Mapping[LearnerName, Callable[[int], Learner]] = MappingProxyType({"maml": Maml, "protonet": Prototypes})


def train(name: LearnerName, episodes: Sequence[Episode], steps: int, seed: int) -> Learner:
    """A learner taught by episodes in turn, `steps` in all.

    :raises ValueError: there is no episode.
    """
    if not episodes:
        raise ValueError("meta-learning needs at least one source")
    with seeded(seed, 1):
        learner = LEARNERS[name](episodes[0].support.shape[1]).train()
        shown = [_tensors(each) for each in episodes]
        optimise(learner.parameters(), steps, lambda number: learner.learn(*shown[number % len(shown)]))
    return learner.eval()


def predict(learner: Learner, support: FloatArray, probabilities: FloatArray, queries: FloatArray) -> FloatArray:
    """Logits of the queries `[m]` after a look at the support."""
    with torch.no_grad():
        told = learner.logits_of(torch.from_numpy(support), torch.from_numpy(probabilities), torch.from_numpy(queries))
    found: FloatArray = told.numpy().astype(np.float32)
    return found


def balanced_loss(logits: Tensor, probabilities: Tensor) -> Tensor:
    """Cross-entropy against soft labels, either class with half of the mass where both are there."""
    bad = probabilities >= THRESHOLD
    weights = torch.where(bad, 1.0 / max(1, int(bad.sum())), 1.0 / max(1, int((~bad).sum())))
    return binary_cross_entropy_with_logits(logits, probabilities, weight=weights / weights.sum(), reduction="sum")


def _mean(vectors: Tensor, weights: Tensor) -> Tensor:
    return (weights.unsqueeze(1) * vectors).sum(dim=0) / weights.sum().clamp(min=1e-6)


def _tensors(episode: Episode) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Support, its probabilities, queries and their labels as a learner reads them."""
    return (
        torch.from_numpy(episode.support), torch.from_numpy(episode.probabilities), torch.from_numpy(episode.queries),
        torch.from_numpy(episode.anomalous.astype(np.float32)),
    )  # fmt: skip
