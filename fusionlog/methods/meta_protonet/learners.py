"""Two meta-learners: MAML and prototypical networks. Imports torch.

An episode is one source: the learner adapts to the support set, which the offline labeller labelled, and its loss is
on the true labels of the queries. So the support has the same label noise in training as on a target.
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
    """A meta-learner: predicts the logits of queries from a support set."""

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
    by its probability of the class. Where the labeller found no anomaly, the windows of greatest probability form the
    anomalous prototype.
    """

    def __init__(self, features: int) -> None:
        super().__init__(features)
        self.scale = nn.Parameter(torch.tensor(1.0 / WIDTH))
        self.bias = nn.Parameter(torch.tensor(0.0))

    def logits_of(self, support: Tensor, probabilities: Tensor, queries: Tensor) -> Tensor:
        """Logits of the queries `[m]`."""
        known, embedded = self.body(support), self.body(queries)
        bad = probabilities * (probabilities >= min(THRESHOLD, float(probabilities.max())))
        away = [((embedded - _mean(known, weights)) ** 2).sum(dim=1) for weights in (1 - probabilities, bad)]
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
        """Logits of windows `[n]` under the current parameters."""
        found: Tensor = self.head(self.body(windows)).squeeze(-1)
        return found

    def adapted(self, support: Tensor, probabilities: Tensor) -> Maml:
        """A copy after the inner gradient steps on the support."""
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
    """Train a learner on the episodes in turn, `steps` in all.

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
    """Logits of the queries `[m]`, given the support set."""
    with torch.no_grad():
        logits = learner.logits_of(
            torch.from_numpy(support), torch.from_numpy(probabilities), torch.from_numpy(queries)
        )
    found: FloatArray = logits.numpy().astype(np.float32)
    return found


def balanced_loss(logits: Tensor, probabilities: Tensor) -> Tensor:
    """Cross-entropy against soft labels; where both classes occur, each has half of the weight."""
    bad = probabilities >= THRESHOLD
    weights = torch.where(bad, 1.0 / max(1, int(bad.sum())), 1.0 / max(1, int((~bad).sum())))
    return binary_cross_entropy_with_logits(logits, probabilities, weight=weights / weights.sum(), reduction="sum")


def _mean(vectors: Tensor, weights: Tensor) -> Tensor:
    return (weights.unsqueeze(1) * vectors).sum(dim=0) / weights.sum().clamp(min=1e-6)


def _tensors(episode: Episode) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """An episode as tensors: support, its probabilities, queries, labels of the queries."""
    return (
        torch.from_numpy(episode.support), torch.from_numpy(episode.probabilities), torch.from_numpy(episode.queries),
        torch.from_numpy(episode.anomalous.astype(np.float32)),
    )  # fmt: skip
