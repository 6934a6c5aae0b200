from pathlib import Path

from benchmarks.score import measure
from tests.encoders import WordEncoder


def test_it_scores_every_shape_and_the_stream(data: Path) -> None:
    found = measure("shop", data, WordEncoder(), runs=1)
    once, stream = found["shop, every shape once"], found["shop, the stream"]
    assert stream["windows"] == 12 and 1 < once["windows"] < 12
    assert all(each["ratio"] == each["value"] / each["baseline_value"] for each in found.values())
