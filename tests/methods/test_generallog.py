from pathlib import Path

from fusionlog.data.systems import Session, read_catalog
from fusionlog.embedding.encoder import VectorCache
from fusionlog.evaluation.fit_cache import LocalTrainer
from fusionlog.methods.base import MethodContext
from fusionlog.methods.generallog import general_log, llm_only, source_only
from fusionlog.methods.protocol import Fold, make_fold, read_fold
from fusionlog.settings import DistillSettings, IngestSettings, Settings
from tests.distillation.factories import make_source
from tests.encoders import WordEncoder
from tests.evaluation.factories import lines_of
from tests.methods.test_teacher_queries import Teacher

SETTINGS = DistillSettings(steps=60, hidden=16, tau=0.9)
ENCODE = WordEncoder("job", "started", "lost", "retry", "scheduled", "disk", "failed", "connection")


def make_bench() -> MethodContext:
    sources = [make_source("mill", 20), make_source("press", 20)]
    settings = Settings(distill=SETTINGS)
    return MethodContext(settings, sources, ENCODE, VectorCache(ENCODE), LocalTrainer(SETTINGS), Teacher())


def fold_of(data: Path, *texts: str) -> Fold:
    """Two sessions to adapt on, and one of each text to judge."""

    def session(number: int, text: str) -> Session:
        return Session(f"s{number}", [f"2024-01-01 00:00:0{number} INFO s{number} {text}"])

    adapt = [session(number, "job started") for number in range(2)]
    test = [session(number, text) for number, text in enumerate(texts, 2)]
    return make_fold("shop", "forward", read_catalog(data)["shop"], (adapt, test), IngestSettings())


async def test_the_sources_model_judges_what_the_sources_know(data: Path) -> None:
    result = await source_only(fold_of(data, "job lost", "retry scheduled"), make_bench())
    lost, retried = result.outcomes
    assert lost.score > retried.score and not (lost.proprietary or retried.proprietary)
    assert result.tau == 0.9 and result.similarities == [1.0, 1.0]


async def test_general_log_asks_about_what_is_foreign_alone_and_once(data: Path) -> None:
    result = await general_log(fold_of(data, "job lost", "disk failed", "disk failed", "connection"), make_bench())
    assert [(one.session, one.proprietary) for one in result.outcomes] == [
        ("s2", False), ("s3", True), ("s4", True), ("s5", True),
    ]  # fmt: skip
    assert [one.anomalous for one in result.outcomes[1:]] == [True, True, False]
    assert {asked.session for asked in result.asked} == {"s3", "s5"}
    assert (result.cost.units, result.cost.calls, result.cost.tokens) == (2, 1, 10)


async def test_what_the_teacher_cannot_judge_stays_with_the_model_or_is_normal(data: Path) -> None:
    fold = fold_of(data, "mumble", "disk failed")
    general, alone = await general_log(fold, make_bench()), await llm_only(fold, make_bench())
    assert [one.anomalous for one in alone.outcomes] == [False, True]
    assert general.outcomes[0].score != 0.5 == alone.outcomes[0].score


async def test_the_teacher_alone_is_asked_about_every_shape_of_both_halves(data: Path) -> None:
    fold = read_fold(data, "shop", "forward", IngestSettings())
    result = await llm_only(fold, make_bench())
    assert result.cost.units == len({window.shape for window in [*fold.adapt, *fold.test]})
    assert [one.anomalous for one in result.outcomes] == [
        any("failed" in line for line in lines_of(number)) for number in range(15, 30)
    ]
