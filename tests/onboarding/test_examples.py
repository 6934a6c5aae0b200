"""Every example of the systems file is an entry that its lines are made for."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusionlog.onboarding.check import check
from fusionlog.onboarding.examples import EXAMPLES, Example
from fusionlog.onboarding.report import report
from fusionlog.onboarding.sample import line_records
from fusionlog.settings import IngestSettings, read_systems


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.entry.partition(":")[0])
def test_an_example_reads_its_lines(example: Example, tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text(example.entry, encoding="utf-8")
    [(name, system)] = read_systems(path).items()
    records = line_records([line.encode(system.encoding) for line in example.lines])
    found = report(check(name, system, IngestSettings(), records))
    assert found.lines == len(example.lines) and found.clean, found.warnings
    assert found.header_matched in (None, 1.0) and not found.without_key
    assert len(found.windows) == (2 if system.inherit else 1)
