"""Windows and dead letters on their way to Kafka, and what comes of the acknowledgement."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError
from msgspec.structs import replace

from fusionlog.errors import BrokerError, RecordError
from fusionlog.kafka.codecs import FRAME_BYTES
from fusionlog.records import Route, Template, Window
from fusionlog.settings import Settings
from fusionlog.types import RouteKind
from fusionlog.workers.ingest.made import DeadLetter, Made
from fusionlog.workers.ingest.output import SHORT_CHARS, IngestOutput, fitting
from tests.factories import make_event, make_window
from tests.workers.memory import MemoryProducer

PLACE = TopicPartition("logs.raw.shop", 3)
TOPICS = Settings().topics


class Processor:
    """Notes what was acknowledged; while `left`, the partition is another worker's."""

    def __init__(self) -> None:
        self.system, self.left, self.resume_state = "shop", False, self
        self.acknowledgements: list[tuple[int, int]] = []
        self.laid: list[tuple[int, TopicPartition, int]] = []

    def acked(self, last_offset: int, place: TopicPartition, offset: int) -> None:
        self.laid.append((last_offset, place, offset))

    def acknowledged(self, made: Made, route: str = "") -> bool:
        window = made if isinstance(made, Window) else made.window
        offset = window.first_offset if window else made.offset  # type: ignore[union-attr]
        self.acknowledgements.append((offset, len(window.sequence) if window else 1))
        return not self.left


class Bench:
    def __init__(self, kind: RouteKind | None = "general", **producer: object) -> None:
        self.producer, self.processor = MemoryProducer(**producer), Processor()  # type: ignore[arg-type]
        route = Route(kind=kind, similarity=1.0, threshold=0.8) if kind else None
        self.output = IngestOutput(Settings(), self.producer, lambda window: replace(window, route=route))  # type: ignore[arg-type]

    async def send(self, made: Window | DeadLetter) -> None:
        await self.output.send(self.processor, PLACE, made)  # type: ignore[arg-type]


def huge(events: int = 1, chars: int = TOPICS.general.max_message_bytes, *, text: bool = False) -> Window:
    """A window that is too long for its topic by its example lines, or by the templates themselves."""
    made = [
        make_event(f"e{number}" + "x" * (chars if text else 0), example="y" * (0 if text else chars) or "y")
        for number in range(events)
    ]
    return replace(make_window("a", "b", first_offset=7), events=made, sequence=[0] * 2)


@pytest.mark.parametrize(
    ("kind", "topic"), [("general", TOPICS.general), ("proprietary", TOPICS.proprietary), (None, TOPICS.proprietary)]
)
async def test_a_window_goes_where_its_route_says(kind: RouteKind | None, topic: object) -> None:
    bench, window = Bench(kind), make_window("a", "b", first_offset=7)
    await bench.send(window)
    [(name, key, value, _)] = bench.producer.sent
    expected = b"shop/s1" if topic == TOPICS.general else b"shop/0"
    assert (name, key) == (topic.name, expected)  # type: ignore[attr-defined]
    assert msgspec.json.decode(value or b"", type=Window).id == window.id


async def test_a_dead_letter_of_a_keyed_line_names_its_place_in_the_raw_topic() -> None:
    bench, error = Bench(), RecordError("parser-failed", "ZeroDivisionError")
    await bench.send(DeadLetter(7, b"a", b"s=a x", error, origin=("raw.shop", 2, 41, 1)))
    await bench.send(DeadLetter(8, b"a", b"s=a x", error, origin=("raw.shop", 2, 42, 0), replayable=False))
    first, second = bench.producer.letters(TOPICS.deadletter)
    assert (first["topic"], first["partition"], first["offset"], first["index"]) == ("raw.shop", "2", "41", "1")
    assert "replayable" not in first and second["replayable"] == "no"


async def test_a_window_is_acknowledged_when_kafka_has_it_with_where_it_lies() -> None:
    bench = Bench(holding=True)
    await bench.send(make_window("a", "b", first_offset=7))
    assert bench.processor.acknowledgements == []
    bench.producer.release()
    await settled()
    assert bench.processor.acknowledgements == [(7, 2)]
    assert bench.processor.laid == [(8, TopicPartition(TOPICS.general.name, 0), 0)]


async def test_a_dead_letter_has_the_records_bytes_and_where_it_was_read() -> None:
    bench = Bench()
    await bench.send(DeadLetter(41, b"key", b"\x00\x01", RecordError("not-text", "no text")))
    await settled()
    [(name, key, value, headers)] = bench.producer.sent
    assert (name, key, value) == (TOPICS.deadletter.name, b"key", b"\x00\x01")
    assert (headers["reason"], headers["topic"], headers["partition"], headers["offset"]) == (
        "not-text", PLACE.topic, "3", "41",
    )  # fmt: skip
    assert bench.processor.acknowledgements == [(41, 1)]


async def test_a_line_of_a_record_that_cannot_be_used_is_a_dead_letter_alone() -> None:
    bench = Bench()
    await bench.send(DeadLetter(41, b"key", b"the line", RecordError("empty", ""), index=3))
    await settled()
    [(_, _, value, headers)] = bench.producer.sent
    assert (value, headers["offset"], headers["index"]) == (b"the line", "41", "3")


async def test_a_window_that_fits_no_record_is_a_dead_letter_without_events_for_all_its_lines() -> None:
    bench = Bench()
    await bench.send(huge(text=True))
    await settled()
    [(name, _, value, headers)] = bench.producer.sent
    assert (name, headers["reason"], headers["offset"]) == (TOPICS.deadletter.name, "window-too-large", "7")
    summary = msgspec.json.decode(value or b"")
    assert (summary["events"], summary["sequence"], summary["last_offset"]) == ([], [], 8)
    assert bench.processor.acknowledgements == [(7, 2)]


async def test_the_first_refusal_is_kept_and_its_lines_are_not_acknowledged() -> None:
    bench = Bench(error=KafkaTimeoutError("first"))
    await bench.send(make_window("a"))
    await bench.output.send_template(Template(system="shop", id="t", text="a", example="a", first_seen=1.0))
    bench.producer.error = KafkaTimeoutError("second")
    await bench.send(DeadLetter(1, None, b"x", RecordError("not-text", "")))
    await settled()
    assert isinstance(bench.output.error, BrokerError) and "first" in str(bench.output.error)
    assert bench.processor.acknowledgements == [] and bench.processor.laid == []


async def test_a_producer_that_stopped_is_a_refusal() -> None:
    bench = Bench(holding=True)
    await bench.send(make_window("a"))
    bench.producer.held[0][0].cancel()
    await settled()
    assert "the producer stopped" in str(bench.output.error)


def test_example_lines_are_cut_only_where_the_window_would_not_fit() -> None:
    small = make_window("a" * 200)
    assert msgspec.json.decode(fitting(small, TOPICS.general) or b"", type=Window) == small
    window = huge(3)
    value = fitting(window, TOPICS.general)
    assert value is not None and len(value) <= TOPICS.general.max_message_bytes - FRAME_BYTES
    cut = msgspec.json.decode(value, type=Window)
    assert [len(event.example) for event in cut.events] == [SHORT_CHARS] * 3
    assert (cut.id, cut.shape, [event.text for event in cut.events]) == (window.id, window.shape, ["e0", "e1", "e2"])
    assert fitting(huge(text=True), TOPICS.general) is None


async def settled() -> None:
    """Let the callbacks of acknowledgements run: the loop calls them in its next turn."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)
