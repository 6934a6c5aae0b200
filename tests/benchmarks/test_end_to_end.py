from pathlib import Path

import msgspec
import pytest

from benchmarks.end_to_end import Verdicts, latency, throughput
from benchmarks.lines import open_stream
from benchmarks.processes import LossError, unaccounted
from benchmarks.stage import Stage
from tests.brokers import ApacheKafka
from tests.encoders import make_encoder


@pytest.mark.kafka
@pytest.mark.slow
async def test_every_window_has_its_verdict(apache_kafka: ApacheKafka, data: Path, tmp_path: Path) -> None:
    stage, encoder = Stage(apache_kafka.settings, open_stream(data), tmp_path, 2), make_encoder(tmp_path / "encoder")
    full = await throughput(stage, encoder, 1000, apache_kafka)
    assert full["lines"] == 1000 and full["windows"] > 100
    half = await latency(stage, encoder, rate=400, seconds=1, warm=0.5)
    assert 0 < half["windows"] <= 30 and 0 < half["p50"] <= half["p99"]


def test_a_window_without_a_verdict_or_with_two_is_a_loss() -> None:
    found = Verdicts()
    for name in ("a", "b"):
        found.take(msgspec.json.encode({"id": name, "ended": 0.0}))
    found.check(2)
    with pytest.raises(LossError, match="3 windows have 2 verdicts"):
        found.check(3)
    found.take(msgspec.json.encode({"id": "a", "ended": 0.0}))
    with pytest.raises(LossError, match="3 verdicts, 2 distinct"):
        found.check(2)


def test_lines_that_are_nowhere_are_found() -> None:
    counts = {"fusionlog_lines_total": 10, "fusionlog_lines_windowed_total": 6, "fusionlog_lines_open": 2}
    assert unaccounted(counts) == 2 and unaccounted({**counts, "fusionlog_lines_dropped_total": 2}) == 0
