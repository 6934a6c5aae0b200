from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.evaluation.datasets import read_catalog, read_stream
from fusionlog.parsing.parser import Parser
from fusionlog.parsing.shapes import digits_alike
from fusionlog.settings import IngestSettings, SystemSettings

TOKENS = [
    *("INFO", "a:", "disk", "eth0", "eth1", "0x1f", "1x2f", "10.0.0.1", "1.2.3", "12", "7", "123456789", "12345678d"),
    *("s=k1", "s=k2", "k1", "k2", "2024-01-02", "10:11:12", "u7@h8", "job12ab34cd5", "job99ab34cd5", "/a/b1", "-5"),
]
LINES = st.lists(st.lists(st.sampled_from(TOKENS), max_size=6).map(" ".join), max_size=60)
SYSTEMS = [
    SystemSettings(header="<Level> <Component>: <Content>", session=r"s=(\w+)"),
    SystemSettings(session=r"k\d"),
    SystemSettings(session=r"k[12]"),
    SystemSettings(masks={"job": "job12"}),
]


@pytest.mark.parametrize("system", SYSTEMS)
@given(LINES, st.sampled_from([10, 1000]))
def test_shapes_change_nothing_that_comes_out(system: SystemSettings, lines: list[str], most: int) -> None:
    """Beyond the cap of templates only what is told of them may differ: which events are told anew, and when."""
    plain, fast = (Parser("shop", system, IngestSettings(max_templates=most), shapes=each) for each in (False, True))
    for line in lines * 3:
        assert fast.parse(line) == plain.parse(line)
    if most == 1000:
        assert fast.new_templates(0.0) == plain.new_templates(0.0)


@pytest.mark.parametrize("pattern", [r"blk_-?\d+", "[0-9a-f]{8}-[0-9a-f]{4}", r"s=(\w+)", "", "[^a-z]+"])
def test_expressions_that_treat_digits_alike(pattern: str) -> None:
    assert digits_alike(pattern)


@pytest.mark.parametrize("pattern", ["k1", "[1-9]", "[+-0-9]", r"\x31", r"127\.0", r"\{3}", "[{3}]", r"(a)\1", "a0-9"])
def test_expressions_that_may_not(pattern: str) -> None:
    assert not digits_alike(pattern)


@pytest.mark.parametrize("system", ["kafka", "postgresql"])
def test_real_streams_come_out_as_without_shapes(system: str) -> None:
    data = Path(__file__).parents[2] / "datasets"
    settings = read_catalog(data)[system]
    plain, fast = (Parser(system, settings, IngestSettings(), shapes=each) for each in (False, True))
    for line in read_stream(data, system):
        assert fast.parse(line) == plain.parse(line)
    assert fast.new_templates(0.0) == plain.new_templates(0.0)
