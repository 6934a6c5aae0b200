"""The notify worker's logic: what it sends and writes of incidents, after a kill, and of what is not accepted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from aiokafka import TopicPartition
from msgspec.structs import replace

from fusionlog.errors import BrokerError
from fusionlog.incidents.notifications.delivery import Delivery
from fusionlog.kafka import codecs
from fusionlog.kafka.crash_guard import CrashGuard
from fusionlog.kafka.crash_notes import CrashNotes
from fusionlog.kafka.membership import AssignmentLost
from fusionlog.kafka.takeover import Takeover
from fusionlog.records import Incident, Notification
from fusionlog.settings import Settings
from fusionlog.workers.notify import sender
from fusionlog.workers.notify.worker import NotifyWorker
from tests.incidents.notifications.factories import HttpTarget, http_target, make_incident, make_target
from tests.workers.memory import MemoryProducer, Message

ONE = make_incident()


@dataclass
class Bench:
    """A worker between a topic of incidents and a real HTTP server; `start` is a start, or one after a kill."""

    server: HttpTarget
    settings: Settings = field(default_factory=Settings)
    producer: MemoryProducer = field(default_factory=MemoryProducer)
    topic: list[Message] = field(default_factory=list)
    lost: bool = False

    def use(self, **targets: dict[str, Any]) -> None:
        self.settings.__dict__["targets"] = {
            name: replace_name(make_target(url=self.server.url, **fields), name) for name, fields in targets.items()
        }

    async def start(self) -> None:
        async def incidents() -> list[Any]:
            return list(self.topic)

        async def sent() -> list[Notification]:
            return list(self.noted().values())

        async def confirm() -> None:
            if self.lost:
                raise AssignmentLost("another worker has them")

        self.worker = NotifyWorker(self.settings, self.producer, incidents, sent, Delivery)  # type: ignore[arg-type]
        guard = CrashGuard(CrashNotes(self.settings.kafka, "g"))
        await self.worker.open({TopicPartition("incidents", 0): Takeover(0)}, guard, confirm)

    async def put(self, *incidents: Incident | None, key: str = ONE.id) -> None:
        found = [
            Message(
                None if each is None else codecs.encode(each), topic="incidents", offset=len(self.topic) + n,
                key=(key if each is None else each.id).encode(),
            )
            for n, each in enumerate(incidents)
        ]  # fmt: skip
        self.topic += found
        await self.worker.handle(found)

    async def until(self, check: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not check():
                await self.worker.tick()
                await asyncio.sleep(0.01)

    async def got(self, number: int) -> list[Any]:
        """The requests, once there are so many and what follows is written."""
        await self.until(lambda: len(self.server.got) >= number)
        assert await self.worker.settle(5)
        return list(self.server.bodies())

    def noted(self) -> dict[str, Notification]:
        name, found = self.settings.topics.notifications.name, {}
        for topic, key, value, _ in self.producer.sent:
            if topic == name and key is not None:
                found.pop(key.decode(), None)
                if value:
                    found[key.decode()] = msgspec.json.decode(value, type=Notification)
        return found

    def letters(self) -> list[dict[str, str]]:
        return self.producer.letters(self.settings.topics.deadletter)


def replace_name(target: Any, name: str) -> Any:
    from dataclasses import replace as with_

    return with_(target, name=name)


@pytest.fixture
def server() -> Iterator[HttpTarget]:
    with http_target() as found:
        yield found


@pytest.fixture
async def bench(server: HttpTarget) -> AsyncIterator[Bench]:
    found = Bench(server)
    found.use(hook={"type": "webhook"})
    await found.start()
    yield found
    found.worker.close()
    await asyncio.sleep(0)


def changes(bodies: list[Any]) -> list[str]:
    return [each["change"] for each in bodies]


async def test_an_incident_is_sent_to_each_target_and_noted(bench: Bench) -> None:
    bench.use(hook={"type": "webhook"}, oncall={"type": "slack"})
    await bench.start()
    await bench.put(ONE)
    await bench.got(2)
    assert sorted(bench.noted()) == [f"hook/{ONE.id}", f"oncall/{ONE.id}"]


async def test_a_killed_worker_sends_nothing_twice_that_it_had_noted(bench: Bench) -> None:
    await bench.put(ONE)
    await bench.got(1)
    for _ in range(2):
        bench.worker.close()
        await bench.start()
    over = replace(ONE, status="resolved")
    await bench.put(replace(ONE, anomalies=5), over)
    assert changes(await bench.got(2)) == ["opened", "resolved"]


async def test_a_worker_killed_between_answer_and_note_sends_that_message_again_under_the_same_key(
    bench: Bench,
) -> None:
    bench.producer.holding = True
    await bench.put(ONE)
    await bench.until(lambda: len(bench.server.got) == 1 and bool(bench.producer.held))
    bench.worker.close()
    bench.producer.sent.clear()
    bench.producer.held.clear()
    bench.producer.holding = False
    await bench.start()
    assert changes(await bench.got(2)) == ["opened", "opened"]
    first, second = (each.headers["Idempotency-Key"] for each in bench.server.got)
    assert first == second


async def test_what_a_target_that_was_away_missed_is_sent_as_it_is_now(bench: Bench) -> None:
    bench.server.answers = [(503, "later", {"Retry-After": "0.3"})]
    await bench.put(ONE)
    await bench.until(lambda: bool(bench.worker.failing))
    assert bench.worker.failing == {"hook": f"{bench.server.url} answers 503: later"}
    assert bench.worker.waiting == {"hook": 1}
    await bench.put(replace(ONE, severity="critical"))
    bodies = await bench.got(2)
    assert changes(bodies) == ["opened", "opened"] and bodies[1]["incident"]["severity"] == "critical"
    assert bench.worker.failing == {} and bench.letters() == []


async def test_what_a_target_refuses_is_a_dead_letter_with_its_reason_that_is_not_replayed(bench: Bench) -> None:
    bench.use(one={"type": "webhook"}, two={"type": "webhook"})
    bench.worker.close()
    await bench.start()
    bench.server.always = (400, "bad field", {})
    await bench.put(ONE)
    await bench.got(2)
    assert sorted((each["index"], each["reason"], each["stage"], each["replayable"]) for each in bench.letters()) == [
        ("1", "not-delivered", "notify", "no"), ("2", "not-delivered", "notify", "no")
    ]  # fmt: skip
    assert "target one was not notified (opened): " in " ".join(each["detail"] for each in bench.letters())
    assert bench.noted() == {}


async def test_what_was_given_up_is_tried_again_after_a_restart(bench: Bench) -> None:
    bench.server.answers = [(400, "", {})]
    await bench.put(ONE)
    await bench.got(1)
    bench.worker.close()
    await bench.start()
    await bench.got(2)
    assert [each.change for each in bench.noted().values()] == ["opened"]


async def test_an_incident_that_is_forgotten_is_forgotten_here_too(bench: Bench) -> None:
    await bench.put(ONE)
    await bench.got(1)
    bench.worker.close()
    await bench.start()
    await bench.put(None)
    assert bench.noted() == {}
    await bench.put(make_incident(2))
    await bench.got(2)
    bench.topic.clear()
    bench.worker.close()
    await bench.start()
    assert len(bench.noted()) == 1, "nothing is written before the membership is proven"
    await bench.worker.tick()
    assert bench.noted() == {}


async def test_a_record_that_is_no_incident_is_a_dead_letter(bench: Bench) -> None:
    await bench.worker.handle([Message(b"{broken", topic="incidents"), Message(codecs.encode(ONE), topic="incidents")])
    await bench.got(1)
    assert [each["reason"] for each in bench.letters()] == ["not-json"]


async def test_a_worker_that_lost_the_incidents_sends_nothing(bench: Bench) -> None:
    bench.lost = True
    await bench.put(ONE)
    with pytest.raises(AssignmentLost):
        await bench.until(lambda: False)
    assert bench.server.got == []


async def test_a_kafka_that_takes_no_note_ends_the_worker(bench: Bench) -> None:
    from aiokafka.errors import KafkaTimeoutError

    bench.producer.error = KafkaTimeoutError()
    await bench.worker.handle([Message(codecs.encode(ONE), topic="incidents")])
    with pytest.raises(BrokerError):
        await bench.until(lambda: False)


async def test_an_incident_of_which_no_message_can_be_made_is_a_dead_letter_and_ends_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, bad = sender.request_of, make_incident(2)

    def request_of(batch: Any, *more: Any) -> Any:
        if batch[0].id == bad.id:
            raise KeyError("of this test")
        return made(batch, *more)

    monkeypatch.setattr(sender, "request_of", request_of)
    await bench.put(bad, ONE)
    await bench.until(lambda: bool(bench.letters()) and bool(bench.noted()))
    assert "no message could be made (KeyError)" in bench.letters()[0]["detail"]


async def test_a_stop_waits_for_the_answer_that_is_under_way(bench: Bench) -> None:
    import threading

    bench.server.held = threading.Event()
    await bench.put(ONE)
    await bench.until(bench.server.entered.is_set)
    asyncio.get_running_loop().call_later(0.2, bench.server.held.set)
    assert await bench.worker.settle(10)
    assert [each.change for each in bench.noted().values()] == ["opened"]
