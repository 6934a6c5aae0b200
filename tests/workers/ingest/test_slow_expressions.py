"""A line on which an expression of the systems file takes too long is a dead letter; its neighbours are parsed."""

from __future__ import annotations

from typing import Any

import pytest

from fusionlog.parsing.parser import Parser
from fusionlog.parsing.windows import Windower
from fusionlog.records import Template, Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.utils.expression_limit import Watch, limited
from fusionlog.workers.ingest.made import DeadLetter
from fusionlog.workers.ingest.partition_processor import PartitionProcessor
from fusionlog.workers.ingest.resume_state import OutputOffsets, ResumeState
from tests.workers.memory import Message

SLOW = r"begin.*?middle.*?end"
LINE = "begin middle " * 4000
SYSTEMS: dict[str, dict[str, Any]] = {
    "session": {"session": rf"{SLOW}(x)|s=(\w+)"},
    "masks.one": {"session": r"s=(\w+)", "masks": {"one": f"{SLOW}!"}},
    "keep": {"session": r"s=(\w+)", "keep": [rf"{SLOW}=(\w+)"]},
    "multiline.start": {"session": r"s=(\w+)", "multiline": {"start": rf"{SLOW}!|^s=[acd]"}},
    "multiline.continues": {"session": r"s=(\w+)", "multiline": {"continues": rf"{SLOW}!"}},
}
BY_SESSION = {"window": {"by": "session", "idle_seconds": 30, "max_events": 1}}


@pytest.mark.parametrize("setting", SYSTEMS)
def test_a_line_that_keeps_an_expression_busy_is_a_dead_letter_with_its_name(setting: str) -> None:
    settings = {**SYSTEMS[setting], **BY_SESSION}
    system, ingest, watch = SystemSettings.model_validate(settings), IngestSettings(), Watch()
    parser = Parser("shop", system, ingest, watch=watch)
    processor = PartitionProcessor(
        "shop", system, ingest, parser, Windower("shop", system.window, "raw", 0), 0, ResumeState(OutputOffsets()),
        clock=lambda: 1_700_000_000.0,
    )  # fmt: skip
    lines = ["s=a opened", f"s=b {LINE}", "s=c closed", "s=d closed"]
    with limited(watch, 0.05):
        made = processor.take([
            Message(line.encode(), offset=place, timestamp=1_700_000_000_000) for place, line in enumerate(lines)
        ])  # fmt: skip
    (letter,) = [each for each in made if isinstance(each, DeadLetter)]
    assert (letter.offset, letter.error.reason) == (1, "slow-expression")
    assert letter.error.detail.startswith(setting), letter.error.detail
    assert letter.value == lines[1].encode()
    assert {each.first_offset for each in made if isinstance(each, Window)} >= {0, 2}


def test_a_template_whose_example_keeps_an_expression_busy_is_restored() -> None:
    watch = Watch()
    parser = Parser("shop", SystemSettings(session=f"{SLOW}(x)"), IngestSettings(), watch=watch)
    with limited(watch, 0.05):
        parser.restore([Template(system="shop", id="t", text="begin <*>", example=LINE, first_seen=0.0)])
    assert parser.templates == 1
