"""The small model's networks, by the name that `detector` carries in a release. Train side: imports torch.

Every network reads a `Batch`: events `[batch, events, dim]` and counts `[batch, events]`, where count 0 is padding.
For a network of sets an event stands once, with its count; one that looks at order (the papers' bi-GRU) is given a line
per place with a count of 1. So both export to one ONNX interface.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import torch
from torch import Tensor, nn

from fusionlog.errors import SettingError

DROPOUT = 0.2
INPUT_DROPOUT = 0.1
INPUT_NOISE = 0.02
LOGIT_SCALE = 3.0
FLOOR = -1e4  # below every activation; finite, so that a window of nothing but padding gives no NaN


class Network(Protocol):
    """What training and export ask of a network: `read(project(events), counts)` is what a call gives."""

    def __call__(self, events: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of windows `[batch]` and of events `[batch, events]`; those of padding mean nothing.

        :param events: unit vectors `[batch, events, dim]`. :param counts: `[batch, events]`.
        """

    def project(self, events: Tensor) -> Tensor:
        """Events `[..., dim]` as `[..., hidden]`, each by itself, so that training does it once for each event."""

    def read(self, projected: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Logits from projections `[batch, events, hidden]` and counts `[batch, events]`."""


class Factory(Protocol):
    """Makes an untrained network."""

    def __call__(self, dim: int, hidden: int) -> nn.Module:
        """A network over event vectors of width `dim`."""


class SetNetwork(nn.Module):
    """A window as the set of its distinct events: an event head, and a window head over pooled events.

    Each event is projected; the event head reads the projection. Projection, log count and the (squashed) event logit
    make an event's features, pooled by maximum and mean. The window head reads both pools, the log length, and the
    greatest and mean event logit: what is wrong by itself is seen by the event head, what is wrong in combination or
    number by the window head.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.projection = nn.Sequential(
            nn.Dropout(INPUT_DROPOUT), nn.Linear(dim, hidden), nn.GELU(), nn.Dropout(DROPOUT)
        )
        self.event_head = nn.Linear(hidden, 1)
        self.features = nn.Sequential(nn.Linear(hidden + 2, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU())
        self.window_head = nn.Sequential(
            nn.Dropout(DROPOUT), nn.Linear(2 * hidden + 3, hidden), nn.GELU(), nn.Linear(hidden, 1)
        )

    def forward(self, events: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of windows `[batch]` and of events `[batch, events]`."""
        return self.read(self.project(events), counts)

    def project(self, events: Tensor) -> Tensor:
        """Events `[..., dim]` as `[..., hidden]`; with some noise in training."""
        projected: Tensor = self.projection(
            events + INPUT_NOISE * torch.randn_like(events) if self.training else events
        )
        return projected

    def read(self, projected: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Logits from projections `[batch, events, hidden]` and counts `[batch, events]`."""
        present = counts > 0
        event = self.event_head(projected).squeeze(-1)
        squashed = torch.tanh(event / LOGIT_SCALE).unsqueeze(-1)
        features = self.features(torch.cat([projected, torch.log1p(counts).unsqueeze(-1), squashed], dim=-1))
        greatest, mean = _pool(features, present)
        worst, typical = _pool(event.unsqueeze(-1), present)
        length = torch.log1p(counts.sum(dim=1, keepdim=True))
        pooled = torch.cat([greatest, mean, length, worst, typical], dim=-1)
        return self.window_head(pooled).squeeze(-1), event


NETWORKS: Mapping[str, Factory] = MappingProxyType({"set": SetNetwork})


def build(detector: str, dim: int, hidden: int) -> nn.Module:
    """An untrained network by name.

    :raises SettingError: no network has that name.
    """
    if detector not in NETWORKS:
        raise SettingError("detector", detector, f"must be one of {', '.join(sorted(NETWORKS))}")
    return NETWORKS[detector](dim, hidden)


def _pool(values: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
    """Maximum and mean over the events that are present, `[batch, width]` each; 0 for a window without any."""
    mask = present.unsqueeze(-1)
    some = mask.any(dim=1)
    greatest = torch.where(some, torch.where(mask, values, FLOOR).amax(dim=1), 0.0)
    number = present.sum(dim=1, keepdim=True).clamp(min=1)
    return greatest, torch.where(mask, values, 0.0).sum(dim=1) / number
