from pathlib import Path

from fusionlog.methods.source_only import source_only
from tests.methods.factories import fold_of, make_context


async def test_the_sources_model_judges_what_the_sources_know(data: Path) -> None:
    result = await source_only(fold_of(data, "job lost", "retry scheduled"), make_context())
    lost, retried = result.outcomes
    assert lost.score > retried.score and not (lost.proprietary or retried.proprietary)
    assert result.tau == 0.9 and result.similarities == [1.0, 1.0]
