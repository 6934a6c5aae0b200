import numpy as np
import pytest
import torch
from torch import nn

from fusionlog.detector import domain_generalization
from fusionlog.detector.domain_generalization import (
    Reversal,
    adversarial_strength,
    domain_loss,
    fit_adversarial,
    fit_mldg,
    meta_step,
)
from fusionlog.detector.examples import Example
from fusionlog.detector.fitting import by_system, model
from fusionlog.detector.training import fit, pack, read
from fusionlog.settings import DistillSettings

DIM = 6
DETECTORS = ("set", "gru")


def make_settings(detector="set", **fields):
    return DistillSettings(**{"detector": detector, "hidden": 16, "steps": 60, **fields})


def make_example(*events, probability=0.0, detector="set", system="mill"):
    """A window of one-hot events, once each."""
    vectors = np.eye(DIM, dtype=np.float32)[list(events)]
    ones = np.ones(len(events), dtype=np.float32)
    order = np.arange(len(events)) if detector == "gru" else None
    return Example(vectors, ones, probability, ones * probability, order=order, system=system)


def make_sources(detector="set"):
    """Two sources with an accompanying event each (0, 1); event 2 is bad in both."""
    return [
        [make_example(own, probability=0.0, detector=detector, system=system),
         make_example(own, 2, probability=1.0, detector=detector, system=system)]
        for own, system in ((0, "mill"), (1, "shop"))
    ]  # fmt: skip


def said(network, examples, detector="set"):
    table = pack(examples, make_settings(detector))
    with torch.no_grad():
        represented, _ = read(network, table, table.drawn)
        return represented, torch.sigmoid(network.window_logits(represented))


def weights(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


class Line(nn.Module):
    """y = a x + b."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(-1.0))

    def loss(self, x, y):
        return (self.a * x + self.b - y) ** 2


def test_a_meta_step_adds_the_left_out_gradient_at_the_adapted_parameters():
    line = Line()
    meta_step(line, lambda: line.loss(1.0, 0.0), lambda: line.loss(3.0, 1.0))
    inner, weight = domain_generalization.INNER_RATE, domain_generalization.META_WEIGHT
    # train: residual 2 - 1 = 1, so the gradient is 2 * 1 * (x, 1) = (2, 2)
    a, b = 2.0 - 2 * inner, -1.0 - 2 * inner
    residual = a * 3 + b - 1
    assert line.a.grad.item() == pytest.approx(2 + weight * 2 * residual * 3)
    assert line.b.grad.item() == pytest.approx(2 + weight * 2 * residual)
    assert (line.a.item(), line.b.item()) == (2.0, -1.0), "the parameters are as they were"


def test_each_source_is_left_out_in_turn(monkeypatch):
    drawn = []

    def note(network, table, number=128):
        drawn.append((table.drawn.places.shape[0], number))
        return sum(parameter.sum() for parameter in network.parameters())

    monkeypatch.setattr(domain_generalization, "supervised", note)
    first, second = make_sources()
    fit_mldg([first[:1], second, [*first, *second]], make_settings(steps=3))
    assert [size for size, number in drawn if number == 128] == [1, 2, 4]
    assert [size for size, number in drawn if number == 64] == [2, 4, 1, 4, 1, 2]


@pytest.mark.parametrize("detector", DETECTORS)
def test_mldg_learns_what_the_sources_share(detector):
    network = fit_mldg(make_sources(detector), make_settings(detector, steps=150))
    unseen = [make_example(0, 1, detector=detector), make_example(0, 1, 2, detector=detector)]
    _, windows = said(network, unseen, detector)
    assert windows[0] < 0.5 < windows[1]


def test_one_source_is_meta_trained_on_itself():
    network = fit_mldg(make_sources()[:1], make_settings(steps=150))
    _, windows = said(network, make_sources()[0])
    assert windows[0] < 0.5 < windows[1]


def test_a_reversed_gradient():
    values = torch.tensor([3.0, -1.0], requires_grad=True)
    result = Reversal.apply(values, 0.25)
    assert torch.equal(result, values)
    (result * torch.tensor([2.0, 4.0])).sum().backward()
    assert values.grad.tolist() == [-0.5, -1.0]


def test_the_domain_head_descends_where_the_network_climbs():
    torch.manual_seed(0)
    head = nn.Linear(3, 1)
    sources, target = torch.randn(4, 3, requires_grad=True), torch.randn(5, 3, requires_grad=True)
    domain_loss(head, sources, target, 1.0).backward()
    with torch.no_grad():
        before = domain_loss(head, sources, target, 1.0)
        climbed = domain_loss(head, sources - 0.5 * sources.grad, target - 0.5 * target.grad, 1.0)
        head.weight -= 0.5 * head.weight.grad
        descended = domain_loss(head, sources, target, 1.0)
    assert descended < before < climbed


def test_the_reversal_warms_up():
    assert adversarial_strength(0.0) == 0.0
    assert 0.9 < adversarial_strength(0.5) < adversarial_strength(0.99) < 1.0


@pytest.mark.parametrize("detector", DETECTORS)
def test_an_adversarial_network_tells_the_target_less_well(detector):
    """The mean representations of sources and target come nearer, by the spread of all."""
    settings = make_settings(detector, steps=300)
    sources = [example for group in make_sources(detector) for example in group]
    target = [make_example(3, detector=detector), make_example(3, 2, detector=detector)]
    gaps = []
    for network in (fit(sources, settings), fit_adversarial(sources, target, settings)):
        ours, theirs = said(network, sources, detector)[0], said(network, target, detector)[0]
        gaps.append(float((ours.mean(0) - theirs.mean(0)).norm() / torch.cat([ours, theirs]).std(0).norm()))
    assert gaps[1] < 0.6 * gaps[0]
    _, windows = said(network, sources, detector)
    assert max(windows[0], windows[2]) < 0.5 < min(windows[1], windows[3])


def test_what_is_said_of_the_target_is_not_read():
    sources, settings = make_sources()[0], make_settings(steps=5)
    one, other = ([make_example(3, probability=probability)] for probability in (0.0, 1.0))
    assert torch.equal(
        weights(fit_adversarial(sources, one, settings)), weights(fit_adversarial(sources, other, settings))
    )


@pytest.mark.parametrize("detector", DETECTORS)
def test_the_same_seed_gives_the_same_network_and_leaves_torch_as_it_was(detector):
    groups, target = make_sources(detector), [make_example(3, detector=detector)]
    state = torch.get_rng_state()
    for train in (fit_mldg, lambda groups, settings: fit_adversarial(groups[0], target, settings)):
        same, again, other = (train(groups, make_settings(detector, steps=4, seed=seed)) for seed in (1, 1, 2))
        assert torch.equal(weights(same), weights(again))
        assert not torch.equal(weights(same), weights(other))
    assert torch.equal(state, torch.get_rng_state())


def test_nothing_to_learn_from():
    with pytest.raises(ValueError, match="at least one source"):
        fit_mldg([], make_settings())
    with pytest.raises(ValueError, match="at least one example"):
        fit_adversarial(make_sources()[0], [], make_settings())


def test_examples_are_grouped_by_their_system_and_trained_as_told():
    examples = [example for group in make_sources() for example in group]
    assert [[each.system for each in group] for group in by_system(examples)] == [["mill"] * 2, ["shop"] * 2]
    settings = make_settings(steps=5)
    models = [model(examples, settings), model(examples, settings, "mldg")]
    models.append(model(examples, settings, target=[make_example(3)]))
    assert len(set(models)) == 3
