from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fusionlog.data.sources import read_source
from fusionlog.embedding.encoder import VectorCache
from fusionlog.errors import MissingExtraError, SettingError
from fusionlog.evaluation.fit_cache import LocalTrainer
from fusionlog.methods.base import Method, MethodContext
from fusionlog.methods.meta_protonet.features import STRUCTURE
from fusionlog.methods.meta_protonet.method import _tasks, maml, protonet
from fusionlog.methods.protocol import Fold, Result, read_fold
from fusionlog.settings import DistillSettings, IngestSettings, Settings
from fusionlog.teachers.cost import FREE
from fusionlog.teachers.offline.teacher import OfflineTeacher
from tests.encoders import WordEncoder
from tests.evaluation.factories import is_bad
from tests.factories import make_regression
from tests.methods.test_teacher_queries import Teacher

SETTINGS = DistillSettings(steps=60)
METHODS = [maml, protonet]


def make_context(data: Path) -> MethodContext:
    encode = WordEncoder()
    sources = [read_source(data, system, IngestSettings()) for system in ("mill", "farm")]
    teacher = OfflineTeacher([], encode, make_regression())
    return MethodContext(
        Settings(distill=SETTINGS), sources, encode, VectorCache(encode), LocalTrainer(SETTINGS), teacher
    )


def shop(data: Path) -> Fold:
    return read_fold(data, "shop", "forward", IngestSettings())


def scores(result: Result) -> dict[str, float]:
    """The score of each session of both halves."""
    return {outcome.session: outcome.score for outcome in (*result.adapted, *result.outcomes)}


@pytest.mark.parametrize("method", METHODS)
async def test_a_targets_failures_rank_above_the_rest_of_their_half_without_a_call(method: Method, data: Path) -> None:
    fold = shop(data)
    result = await method(fold, make_context(data))
    assert [outcome.session for outcome in result.adapted] == fold.sessions[0]
    assert [outcome.session for outcome in result.outcomes] == fold.sessions[1]
    for half in (result.adapted, result.outcomes):
        bad = [outcome.score for outcome in half if is_bad(int(outcome.session[1:]))]
        good = [outcome.score for outcome in half if not is_bad(int(outcome.session[1:]))]
        assert np.mean(bad) > np.mean(good)
    assert all(outcome.anomalous == (outcome.score >= 0.5) for outcome in (*result.adapted, *result.outcomes))
    assert (result.cost, list(result.asked)) == (FREE, [])
    assert not any(outcome.proprietary for outcome in result.outcomes)


async def test_a_score_depends_on_the_adaptation_half_and_on_what_came_before_alone(data: Path) -> None:
    fold, context = shop(data), make_context(data)
    whole = scores(await protonet(fold, context))
    part = scores(await protonet(replace(fold, test=fold.test[:5]), context))
    # Of a batch of another size torch may sum in another order.
    assert part == pytest.approx({session: whole[session] for session in part}, abs=1e-6) and len(part) == 20
    other = scores(await protonet(replace(fold, adapt=fold.adapt[:8]), context))
    assert any(abs(other[session] - whole[session]) > 1e-3 for session in fold.sessions[1])


def test_each_source_plays_a_target_of_a_labeller_that_knows_the_others_alone(data: Path) -> None:
    context = make_context(data)
    together, alone = _tasks(context), _tasks(replace(context, sources=context.sources[:1]))
    assert [task.system for task in together] == ["mill", "mill", "farm", "farm"]
    transferred = 2 * WordEncoder().dim + STRUCTURE.index("transferred")
    assert all(task.support[:, transferred].any() for task in together)
    assert not any(task.support[:, transferred].any() for task in alone), "its own labels are not used"


@pytest.mark.parametrize("method", METHODS)
async def test_another_teacher_is_refused(method: Method, data: Path) -> None:
    with pytest.raises(SettingError, match="offline labeller alone"):
        await method(shop(data), replace(make_context(data), teacher=Teacher()))


async def test_without_torch_the_extra_to_install_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("learners", "training"):
        monkeypatch.delitem(sys.modules, f"fusionlog.methods.meta_protonet.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="train"):
        await maml(shop(data), make_context(data))
