from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from fusionlog.methods.meta_protonet import training
from fusionlog.methods.meta_protonet.episodes import SystemTask
from fusionlog.methods.meta_protonet.features import STRUCTURE
from fusionlog.methods.meta_protonet.training import train_learner

EMBEDDED = 4
"""Columns before the structural features; a learner does not take them."""


def make_task(system: str, seed: int, windows: int = 60) -> SystemTask:
    """A task whose anomalous windows, every fifth, have greater structural features; its labeller is right."""
    random = np.random.default_rng(seed)
    anomalous = np.arange(windows) % 5 == 0
    support, queries = (random.normal(size=(windows, EMBEDDED + len(STRUCTURE))).astype(np.float32) for _ in range(2))
    for features in (support, queries):
        features[:, EMBEDDED:] += 2.0 * anomalous[:, None]
    return SystemTask(system, support, np.where(anomalous, 0.9, 0.1).astype(np.float32), queries, anomalous)


def healthy(task: SystemTask) -> SystemTask:
    assert task.anomalous is not None
    return replace(task, anomalous=np.zeros_like(task.anomalous))


MILL, FARM, SHOP = make_task("mill", 1), make_task("farm", 2), make_task("shop", 3)


def test_anomalies_of_a_system_that_it_never_saw_are_on_the_other_side_of_one_half() -> None:
    scores = train_learner("protonet", [MILL, FARM], 60, 0).scores(SHOP)
    assert SHOP.anomalous is not None and scores.dtype == np.float32
    assert ((scores >= 0.5) == SHOP.anomalous).mean() > 0.9


def test_a_window_at_the_threshold_scores_one_half() -> None:
    learner = train_learner("protonet", [MILL], 5, 0)
    assert learner.threshold == 0.0, "one source cannot be left out"
    [first] = learner.scores(replace(SHOP, queries=SHOP.queries[:1])).tolist()
    moved = replace(learner, threshold=float(np.log(first / (1 - first))))
    assert moved.scores(replace(SHOP, queries=SHOP.queries[:1])).tolist() == pytest.approx([0.5], abs=1e-5)


def test_a_logit_without_bound_is_a_score_within_bounds() -> None:
    learner = train_learner("protonet", [MILL], 5, 0)
    for threshold, expected in ((1e9, 0.0), (-1e9, 1.0)):
        assert replace(learner, threshold=threshold).scores(SHOP) == pytest.approx(expected, abs=1e-6)


def test_the_threshold_is_chosen_on_systems_left_out_with_all_their_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    fits, measured = [], []

    def fit(name: object, tasks: Sequence[SystemTask], *rest: object) -> object:
        fits.append([task.system for task in tasks])
        return fitted(name, tasks, *rest)  # type: ignore[arg-type]

    def threshold(known: Sequence[object], logits: Sequence[object]) -> float:
        measured.append((len(known), len(logits)))
        return 0.75

    fitted = training._fit
    monkeypatch.setattr(training, "_fit", fit)
    monkeypatch.setattr(training, "best_threshold", threshold)
    learner = train_learner("protonet", [MILL, make_task("mill", 9), FARM], 3, 0)
    assert fits == [["farm"], ["mill", "mill"], ["mill", "mill", "farm"]]
    assert measured == [(3, 3)] and learner.threshold == 0.75


def test_tasks_of_one_kind_of_window_or_without_labels_teach_nothing() -> None:
    alone = train_learner("maml", [MILL], 3, 0).scores(SHOP)
    with_others = train_learner("maml", [healthy(FARM), MILL, replace(FARM, anomalous=None)], 3, 0).scores(SHOP)
    assert np.array_equal(alone, with_others)
    with pytest.raises(ValueError, match="both normal and anomalous"):
        train_learner("maml", [healthy(MILL)], 3, 0)


def test_embeddings_are_left_to_the_other_methods() -> None:
    learner = train_learner("protonet", [MILL], 3, 0)
    other = replace(SHOP, queries=SHOP.queries.copy())
    other.queries[:, :EMBEDDED] += 9.0
    assert np.array_equal(learner.scores(SHOP), learner.scores(other))
