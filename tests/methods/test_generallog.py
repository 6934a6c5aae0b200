from pathlib import Path

from fusionlog.methods.generallog import general_log
from fusionlog.methods.llm_only import llm_only
from tests.methods.factories import fold_of, make_context


async def test_general_log_asks_about_what_is_foreign_alone_and_once(data: Path) -> None:
    result = await general_log(fold_of(data, "job lost", "disk failed", "disk failed", "connection"), make_context())
    assert [(one.session, one.proprietary) for one in result.outcomes] == [
        ("s2", False), ("s3", True), ("s4", True), ("s5", True),
    ]  # fmt: skip
    assert [one.anomalous for one in result.outcomes[1:]] == [True, True, False]
    assert {asked.session for asked in result.asked} == {"s3", "s5"}
    assert (result.cost.units, result.cost.calls, result.cost.tokens) == (2, 1, 10)


async def test_what_the_teacher_cannot_judge_stays_with_the_model_or_is_normal(data: Path) -> None:
    fold = fold_of(data, "mumble", "disk failed")
    general, alone = await general_log(fold, make_context()), await llm_only(fold, make_context())
    assert [one.anomalous for one in alone.outcomes] == [False, True]
    assert general.outcomes[0].score != 0.5 == alone.outcomes[0].score
