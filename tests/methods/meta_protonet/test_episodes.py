from __future__ import annotations

import numpy as np

from fusionlog.embedding.encoder import VectorCache
from fusionlog.methods.meta_protonet.episodes import source_tasks, task_of
from fusionlog.methods.meta_protonet.features import STRUCTURE
from fusionlog.methods.meta_protonet.training import train_learner
from fusionlog.teachers.offline.teacher import OfflineTeacher
from tests.distillation.test_source_regressions import make_source
from tests.encoders import WordEncoder
from tests.factories import make_regression

FORMULA = make_regression(1.0, 1.0, 1.0, 1.0, -2.5)


def make_labeller() -> OfflineTeacher:
    return OfflineTeacher([], WordEncoder(), FORMULA)


def test_each_half_of_a_source_is_the_support_of_the_other() -> None:
    encode = WordEncoder()
    one, other = source_tasks(make_source("mill"), make_labeller(), VectorCache(encode))
    assert one.support.shape == other.queries.shape == (100, 2 * encode.dim + len(STRUCTURE))
    assert one.anomalous is not None and one.anomalous.sum() == 10
    assert one.probabilities.shape == (100,) and (one.queries != other.support).any()


def test_queries_know_nothing_of_what_comes_after_them() -> None:
    windows = make_source("mill").windows
    whole, part = [
        task_of("mill", windows[:100], windows[100:end], make_labeller(), VectorCache(WordEncoder()))
        for end in (200, 140)
    ]
    assert (whole.queries[:40] == part.queries).all() and (whole.support == part.support).all()


def test_taught_by_sources_it_finds_a_targets_anomalies() -> None:
    cache = VectorCache(WordEncoder())
    tasks = [task for name in ("mill", "farm") for task in source_tasks(make_source(name), make_labeller(), cache)]
    target = source_tasks(make_source("shop"), make_labeller(), cache)[0]
    assert target.anomalous is not None
    for name in ("maml", "protonet"):
        scores = train_learner(name, tasks, 60, 0).scores(target)
        assert scores[target.anomalous].mean() > scores[~target.anomalous].mean() + 0.1
        assert np.isfinite(scores).all()
