from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from fusionlog.detector.examples import Example, batch_of
from fusionlog.detector.export import Probabilities, to_onnx
from fusionlog.detector.gru import GruNetwork, turned
from fusionlog.detector.onnx_session import Detector
from fusionlog.detector.training import fit
from fusionlog.settings import DistillSettings

DIM = 5
EYE = np.eye(DIM, dtype=np.float32)


def make_network(hidden=6):
    torch.manual_seed(3)
    return GruNetwork(DIM, hidden).eval()


def counts_of(lengths, longest):
    return (torch.arange(longest) < torch.tensor(lengths)[:, None]).float()


def packed_twin(network):
    """A bidirectional GRU of torch's own with the network's weights."""
    hidden = network.onwards.hidden_size
    twin = nn.GRU(hidden, hidden, batch_first=True, bidirectional=True)
    for name, value in network.onwards.state_dict().items():
        twin.state_dict()[name].copy_(value)
    for name, value in network.backwards.state_dict().items():
        twin.state_dict()[f"{name}_reverse"].copy_(value)
    return twin


def test_rows_are_turned_and_padding_stays():
    values = torch.tensor([[1, 2, 3, 9], [1, 9, 9, 9], [9, 9, 9, 9]]).unsqueeze(-1)
    expected = [[3, 2, 1, 9], [1, 9, 9, 9], [9, 9, 9, 9]]
    assert turned(values, torch.tensor([3, 1, 0])).squeeze(-1).tolist() == expected


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6), spare=st.integers(0, 3), seed=st.integers(0, 9999))
def test_states_are_those_of_packed_sequences(lengths, spare, seed):
    torch.manual_seed(seed)
    network, longest = make_network(), max(lengths) + spare
    projected = torch.randn(len(lengths), longest, 6)
    with torch.no_grad():
        states = network.states(projected, torch.tensor(lengths))
        packed = pack_padded_sequence(projected, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
        expected, _ = pad_packed_sequence(packed_twin(network)(packed)[0], batch_first=True, total_length=longest)
    for row, length in enumerate(lengths):
        torch.testing.assert_close(states[row, :length], expected[row, :length], atol=1e-6, rtol=0)


def test_padding_and_batch_mates_change_nothing():
    network = make_network()
    events = torch.randn(1, 3, DIM)
    alone, alone_events = network(events, torch.ones(1, 3))
    mates = torch.cat([torch.cat([events, 9 * torch.randn(1, 4, DIM)], dim=1), torch.randn(1, 7, DIM)])
    window, event = network(mates, counts_of([3, 7], 7))
    torch.testing.assert_close(window[:1], alone)
    torch.testing.assert_close(event[:1, :3], alone_events)


def test_no_gradient_reaches_padding():
    network = make_network()
    events = torch.randn(2, 6, DIM, requires_grad=True)
    window, _ = network(events, counts_of([2, 6], 6))
    window.sum().backward()
    assert events.grad[0, 2:].abs().max() == 0
    assert (events.grad[0, :2].abs().sum(dim=1) > 0).all() and (events.grad[1].abs().sum(dim=1) > 0).all()


def test_both_directions_are_read():
    network, events = make_network(), torch.randn(1, 4, DIM)
    states = network.states(network.project(events), torch.tensor([4]))
    changed = network.states(network.project(torch.cat([events[:, :3], -events[:, 3:]], dim=1)), torch.tensor([4]))
    assert torch.equal(states[:, :3, :6], changed[:, :3, :6]), "the first GRU has not met the last line yet"
    assert not torch.isclose(states[:, 0, 6:], changed[:, 0, 6:]).any(), "the second one has"


def test_a_window_of_nothing_but_padding_is_finite():
    window, event = make_network()(torch.zeros(1, 2, DIM), torch.zeros(1, 2))
    assert torch.isfinite(window).all() and torch.isfinite(event).all()


NETWORK = make_network()
ONNX = onnxruntime.InferenceSession(to_onnx(NETWORK, DIM), providers=["CPUExecutionProvider"])


@settings(max_examples=40, deadline=None)
@given(lengths=st.lists(st.integers(0, 40), min_size=1, max_size=9), spare=st.integers(0, 3), seed=st.integers(0, 9999))
def test_onnx_equals_torch_for_any_batch(lengths, spare, seed):
    longest = max(1, *lengths) + spare if len(lengths) > 1 else max(1, lengths[0]) + spare
    vectors = np.random.default_rng(seed).normal(size=(len(lengths), longest, DIM)).astype(np.float32)
    counts = counts_of(lengths, longest)
    window, event = ONNX.run(["window", "event"], {"events": vectors, "counts": counts.numpy()})
    with torch.no_grad():
        expected, expected_event = Probabilities(NETWORK)(torch.from_numpy(vectors), counts)
    assert window.shape == (len(lengths),) and event.shape == counts.shape
    np.testing.assert_allclose(window, expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(event, expected_event.numpy(), atol=1e-5)
    assert (event[counts.numpy() == 0] == 0).all()


def make_example(*lines, probability):
    """A window of one-hot events in this order; no event is wrong by itself."""
    order = np.array(lines)
    distinct = sorted(set(lines))
    counts = np.array([lines.count(event) for event in distinct], dtype=np.float32)
    places = np.searchsorted(distinct, order)
    return Example(EYE[distinct], counts, probability, np.full(len(distinct), 0.5, np.float32), order=places)


def test_learns_which_line_comes_first():
    good = [make_example(0, 1, 2, probability=0.0), make_example(2, 0, 1, probability=0.0)]
    bad = [make_example(1, 0, 2, probability=1.0), make_example(2, 1, 0, probability=1.0)]
    network = fit(good + bad, DistillSettings(detector="gru", steps=200, hidden=32))
    detector = Detector(to_onnx(network, DIM), "cpu")
    windows, events = detector.score(batch_of(good + bad))
    assert windows[:2].max() < 0.4 < 0.6 < windows[2:].min()
    assert events.shape == (4, 3)


def test_a_network_of_sets_cannot_tell_them_apart():
    one, other = (replace(make_example(*lines, probability=0.0), order=None) for lines in ((0, 1, 2), (1, 0, 2)))
    network = fit([one, replace(other, probability=1.0)], DistillSettings(steps=50, hidden=16))
    windows, _ = Detector(to_onnx(network, DIM), "cpu").score(batch_of([one, other]))
    assert windows[0] == windows[1]


def test_examples_must_suit_the_detector():
    ordered = make_example(0, 1, probability=0.0)
    with pytest.raises(ValueError, match="not made for the detector set"):
        fit([ordered], DistillSettings(steps=1))
    unordered = Example(ordered.vectors, ordered.counts, 0.0, ordered.event_probabilities)
    with pytest.raises(ValueError, match="not made for the detector gru"):
        fit([unordered], DistillSettings(steps=1, detector="gru"))
