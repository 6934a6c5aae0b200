from pathlib import Path

import pytest

from benchmarks.lines import open_stream
from benchmarks.stage import Stage, fill, prepare
from benchmarks.workers import measure
from tests.brokers import ApacheKafka
from tests.encoders import make_encoder


@pytest.mark.kafka
@pytest.mark.slow
async def test_two_workers_share_a_topic_and_lose_nothing(
    apache_kafka: ApacheKafka, data: Path, tmp_path: Path
) -> None:
    stage, encoder = Stage(apache_kafka.settings, open_stream(data), tmp_path, 4), make_encoder(tmp_path / "encoder")
    settings = stage.settings("fill.")
    await prepare(settings)
    await fill(settings, stage.stream, 1000)
    found = await measure(stage, encoder, 2, 1000)
    assert found["workers"] == 2
