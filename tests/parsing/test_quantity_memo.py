from itertools import islice
from pathlib import Path

import pytest

from fusionlog.data.systems import read_catalog, read_stream
from fusionlog.parsing.headers import Header
from fusionlog.parsing.parser import Parser
from fusionlog.parsing.quantities import places, read
from fusionlog.settings import IngestSettings, SystemSettings


@pytest.mark.parametrize("system", ["kafka", "postgresql", "rabbitmq", "postfix"])
def test_recorded_lines_have_the_quantities_that_are_found_line_by_line(system: str) -> None:
    data = Path(__file__).parents[2] / "datasets"
    settings = read_catalog(data)[system]
    parser, header = Parser(system, settings, IngestSettings()), Header(settings)
    for line in islice(read_stream(data, system), 4_000):
        event = parser.parse(line)
        start = header.split(event.line).start or 0
        duration, others = read(event.line, places(event.line, start))
        assert (event.duration, event.quantities) == (duration, others)


@pytest.mark.parametrize(
    "lines",
    [
        ["elapsed: 2024-05-01", "elapsed: 00:00:03", "elapsed: 00:01:03"],
        ["took 3.9 s for 10.0.0.1", "took 12 s for 10.0.0.1", "took 0.5 s for 10.100.0.1"],
        ["wrote 1,234 bytes", "wrote 12 bytes", "wrote 1,23 bytes"],
        ["(10.0.0.1:80) delay=3.9, x", "(10.0.0.100:80) delay=12.25, x"],
    ],
)
def test_quantities_do_not_depend_on_earlier_lines(lines: list[str]) -> None:
    shared = Parser("shop", SystemSettings(), IngestSettings())
    for line in lines * 3:
        alone = Parser("shop", SystemSettings(), IngestSettings()).parse(line)
        found = shared.parse(line)
        assert (found.duration, found.quantities) == (alone.duration, alone.quantities)


def test_a_clock_is_a_duration_by_its_key_whatever_else_the_line_has() -> None:
    parser = Parser("shop", SystemSettings(), IngestSettings())
    for minutes in (0, 7, 12):
        for user in ("ann", "4jXd2z1SSW1"):
            took = parser.parse(f"closed: session time: 0:{minutes:02}:02.5 user={user} at 20:11:00 port={minutes}11")
            assert took.duration == minutes * 60 + 2.5
