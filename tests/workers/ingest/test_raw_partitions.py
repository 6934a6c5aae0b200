"""Raw partitions of an ingest worker: what it opens, pauses, shows and counts, without a Kafka."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from prometheus_client import REGISTRY

from fusionlog.kafka.crash_notes import Suspect
from fusionlog.kafka.takeover import Takeover
from fusionlog.settings import IngestSettings, Settings, SystemSettings, WindowSettings
from fusionlog.workers.ingest import raw_partitions
from fusionlog.workers.ingest.raw_partitions import RawPartitions, raw_consumer
from fusionlog.workers.ingest.resume_state import Emitted, OutputOffsets, Places, WrittenWindow, to_metadata


class Pipeline:
    """Notes what it is given."""

    def __init__(self) -> None:
        self.outputs, self.unacked, self.closed = OutputOffsets(), 0, False
        self.opened: list[tuple[TopicPartition, int, list[WrittenWindow], object]] = []
        self.committed: dict[TopicPartition, tuple[int, str]] = {}
        self.metadata: dict[TopicPartition, str] = {}
        self.forgotten: list[TopicPartition] = []
        self.confirm: object = None
        self.passed: object = None

    def open(
        self, place: TopicPartition, start: int, emitted: list[WrittenWindow], suspect: object, metadata: str
    ) -> None:  # fmt: skip
        self.opened.append((place, start, emitted, suspect))
        self.metadata[place] = metadata

    def deleted(self, place: TopicPartition) -> None:
        self.forgotten.append(place)

    def positions(self) -> dict[TopicPartition, tuple[int, str]]:
        return self.committed

    def close(self) -> None:
        self.closed = True


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, **ingest: Any) -> None:
        self.settings = Settings(ingest=IngestSettings(**ingest))
        self.settings.__dict__["systems"] = {"rawshop": SystemSettings(), "rawmill": SystemSettings()}
        self.pipeline = Pipeline()
        self.partitions = RawPartitions(self.settings, self.pipeline)  # type: ignore[arg-type]
        self.place = TopicPartition(self.settings.topics.raw("rawshop").name, 3)
        self.out = TopicPartition(self.settings.topics.general.name, 0)
        self.ends: Places = {self.out: 50}
        self.asked: list[Places] = []

        async def ends(_: RawPartitions) -> Places:
            return self.ends

        async def read(_: Settings, places: Places) -> list[WrittenWindow]:
            self.asked.append(places)
            return [self.emitted]

        monkeypatch.setattr(RawPartitions, "_output_ends", ends)
        monkeypatch.setattr(raw_partitions, "read_emitted", read)
        window = Emitted(session="a", topic=self.place.topic, partition=3, first_offset=8, last_offset=12)
        self.emitted = WrittenWindow(window, self.out, 7)

    async def open(self, takeovers: dict[TopicPartition, Takeover]) -> None:
        async def confirm() -> None: ...

        await self.partitions.open(takeovers, SimpleNamespace(passed="passed"), confirm)  # type: ignore[arg-type]
        assert self.pipeline.confirm is confirm and self.pipeline.passed == "passed"


def commit(offset: int, places: Places) -> OffsetAndMetadata:
    return OffsetAndMetadata(offset, to_metadata(places))


def sample(name: str, place: TopicPartition | None = None, system: str = "rawshop") -> float | None:
    labels = {"topic": place.topic, "partition": str(place.partition)} if place else {}
    labels |= {"input": "raw"} if name == "lines_total" else {}
    return REGISTRY.get_sample_value(f"fusionlog_{name}", {"system": system, **labels})


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch, max_unacked=10)


async def test_it_opens_with_the_windows_that_lie_behind_the_earliest_commit(bench: Bench) -> None:
    other = TopicPartition(bench.place.topic, 4)
    suspect = Suspect(10, 10, 1, "e")
    await bench.open(
        {
            bench.place: Takeover(10, commit(10, {bench.out: 9}), suspect=suspect),
            other: Takeover(20, commit(20, {bench.out: 7})),
        }
    )
    assert bench.asked == [{bench.out: 7}]
    assert bench.pipeline.opened == [
        (bench.place, 10, [bench.emitted], suspect), (other, 20, [bench.emitted], None),
    ]  # fmt: skip


@pytest.mark.parametrize("metadata", ["", "somebody else's", None])
async def test_a_commit_that_names_no_place_reads_no_windows(bench: Bench, metadata: str | None) -> None:
    committed = OffsetAndMetadata(10, metadata) if metadata is not None else None
    await bench.open({bench.place: Takeover(10, committed)})
    assert bench.asked == [] and bench.pipeline.opened == [(bench.place, 10, [], None)]


async def test_nothing_is_read_where_nothing_lies_behind_the_commit(bench: Bench) -> None:
    await bench.open({bench.place: Takeover(10, commit(10, {bench.out: 50}))})
    assert bench.asked == []


async def test_a_partition_is_opened_with_the_metadata_of_its_commit(bench: Bench) -> None:
    mark = commit(10, {bench.out: 50})
    other = TopicPartition(bench.place.topic, 4)
    await bench.open({bench.place: Takeover(10, mark), other: Takeover(0, replaced=True)})
    assert bench.pipeline.metadata == {bench.place: mark.metadata, other: ""}


async def test_a_topic_that_was_made_again_has_no_windows_of_its_offsets(bench: Bench) -> None:
    other = TopicPartition(bench.place.topic, 4)
    await bench.open({bench.place: Takeover(0, replaced=True), other: Takeover(20, commit(20, {bench.out: 7}))})
    assert [emitted for _, _, emitted, _ in bench.pipeline.opened] == [[], [bench.emitted]]


def test_it_pauses_above_the_limit_and_goes_on_at_half_of_it(bench: Bench) -> None:
    found = []
    for bench.pipeline.unacked in (5, 6, 10, 11, 6, 5):
        found.append(bench.partitions.congested)
    assert found == [False, None, None, True, None, False]


def test_a_position_is_an_offset_with_its_metadata(bench: Bench) -> None:
    bench.pipeline.committed = {bench.place: (7, "where")}
    assert bench.partitions.positions() == {bench.place: OffsetAndMetadata(7, "where")}


def test_lines_that_retention_deleted_count_as_read_and_as_deleted(bench: Bench) -> None:
    bench.partitions.deleted(bench.place, 30)
    assert (sample("lines_total"), sample("lines_deleted_total", bench.place)) == (30, 30)
    assert bench.pipeline.forgotten == [bench.place]


def test_paused_partitions_are_shown_by_system(bench: Bench) -> None:
    bench.partitions.paused([bench.place, TopicPartition(bench.place.topic, 4)])
    assert (sample("partitions_paused"), sample("partitions_paused", system="rawmill")) == (2, 0)
    bench.partitions.paused([])
    assert sample("partitions_paused") == 0


def test_the_lag_of_a_partition_is_shown_until_it_leaves(bench: Bench) -> None:
    bench.partitions.unread({bench.place: 40})
    assert sample("lag_records", bench.place) == 40
    bench.partitions.close()
    assert sample("lag_records", bench.place) is None and bench.pipeline.closed
    bench.partitions.close()


def test_the_consumer_reads_the_raw_topics_of_all_systems(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_partitions, "GroupConsumer", lambda *arguments: arguments)
    _, group, reading, handler, _ = raw_consumer(bench.settings, bench.pipeline)  # type: ignore[arg-type, misc]
    assert set(reading.topics) == {bench.settings.topics.raw(name).name for name in ("rawshop", "rawmill")}
    assert group.endswith("ingest") and isinstance(handler, RawPartitions)


def test_it_reads_the_keyed_topics_of_repartitioned_systems_in_the_same_group(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_partitions, "GroupConsumer", lambda *arguments: arguments)
    bench.settings.__dict__.pop("topics")
    bench.settings.systems["rawmill"] = SystemSettings(
        session="s=(x)", window=WindowSettings(by="session"), repartition=True
    )
    topics = bench.settings.topics
    _, _, reading, *_ = raw_consumer(bench.settings, bench.pipeline)  # type: ignore[arg-type, misc]
    assert set(reading.topics) == {
        topic.name for topic in (topics.raw("rawshop"), topics.raw("rawmill"), topics.keyed("rawmill"))
    }
    assert reading.max_partition_bytes < raw_partitions.FETCH_BYTES
