"""The workers' services on Apache Kafka find what `evaluate` finds: one code path, with and without Kafka between."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.data.bundled import DATASETS
from fusionlog.data.sources import Source, event_probabilities, read_source
from fusionlog.data.systems import read_sessions
from fusionlog.decision import THRESHOLD
from fusionlog.distillation import calibration_fit
from fusionlog.distillation.base_model import known_events
from fusionlog.embedding.encoder import Encoder, VectorCache, find_encoder
from fusionlog.evaluation.fit_cache import LocalTrainer
from fusionlog.evaluation.teacher_choice import TeacherChoice, chosen_teacher
from fusionlog.kafka import codecs
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.client import options
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import read_all
from fusionlog.methods.base import MethodContext
from fusionlog.methods.fusionlog import adapt
from fusionlog.methods.protocol import Fold, read_fold
from fusionlog.methods.registry import METHODS
from fusionlog.methods.stream import StreamClock
from fusionlog.methods.target import Target
from fusionlog.online.decisions import BATCH_WINDOWS
from fusionlog.online.scorer import Scorer
from fusionlog.records import Anomaly, PseudoLabel, Record, Window
from fusionlog.rules import RULES, MethodName
from fusionlog.settings import DistillSettings, EvaluateSettings, GuardSettings, Settings
from fusionlog.teachers.base import Teacher, Unit
from fusionlog.teachers.factory import make_teacher
from fusionlog.teachers.llm.batches import Outcome
from fusionlog.teachers.llm.teacher import LLMTeacher
from fusionlog.topics import Topic
from fusionlog.workers.ingest.pipeline import IngestPipeline
from fusionlog.workers.ingest.raw_partitions import raw_consumer
from fusionlog.workers.knowledge_tables import KnowledgeTables
from fusionlog.workers.label import LabelWorker
from fusionlog.workers.score import ScoreWorker
from tests.agents.stage import until
from tests.workers.memory import message_of

TARGET, SOURCE, SESSIONS = "postgresql", "postfix", 240
SPEAKERS: dict[MethodName, set[str]] = {
    "fusionlog": {"model", "teacher"}, "generallog": {"model", "teacher"},
}  # fmt: skip
TAU = 0.4
"""Low, so that unlike systems, too, have general windows; no gate keeps a model back that was trained so shortly. What
is calibrated depends on which windows came together: only the test that steps like `evaluate` has a calibration. Nor
does a guard: a release with a threshold of 0 is one that it withdraws."""
IDLE_SECONDS = 60.0
"""Of the target in the catalogue: each session is written as if the one before had long ended."""


@dataclass
class World:
    """A target's fold, its source, and a bench that trains and asks."""

    settings: Settings
    data: Path
    encoder: Encoder
    fold: Fold
    source: Source

    @asynccontextmanager
    async def bench(self, choice: TeacherChoice) -> AsyncIterator[MethodContext]:
        cache, distill = VectorCache(self.encoder), choice.settings.distill
        teacher = choice.teacher(known_events(self.source, event_probabilities(self.source)), self.encoder)
        try:
            yield MethodContext(choice.settings, [self.source], self.encoder, cache, LocalTrainer(distill), teacher)
        finally:
            await teacher.close()


def cut(data: Path, system: str) -> None:
    """The first sessions of a bundled system."""
    (data / system).mkdir(parents=True)
    with (
        gzip.open(DATASETS / system / "sessions.jsonl.gz", "rt") as whole,
        gzip.open(data / system / "sessions.jsonl.gz", "wt") as part,
    ):
        part.writelines(islice(whole, SESSIONS))
    for name in ("labels.csv", "verdicts.jsonl"):
        shutil.copy(DATASETS / system / name, data / system / name)


@pytest.fixture
def world(tmp_path: Path, kafka_settings: Settings) -> World:
    data = tmp_path / "data"
    for system in (TARGET, SOURCE):
        cut(data, system)
    shutil.copy(DATASETS / "systems.yaml", data)
    settings = kafka_settings.model_copy(
        update={
            "systems_file": data / "systems.yaml", "system": TARGET,
            "kafka": kafka_settings.kafka.model_copy(update={"partitions": 1}),
            "ingest": kafka_settings.ingest.model_copy(update={"silence_seconds": 1.0}),
            "guard": GuardSettings(windows=0),
            "distill": DistillSettings(
                steps=60, hidden=16, rounds=1, gate_min_agreement=-1, tau=TAU, calibration_folds=0
            ),
        }
    )  # fmt: skip
    fold, source = read_fold(data, TARGET, "forward", settings.ingest), read_source(data, SOURCE, settings.ingest)
    return World(settings, data, Encoder(find_encoder(settings)), fold, source)


async def publish(settings: Settings, topic: Topic, items: Sequence[Record]) -> None:
    producer = Producer(settings)
    await producer.start()
    await asyncio.gather(*[await producer.send(topic, codecs.key_of(item), item) for item in items])
    await producer.stop()


async def released(world: World, choice: TeacherChoice, method: MethodName) -> int:
    """Publish the releases and labels that `evaluate` has after adapting; how many releases.

    Their thresholds are 0, so that whatever score a model gives, Kafka has it.
    """
    async with world.bench(choice) as context:
        base, target = context.base(), Target(world.fold, context, method=method)
        if RULES[method].adapts:
            await adapt(target, base)
        else:
            target.adopt(base)
    found = [target.knowledge.release(version) for version in target.knowledge.versions]
    open_wide = [releases.sign(replace(release, threshold=0.0), None) for release in found]
    await publish(world.settings, world.settings.topics.models, open_wide)
    await publish(world.settings, world.settings.topics.labels, list(target.deduplicated.labels.values()))
    return len(found)


async def write(world: World, places: range = range(SESSIONS)) -> None:
    """The target's lines, session by session, in the order in which the fold reads them."""
    sessions = read_sessions(world.data, TARGET)
    producer = AIOKafkaProducer(**options(world.settings.kafka))
    await producer.start()
    first = time.time() - len(sessions) * (IDLE_SECONDS + 1)
    for number, session in islice(enumerate(sessions), places.start, places.stop):
        at = int(1000 * (first + number * (IDLE_SECONDS + 1)))
        for line in session.lines:
            await producer.send(world.settings.topics.raw(TARGET).name, line.encode(), b"mail", timestamp_ms=at)
    await producer.stop()


async def windows_on(settings: Settings, topic: Topic) -> list[Window]:
    return [record for _, record in await read_all(settings, topic) if isinstance(record, Window)]


@asynccontextmanager
async def following(settings: Settings) -> AsyncIterator[KnowledgeTables]:
    """What a worker knows, as it follows it."""
    found = await KnowledgeTables.with_encoder(settings)
    await found.start()
    try:
        yield found
    finally:
        await found.stop()


async def ingest(settings: Settings, producer: Producer, windows: int) -> None:
    """Read the raw topic until so many windows were made of it."""
    topics = settings.topics
    async with following(settings) as known:
        reader = raw_consumer(settings, IngestPipeline(settings, producer, known.of(TARGET).route, []))
        await reader.start()
        task = asyncio.create_task(reader.run())

        async def made() -> bool:
            found = [await windows_on(settings, topic) for topic in (topics.general, topics.proprietary)]
            return sum(map(len, found)) == windows

        try:
            await until(made, 30)
        finally:
            await reader.stop()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def run(world: World, settings: Settings) -> list[Anomaly]:
    """The lines through the services of all three workers; the anomalies that Kafka has then."""
    topics, producer = settings.topics, Producer(settings)
    await producer.start()
    await ingest(settings, producer, len(world.fold.adapt) + len(world.fold.test))
    async with following(settings) as known:
        teacher = make_teacher(settings, [], world.encoder)
        waiting = await windows_on(settings, topics.proprietary)
        await LabelWorker(settings, producer, known, teacher).handle(list(map(message_of, waiting)))
        await teacher.close()
    async with following(settings) as known:
        general = await windows_on(settings, topics.general)
        await ScoreWorker(settings, producer, known, Scorer(settings.score)).handle(list(map(message_of, general)))
    await producer.stop()
    assert len(await windows_on(settings, topics.proprietary)) == len(waiting), "nothing was referred"
    return [record for _, record in await read_all(settings, topics.anomalies) if isinstance(record, Anomaly)]


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("method", ["fusionlog", pytest.param("generallog", marks=pytest.mark.long)])
async def test_the_workers_give_every_session_the_verdict_of_evaluate(method: MethodName, world: World) -> None:
    world.settings = world.settings.model_copy(update={"method": method})
    async with chosen_teacher(world.settings, world.data, TARGET) as each:
        async with world.bench(each) as context:
            result = await METHODS[method](world.fold, context)
        said = {outcome.session: outcome for outcome in (*result.adapted, *result.outcomes)}
        await create_topics(world.settings)
        assert await released(world, each, method) == (2 if RULES[method].adapts else 1)
        await write(world)
        anomalies = await run(world, world.settings.model_copy(update={"label": each.settings.label}))
    found = {each.session: each for each in anomalies}
    assert len(found) == len(anomalies), "a session is one window here"
    unsaid = {name for name, outcome in said.items() if name not in found and outcome.anomalous}
    assert len(said) == SESSIONS and not unsaid
    for session, anomaly in found.items():
        score, bad = said[session].score, said[session].anomalous
        assert (anomaly.score, anomaly.score >= THRESHOLD) == (pytest.approx(score, abs=1e-4), bad)
    assert {each.by for each in anomalies} == SPEAKERS[method]
    assert len({said[name].score for name in found}) > 1


def record_units(monkeypatch: pytest.MonkeyPatch) -> dict[LLMTeacher, list[Unit]]:
    """The units that each teacher is asked about from now on."""
    sent: dict[LLMTeacher, list[Unit]] = {}
    label = LLMTeacher.label

    async def recording(self: LLMTeacher, units: Sequence[Unit]) -> list[Outcome]:
        sent.setdefault(self, []).extend(units)
        return await label(self, units)

    monkeypatch.setattr(LLMTeacher, "label", recording)
    return sent


class Step:
    """The services of all three workers, a batch of windows at a time: what `Stream` does, through Kafka."""

    def __init__(
        self, world: World, producer: Producer, known: KnowledgeTables, teaches: KnowledgeTables, teacher: Teacher
    ) -> None:
        self._world, self._known = world, known
        self._settings = world.settings
        self._scoring = ScoreWorker(self._settings, producer, known, Scorer(self._settings.score))
        self._labelling = LabelWorker(self._settings, producer, teaches, teacher)
        self._seen: Counter[str] = Counter()
        self.waiting: list[Window] = []
        self.asked = 0

    async def come(self, topic: Topic) -> list[Window]:
        """The windows that are on a topic since the last look."""
        found = await windows_on(self._settings, topic)
        new = found[self._seen[topic.name] :]
        self._seen[topic.name] = len(found)
        return new

    async def take(self) -> None:
        """Score what is general; what is proprietary, or referred, waits."""
        topics = self._settings.topics
        await self._scoring.handle(list(map(message_of, await self.come(topics.general))))
        self.waiting += await self.come(topics.proprietary)

    async def ask(self) -> None:
        """Have the teacher's answers, and wait until those who score and route know them."""
        labels = self._settings.topics.labels
        waiting, self.waiting = self.waiting, []
        await self._labelling.handle(list(map(message_of, waiting)))
        said = [each for _, each in await read_all(self._settings, labels) if isinstance(each, PseudoLabel)]
        await until(lambda: all(self._known.of(TARGET).label_of(each.shape) for each in said), 30)
        self.asked = len(said)
        await self.take()


async def stream(world: World, producer: Producer, known: KnowledgeTables, step: Step) -> None:
    """The test half's lines through the workers, batch by batch."""
    topics, half, settings = world.settings.topics, SESSIONS // 2, world.settings
    clock = StreamClock(settings.label.units_per_call, settings.evaluate.max_wait_windows)
    reader = raw_consumer(settings, IngestPipeline(settings, producer, known.of(TARGET).route, []))
    await reader.start()
    reading = asyncio.create_task(reader.run())
    place_of = {window.session: place for place, window in enumerate(world.fold.test)}
    try:
        for start in range(0, SESSIONS, BATCH_WINDOWS):
            await write(world, range(start, start + BATCH_WINDOWS))
            expected = start + BATCH_WINDOWS

            async def made(expected: int = expected) -> bool:
                ids = {
                    w.id for topic in (topics.general, topics.proprietary) for w in await windows_on(settings, topic)
                }
                return len(ids) == expected

            await until(made, 30)
            if start < half:
                await step.come(topics.general)
                await step.come(topics.proprietary)
                continue
            await step.take()
            if step.waiting:
                waited = expected - half - min(place_of[window.session] for window in step.waiting)
                if clock.due(len({window.shape for window in step.waiting}), waited):
                    await step.ask()
        while step.waiting:
            await step.ask()
    finally:
        await reader.stop()
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading


@pytest.mark.kafka
@pytest.mark.slow
async def test_asking_online_the_workers_find_what_evaluate_finds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration_fit, "LEAST_LABELS", 5)
    monkeypatch.setattr(calibration_fit, "LEAST_OF_A_CLASS", 1)
    sent = record_units(monkeypatch)
    world.settings = world.settings.model_copy(
        update={
            "evaluate": EvaluateSettings(max_wait_windows=2 * BATCH_WINDOWS, adaptation_calls=2, calls=1000),
            "distill": world.settings.distill.model_copy(update={"calibration_folds": 4}),
        }
    )
    async with chosen_teacher(world.settings, world.data, TARGET) as each:
        async with world.bench(each) as context:
            result = await METHODS["fusionlog+online"](world.fold, context)
        said = {outcome.session: outcome for outcome in result.outcomes}
        await create_topics(world.settings)
        assert await released(world, each, "fusionlog+online") == 2
        world.settings = world.settings.model_copy(update={"label": each.settings.label})
        producer = Producer(world.settings)
        await producer.start()
        async with following(world.settings) as known, following(world.settings) as teaches:
            teacher = make_teacher(world.settings, [], world.encoder)
            step = Step(world, producer, known, teaches, teacher)
            await stream(world, producer, known, step)
            used = known.of(TARGET)
            assert used.version is not None and used.release(used.version).calibration is not None
            await teacher.close()
        await producer.stop()
    anomalies = [each for _, each in await read_all(world.settings, world.settings.topics.anomalies)]
    found = {each.session: each for each in anomalies if isinstance(each, Anomaly)}
    assert len(found) == len(anomalies)
    for session, outcome in said.items():
        if session in found:
            assert found[session].score == pytest.approx(outcome.score, abs=1e-4)
        assert (session in found and found[session].score >= THRESHOLD) == outcome.anomalous
    by_teacher = {name for name, each in found.items() if each.by == "teacher"}
    assert by_teacher and {name for name, each in said.items() if each.proprietary and each.anomalous} <= by_teacher
    assert step.asked == result.cost.units
    evaluated, *_, worked = sent.values()  # between them, the teachers of the adaptation
    assert worked and evaluated[-len(worked) :] == worked, "the same questions, word for word"
