"""The set network, and every network by the name that `detector` carries in a release. Train side: imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from fusionlog.detector.gru import GruNetwork
from fusionlog.detector.network import DROPOUT, FLOOR, Network
from fusionlog.errors import SettingError

LOGIT_SCALE = 3.0


class SetNetwork(Network):
    """A window as the set of its distinct events: an event head, and a window head over pooled events.

    Projection, log count and the (squashed) event logit make an event's features, pooled by maximum and mean. The
    window head reads both pools, the log length, and the greatest and mean event logit. So the event head finds events
    that are anomalous by themselves, the window head anomalous combinations and numbers.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__(dim, hidden)
        self.features = nn.Sequential(nn.Linear(hidden + 2, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU())
        self._width = 2 * hidden + 3
        self.window_head = nn.Sequential(
            nn.Dropout(DROPOUT), nn.Linear(self._width, hidden), nn.GELU(), nn.Linear(hidden, 1)
        )

    @property
    def width(self) -> int:
        """Both pools, the log length, the greatest and the mean event logit."""
        return self._width

    def represent(self, projected: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Windows `[batch, width]` and logits of events `[batch, events]`."""
        present = counts > 0
        event = self.event_head(projected).squeeze(-1)
        squashed = torch.tanh(event / LOGIT_SCALE).unsqueeze(-1)
        features = self.features(torch.cat([projected, torch.log1p(counts).unsqueeze(-1), squashed], dim=-1))
        greatest, mean = _pool(features, present)
        worst, typical = _pool(event.unsqueeze(-1), present)
        length = torch.log1p(counts.sum(dim=1, keepdim=True))
        return torch.cat([greatest, mean, length, worst, typical], dim=-1), event


NETWORKS: Mapping[str, type[SetNetwork] | type[GruNetwork]] = MappingProxyType({"set": SetNetwork, "gru": GruNetwork})


def build(detector: str, dim: int, hidden: int) -> Network:
    """An untrained network by name, over event vectors of width `dim`.

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
