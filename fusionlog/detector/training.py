"""Training of a small model on labelled windows of any systems. Train side: imports torch.

Seeded, with a fixed number of threads: equal examples and settings give an equal model on a CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import Parameter
from torch.nn.functional import binary_cross_entropy_with_logits

from fusionlog.detector.examples import Example
from fusionlog.detector.network import Network
from fusionlog.detector.sequence import ORDERED
from fusionlog.detector.set_network import build
from fusionlog.settings import DistillSettings

BATCH = 128
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4
EVENT_LOSS = 1.0
OnStep = Callable[[int], None]
"""Called after each step of a fit, with the number of steps that are done."""


def no_report(done: int) -> None:
    """Report no step."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Drawn examples: the table's row and the count of each place `[batch, places]`, and their labels."""

    places: Tensor
    counts: Tensor
    window: Tensor
    event: Tensor


@dataclass(frozen=True, eq=False)
class Pack:
    """Examples as tensors on the device: a table of their distinct events, and the examples as rows of it.

    `table` is `[distinct, dim]`: events recur, so a step projects each of them once, with noise of its own, instead of
    every place of the batch. `drawn` holds the examples, `weights` `[examples]` how often each is drawn.
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


def fit(
    examples: Sequence[Example], settings: DistillSettings, threads: int = 1, on_step: OnStep = no_report
) -> Network:
    """A network trained from scratch on the examples, drawn by their weight; on CUDA where there is one.

    The loss is the binary cross-entropy of windows plus that of events, against soft labels; AdamW under a one-cycle
    schedule.

    :raises ValueError: there is no example, or one does not suit the settings' detector.
    """
    with seeded(settings.seed, threads):
        table = pack(examples, settings)
        network = untrained(table, settings)
        optimise(network.parameters(), settings.steps, lambda _: backward(supervised(network, table)), on_step)
    return network.eval()


def untrained(pack: Pack, settings: DistillSettings) -> Network:
    """The settings' network, untrained, on the device of the examples."""
    network = build(settings.detector, pack.table.shape[-1], settings.hidden)
    return network.to(pack.table.device).train()


def optimise(
    parameters: Iterable[Parameter], steps: int, step: Callable[[int], None], on_step: OnStep = no_report
) -> None:
    """AdamW under a one-cycle schedule; each `step`, given its number, leaves its gradients in the parameters."""
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=steps)
    for number in range(steps):
        optimizer.zero_grad()
        step(number)
        optimizer.step()
        schedule.step()
        on_step(number + 1)


def backward(loss: Tensor) -> None:
    """Add the gradient of a loss to that of the parameters."""
    loss.backward()  # type: ignore[no-untyped-call]


def supervised(network: Network, pack: Pack, number: int = BATCH) -> Tensor:
    """The loss on `number` examples, drawn now."""
    drawn = pack.draw(number)
    represented, event = read(network, pack, drawn)
    return loss_of(network.window_logits(represented), event, drawn)


def read(network: Network, pack: Pack, drawn: Drawn) -> tuple[Tensor, Tensor]:
    """Representations of drawn examples `[batch, width]` and logits of their events `[batch, places]`."""
    return network.represent(network.project(pack.table)[drawn.places], drawn.counts)


def loss_of(window: Tensor, event: Tensor, drawn: Drawn) -> Tensor:
    """The cross-entropy of windows' logits `[batch]` plus that of events' `[batch, places]`, against their labels."""
    present = drawn.counts > 0
    of_windows = binary_cross_entropy_with_logits(window, drawn.window)
    of_events = binary_cross_entropy_with_logits(event[present], drawn.event[present])
    return of_windows + EVENT_LOSS * of_events


def pack(examples: Sequence[Example], settings: DistillSettings) -> Pack:
    """Examples for the settings' detector, on CUDA where there is one.

    :raises ValueError: there is no example, or one has no order and the detector looks at it, or the other way round.
    """
    if not examples:
        raise ValueError("a fit needs at least one example")
    if any((example.order is None) == (settings.detector in ORDERED) for example in examples):
        raise ValueError(f"these examples were not made for the detector {settings.detector}")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    vectors = np.concatenate([example.vectors for example in examples])
    table, rows = np.unique(vectors, axis=0, return_inverse=True)
    ends = np.cumsum([len(example.counts) for example in examples])[:-1]
    placed = [example.places() for example in examples]
    places = [of[place] for of, (place, _, _) in zip(np.split(rows.reshape(-1), ends), placed, strict=True)]
    drawn = Drawn(
        places=torch.from_numpy(_padded(places, np.int64)).to(device),
        counts=torch.from_numpy(_padded([counts for _, counts, _ in placed], np.float32)).to(device),
        window=torch.tensor([example.probability for example in examples], dtype=torch.float32, device=device),
        event=torch.from_numpy(_padded([event for _, _, event in placed], np.float32)).to(device),
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
def seeded(seed: int, threads: int) -> Iterator[None]:
    """A context with torch's random state seeded and its threads bounded; both are restored afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(before)
