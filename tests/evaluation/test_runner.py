import shutil
from pathlib import Path

import pytest

from fusionlog.data.systems import read_labels
from fusionlog.evaluation import runner as module
from fusionlog.evaluation.matrix import NAMES, FoldChoice, Task, make_tasks
from fusionlog.evaluation.oracle import ORACLE
from fusionlog.evaluation.runner import CachedEncode, Runner
from fusionlog.evaluation.truth import read_truth
from fusionlog.methods.registry import METHODS
from tests.encoders import WordEncoder
from tests.evaluation.factories import write_labels


def make_task(data: Path, method: str) -> Task:
    [task] = make_tasks(data, ["shop"], methods=[method], fold=FoldChoice.forward)
    return task


@pytest.mark.parametrize("method", [name for name in NAMES if name != ORACLE])
async def test_no_prediction_depends_on_a_label_of_the_target(method: str, data: Path, workshop: Runner) -> None:
    turned = data.with_name("turned")
    shutil.copytree(data, turned)
    labels = read_labels(turned, "shop")
    write_labels(turned / "shop", {session: not bad for session, bad in labels.items()})
    before, after = [await workshop.do(make_task(place, method)) for place in (data, turned)]
    assert before.verdicts == after.verdicts
    assert before.key != after.key


@pytest.mark.parametrize("method", NAMES)
async def test_every_method_gives_a_verdict_on_every_session(method: str, data: Path, workshop: Runner) -> None:
    done = await workshop.do(make_task(data, method))
    assert [session for session, *_ in done.verdicts] == [f"s{number}" for number in range(15, 30)]
    assert {(row.protocol, row.ratio) for row in done.rows} == {
        (protocol, ratio) for protocol in ("inductive", "transductive") for ratio in ("natural", "balanced")
    }


async def test_labels_are_opened_after_the_method_has_finished(
    data: Path, workshop: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    async def method(fold: object, bench: object) -> object:
        order.append("method")
        return await METHODS["keyword"](fold, bench)

    def opened(*arguments: object) -> object:
        order.append("labels")
        return read_truth(*arguments)

    monkeypatch.setattr(module, "METHODS", {"keyword": method})
    monkeypatch.setattr(module, "read_truth", opened)
    await workshop.do(make_task(data, "keyword"))
    assert order == ["method", "labels"]


async def test_what_asks_is_told_by_the_recorded_verdicts(data: Path, workshop: Runner) -> None:
    row = (await workshop.do(make_task(data, "llm-only"))).rows[0]
    assert (row.teacher, row.f1, row.teacher_precision, row.teacher_recall) == ("recorded", 1.0, 1.0, 1.0)
    assert row.llm_calls == 1 and row.llm_units > 1 and row.llm_tokens > 0
    assert row.share_proprietary == 1.0


async def test_without_verdicts_the_offline_labeller_teaches_and_is_named(data: Path, workshop: Runner) -> None:
    (data / "shop" / "verdicts.jsonl").unlink()
    row = (await workshop.do(make_task(data, "llm-only"))).rows[0]
    assert (row.teacher, row.llm_calls, row.llm_tokens) == ("offline", 0, 0)
    assert row.llm_units > 1


async def test_a_run_does_not_make_another_cheaper(data: Path, workshop: Runner) -> None:
    first = await workshop.do(make_task(data, "llm-only"))
    other = await Runner(workshop.settings, WordEncoder()).do(make_task(data, "llm-only"))
    [general] = [row for row in (await workshop.do(make_task(data, "generallog"))).rows if row.leading]
    assert first.rows[0].llm_units == other.rows[0].llm_units
    assert general.llm_units <= first.rows[0].llm_units


async def test_the_oracle_is_no_worse_than_the_small_model(data: Path, workshop: Runner) -> None:
    small, oracle = [(await workshop.do(make_task(data, name))).rows[0] for name in ("fusionlog", ORACLE)]
    assert oracle.f1 >= small.f1


def test_a_text_is_encoded_once() -> None:
    encode = WordEncoder()
    remembering = CachedEncode(encode)
    once = remembering(["disk failed", "disk full", "disk failed"])
    assert (remembering(["disk full"])[0] == once[1]).all()
    assert encode.encoded == ["disk failed", "disk full"] and remembering([]).shape == (0, encode.dim)
