"""Lanes and the sink in memory: where every line goes, and what may be committed."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError
from msgspec.structs import replace
from prometheus_client import REGISTRY

from fusionlog.errors import BrokerError
from fusionlog.kafka.crash_notes import RecordCrash, Suspect
from fusionlog.kafka.membership import AssignmentLost
from fusionlog.parsing.parser import Event
from fusionlog.parsing.windows import Windower
from fusionlog.records import Route, Window
from fusionlog.settings import IngestSettings, MultilineSettings, Settings, SystemSettings, WindowSettings
from fusionlog.types import Position
from fusionlog.workers.ingest.output import fitting
from fusionlog.workers.ingest.pipeline import IngestPipeline
from fusionlog.workers.ingest.resume_state import Emitted, WrittenWindow, from_metadata, metadata_of
from tests.factories import make_window
from tests.workers.memory import MemoryProducer, Message

PLACE = TopicPartition("logs.raw.shop", 0)
PARTS = ("windowed", "keyed", "opened", "dead_lettered", "dropped", "joined", "repeated", "deleted", "released", "open")


def routed(window: Window) -> Window:
    kind = "proprietary" if any("failed" in event.text for event in window.events) else "general"
    return replace(window, route=Route(kind=kind, similarity=1.0, threshold=0.8))


class Bench:
    def __init__(
        self, system: SystemSettings | None = None, ingest: IngestSettings | None = None, **producer: Any
    ) -> None:
        self.settings = Settings(ingest=ingest or IngestSettings(silence_seconds=0.2))
        window = WindowSettings(by="session", idle_seconds=30, max_events=3)
        self.settings.__dict__["systems"] = {
            "shop": system or SystemSettings(session=r"s=(\w+)", window=window, multiline=False)
        }
        self.producer = MemoryProducer(**producer)
        self.pipeline = IngestPipeline(self.settings, self.producer, routed, [])  # type: ignore[arg-type]
        self.before = self.counts()

    def open(self, start: int = 0, emitted: tuple[WrittenWindow, ...] = ()) -> Bench:
        self.pipeline.open(PLACE, start, emitted)
        return self

    async def take(self, *lines: str | bytes | None, start: int = 0, at: float = 1000.0) -> None:
        values = [line.encode() if isinstance(line, str) else line for line in lines]
        await self.pipeline.take(
            PLACE,
            [Message(value, offset=start + n, timestamp=int(at * 1000)) for n, value in enumerate(values)],
        )

    async def take_nothing(self) -> None:
        """Let callbacks run."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    def windows(self) -> list[Window]:
        topics = self.settings.topics
        return [item for topic in (topics.general, topics.proprietary) for item in self.producer.of(topic, Window)]  # type: ignore[misc]

    @property
    def position(self) -> int:
        return self.pipeline.positions()[PLACE][0]

    @staticmethod
    def counts() -> dict[str, float]:
        found: dict[str, float] = {}
        for metric in REGISTRY.collect():
            for sample in metric.samples:
                if sample.labels.get("system") == "shop" and not sample.name.endswith("_created"):
                    name = sample.name.removesuffix("_total")
                    found[name] = found.get(name, 0) + sample.value
        return found

    def counted(self, name: str) -> float:
        return self.counts().get(f"fusionlog_lines{name}", 0) - self.before.get(f"fusionlog_lines{name}", 0)

    def counted_as(self, kind: str) -> dict[str, float]:
        """The counts of lines, records or memberships by what became of them, those that are not 0."""
        found = {
            name.removeprefix(f"fusionlog_{kind}").removeprefix("_"): value - self.before.get(name, 0)
            for name, value in self.counts().items()
            if name.removeprefix(f"fusionlog_{kind}").removeprefix("_") in ("", *PARTS) and kind in name
        }
        return {name: value for name, value in found.items() if value}

    def conserved(self) -> bool:
        """Whether the records, lines and memberships that were read are those that something became of."""
        every = [self.counted_as(kind) for kind in ("records", "lines", "memberships")]
        return all(2 * found.get("", 0) == sum(found.values()) for found in every)


async def test_windows_go_where_their_route_says_and_open_ones_hold_the_commit_back() -> None:
    bench = Bench().open()
    await bench.take("s=a disk opened", "s=b disk failed", "s=b disk failed", "s=b disk failed", "s=a disk opened")
    (window,) = bench.windows()
    assert (window.session, window.first_offset, window.last_offset, window.route.kind) == ("b", 1, 3, "proprietary")
    assert (bench.position, bench.counted("_open"), bench.counted("_windowed")) == (0, 2, 3)
    await bench.take("s=a disk opened", start=5)
    assert (bench.position, bench.counted("_open"), bench.counted("_windowed")) == (6, 0, 6)
    assert bench.conserved()


async def test_what_kafka_has_not_acknowledged_holds_the_commit_back() -> None:
    bench = Bench(holding=True).open()
    await bench.take("s=a x", "s=a x", "s=a x", b"\x00\x01\x02")
    assert bench.position == 0 and bench.counted("_open") == 4 and bench.conserved()
    bench.producer.release()
    await bench.pipeline.settle(1)
    assert bench.position == 4 and bench.counted("_open") == 0 and bench.conserved()


async def test_every_line_is_windowed_dead_or_dropped() -> None:
    bench = Bench().open()
    await bench.take("s=a x", "no key", b"", None, b"\x00\x01\x02\x03", "s=a x", "s=a x")
    assert (bench.counted(""), bench.counted("_dropped"), bench.counted("_dead_lettered")) == (7, 1, 3)
    assert bench.counted("_windowed") == 3 and bench.conserved() and bench.position == 7
    letters = bench.producer.letters(bench.settings.topics.deadletter)
    assert [(each["reason"], each["offset"]) for each in letters] == [
        ("empty", "2"), ("empty", "3"), ("not-text", "4"),
    ]  # fmt: skip


async def test_a_line_that_is_given_up_is_not_looked_at() -> None:
    bench, passed = Bench(), []
    bench.pipeline.open(PLACE, 0, (), Suspect(1, 1, 3, "ZeroDivisionError"))

    async def note(place: TopicPartition) -> None:
        passed.append(place)

    bench.pipeline.passed = note
    await bench.take("s=a x", "s=a x", "s=a x", "s=a x")
    [letter] = bench.producer.letters(bench.settings.topics.deadletter)
    assert (letter["reason"], letter["offset"]) == ("crash-loop", "1") and passed == [PLACE]
    assert bench.counted("_dead_lettered") == 1 and bench.conserved() and bench.position == 4


async def test_what_was_in_hand_at_a_failure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench().open()
    add = Windower.add

    def fail(self: Windower, event: Event, position: Position, *rest: Any) -> list[Window]:
        if position == (2, 0):
            raise ZeroDivisionError
        return add(self, event, position, *rest)

    monkeypatch.setattr(Windower, "add", fail)
    with pytest.raises(RecordCrash) as caught:
        await bench.take("s=a x", "s=a x", "s=a x", "s=a x")
    assert caught.value.in_hand == {PLACE: (2, 2)} and caught.value.unit == "record"


async def test_nothing_is_sent_for_a_partition_that_is_another_workers() -> None:
    bench = Bench().open()

    async def refuse() -> None:
        raise AssignmentLost("gone")

    bench.pipeline.confirm = refuse
    with pytest.raises(AssignmentLost):
        await bench.take("s=a x", "s=a x", "s=a x")
    assert bench.windows() == [] and bench.position == 0
    await bench.take_nothing()


async def test_offsets_without_a_record_do_not_hold_the_commit_back() -> None:
    bench = Bench().open()
    await bench.take("s=a x", "s=a x", "s=a x")
    bench.pipeline.skip_to(PLACE, 7)
    assert bench.position == 7
    await bench.take("s=b x", start=7)
    bench.pipeline.skip_to(PLACE, 9)
    assert bench.position == 7, "an open window does"


async def test_a_silent_partition_closes_its_windows() -> None:
    bench, now = Bench().open(), 5000.0
    bench.pipeline._processors[PLACE]._clock = lambda: now
    await bench.take("s=a x", "s=b x")
    await bench.pipeline.tick()
    assert bench.windows() == []
    now += 0.25
    await bench.pipeline.tick()
    await bench.take_nothing()
    assert [window.closed_by for window in bench.windows()] == ["silence", "silence"] and bench.position == 2


async def test_an_idle_session_closes_by_the_time_of_other_lines() -> None:
    bench = Bench().open()
    await bench.take("s=a x", at=1000)
    await bench.take("s=b x", start=1, at=1031)
    assert bench.windows() == [], "one line is no evidence"
    for offset in range(2, 6):
        await bench.take(f"s=b{offset} x", start=offset, at=1031)
    assert [(window.session, window.closed_by) for window in bench.windows()] == [("a", "idle")]


async def test_a_line_from_the_future_closes_nothing() -> None:
    bench = Bench().open()
    now = time.time()
    await bench.take("s=a x", at=now - 5)
    await bench.take("s=b x", start=1, at=now + 3480)
    await bench.take("s=c x", "s=d x", "s=a x", start=2, at=now)
    assert bench.windows() == [] and bench.counts()["fusionlog_implausible_times"] > 0


async def test_lines_of_windows_that_were_emitted_before_are_left_out() -> None:
    before = Emitted(session="b", topic=PLACE.topic, partition=0, first_offset=3, last_offset=12)
    other = Emitted(session="a", topic=PLACE.topic, partition=1, first_offset=0, last_offset=99)
    out = TopicPartition("general", 0)
    bench = Bench().open(10, (WrittenWindow(before, out, 7), WrittenWindow(other, out, 8)))
    assert from_metadata(bench.pipeline.positions()[PLACE][1]) == {out: 7}, "the next reader must know it too"
    await bench.take("s=a x", "s=b x", "s=b x", "s=b x", "s=a x", "s=a x", start=10)
    (window,) = bench.windows()
    assert (window.session, window.sequence) == ("a", [0, 0, 0])
    assert bench.position == 13 and bench.conserved()
    assert (bench.counted(""), bench.counted("_repeated"), bench.counted("_windowed")) == (6, 2, 3)


async def test_a_commit_says_where_windows_after_it_lie() -> None:
    bench = Bench().open()
    bench.pipeline.outputs.next = {TopicPartition(bench.settings.topics.general.name, 0): 0}
    await bench.take("s=a x", "s=b x", "s=b x", "s=b x")
    position, metadata = bench.pipeline.positions()[PLACE]
    places = from_metadata(metadata)
    assert position == 0 and places == {TopicPartition(bench.settings.topics.general.name, 0): 0}
    await bench.take("s=a x", "s=a x", start=4)
    position, metadata = bench.pipeline.positions()[PLACE]
    assert position == 6 and from_metadata(metadata) == {
        TopicPartition(bench.settings.topics.general.name, 0): len(bench.producer.sent)
    }


async def test_a_partition_that_leaves_gives_its_open_lines_back() -> None:
    bench = Bench().open()
    await bench.take("s=a x", "s=a x", "s=b x")
    bench.pipeline.close()
    assert bench.counted("_released") == 3 and bench.counted("_open") == 0 and bench.conserved()
    bench.open()
    await bench.take("s=a x", "s=a x", "s=a x")
    assert bench.conserved() and [window.first_offset for window in bench.windows()] == [0]


async def test_an_acknowledgement_after_the_partition_left_changes_no_count() -> None:
    bench = Bench(holding=True).open()
    await bench.take("s=a x", "s=a x", "s=a x")
    assert not await bench.pipeline.settle(0.02)
    bench.pipeline.close()
    bench.producer.release()
    await bench.take_nothing()
    assert bench.counted("_released") == 3 and bench.counted("_windowed") == 0 and bench.conserved()


async def test_a_window_that_kafka_refuses_ends_the_worker() -> None:
    bench = Bench(error=KafkaTimeoutError()).open()
    await bench.take("s=a x", "s=a x", "s=a x")
    await bench.take_nothing()
    assert bench.position == 0
    with pytest.raises(BrokerError):
        await bench.pipeline.tick()


async def test_new_templates_are_published_once_and_restored() -> None:
    bench = Bench().open()
    await bench.take("s=a disk opened", "s=a disk opened", "s=a disk failed")
    records = [value for name, _, value, _ in bench.producer.sent if name == bench.settings.topics.templates.name]
    assert len(records) == len(set(records)) == 2


def test_a_window_that_is_too_long_loses_its_examples_first() -> None:
    topic = Settings().topics.general
    events = [f"event {number}" for number in range(500)]
    window = make_window(*events)
    long = replace(window, events=[replace(event, example="x" * 9000) for event in window.events])
    value = fitting(long, topic)
    assert value is not None and len(value) < topic.max_message_bytes and b'"example":"x' in value
    hopeless = replace(window, events=[replace(event, text="x" * 9000) for event in window.events])
    assert fitting(hopeless, topic) is None


async def test_the_templates_that_are_known_are_counted_not_all_that_ever_were() -> None:
    bench = Bench(ingest=IngestSettings(max_templates=10)).open()
    for number in range(30):
        await bench.take(" ".join([f"s=a x{number}y"] * (number + 1)), start=number)
    assert bench.counts()["fusionlog_templates"] == 10


SEVERAL = SystemSettings(
    session=r"s=(\w+)", keys="all", multiline=False, window=WindowSettings(by="session", idle_seconds=30, max_events=3)
)


def several(*lines: str) -> str:
    """A record of several lines."""
    return json.dumps([{"log": line} for line in lines])


async def test_the_lines_of_a_record_are_in_windows_of_their_own_and_counted_apart() -> None:
    bench = Bench(SEVERAL).open()
    await bench.take(several("s=a x", "s=b x", "s=a s=b x", "no key", ""), "s=a x", b"\x00\x01\x02")
    await bench.take_nothing()
    assert bench.counted_as("records") == {"": 3, "opened": 2, "dead_lettered": 1}
    assert bench.counted_as("lines") == {"": 7, "windowed": 3, "dead_lettered": 2, "dropped": 1, "open": 1}
    assert bench.counted_as("memberships") == {"": 5, "windowed": 3, "open": 2}
    (window,) = bench.windows()
    assert (window.session, window.first_offset, window.first_index, window.last_offset) == ("a", 0, 0, 1)
    assert bench.position == 0 and bench.conserved(), "the session b begins with line 1 of the record 0"
    await bench.take("s=b x", start=3)
    await bench.take_nothing()
    assert [(w.session, w.first_index, len(w.sequence)) for w in bench.windows()] == [("a", 0, 3), ("b", 1, 3)]
    assert bench.position == 4 and bench.conserved() and bench.counted_as("lines")["windowed"] == 5


async def test_a_line_of_a_record_that_cannot_be_used_is_a_dead_letter_without_the_others() -> None:
    bench = Bench(SEVERAL).open()
    await bench.take(several("s=a x", "", "s=a x"))
    ((_, key, value, headers),) = [
        sent for sent in bench.producer.sent if sent[0] == bench.settings.topics.deadletter.name
    ]
    assert (key, json.loads(value or b"")) == (b"k", {"log": ""})
    assert (headers["reason"], headers["offset"], headers["index"]) == ("empty", "0", "1")


async def test_a_line_that_may_go_on_holds_the_commit_back_until_the_partition_is_silent() -> None:
    window = WindowSettings(by="session", idle_seconds=30, max_events=2)
    bench, now = Bench(SystemSettings(session=r"s=(\w+)", window=window), IngestSettings()).open(), 5000.0
    bench.pipeline._processors[PLACE]._clock = lambda: now
    await bench.take("s=a x", "s=a failed", "\tat s.e.Stock.take(Stock.java:46)")
    assert bench.windows() == [] and bench.position == 0 and bench.counted("_open") == 3
    now += 5.0
    await bench.pipeline.tick()
    await bench.take_nothing()
    assert [len(window.sequence) for window in bench.windows()] == [2] and bench.position == 3
    assert bench.counted_as("lines") == {"": 3, "windowed": 2, "joined": 1} and bench.conserved()


async def test_released_memberships_are_counted() -> None:
    bench = Bench(SEVERAL).open()
    await bench.take("s=a s=b x")
    bench.pipeline.close()
    assert bench.counted_as("memberships") == {"": 2, "released": 2} and bench.conserved()


async def test_all_windows_that_begin_with_a_condemned_record_are_given_up_before_its_note_goes() -> None:
    bench, passed = Bench(SEVERAL), []
    bench.pipeline.open(PLACE, 0, (), Suspect(0, 0, 3, "ZeroDivisionError", "window"))

    async def note(place: TopicPartition) -> None:
        passed.append(place)

    bench.pipeline.passed = note
    await bench.take(several("s=a x", "s=b x"), "s=a x", "s=a x")
    assert passed == [], "the session b begins with that record too"
    await bench.take("s=b x", "s=b x", "s=c x", "s=c x", "s=c x", start=3)
    await bench.take_nothing()
    letters = bench.producer.letters(bench.settings.topics.deadletter)
    assert [(each["reason"], each["index"]) for each in letters] == [("crash-loop", "0"), ("crash-loop", "1")]
    assert passed == [PLACE] and [window.session for window in bench.windows()] == ["c"]
    assert bench.counted_as("memberships") == {"": 9, "windowed": 3, "dead_lettered": 6} and bench.conserved()


async def test_a_line_that_waits_is_the_one_in_hand_when_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    bench, add = Bench(SEVERAL.model_copy(update={"multiline": MultilineSettings()})).open(), Windower.add

    def fail(self: Windower, event: Event, position: Position, *rest: Any) -> list[Window]:
        if "poison" in event.line:
            raise ZeroDivisionError
        return add(self, event, position, *rest)

    monkeypatch.setattr(Windower, "add", fail)
    await bench.take("s=a x", "s=a poison")
    with pytest.raises(RecordCrash) as caught:
        await bench.take("s=a x", "s=a x", start=2)
    assert caught.value.in_hand == {PLACE: (1, 1)}


async def test_sessions_in_several_partitions_are_counted() -> None:
    bench, other = Bench(SEVERAL).open(), TopicPartition(PLACE.topic, 1)
    bench.pipeline.open(other, 0, ())
    await bench.take("s=a x", "s=a x", "s=a x")
    await bench.pipeline.take(other, [Message(b"s=a x", offset=n, timestamp=1000_000) for n in range(3)])
    assert bench.counts()["fusionlog_sessions_scattered"] - bench.before.get("fusionlog_sessions_scattered", 0) == 1


KEYED = SystemSettings(
    session=r"s=(\w+)", window=WindowSettings(by="session", idle_seconds=30, max_events=3), multiline=False,
    repartition=True,
)  # fmt: skip


async def hand_on(bench: Bench, start: int = 0) -> int:
    """Give the keyed partitions what the first stage sent; how many records there were."""
    topic = bench.settings.topics.keyed("shop")
    new = bench.producer.batches[start:]
    for number, (name, partition, key, value) in enumerate(new, start):
        place = TopicPartition(name, partition)
        if not bench.pipeline.has(place):
            bench.pipeline.open(place, 0, ())
        await bench.pipeline.take(place, [Message(value, topic=topic.name, offset=number, key=key)])
    return start + len(new)


async def test_both_stages_of_a_repartitioned_system_run_in_one_pipeline() -> None:
    bench = Bench(KEYED)
    other, keyed = TopicPartition(PLACE.topic, 1), bench.settings.topics.keyed("shop")
    bench.pipeline.partitions = {keyed.name: 2}
    bench.open().pipeline.open(other, 0, ())
    await bench.take("s=a disk opened", "no key", "s=b disk opened", b"\x00\x01\x02")
    await bench.pipeline.take(other, [Message(b"s=a disk failed", offset=0, timestamp=1_000_500)])
    await bench.take_nothing()
    assert bench.windows() == [] and bench.position == 4 and await hand_on(bench) == 3
    for processor in bench.pipeline._processors.values():
        processor._clock = lambda: time.time() + 1000  # type: ignore[attr-defined]
    await bench.pipeline.tick()
    await bench.pipeline.settle(1)
    found = {window.session: window for window in bench.windows()}
    assert {session: len(window.sequence) for session, window in found.items()} == {"a": 2, "b": 1}
    assert [span.partition for span in found["a"].spans] == [0, 1] and found["a"].topic == keyed.name
    assert bench.conserved() and bench.counted("_keyed") == 3 and bench.counted("_open") == 0
    assert bench.counts().get("fusionlog_sessions_scattered", 0) == bench.before.get("fusionlog_sessions_scattered", 0)
    epochs = {
        metadata_of(text).epoch for place, (_, text) in bench.pipeline.positions().items() if place in (PLACE, other)
    }  # type: ignore[union-attr]
    assert 0 not in epochs
    assert {key.decode() for _, _, key, _ in bench.producer.batches} == {"a", "b"}


async def test_keyed_lines_that_kafka_refuses_end_the_worker_and_are_read_again() -> None:
    bench = Bench(KEYED, error=KafkaTimeoutError()).open()
    await bench.take("s=a x", "s=a x")
    await bench.take_nothing()
    assert bench.position == 0
    with pytest.raises(BrokerError):
        await bench.pipeline.tick()


async def test_keyed_lines_without_an_acknowledgement_count_for_back_pressure() -> None:
    bench = Bench(KEYED, holding=True).open()
    await bench.take(*["s=a x"] * 50)
    assert bench.pipeline.unacked >= 50
    bench.producer.release()
    assert await bench.pipeline.settle(1) and bench.pipeline.unacked == 0 and bench.position == 50


async def test_a_flood_of_session_keys_opens_so_many_sessions_at_most_and_loses_no_line() -> None:
    bench = Bench(ingest=IngestSettings(silence_seconds=0.2, max_open_sessions=10)).open()
    before = REGISTRY.get_sample_value("fusionlog_sessions_overflowed_total", {"system": "shop"}) or 0.0
    await bench.take(*(f"opened s=k{number}" for number in range(500)))
    await bench.take_nothing()
    windows = bench.windows()
    assert {window.closed_by for window in windows} == {"overflow"} and len(
        {window.session for window in windows}
    ) == 490
    assert bench.position == 490
    assert REGISTRY.get_sample_value("fusionlog_sessions_overflowed_total", {"system": "shop"}) == before + 490
