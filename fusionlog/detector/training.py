"""Training a small model. Train side: imports torch.

Seeded and on one set of threads, so that equal examples and settings give an equal model on a CPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from fusionlog.detector.examples import Example
from fusionlog.detector.network import build
from fusionlog.settings import DistillSettings

BATCH = 128
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4
EVENT_LOSS = 1.0


@dataclass(frozen=True, eq=False)
class Drawn:
    """Some examples: which events of the table stand in them and how often `[batch, events]`, and their labels."""

    places: Tensor
    counts: Tensor
    window: Tensor
    event: Tensor


@dataclass(frozen=True, eq=False)
class Pack:
    """All examples as tensors on the device: a table of their distinct events, and what stands where.

    `table` is `[distinct, dim]`: events recur, so a step projects each of them once, with noise of its own, instead of
    every place of the batch. `drawn` holds all examples, `weights` `[examples]` how often each is drawn.
    """

    table: Tensor
    drawn: Drawn
    weights: Tensor

    def draw(self, number: int) -> Drawn:
        """`number` examples, drawn with replacement by weight, cut to the longest of them."""
        rows = torch.multinomial(self.weights, number, replacement=True)
        all_, counts = self.drawn, self.drawn.counts[rows]
        longest = int((counts > 0).sum(dim=1).max())
        return Drawn(all_.places[rows, :longest], counts[:, :longest], all_.window[rows], all_.event[rows, :longest])


def fit(examples: Sequence[Example], settings: DistillSettings, detector: str = "set", threads: int = 1) -> nn.Module:
    """A network trained from scratch on the examples, drawn by their weight; on CUDA where there is one.

    The loss is the binary cross-entropy of windows plus that of events, against soft labels; AdamW under a one-cycle
    schedule.

    :raises ValueError: there is no example.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with _seeded(settings.seed, threads):
        pack = _pack(examples, device)
        network = build(detector, pack.table.shape[-1], settings.hidden).to(device).train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=settings.steps)
        for _ in range(settings.steps):
            optimizer.zero_grad()
            _loss(network, pack.table, pack.draw(BATCH)).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return network.eval()


def _loss(network: nn.Module, table: Tensor, drawn: Drawn) -> Tensor:
    window, event = network.read(network.project(table)[drawn.places], drawn.counts)  # type: ignore[operator]
    present = drawn.counts > 0
    of_windows = binary_cross_entropy_with_logits(window, drawn.window)
    of_events = binary_cross_entropy_with_logits(event[present], drawn.event[present])
    return of_windows + EVENT_LOSS * of_events


def _pack(examples: Sequence[Example], device: torch.device) -> Pack:
    if not examples:
        raise ValueError("a fit needs at least one example")
    vectors = np.concatenate([example.vectors for example in examples])
    table, rows = np.unique(vectors, axis=0, return_inverse=True)
    ends = np.cumsum([len(example.counts) for example in examples])[:-1]
    places = np.split(rows.reshape(-1), ends)
    drawn = Drawn(
        places=torch.from_numpy(_padded(places, np.int64)).to(device),
        counts=torch.from_numpy(_padded([example.counts for example in examples], np.float32)).to(device),
        window=torch.tensor([example.probability for example in examples], dtype=torch.float32, device=device),
        event=torch.from_numpy(_padded([each.event_probabilities for each in examples], np.float32)).to(device),
    )
    weights = torch.tensor([example.weight for example in examples], dtype=torch.float32, device=device)
    return Pack(torch.from_numpy(table.astype(np.float32)).to(device), drawn, weights)


def _padded(rows: Sequence[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    """Rows of different lengths as one array, zeros behind them."""
    padded = np.zeros((len(rows), max(1, *(len(row) for row in rows))), dtype=kind)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row
    return padded


@contextmanager
def _seeded(seed: int, threads: int) -> Iterator[None]:
    """Torch's random state seeded and its threads bounded, and both as they were afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)
