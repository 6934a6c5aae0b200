"""Any messages through the workers of the roles, without Kafka: records of their topics follow, or dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import cache
from random import Random

import pytest
from hypothesis import given

from fusionlog.errors import ReleaseError
from fusionlog.kafka import codecs
from fusionlog.kafka.ordered_acks import Delivery
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.scorer import Scorer
from fusionlog.records import Anomaly, ModelRelease, Record, Window
from fusionlog.releases import BASE
from fusionlog.settings import ScoreSettings, SecondOpinionSettings, Settings
from fusionlog.workers.explain import ExplainWorker
from fusionlog.workers.label import LabelWorker
from fusionlog.workers.score import ScoreWorker
from tests.encoders import WordEncoder
from tests.factories import make_anomaly, make_window
from tests.fuzz import mutation
from tests.fuzz.invariants import REASONS, assert_record
from tests.fuzz.trials import RANDOMS, RECORDS, seeded, try_many
from tests.fuzz.typed import made
from tests.online.factories import WORDS, release
from tests.teachers.factories import Clock
from tests.workers.memory import MemoryProducer, Message
from tests.workers.test_explain import Known, ScriptedExplainer
from tests.workers.test_label import ScriptedTeacher

MESSAGES = 10
SETTINGS = Settings(second_opinion=SecondOpinionSettings(share=0.5))


class Tables:
    """The knowledge of every system that a record names, from one base."""

    def __init__(self) -> None:
        self.known: dict[str, Knowledge] = {}

    def of(self, system: str) -> Knowledge:
        if system not in self.known:
            self.known[system] = Knowledge(system, WordEncoder(*WORDS))
            self.known[system].adopt(base())
        return self.known[system]

    async def until_ready_for(self, systems: set[str]) -> None: ...

    def withdraw(self, system: str, error: ReleaseError) -> None:
        raise error


@cache
def base() -> ModelRelease:
    return release(system=BASE, created=1.0)


@cache
def scorer() -> Scorer:
    return Scorer(ScoreSettings(provider="cpu"))


@cache
def valid(kind: type[Record]) -> Sequence[bytes]:
    usual: Record = make_window("disk failed", "disk opened") if kind is Window else make_anomaly("disk failed")
    return [codecs.encode(each) for each in (*(made(Random(seed), kind) for seed in range(20)), *[usual] * 15)]


def messages(random: Random, kind: type[Record]) -> list[Message]:
    values = [None if random.random() < 0.02 else mutation.record(random, valid(kind)) for _ in range(MESSAGES)]
    return [Message(value, topic="topic", offset=offset) for offset, value in enumerate(values)]


def check_sent(producer: MemoryProducer, given: Sequence[Message]) -> int:
    """Check what was sent; returns how many dead letters there are."""
    topics = {topic.name: topic for topic in SETTINGS.topics.own()}
    dead = 0
    for name, key, value, headers in producer.sent:
        record = topics[name].record
        if record is None:
            dead += 1
            assert headers["reason"] in REASONS - {"not-usable", "no-verdict"}
            whole = given[int(headers["offset"])].value
            assert value == codecs.dead_letter_value(whole, topics[name])
        else:
            found = codecs.decode(value, record)
            assert_record(found)
            assert codecs.key_on(topics[name], found).encode() == key
    return dead


def try_role(random: Random, kind: type[Record], handle: Callable[[MemoryProducer, list[Message]], None]) -> None:
    given, producer = messages(random, kind), MemoryProducer()
    try:
        handle(producer, given)
        decoded = 0
        for message in given:
            try:
                codecs.decode(message.value, kind)
                decoded += 1
            except Exception:
                continue
        assert check_sent(producer, given) >= len(given) - decoded
    except BaseException as error:
        error.add_note(repr([each.value for each in given])[:6_000])
        raise


def score(producer: MemoryProducer, given: list[Message]) -> None:
    worker = ScoreWorker(SETTINGS, producer, Tables(), scorer())  # type: ignore[arg-type]
    asyncio.run(worker.handle(given))


def label(producer: MemoryProducer, given: list[Message]) -> None:
    async def sleep(seconds: float) -> None:
        raise AssertionError("the teacher is there")

    worker = LabelWorker(SETTINGS, producer, Tables(), ScriptedTeacher(), sleep)  # type: ignore[arg-type]
    asyncio.run(worker.handle(given))


def explain(producer: MemoryProducer, given: list[Message]) -> None:
    asyncio.run(_explain(producer, given))


async def _explain(producer: MemoryProducer, given: list[Message]) -> None:
    acked: list[int] = []
    worker = ExplainWorker(SETTINGS, producer, Known(), ScriptedExplainer(Clock(), 1_000), _no_sleep)  # type: ignore[arg-type]
    for message in given:
        await worker.take(Delivery(message, lambda offset=message.offset: acked.append(offset)))  # type: ignore[misc]
    task = asyncio.create_task(worker.run())
    for _ in range(20 * MESSAGES):
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    assert acked == [message.offset for message in given]


async def _no_sleep(seconds: float) -> None:
    raise AssertionError("the LLM is there")


def try_score(random: Random) -> None:
    try_role(random, Window, score)


def try_label(random: Random) -> None:
    try_role(random, Window, label)


def try_explain(random: Random) -> None:
    try_role(random, Anomaly, explain)


TRIALS: tuple[Callable[[Random], None], ...] = (try_score, try_label, try_explain)


@pytest.mark.parametrize("trial", TRIALS)
@seeded(40)
@given(random=RANDOMS)
def test_whatever_comes_follows_as_records_or_dead_letters(trial: Callable[[Random], None], random: Random) -> None:
    trial(random)


@pytest.mark.long
@pytest.mark.parametrize("trial", TRIALS)
def test_what_a_hundred_thousand_messages_come_to(trial: Callable[[Random], None]) -> None:
    try_many(trial.__name__, trial, RECORDS, MESSAGES)
