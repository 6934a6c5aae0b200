from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fusionlog.data.sources import read_source
from fusionlog.embedding.encoder import VectorCache
from fusionlog.errors import TeacherError
from fusionlog.evaluation.fit_cache import LocalTrainer
from fusionlog.methods.alpha.method import alpha
from fusionlog.methods.base import MethodContext
from fusionlog.methods.protocol import read_fold
from fusionlog.settings import AlphaSettings, DistillSettings, IngestSettings, LabelSettings, Settings
from fusionlog.teachers.base import Teacher as AnyTeacher
from fusionlog.teachers.base import Unit, Verdict
from fusionlog.teachers.few_shot import FewShotExample
from fusionlog.teachers.llm.teacher import LLMTeacher
from tests.encoders import WordEncoder
from tests.evaluation.factories import is_bad
from tests.methods.test_teacher_queries import Teacher
from tests.teachers.factories import make_settings
from tests.teachers.fake_endpoint import FakeEndpoint, Reply, fake_endpoint, units_of


class Shown(Teacher):
    """A teacher that can be shown examples, and forgets nothing that it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: Sequence[FewShotExample] = ()
        self.asked: list[tuple[str, int]] = []

    def show(self, examples: Sequence[FewShotExample]) -> None:
        self.shown = examples

    async def label(self, units: Sequence[Unit]) -> list[Verdict | TeacherError]:
        self.asked += [(unit.system, len(self.shown)) for unit in units]
        return await super().label(units)


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with fake_endpoint() as server:
        yield server


def make_bench(data: Path, teacher: AnyTeacher | None, **settings: int) -> MethodContext:
    encode = WordEncoder()
    sources = [read_source(data, system, IngestSettings()) for system in ("mill", "farm")]
    alpha = AlphaSettings().model_copy(update=settings)  # Not validated: repeated calls may bring any of these about.
    made = Settings(alpha=alpha, label=LabelSettings(units_per_call=2))
    return MethodContext(made, sources, encode, VectorCache(encode), LocalTrainer(DistillSettings()), teacher)


async def test_it_adapts_on_one_half_and_judges_the_other_without_asking(data: Path) -> None:
    fold = read_fold(data, "shop", "forward", IngestSettings())
    result = await alpha(fold, make_bench(data, Shown()))
    assert [one.anomalous for one in result.outcomes] == [is_bad(number) for number in range(15, 30)]
    assert [one.anomalous for one in result.adapted] == [is_bad(number) for number in range(15)]
    assert {asked.session for asked in result.asked} <= {f"s{number}" for number in range(15)}
    assert not any(one.proprietary for one in result.outcomes)


async def test_sources_are_asked_about_first_and_all_calls_are_charged(data: Path) -> None:
    teacher, fold = Shown(), read_fold(data, "shop", "forward", IngestSettings())
    result = await alpha(fold, make_bench(data, teacher, examples=3))
    systems = [system for system, _ in teacher.asked]
    assert systems == sorted(systems, key=("mill", "farm", "shop").index) and set(systems) == {"mill", "farm", "shop"}
    assert {(system, shown) for system, shown in teacher.asked} == {("mill", 0), ("farm", 0), ("shop", 3)}
    assert {each.system for each in teacher.shown} <= {"mill", "farm"}
    assert (result.cost.units, result.cost.calls, result.cost.tokens) == (
        len(teacher.asked), teacher.cost.calls, 10 * teacher.cost.calls,
    )  # fmt: skip
    assert len(result.asked) == systems.count("shop")


async def test_no_more_calls_are_made_than_it_may(data: Path) -> None:
    fold = read_fold(data, "shop", "forward", IngestSettings())
    result = await alpha(fold, make_bench(data, Shown(), calls=4, source_calls=2))
    assert result.cost.calls <= 4 and len(result.outcomes) == 15


async def test_a_budget_that_the_sources_use_up_is_said(data: Path) -> None:
    fold = read_fold(data, "shop", "forward", IngestSettings())
    with pytest.raises(TeacherError, match="FUSIONLOG_ALPHA__CALLS"):
        await alpha(fold, make_bench(data, Shown(), calls=1))


async def test_a_teacher_that_cannot_be_shown_examples_is_not_asked_about_sources(data: Path) -> None:
    fold = read_fold(data, "shop", "forward", IngestSettings())
    result = await alpha(fold, make_bench(data, Teacher()))
    assert result.cost.units == len(result.asked) and any(one.anomalous for one in result.outcomes)


async def test_a_models_mistakes_on_the_sources_are_in_its_prompt_as_redacted_data(
    data: Path, endpoint: FakeEndpoint
) -> None:
    wrong = Reply(change=lambda answers: [{**answer, "label": "normal", "confidence": 0.9} for answer in answers])
    endpoint.script = [wrong, wrong]
    teacher = LLMTeacher(make_settings(endpoint.url, model="m", units_per_call=20))
    try:
        await alpha(read_fold(data, "shop", "forward", IngestSettings()), make_bench(data, teacher))
    finally:
        await teacher.close()
    about = [units_of(request)[0]["system"] for request in endpoint.requests]
    contents = [request["messages"][1]["content"] for request in endpoint.requests]
    assert about.index("shop") == 2 and "Worked examples" not in contents[0] + contents[1]
    shown = json.loads(contents[2].splitlines()[1])
    assert {(each["label"], each.get("mistaken_for")) for each in shown} >= {("anomalous", "normal")}
    texts = [event["text"] for each in shown if each["label"] == "anomalous" for event in each["events"]]
    assert any("failed" in text for text in texts)


async def test_calls_that_are_left_go_to_what_inherited(data: Path) -> None:
    fold = read_fold(data, "shop", "forward", IngestSettings())
    few, many = Shown(), Shown()
    short = await alpha(fold, make_bench(data, few, examples=0, calls=4, source_calls=0))
    long = await alpha(fold, make_bench(data, many, examples=0, calls=40, source_calls=0))
    assert short.cost.units < long.cost.units == len({window.shape for window in fold.adapt})
