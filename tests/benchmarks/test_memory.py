from collections import Counter
from pathlib import Path

import pytest

from benchmarks.lines import open_stream
from benchmarks.memory import Hashed, check, measure, stormy
from benchmarks.processes import LossError
from tests.encoders import WordEncoder


async def test_it_samples_ten_times_and_accounts_for_every_line(data: Path) -> None:
    found = await measure(open_stream(data), Hashed(WordEncoder()), 1000)
    assert len(found) == 1 and all(each["mib"] > 0 for each in found.values())


def test_lines_that_are_nowhere_fail_the_command() -> None:
    check(Counter(fusionlog_lines_total=3, fusionlog_lines_open=3), 3)
    with pytest.raises(LossError, match="of 3 lines 1 are nowhere"):
        check(Counter(fusionlog_lines_total=3, fusionlog_lines_open=2), 3)


def test_a_storm_keeps_sessions_and_brings_new_templates(data: Path) -> None:
    stream = open_stream(data)
    pairs = list(zip(stream.take(200), stormy(stream, 200), strict=True))
    new = [(before, after) for before, after in pairs if before != after]
    assert len(new) == 20 and all(stream.key(before) == stream.key(after) for before, after in new)
