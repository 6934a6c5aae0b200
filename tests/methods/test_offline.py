from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fusionlog.data.sources import read_source
from fusionlog.distillation.source_regressions import fit_offline
from fusionlog.embedding.encoder import VectorCache
from fusionlog.errors import SettingError
from fusionlog.evaluation.fit_cache import LocalTrainer
from fusionlog.methods.base import MethodContext
from fusionlog.methods.meta_protonet.method import maml
from fusionlog.methods.offline import offline
from fusionlog.methods.protocol import Result, read_fold
from fusionlog.settings import DistillSettings, IngestSettings, Settings
from fusionlog.teachers.cost import Cost
from fusionlog.teachers.offline.teacher import OfflineTeacher
from tests.encoders import WordEncoder
from tests.evaluation.factories import is_bad
from tests.methods.test_teacher_queries import Teacher

QUICK = DistillSettings(steps=20, hidden=8, rounds=1, gate_min_agreement=-1)


def make_bench(data: Path, share: float = 0.0) -> MethodContext:
    encode = WordEncoder()
    sources = [read_source(data, system, IngestSettings()) for system in ("mill", "farm")]
    teacher = OfflineTeacher([], encode, fit_offline(sources, encode).labeller)
    settings = Settings(distill=QUICK, second_opinion={"share": share, "min_score": 0.0})
    return MethodContext(settings, sources, encode, VectorCache(encode), LocalTrainer(QUICK), teacher)


def scores(result: Result) -> dict[str, float]:
    return {one.session: one.score for one in result.outcomes}


async def test_the_labeller_ranks_failures_above_the_rest_and_costs_no_call(data: Path) -> None:
    result = await offline(read_fold(data, "shop", "forward", IngestSettings()), make_bench(data))
    bad = {f"s{number}" for number in range(15, 30) if is_bad(number)}
    said = scores(result)
    assert min(said[name] for name in bad) > max(said[name] for name in said.keys() - bad)
    assert result.cost == Cost(units=30), "both halves are one stream"


async def test_a_verdict_depends_on_what_came_before_alone(data: Path) -> None:
    fold = read_fold(data, "shop", "forward", IngestSettings())
    whole = scores(await offline(fold, make_bench(data)))
    part = scores(await offline(replace(fold, test=fold.test[:5]), make_bench(data)))
    assert part == {name: whole[name] for name in part}


@pytest.mark.parametrize("method", [offline, maml])
async def test_another_teacher_is_refused(method: object, data: Path) -> None:
    fold = read_fold(data, "shop", "forward", IngestSettings())
    with pytest.raises(SettingError, match="offline labeller alone"):
        await method(fold, replace(make_bench(data), teacher=Teacher()))  # type: ignore[operator]
