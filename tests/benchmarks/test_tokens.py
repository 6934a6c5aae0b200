from __future__ import annotations

from pathlib import Path

from benchmarks.tokens import SETTINGS, measure
from fusionlog.data.systems import read_catalog
from tests.datasets.shop import make_data
from tests.teachers.factories import make_rows, write_rows


def test_what_stands_beside_a_unit_costs_tokens_and_changes_no_recorded_answer(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    verdicts = write_rows(tmp_path / "v.jsonl", make_rows())
    found = list(measure(data, "shop", read_catalog(data)["shop"], [verdicts]))
    assert [each.settings for each in found] == list(SETTINGS)
    assert len({(each.units, each.by_window, each.by_session) for each in found}) == 1
    assert found[0].tokens < found[-1].tokens
