from pathlib import Path

import pytest

from benchmarks.lines import open_stream
from benchmarks.memory import Hashed, check, measure, stormy
from benchmarks.processes import LossError
from tests.encoders import WordEncoder


async def test_it_samples_ten_times_and_accounts_for_every_line(data: Path) -> None:
    found = await measure(open_stream(data), Hashed(WordEncoder()), 1000)
    assert len(found) == 1 and all(each["mib"] > 0 for each in found.values())
    with pytest.raises(LossError, match="nowhere"):
        check("shop", 10**9)


def test_a_storm_keeps_sessions_and_brings_new_templates(data: Path) -> None:
    stream = open_stream(data)
    pairs = list(zip(stream.take(200), stormy(stream, 200), strict=True))
    new = [(before, after) for before, after in pairs if before != after]
    assert len(new) == 5 and all(stream.key(before) == stream.key(after) for before, after in new)
