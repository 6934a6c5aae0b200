"""What a stream and its recorded sessions must agree on."""

import json
from math import inf

from fusionlog.data.systems import Session, session_windows
from fusionlog.parsing.parser import Parser
from fusionlog.parsing.windows import Windower
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, SystemSettings, WindowSettings
from fusionlog.workers.ingest.partition_processor import PartitionProcessor
from fusionlog.workers.ingest.resume_state import OutputOffsets, ResumeState
from tests.workers.memory import Message

SYSTEM = SystemSettings(
    json_line="{time} {node} {pid} {msg}", header="<Date> <Node> <Pid> <Content>", session=r"\S+ (\S+@\S+ <[\d.]+>) ",
    window=WindowSettings(by="session", max_events=2),
)  # fmt: skip
LINES = [
    json.dumps({"msg": text, "node": "rabbit@one", "pid": "<0.8.0>", "time": "2024-05-01T10:00:00Z"})
    for text in ("accepting connection 1", "accepting connection 2", "closing", "closing")
]


def as_ingested(records: list[str]) -> list[Window]:
    ingest = IngestSettings()
    processor = PartitionProcessor(
        "shop", SYSTEM, ingest, Parser("shop", SYSTEM, ingest), Windower("shop", SYSTEM.window, "t", 0), 0,
        ResumeState(OutputOffsets()),
    )  # fmt: skip
    messages = [Message(record.encode(), offset=number, timestamp=0) for number, record in enumerate(records)]
    made = processor.take(messages)
    processor._clock = lambda: inf
    return [item for item in [*made, *processor.silent()] if isinstance(item, Window)]


def test_a_systems_json_lines_give_the_same_windows_from_a_stream_and_from_its_sessions() -> None:
    recorded = session_windows("shop", SYSTEM, [Session("rabbit@one <0.8.0>", LINES)], IngestSettings())
    enveloped = [json.dumps({"timestamp": 1714557600, "message": line}) for line in LINES]
    for records in (LINES, enveloped):
        seen = as_ingested(records)
        assert [window.session for window in seen] == ["rabbit@one <0.8.0>"] * 2
        assert [window.started for window in seen] == [1714557600.0] * 2
        assert [window.events for window in seen] == [window.events for window in recorded]
    assert seen[0].events[0].example == "2024-05-01T10:00:00Z rabbit@one <0.8.0> accepting connection 1"


def test_a_plain_line_among_json_lines_is_its_text() -> None:
    plain = Session("s", ["  ##  RabbitMQ 3.10", LINES[0]])
    window = session_windows("shop", SYSTEM, [plain], IngestSettings())[0]
    assert window.events[0].example == "  ##  RabbitMQ 3.10"
