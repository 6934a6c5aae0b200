"""The incidents worker's logic: what it writes of anomalies, of time, and after a restart."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from msgspec.structs import replace

from fusionlog.errors import BrokerError
from fusionlog.kafka import codecs
from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.crash_notes import CrashNotes
from fusionlog.kafka.takeover import Takeover
from fusionlog.observability import metrics
from fusionlog.records import Anomaly, Explanation, Incident
from fusionlog.settings import Settings
from fusionlog.topics import CANARY
from fusionlog.workers.incidents.explanations import Explanations
from fusionlog.workers.incidents.worker import IncidentWorker
from tests.factories import make_anomaly
from tests.workers.memory import MemoryProducer, Message


async def always() -> None: ...


class Bench:
    """A worker whose topic is what it wrote; `start` is a restart."""

    def __init__(self) -> None:
        self.settings, self.producer, self.now = Settings(), MemoryProducer(), 1000.0
        self.explanations = Explanations(self.settings)

    async def start(self) -> None:
        async def known() -> list[Incident]:
            return list(self.topic().values())

        self.worker = IncidentWorker(
            self.settings, self.producer, self.explanations, known, clock=lambda: self.now  # type: ignore[arg-type]
        )  # fmt: skip
        place = TopicPartition(self.settings.topics.anomalies.name, 0)
        await self.worker.open({place: Takeover(0)}, CrashGuard(CrashNotes(self.settings.kafka, "g")), always)

    def written(self) -> list[Incident]:
        name = self.settings.topics.incidents.name
        values = [value for topic, _, value, _ in self.producer.sent if topic == name and value]
        return [msgspec.json.decode(value, type=Incident) for value in values]

    def topic(self) -> dict[str, Incident]:
        """The present records."""
        name, found = self.settings.topics.incidents.name, {}
        for topic, key, value, _ in self.producer.sent:
            if topic == name and key is not None:
                found.pop(key.decode(), None)
                if value:
                    found[key.decode()] = msgspec.json.decode(value, type=Incident)
        return found

    async def handle(self, *anomalies: Anomaly) -> None:
        at = int(self.now * 1000)
        await self.worker.handle(
            [Message(codecs.encode(each), offset=n, timestamp=at) for n, each in enumerate(anomalies)]
        )

    def changes(self) -> list[str]:
        return [each.change for each in self.written()]


@pytest.fixture
async def bench() -> Bench:
    found = Bench()
    await found.start()
    return found


def anomaly(number: int, text: str = "disk failed", at: float = 900.0, **fields: Any) -> Anomaly:
    return make_anomaly(text, first_offset=number, started=at, ended=at + 1, **fields)


def explanation(of: Anomaly, incident: str | None = None) -> Explanation:
    return Explanation(
        system=of.system, shape=of.shape, anomaly=of.id, session=of.session, score=of.score, cause="the disk is full",
        evidence=[], next_step="make room", explained_by="llm", calls=1, tokens=9, explained_at=5.0, incident=incident,
    )  # fmt: skip


async def test_a_batch_writes_each_incident_once(bench: Bench) -> None:
    await bench.handle(anomaly(1), anomaly(2), anomaly(3, "login refused"))
    assert sorted((each.change, each.anomalies) for each in bench.written()) == [("opened", 1), ("opened", 2)]
    await bench.handle(anomaly(4))
    assert [(each.change, each.anomalies) for each in bench.written()[2:]] == [("updated", 3)]


async def test_the_earliest_anomaly_of_a_batch_opens_the_incident(bench: Bench) -> None:
    await bench.handle(anomaly(1, at=950.0), anomaly(2, at=900.0))
    (found,) = bench.written()
    assert found.anomaly_ids[0] == anomaly(2, at=900.0).id


async def test_a_killed_worker_that_reads_its_anomalies_again_opens_and_writes_nothing(bench: Bench) -> None:
    many = [anomaly(number, text) for number, text in enumerate(["disk failed", "login refused"] * 5)]
    await bench.handle(*many)
    before = bench.written()
    await bench.start()
    await bench.handle(*many)
    assert bench.written() == before and len(bench.topic()) == 2


async def test_a_quiet_incident_is_resolved_and_comes_back(bench: Bench) -> None:
    await bench.handle(anomaly(1))
    bench.now += 301
    await bench.worker.tick()
    await bench.worker.tick()
    await bench.handle(anomaly(2, at=1201.0))
    assert bench.changes() == ["opened", "resolved", "reopened"]


async def test_after_a_restart_nothing_is_resolved_before_what_waits_was_counted(bench: Bench) -> None:
    await bench.handle(anomaly(1))
    bench.now += 3600
    await bench.start()
    await bench.worker.tick()
    await bench.worker.handle([Message(codecs.encode(anomaly(2, at=905.0)), timestamp=1_000_000)])
    await bench.worker.tick()
    assert bench.changes() == ["opened", "updated"]
    bench.now += 301
    bench.worker.unread({TopicPartition("a", 0): 1})
    await bench.worker.tick()
    assert bench.changes() == ["opened", "updated"]
    bench.worker.unread({TopicPartition("a", 0): 0})
    await bench.worker.tick()
    assert bench.changes() == ["opened", "updated", "resolved"]


async def test_an_incident_that_is_over_for_long_is_removed(bench: Bench) -> None:
    await bench.handle(anomaly(1))
    bench.now += 301
    await bench.worker.tick()
    bench.now += bench.settings.incidents.keep_seconds + 1
    await bench.worker.tick()
    assert bench.topic() == {}


async def test_a_withdrawn_anomaly_leaves_its_incident(bench: Bench) -> None:
    one, two = anomaly(1, provisional=True), anomaly(2, provisional=True)
    await bench.handle(one, two)
    await bench.handle(replace(one, provisional=False, withdrawn=True), replace(two, provisional=False))
    await bench.handle(replace(two, withdrawn=True))
    assert [(each.change, each.anomalies) for each in bench.written()] == [
        ("opened", 2), ("updated", 1), ("withdrawn", 0),
    ]  # fmt: skip


async def test_an_explanation_is_in_the_record_of_its_incident(bench: Bench) -> None:
    await bench.handle(anomaly(1))
    (only,) = bench.topic().values()
    bench.explanations.on_record("k", explanation(anomaly(1), only.id))
    await bench.worker.tick()
    await bench.worker.tick()
    (found,) = bench.topic().values()
    assert found.explanation is not None
    assert (bench.changes(), found.explanation.cause) == (["opened", "explained"], "the disk is full")


async def test_an_incident_of_a_shape_that_was_explained_has_its_explanation_at_once(bench: Bench) -> None:
    bench.explanations.on_record("k", explanation(anomaly(1)))
    await bench.worker.tick()
    await bench.handle(anomaly(2))
    (found,) = bench.topic().values()
    assert found.change == "opened" and found.explanation is not None


async def test_what_is_no_anomaly_is_a_dead_letter_and_the_canary_is_left_out(bench: Bench) -> None:
    await bench.worker.handle([Message(b"{broken"), Message(codecs.encode(anomaly(1, system=CANARY)))])
    (letter,) = bench.producer.letters(bench.settings.topics.deadletter)
    assert (letter["stage"], letter["reason"], bench.written()) == ("incidents", "not-json", [])


async def test_a_refusal_of_kafka_ends_the_worker(bench: Bench) -> None:
    from aiokafka.errors import KafkaError

    bench.producer.error = KafkaError("no")
    with pytest.raises(BrokerError):
        await bench.handle(anomaly(1))


async def test_metrics_show_what_is_open_and_how_far_behind_it_is(bench: Bench) -> None:
    await bench.handle(anomaly(1))
    assert metrics.INCIDENTS_OPEN.labels("shop", "error")._value.get() == 1
    at = int(bench.now * 1000)
    bench.now += 7
    await bench.worker.handle([Message(codecs.encode(anomaly(2)), timestamp=at)])
    assert metrics.INCIDENTS_BEHIND._value.get() == 7
    bench.worker.unread({TopicPartition("a", 0): 0})
    assert metrics.INCIDENTS_BEHIND._value.get() == 0
    bench.worker.close()
    assert not [sample for metric in metrics.INCIDENTS_OPEN.collect() for sample in metric.samples]


async def test_a_record_fits_into_its_topic_whatever_is_in_its_anomalies(bench: Bench) -> None:
    long = "数" * 20_000
    for system in range(30):
        texts = [f"{long}{n} failed" for n in range(3)]
        each = make_anomaly(*texts, system=f"s{system}", first_offset=system, started=900.0, ended=901.0)
        await bench.handle(replace(each, session=long, hosts=[long] * 5))
    largest = max(len(value or b"") for _, _, value, _ in bench.producer.sent)
    assert largest < bench.settings.topics.incidents.max_message_bytes / 2
