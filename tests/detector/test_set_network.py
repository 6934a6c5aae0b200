import pytest
import torch

from fusionlog.detector.set_network import SetNetwork, build
from fusionlog.errors import SettingError


def make_network(dim=5, hidden=8):
    torch.manual_seed(3)
    return SetNetwork(dim, hidden).eval()


def test_padding_and_batch_mates_change_nothing():
    network = make_network()
    events = torch.randn(1, 2, 5)
    alone, alone_events = network(events, torch.tensor([[1.0, 4.0]]))
    padded = torch.cat([events, 9 * torch.randn(1, 3, 5)], dim=1)
    mates = torch.cat([padded, torch.randn(1, 5, 5)])
    window, event = network(mates, torch.tensor([[1.0, 4.0, 0.0, 0.0, 0.0], [1.0, 1.0, 2.0, 3.0, 1.0]]))
    torch.testing.assert_close(window[:1], alone)
    torch.testing.assert_close(event[:1, :2], alone_events)


def test_order_does_not_matter_but_counts_do():
    network, events = make_network(), torch.randn(1, 3, 5)
    counts = torch.tensor([[1.0, 2.0, 3.0]])
    forward, _ = network(events, counts)
    backward, _ = network(events.flip(1), counts.flip(1))
    torch.testing.assert_close(forward, backward)
    assert not torch.allclose(forward, network(events, counts + 5)[0])


def test_a_window_of_nothing_but_padding_is_finite():
    window, _ = make_network()(torch.zeros(1, 2, 5), torch.zeros(1, 2))
    assert torch.isfinite(window).all()


def test_an_unknown_network_is_named():
    with pytest.raises(SettingError, match="lstm"):
        build("lstm", 4, 4)
