"""The cases of `tests/cases` through the pipeline: each is an input and what a user expects of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import inf
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from msgspec.structs import replace
from prometheus_client import REGISTRY

from fusionlog.records import Route, Window
from fusionlog.settings import IngestSettings, Settings, SystemSettings, read_systems
from fusionlog.workers.ingest.pipeline import IngestPipeline
from tests.workers.memory import MemoryProducer, Message

CASES = Path(__file__).parents[2] / "cases"
START = 1_764_240_000.0
ROUTE = Route(kind="general", similarity=1.0, threshold=0.8)


class Case:
    """A system of a case, and what the pipeline makes of the lines of a file."""

    def __init__(self, name: str, system: str, **changes: Any) -> None:
        self.directory, self.system = CASES / name, system
        found = read_systems(self.directory / "systems.yaml")[system]
        changed = SystemSettings.model_validate({**found.model_dump(exclude_unset=True), **changes})
        self.settings = Settings(ingest=IngestSettings())
        self.settings.__dict__["systems"] = {system: changed}
        self.producer = MemoryProducer()
        self.before = self.implausible()
        self.closed: list[Window] = []

    def lines(self, file: str) -> list[bytes]:
        return [line for line in (self.directory / file).read_bytes().splitlines() if line]

    async def run(self, values: Sequence[bytes], step: float = 0.1) -> list[Window]:
        """The windows of records that come so many seconds apart; `closed` are those that their times close."""
        pipeline = IngestPipeline(self.settings, self.producer, lambda window: replace(window, route=ROUTE), [])  # type: ignore[arg-type]
        place = TopicPartition(f"logs.raw.{self.system}", 0)
        pipeline.open(place, 0, ())
        messages = [
            Message(value, offset=offset, timestamp=int(1000 * (START + step * offset)), key=b"host")
            for offset, value in enumerate(values)
        ]
        await pipeline.take(place, messages)
        self.closed = self.windows()
        pipeline._processors[place]._clock = lambda: inf
        await pipeline.tick()
        await pipeline.settle(1)
        assert pipeline.positions()[place][0] == len(values)
        return self.windows()

    def windows(self) -> list[Window]:
        return list(self.producer.of(self.settings.topics.general, Window))  # type: ignore[arg-type]

    def implausible(self) -> float:
        return REGISTRY.get_sample_value("fusionlog_implausible_times_total", {"system": self.system}) or 0.0

    @property
    def letters(self) -> list[dict[str, str]]:
        return self.producer.letters(self.settings.topics.deadletter)


def texts(windows: Sequence[Window]) -> Counter[str]:
    """The events of windows, with their numbers of lines."""
    return sum((Counter({event.text: event.count for event in window.events}) for window in windows), Counter())


async def test_the_lines_of_a_trace_belong_to_the_session_of_its_first_line() -> None:
    case = Case("stack-trace-line-by-line", "orders")
    first, second = await case.run(case.lines("lines.log"))
    assert (first.session, second.session) == ("5d9073b19f9042c1", "aa9073b19f9042c2")
    assert [len(first.sequence), len(second.sequence)] == [2, 2]
    assert "deadlock detected" in first.events[1].text and "... 24 more" in first.events[1].example
    assert "deadlock" not in str(second.events) and "no such article" in second.events[1].text


async def test_without_joining_a_line_inherits_the_session_of_its_source() -> None:
    case = Case("stack-trace-line-by-line", "orders", multiline=False, inherit=True)
    first, second = await case.run(case.lines("lines.log"))
    assert [len(first.sequence), len(second.sequence)] == [9, 4]
    assert any("deadlock" in event.text for event in first.events) and "deadlock" not in str(second.events)


@pytest.mark.parametrize("file", ["cri.log", "docker.jsonl", "fluentd.jsonl"])
async def test_the_pieces_of_a_line_are_one_line(file: str) -> None:
    case = Case("lines-cut-by-the-runtime", "cart")
    (window,) = await case.run(case.lines(file))
    assert [event.text for event in window.events] == ["cannot save cart", "cart saved"]
    assert window.sequence == [0, 1] and case.letters == []


async def test_a_record_of_the_collector_holds_several_lines() -> None:
    case = Case("opentelemetry-collector", "pay")
    windows = {window.session: window for window in await case.run(case.lines("otlp.jsonl"))}
    assert {session: len(window.sequence) for session, window in windows.items()} == {"P-16": 1, "P-17": 2, "P-18": 1}
    assert any("declined" in event.text for event in windows["P-17"].events)
    declined = windows["P-17"]
    assert (declined.first_offset, declined.first_index, declined.last_offset, declined.last_index) == (0, 1, 1, 0)
    assert declined.started == pytest.approx(1764240001.123456789) and len({w.id for w in windows.values()}) == 3


async def test_a_line_as_a_string_of_json_has_no_quotes() -> None:
    case = Case("opentelemetry-collector", "raw")
    (window,) = await case.run(case.lines("raw.jsonl"))
    assert [(event.text, event.count) for event in window.events] == [('pay took "card" of order <NUM>', 2)]


async def test_the_session_key_is_outside_of_the_json() -> None:
    case = Case("pod-name-outside-the-json", "cart")
    windows = await case.run(case.lines("records.jsonl"))
    assert [window.session for window in windows] == ["cart-7f9c-abcde", "cart-7f9c-fghij"]
    assert [[event.text for event in window.events] for window in windows] == [["cart opened", "cart paid"]] * 2


async def test_sessions_close_as_they_go_though_the_field_time_is_a_duration() -> None:
    case = Case("time-that-is-a-duration", "orders")
    line = '{"level": "info", "msg": "order AB-%d %s", "time": %.3f}'
    values = [
        (line % (order, what, 0.1 + order % 7 / 10)).encode() for order in range(1000) for what in ("opened", "paid")
    ]
    windows = await case.run(values, step=5.0)
    assert len(windows) == 1000 and len(case.closed) > 980
    assert {len(window.sequence) for window in windows} == {2}
    assert min(window.started for window in windows) >= START and case.implausible() - case.before == 2000


async def test_the_recorded_durations_give_a_window_an_order() -> None:
    case = Case("time-that-is-a-duration", "orders")
    windows = await case.run(case.lines("records.jsonl"), step=5.0)
    assert {len(window.sequence) for window in windows} == {2} and min(window.started for window in windows) >= START


@pytest.mark.parametrize(
    ("system", "file", "sessions", "events"),
    [
        ("hosts", "lines.log", {"web-1", "web-2"}, 6),
        ("nodes", "node.log", {"R02-M1-N0"}, 3),
    ],
)
async def test_the_key_of_the_header_masks_no_word_of_the_content(
    system: str, file: str, sessions: set[str], events: int
) -> None:
    case = Case("key-at-the-start-of-the-line", system)
    windows = await case.run(case.lines(file))
    assert {window.session for window in windows} == sessions
    found = texts(windows)
    assert len(found) == events and not any("<KEY>" in text for text in found)


async def test_every_line_of_spring_has_the_header() -> None:
    case = Case("spring-console-threads", "billing", header=None, format="spring")
    (window,) = await case.run(case.lines("lines.log"))
    created = [event for event in window.events if event.text.endswith("created")]
    assert [event.count for event in created] == [4]
    assert not any(word in event.text for event in window.events for word in ("INFO", "4711", "2026", "exec"))


async def test_structured_data_is_no_content() -> None:
    case = Case("syslog-rfc5424-structured-data", "shop")
    (window,) = await case.run(case.lines("lines.log"))
    assert [(event.text, event.count) for event in window.events] == [("shop order accepted", 5)]


async def test_lines_in_a_declared_encoding_are_read_and_others_are_dead_letters() -> None:
    case = Case("lines-in-chinese", "users", encoding="gbk")
    (window,) = await case.run(case.lines("lines.gbk.log"))
    assert len(window.sequence) == 4 and "支付失败" in str(window.events) and case.letters == []
    undeclared = Case("lines-in-chinese", "users")
    await undeclared.run(undeclared.lines("lines.gbk.log"))
    assert [each["reason"] for each in undeclared.letters] == ["not-text"] * 4
