from pathlib import Path

import pytest

from benchmarks.ingest import counted, measure
from benchmarks.lines import open_stream
from tests.brokers import ApacheKafka
from tests.encoders import WordEncoder


@pytest.mark.kafka
async def test_three_read_the_same_lines(apache_kafka: ApacheKafka, data: Path, tmp_path: Path) -> None:
    before = counted("shop")
    found = await measure(apache_kafka.settings, tmp_path, open_stream(data), WordEncoder(), 100, 60)
    assert found.keys() == {"getmany", "agent", "ours"}
    assert counted("shop") - before >= 160
