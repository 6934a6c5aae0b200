"""Training a small model. Train side: imports torch.

Seeded and on one set of threads, so that equal examples and settings give an equal model on a CPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from fusionlog.detector.batch import collate
from fusionlog.detector.examples import Example
from fusionlog.detector.network import build
from fusionlog.settings import DistillSettings

BATCH = 128
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 1e-4
EVENT_LOSS = 1.0


@dataclass(frozen=True, eq=False)
class Pack:
    """All examples as tensors on the device: events `[examples, events, dim]`, the rest `[examples(, events)]`."""

    events: Tensor
    counts: Tensor
    window: Tensor
    event: Tensor
    weights: Tensor

    def draw(self, number: int) -> Pack:
        """`number` examples, drawn with replacement by weight, cut to the longest of them."""
        rows = torch.multinomial(self.weights, number, replacement=True)
        counts = self.counts[rows]
        longest = int((counts > 0).sum(dim=1).max())
        return Pack(
            self.events[rows, :longest], counts[:, :longest], self.window[rows], self.event[rows, :longest],
            self.weights[rows],
        )  # fmt: skip


def fit(examples: Sequence[Example], settings: DistillSettings, detector: str = "set", threads: int = 1) -> nn.Module:
    """A network trained from scratch on the examples, drawn by their weight; on CUDA where there is one.

    The loss is the binary cross-entropy of windows plus that of events, against soft labels; AdamW under a one-cycle
    schedule.

    :raises ValueError: there is no example.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    with _seeded(settings.seed, threads):
        pack = _pack(examples, device)
        network = build(detector, pack.events.shape[-1], settings.hidden).to(device).train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, total_steps=settings.steps)
        for _ in range(settings.steps):
            optimizer.zero_grad()
            _loss(network, pack.draw(BATCH)).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return network.eval()


def _loss(network: nn.Module, drawn: Pack) -> Tensor:
    window, event = network(drawn.events, drawn.counts)
    present = drawn.counts > 0
    of_windows = binary_cross_entropy_with_logits(window, drawn.window)
    of_events = binary_cross_entropy_with_logits(event[present], drawn.event[present])
    return of_windows + EVENT_LOSS * of_events


def _pack(examples: Sequence[Example], device: torch.device) -> Pack:
    if not examples:
        raise ValueError("a fit needs at least one example")
    batch = collate([(example.vectors, example.counts) for example in examples])
    labels = collate([(example.event_probabilities[:, None], example.counts) for example in examples])
    return Pack(
        events=torch.from_numpy(batch.events).to(device),
        counts=torch.from_numpy(batch.counts).to(device),
        window=torch.tensor([example.probability for example in examples], dtype=torch.float32, device=device),
        event=torch.from_numpy(labels.events[..., 0]).to(device),
        weights=torch.tensor([example.weight for example in examples], dtype=torch.float32, device=device),
    )


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
