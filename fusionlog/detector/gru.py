"""The papers' small model: a bidirectional GRU over a window's lines, with attention. Train side: imports torch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fusionlog.detector.network import DROPOUT, FLOOR, Network


class GruNetwork(Network):
    """A window as the sequence of its lines (the form of MetaLog, doi 10.1145/3597503.3639205, and its successors).

    Two GRUs read the projected lines, one from the first to the last, one from the last to the first; additive
    attention (Bahdanau et al., arXiv 1409.0473) weighs their joint states into the window's representation.

    Lines come first and padding after them. A GRU that reads forwards meets padding only when it has read every line;
    the other one is given each window's own lines turned round, and its states turned back. So no state of a line, and
    no weight of it, knows of padding: the states are those of packed sequences, but export to plain ONNX operators, and
    on a CPU they train twice as fast.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__(dim, hidden)
        self.onwards = nn.GRU(hidden, hidden, batch_first=True)
        self.backwards = nn.GRU(hidden, hidden, batch_first=True)
        self._width = 2 * hidden
        self.attention = nn.Sequential(nn.Linear(self._width, hidden), nn.Tanh(), nn.Linear(hidden, 1, bias=False))
        self.window_head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(self._width, 1))

    @property
    def width(self) -> int:
        """A state of both directions."""
        return self._width

    def represent(self, projected: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Windows `[batch, width]` and logits of lines `[batch, lines]`."""
        present = counts > 0
        states = self.states(projected, present.sum(dim=1))
        scores = torch.where(present, self.attention(states).squeeze(-1), FLOOR)
        shares = torch.where(present, torch.softmax(scores, dim=1), 0.0)
        return (shares.unsqueeze(-1) * states).sum(dim=1), self.event_head(projected).squeeze(-1)

    def states(self, projected: Tensor, lengths: Tensor) -> Tensor:
        """The states of both directions `[batch, lines, width]`; what stands at padding means nothing.

        :param projected: `[batch, lines, hidden]`. :param lengths: how many of them are lines `[batch]`.
        """
        onwards, _ = self.onwards(projected)
        backwards, _ = self.backwards(turned(projected, lengths))
        return torch.cat([onwards, turned(backwards, lengths)], dim=-1)


def turned(values: Tensor, lengths: Tensor) -> Tensor:
    """The first `lengths` of each row's values `[batch, lines, width]` in reverse order, padding where it was."""
    places = torch.arange(values.shape[1], device=values.device)
    mirrored = lengths.unsqueeze(1) - 1 - places
    index = torch.where(mirrored >= 0, mirrored, places)
    return values.gather(1, index.unsqueeze(-1).expand_as(values))
