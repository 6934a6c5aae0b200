from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from fusionlog.detector.network import FLOOR, Network

DIM, HIDDEN = 3, 4
COUNTS = torch.ones(2, 3)


class Summed(Network):
    """A window as the sum of its projected events."""

    def __init__(self) -> None:
        super().__init__(DIM, HIDDEN)
        self.window_head = nn.Linear(HIDDEN, 1)

    @property
    def width(self) -> int:
        return HIDDEN

    def represent(self, projected: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        return (counts.unsqueeze(-1) * projected).sum(dim=1), self.event_head(projected).squeeze(-1)


def make_network() -> Summed:
    torch.manual_seed(3)
    return Summed().eval()


def make_events() -> Tensor:
    torch.manual_seed(4)
    return torch.randn(2, 3, DIM)


def test_a_window_and_each_place_has_one_logit() -> None:
    network, events = make_network(), make_events()
    window, event = network(events, COUNTS)
    assert window.shape == (2,) and event.shape == (2, 3)
    represented, _ = network.represent(network.project(events), COUNTS)
    torch.testing.assert_close(window, network.window_logits(represented))


def test_an_events_logit_depends_on_no_other_event() -> None:
    network, events = make_network(), make_events()
    changed = torch.cat([events[:, :1], -events[:, 1:]], dim=1)
    (window, event), (other_window, other_event) = network(events, COUNTS), network(changed, COUNTS)
    torch.testing.assert_close(event[:, 0], other_event[:, 0])
    assert not torch.isclose(event[:, 1:], other_event[:, 1:]).any() and not torch.isclose(window, other_window).any()


def test_events_are_projected_by_themselves_in_any_shape() -> None:
    network, events = make_network(), make_events()
    torch.testing.assert_close(network.project(events)[1, 2], network.project(events[1, 2]))
    assert network.project(events).shape == (2, 3, HIDDEN)


def test_a_network_in_use_has_no_noise() -> None:
    network, events = make_network(), make_events()
    assert torch.equal(network.project(events), network.project(events))
    assert torch.equal(network.project(events), network.projection(events))


def test_training_adds_noise_to_the_events_beside_dropout() -> None:
    network, events = make_network().train(), make_events()
    dropouts = [layer for layer in network.projection if isinstance(layer, nn.Dropout)]
    assert len(dropouts) == 2 and all(layer.p > 0 for layer in dropouts)
    for layer in dropouts:
        layer.p = 0.0
    noisy, clean = network.project(events), network.eval().project(events)
    assert not torch.isclose(noisy, clean, atol=1e-7, rtol=0).all()
    assert (noisy - clean).abs().max() < 0.2


def test_the_floor_hides_padding_and_gives_no_nan() -> None:
    shares = torch.softmax(torch.tensor([[2.0, FLOOR], [FLOOR, FLOOR]]), dim=1)
    assert shares[0].tolist() == [1.0, 0.0] and torch.isfinite(shares).all()


def test_a_network_has_to_say_how_a_window_is_represented() -> None:
    with pytest.raises(TypeError, match="represent"):
        Network(DIM, HIDDEN)  # type: ignore[abstract]
