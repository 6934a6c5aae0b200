import numpy as np
import pytest
import torch

from fusionlog.detector.examples import Example
from fusionlog.detector.training import fit
from fusionlog.settings import DistillSettings

SETTINGS = DistillSettings(steps=200, hidden=32)


def make_example(*events, probability, counts=None):
    """A window of one-hot events; event 3 is the bad one."""
    vectors = np.eye(6, dtype=np.float32)[list(events)]
    verdicts = np.array([float(event == 3) for event in events], dtype=np.float32)
    return Example(vectors, np.array(counts or [1] * len(events), dtype=np.float32), probability, verdicts)


def probabilities(network, examples):
    with torch.no_grad():
        pairs = [
            network(torch.from_numpy(example.vectors)[None], torch.from_numpy(example.counts)[None])
            for example in examples
        ]
    return [float(torch.sigmoid(window)) for window, _ in pairs], [torch.sigmoid(event)[0] for _, event in pairs]


def test_learns_events_and_counts():
    good = [make_example(0, 1, probability=0.0), make_example(1, 2, probability=0.0)]
    bad = [make_example(0, 3, probability=1.0), make_example(0, 1, probability=1.0, counts=[1, 9])]
    network = fit(good + bad, SETTINGS)
    windows, events = probabilities(network, good + bad)
    assert max(windows[:2]) < 0.5 < min(windows[2:])
    assert events[2][1] > events[2][0] + 0.2


def test_the_same_seed_gives_the_same_network_and_leaves_torch_as_it_was():
    examples = [make_example(0, 1, probability=0.2), make_example(3, probability=0.9)]
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    first, second = (fit(examples, DistillSettings(steps=5, hidden=8)) for _ in range(2))
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_another_seed_gives_another_network():
    examples = [make_example(0, 1, probability=0.2)]
    first, second = (fit(examples, DistillSettings(steps=5, hidden=8, seed=seed)) for seed in (0, 1))
    assert not torch.equal(next(first.parameters()), next(second.parameters()))


def test_an_example_of_no_weight_is_not_drawn():
    good, bad = make_example(0, probability=0.0), make_example(0, probability=1.0)
    unheard = Example(bad.vectors, bad.counts, 1.0, bad.event_probabilities, weight=0.0)
    assert probabilities(fit([good, unheard], SETTINGS), [good])[0][0] < 0.2


def test_nothing_to_fit():
    with pytest.raises(ValueError, match="at least one example"):
        fit([], SETTINGS)
