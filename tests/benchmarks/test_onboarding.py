"""Proposed entries cut the bundled systems into the windows of the hand-written ones."""

from __future__ import annotations

from itertools import islice

import pytest

from benchmarks.onboarding import ENOUGH, agreement, compare
from benchmarks.report import BUNDLED
from fusionlog.data.systems import read_catalog, read_stream
from fusionlog.settings import IngestSettings

LINES = 1_500


@pytest.mark.parametrize("name", ["kafka", "postfix", "postgresql", "rabbitmq"])
def test_the_proposed_entry_cuts_the_same_windows(name: str) -> None:
    lines = list(islice(read_stream(BUNDLED, name), LINES))
    share, _, proposal = compare(name, read_catalog(BUNDLED)[name], lines, IngestSettings())
    assert share >= ENOUGH, proposal.entry


def test_lines_agree_where_their_windows_have_the_same_lines() -> None:
    assert agreement([0, 0, 2, None], [0, 0, 2, None]) == 1.0
    assert agreement([0, 0, 2, 2], [0, 0, 0, 0]) == 0.0
    assert agreement([0, 0, 2, None], [0, 0, None, 3]) == 0.5
