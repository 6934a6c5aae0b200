"""Domain generalisation, for unlabelled targets: MLDG meta-learning across the sources, and a domain adversary.

Both are options of the base model, for either network. Train side: imports torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from fusionlog.detector.examples import Example
from fusionlog.detector.network import Network
from fusionlog.detector.training import (
    BATCH,
    OnStep,
    Pack,
    backward,
    loss_of,
    no_report,
    optimise,
    pack,
    read,
    seeded,
    supervised,
    untrained,
)
from fusionlog.settings import DistillSettings

INNER_RATE = 1.0
"""Of the plain gradient step on the meta-train sources. Chosen on the bundled systems, each left out in turn of a set
network (mean AUPRC, seeds 0 and 1): .132 and .135 without meta-learning, .137 and .135 at .1, .162 and .161 at 1."""
META_WEIGHT = 1.0
DOMAIN_WEIGHT = 1.0
WARM_UP = 10.0


def fit_mldg(
    groups: Sequence[Sequence[Example]], settings: DistillSettings, threads: int = 1, on_step: OnStep = no_report
) -> Network:
    """A network meta-trained from scratch: steps on some sources reduce the loss on a held-out one.

    MLDG (Li et al., arXiv 1710.03463) to the first order: each step leaves out one source in turn, takes a plain step
    on the others, and adds the gradient of the left-out one there. A single source is both (first-order MAML).

    :param groups: the examples of each source, drawn by their weight.
    :raises ValueError: there is no source, one has no example, or an example does not suit the settings' detector.
    """
    if not groups:
        raise ValueError("meta-learning needs at least one source")
    with seeded(settings.seed, threads):
        packs = [pack(group, settings) for group in groups]
        network = untrained(packs[0], settings)

        def step(number: int) -> None:
            left_out = number % len(packs)
            others = [each for place, each in enumerate(packs) if place != left_out] or packs
            meta_step(network, lambda: _mean_loss(network, others), lambda: supervised(network, packs[left_out]))

        optimise(network.parameters(), settings.steps, step, on_step)
    return network.eval()


def meta_step(network: nn.Module, train: Callable[[], Tensor], test: Callable[[], Tensor]) -> None:
    """Leave a first-order meta-gradient in the parameters, which are as they were afterwards.

    g = grad train(theta) + META_WEIGHT * grad test(theta - INNER_RATE * grad train(theta)), no second derivatives.
    """
    backward(train())
    found = [(each, each.grad, each.detach().clone()) for each in network.parameters() if each.grad is not None]
    with torch.no_grad():
        for parameter, gradient, _ in found:
            parameter.sub_(INNER_RATE * gradient)
    backward(META_WEIGHT * test())
    with torch.no_grad():
        for parameter, _, before in found:
            parameter.copy_(before)


def fit_adversarial(
    examples: Sequence[Example], target: Sequence[Example], settings: DistillSettings, threads: int = 1
) -> Network:
    """A network trained from scratch whose representations do not separate the target from the sources.

    A domain head learns to separate them; its gradient reaches the network reversed (Ganin et al., JMLR 17, 2016),
    and nothing else of it does: one backward pass, both losses.

    :param examples: labelled windows of the sources, drawn by their weight.
    :param target: windows of the target, drawn by their weight; their probabilities are not read.
    :raises ValueError: there is no example of either, or one does not suit the settings' detector.
    """
    with seeded(settings.seed, threads):
        labelled, unlabelled = pack(examples, settings), pack(target, settings)
        network = untrained(labelled, settings)
        head = domain_head(network.width, settings.hidden).to(labelled.table.device).train()

        def step(number: int) -> None:
            drawn = labelled.draw(BATCH)
            represented, event = read(network, labelled, drawn)
            foreign, _ = read(network, unlabelled, unlabelled.draw(BATCH))
            of_domains = domain_loss(head, represented, foreign, adversarial_strength(number / settings.steps))
            backward(loss_of(network.window_logits(represented), event, drawn) + DOMAIN_WEIGHT * of_domains)

        optimise(chain(network.parameters(), head.parameters()), settings.steps, step)
    return network.eval()


def domain_head(width: int, hidden: int) -> nn.Module:
    """A network that separates target and sources: logits of being the target's `[batch, 1]` of `[batch, width]`."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 1))


def domain_loss(head: nn.Module, sources: Tensor, target: Tensor, strength: float) -> Tensor:
    """The domain head's cross-entropy; the layers before it get its gradient reversed, times `strength`.

    :param sources: representations `[batch, width]` of windows of the sources. :param target: of the target.
    """
    both: Tensor = Reversal.apply(torch.cat([sources, target]), strength)
    truth = torch.cat([torch.zeros(len(sources)), torch.ones(len(target))]).to(both.device)
    return binary_cross_entropy_with_logits(head(both).squeeze(-1), truth)


def adversarial_strength(progress: float) -> float:
    """The strength of gradient reversal after a share of the steps: 0 at first, near 1 at last (Ganin et al.)."""
    return float(torch.tanh(torch.tensor(WARM_UP * progress / 2)))


class Reversal(torch.autograd.Function):
    """The identity, with its gradient multiplied by minus `strength`."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, strength: float) -> Tensor:
        """The values."""
        ctx.strength = strength
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Minus `strength` times the gradient."""
        return -ctx.strength * gradient, None


def _mean_loss(network: Network, packs: Sequence[Pack]) -> Tensor:
    """The mean of the losses on several sources, whose draws make one batch."""
    return torch.stack([supervised(network, each, max(1, BATCH // len(packs))) for each in packs]).mean()
