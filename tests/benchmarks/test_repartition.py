from pathlib import Path

import pytest

from benchmarks.lines import open_stream
from benchmarks.repartition import counted, measure
from tests.brokers import ApacheKafka
from tests.encoders import WordEncoder


@pytest.mark.kafka
async def test_scattered_lines_go_through_both_stages(apache_kafka: ApacheKafka, data: Path, tmp_path: Path) -> None:
    before = counted("shop", "raw"), counted("shop", "keyed")
    found = await measure(apache_kafka.settings, tmp_path, open_stream(data), WordEncoder(), 100)
    assert found.keys() == {"keyed by the shipper", "repartitioned"}
    assert (counted("shop", "raw") - before[0], counted("shop", "keyed") - before[1]) == (200, 100)
