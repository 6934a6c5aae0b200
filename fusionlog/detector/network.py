"""The base class of the networks, with the input layer that all of them share. Train side: imports torch.

Every network reads a `Batch`: events `[batch, places, dim]` and counts `[batch, places]`, where count 0 is padding.
For a set network a place is a distinct event with its count; for one that reads the order it is a line with a count
of 1. So both export to one ONNX interface.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

DROPOUT = 0.2
INPUT_DROPOUT = 0.1
INPUT_NOISE = 0.02
FLOOR = -1e4
"""Below every activation; finite, so that a window of nothing but padding gives no NaN."""


class Network(nn.Module, ABC):
    """A small model: a projection of each event, a representation of the window, and a head for each of both.

    The event head reads an event's projection alone: it finds events that are anomalous by themselves.

    :param dim: the width of an event's vector. :param hidden: of its projection.
    """

    window_head: nn.Module

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.projection = nn.Sequential(
            nn.Dropout(INPUT_DROPOUT), nn.Linear(dim, hidden), nn.GELU(), nn.Dropout(DROPOUT)
        )
        self.event_head = nn.Linear(hidden, 1)

    @property
    @abstractmethod
    def width(self) -> int:
        """The width of a window's representation."""

    @abstractmethod
    def represent(self, projected: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Windows as `[batch, width]`, and the logits of events `[batch, places]`; those of padding mean nothing.

        :param projected: `[batch, places, hidden]`. :param counts: `[batch, places]`.
        """

    def project(self, events: Tensor) -> Tensor:
        """The projections of events `[..., dim]` as `[..., hidden]`, each by itself; with some noise in training.

        So training projects each distinct event of a step once."""
        projected: Tensor = self.projection(
            events + INPUT_NOISE * torch.randn_like(events) if self.training else events
        )
        return projected

    def window_logits(self, represented: Tensor) -> Tensor:
        """Logits of windows `[batch]` from their representations `[batch, width]`."""
        logits: Tensor = self.window_head(represented).squeeze(-1)
        return logits

    def forward(self, events: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of windows `[batch]` and of events `[batch, places]`; those of padding mean nothing.

        :param events: unit vectors `[batch, places, dim]`. :param counts: `[batch, places]`.
        """
        represented, event = self.represent(self.project(events), counts)
        return self.window_logits(represented), event
