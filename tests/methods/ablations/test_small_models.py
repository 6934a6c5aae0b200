from dataclasses import replace

import numpy as np
import pytest

from fusionlog.embedding.encoder import VectorCache
from fusionlog.evaluation.fit_cache import LocalTrainer
from fusionlog.methods.base import MethodContext
from fusionlog.methods.fusionlog import fusionlog
from fusionlog.methods.protocol import Fold
from fusionlog.methods.registry import METHODS
from fusionlog.settings import DistillSettings, Settings, SystemSettings
from fusionlog.teachers.base import EventVerdict, Verdict
from fusionlog.teachers.cost import FREE
from tests.distillation.factories import make_source
from tests.encoders import WordEncoder
from tests.factories import make_window

NAMES = ("adversarial", "mldg", "gru-source-only")
SETTINGS = DistillSettings(steps=60, hidden=16)


class Noting(LocalTrainer):
    """Fits that tell what was asked of them."""

    def __init__(self, settings, asked, target=()):
        super().__init__(settings)
        self._asked, self._for = asked, target

    def with_settings(self, settings, target=()):
        return Noting(settings, self._asked, target)

    def uncounted(self):
        return self

    def __call__(self, jobs, how="erm", /):
        self._asked.append((self._settings.detector, how, list(self._for)))
        return LocalTrainer(self._settings, target=self._for)(jobs, how)


def make_fold():
    def half(number):
        texts = [("job started", "retry scheduled"), ("job started", "job lost"), ("disk failed", "job started")]
        return [
            make_window(*each, session=f"{number}{place}", first_offset=100 * number + 10 * place)
            for place, each in enumerate(texts)
        ]

    adapt, test = half(1), half(2)[::-1]
    names = ([window.session for window in adapt], [window.session for window in test])
    return Fold("shop", "forward", SystemSettings(), names, adapt, test)


def make_bench(asked):
    encode = WordEncoder("job", "started", "lost", "retry", "scheduled", "disk", "failed")
    sources = [make_source("mill", 20), make_source("press", 20)]
    return MethodContext(Settings(distill=SETTINGS), sources, encode, VectorCache(encode), Noting(SETTINGS, asked))


@pytest.mark.parametrize("name", NAMES)
async def test_every_session_of_both_halves_has_a_verdict_that_the_sources_taught(name):
    result = await METHODS[name](make_fold(), make_bench([]))
    assert [outcome.session for outcome in result.outcomes] == ["22", "21", "20"]
    assert [outcome.session for outcome in result.adapted] == ["10", "11", "12"]
    scores = {outcome.session: outcome.score for outcome in (*result.outcomes, *result.adapted)}
    assert scores["21"] == scores["11"] > scores["20"] == scores["10"], "job lost is anomalous in both sources"
    assert (result.cost, list(result.asked)) == (FREE, [])


async def test_each_trains_as_its_name_says():
    asked = []
    for name in NAMES:
        await METHODS[name](make_fold(), make_bench(asked))
    assert {(detector, how, bool(target)) for detector, how, target in asked} == {
        ("set", "erm", True), ("set", "mldg", False), ("gru", "erm", False),
    }  # fmt: skip


async def test_the_domain_head_sees_the_half_adapted_on_and_no_other():
    asked, fold = [], make_fold()
    bench = make_bench(asked)
    result = await METHODS["adversarial"](fold, bench)
    target = asked[0][2]
    expected = [bench.cache.vectors(window.events) for window in fold.adapt]
    assert all(np.array_equal(each.vectors, vectors) for each, vectors in zip(target, expected, strict=True))
    assert {each.probability for each in target} == {0.5}
    assert sum(each.weight for each in target) == pytest.approx(1.0)
    assert result.seconds_train > 0


class Reader:
    """A teacher to whom a failed disk is an anomaly."""

    name = "reader"

    async def label(self, units):
        return [self._verdict(unit) for unit in units]

    def _verdict(self, unit):
        events = tuple(EventVerdict(event.id, 0.9 * ("failed" in event.text) + 0.05) for event in unit.events)
        return Verdict(max(event.probability for event in events), 0.9, "it says so", events)

    async def close(self):
        pass


async def test_fusionlog_takes_a_gru_as_its_student():
    asked = []
    settings = SETTINGS.model_copy(update={"detector": "gru", "min_labels": 1, "rounds": 2})
    bench = replace(make_bench(asked).with_training(settings), teacher=Reader())
    result = await fusionlog(make_fold(), bench)
    assert result.cost.units > 0
    assert len(asked) == 1 + settings.rounds and {detector for detector, _, _ in asked} == {"gru"}
    assert len(result.outcomes) == 3
