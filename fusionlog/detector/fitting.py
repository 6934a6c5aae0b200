"""Fitting: examples to an ONNX model, by plain training, MLDG or a domain adversary. Train side: imports torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from fusionlog.detector import domain_generalization, export, training
from fusionlog.detector.examples import Example
from fusionlog.settings import BaseTraining, DistillSettings


def model(
    examples: Sequence[Example],
    settings: DistillSettings,
    how: BaseTraining = "erm",
    target: Sequence[Example] = (),
    threads: int = 1,
    on_step: training.OnStep = training.no_report,
) -> bytes:
    """The ONNX file of a network trained from scratch.

    :param how: `erm` pools the examples; `mldg` meta-learns across their systems.
    :param target: unlabelled windows of another system, for the domain adversary.
    :param on_step: called after each step; not by the domain adversary.
    :raises ValueError: there is no example, or one does not suit the settings' detector.
    """
    if target:
        network = domain_generalization.fit_adversarial(examples, target, settings, threads)
    elif how == "mldg":
        network = domain_generalization.fit_mldg(by_system(examples), settings, threads, on_step)
    else:
        network = training.fit(examples, settings, threads, on_step)
    return export.to_onnx(network, dim=examples[0].vectors.shape[1])


def by_system(examples: Sequence[Example]) -> list[list[Example]]:
    """The examples of each system."""
    groups: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        groups[example.system].append(example)
    return list(groups.values())
