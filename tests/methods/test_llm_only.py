from pathlib import Path

from fusionlog.methods.llm_only import llm_only
from fusionlog.methods.protocol import read_fold
from fusionlog.settings import IngestSettings
from tests.evaluation.factories import lines_of
from tests.methods.factories import make_context


async def test_the_teacher_alone_is_asked_about_every_shape_of_both_halves(data: Path) -> None:
    fold = read_fold(data, "shop", "forward", IngestSettings())
    result = await llm_only(fold, make_context())
    assert result.cost.units == len({window.shape for window in [*fold.adapt, *fold.test]})
    assert [one.anomalous for one in result.outcomes] == [
        any("failed" in line for line in lines_of(number)) for number in range(15, 30)
    ]
