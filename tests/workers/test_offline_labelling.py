"""Offline labels of the label worker: equal in whatever batches windows come, after restarts, with other partitions."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.novelty.profile import SystemProfile
from fusionlog.online.knowledge import Knowledge
from fusionlog.records import Anomaly, PseudoLabel, Route, Window
from fusionlog.rules import DEFAULT_METHOD, RULES, MethodName
from fusionlog.settings import Settings
from fusionlog.teachers.offline.in_order import LEARNING_WINDOWS
from fusionlog.teachers.offline.teacher import OfflineTeacher
from fusionlog.workers.label import LabelWorker
from tests.encoders import WordEncoder
from tests.factories import make_anomaly, make_feedback, make_label, make_regression, make_release, make_window
from tests.workers.memory import MemoryProducer, Message, message_of

ODD = (3, 40, 120, 230, 260)
Verdict = tuple[float, str, bool]
"""Score, title and whether it is withdrawn."""


def make_stream(count: int = 280, partitions: int = 1) -> list[Window]:
    """Windows of three usual kinds, and unusual ones early and late, of raw partitions in turn."""
    usual = (("opened", "checked", "closed"), ("opened", "closed"), ("opened", "retried", "closed"))
    windows = [
        make_window(
            *(("opened", "disk failed") if place in ODD else (*usual[place % 3], *["read"] * (place % 7))),
            id=f"w{place:03}", session=f"s{place}", first_offset=place, partition=place % partitions,
        )
        for place in range(count)
    ]  # fmt: skip
    return windows


class Kafka:
    """The topic of proprietary windows: what was written to it, by partition."""

    def __init__(self, windows: Sequence[Window], partitions: int = 1) -> None:
        self.messages: list[Message] = []
        self._sizes = [0] * partitions
        for window in windows:
            partition = window.partition % partitions
            message = message_of(window, self._sizes[partition], "proprietary")
            message.partition = partition
            self._sizes[partition] += 1
            self.messages.append(message)
        self.windows = windows
        self.reads: list[Mapping[int, int]] = []

    async def history(self, ends: Mapping[int, int]) -> Mapping[int, Sequence[Window]]:
        self.reads.append(dict(ends))
        pairs = list(zip(self.messages, self.windows, strict=True))
        return {
            partition: [window for message, window in pairs if message.partition == partition and message.offset < end]
            for partition, end in ends.items()
        }


class Bench:
    """A label worker without a language model; `restart` makes another one, which has the topics alone."""

    def __init__(self, kafka: Kafka, method: MethodName = DEFAULT_METHOD) -> None:
        self.settings, self.producer, self.kafka = Settings(method=method), MemoryProducer(), kafka
        self.knowledge = Knowledge("shop", WordEncoder(), rules=RULES[method])
        self.restart()

    def restart(self) -> None:
        teacher = OfflineTeacher([], WordEncoder(), make_regression(1.5, 1.0, 1.0, 1.0, -2.5))
        self.worker = LabelWorker(
            self.settings, self.producer, self, teacher, history=self.kafka.history,  # type: ignore[arg-type]
        )  # fmt: skip

    def of(self, system: str) -> Knowledge:
        """As `KnowledgeTables` does."""
        return self.knowledge

    async def run(self, *sizes: int) -> Bench:
        """Handle all messages in batches of these sizes, the last one again and again."""
        wanted = [*sizes, *[sizes[-1]] * len(self.kafka.messages)]
        for start, stop in pairwise(accumulate(wanted, initial=0)):
            if part := self.kafka.messages[start:stop]:
                await self.worker.handle(part)
        return self

    @property
    def records(self) -> list[Anomaly]:
        return self.producer.of(self.settings.topics.anomalies, Anomaly)  # type: ignore[return-value]

    @property
    def labels(self) -> list[PseudoLabel]:
        return self.producer.of(self.settings.topics.labels, PseudoLabel)  # type: ignore[return-value]

    @property
    def anomalies(self) -> dict[str, Verdict]:
        """The last record of each id that is an anomaly."""
        last = {each.id: each for each in self.records}
        return {id: (each.score, each.title, each.provisional) for id, each in last.items() if not each.withdrawn}


async def test_anomalies_are_equal_in_twelve_ways_to_batch() -> None:
    kafka, random_ = Kafka(make_stream()), random.Random(7)
    expected = (await Bench(kafka).run(len(kafka.messages))).anomalies
    assert {f"w{place:03}" for place in ODD} <= set(expected)
    assert not any(provisional for _, _, provisional in expected.values())
    for longest in (1, 2, 3, 7, 20, 50, 199, 200, 201, 256, 279):
        sizes = [random_.randint(1, longest) for _ in kafka.messages]
        bench = await Bench(kafka).run(*sizes)
        assert bench.anomalies == expected, longest
        assert {label.shape for label in bench.labels} == {window.shape for window in kafka.windows}


@pytest.mark.parametrize("killed_at", [1, 40, 150, LEARNING_WINDOWS, 240])
@pytest.mark.parametrize("repeated", [0, 30])
async def test_a_worker_that_was_killed_changes_nothing(killed_at: int, repeated: int) -> None:
    kafka = Kafka(make_stream())
    expected = (await Bench(kafka).run(30)).anomalies
    bench = Bench(kafka)
    await bench.worker.handle(kafka.messages[:killed_at])
    bench.restart()
    for start in range(max(0, killed_at - repeated), len(kafka.messages), 30):
        await bench.worker.handle(kafka.messages[start : start + 30])
    assert bench.anomalies == expected


async def test_a_message_that_comes_again_to_the_same_worker_is_not_counted_twice() -> None:
    kafka = Kafka(make_stream())
    expected, bench = (await Bench(kafka).run(30)).anomalies, Bench(kafka)
    for start in range(0, len(kafka.messages), 30):
        for _ in range(2):
            await bench.worker.handle(kafka.messages[start : start + 30])
    assert bench.anomalies == expected
    assert kafka.reads[2:] == [{0: start} for start in range(0, len(kafka.messages), 30)]


async def test_a_message_that_is_no_window_leaves_no_gap() -> None:
    kafka = Kafka(make_stream(20))
    kafka.messages[4].value = b"{broken"
    bench = await Bench(kafka).run(5)
    assert kafka.reads == [{0: 0}], "nothing is read again"
    assert bench.producer.letters(bench.settings.topics.deadletter)[0]["reason"] == "not-json"


@pytest.mark.parametrize("partitions", [1, 3])
async def test_windows_of_raw_partitions_have_equal_verdicts_however_they_mingle(partitions: int) -> None:
    windows = make_stream(640, partitions=3)
    random_ = random.Random(1)
    expected = (await Bench(Kafka(windows, partitions)).run(100)).anomalies
    assert expected and not any(provisional for _, _, provisional in expected.values())
    for _ in range(2):
        lanes = [[window for window in windows if window.partition == each] for each in range(3)]
        mingled = []
        while lanes:
            lane = random_.choice(lanes)
            mingled.append(lane.pop(0))
            lanes = [each for each in lanes if each]
        assert (await Bench(Kafka(mingled, partitions)).run(random_.randint(1, 200))).anomalies == expected


async def test_what_another_worker_handled_meanwhile_is_counted() -> None:
    kafka = Kafka(make_stream())
    expected, bench = (await Bench(kafka).run(30)).anomalies, Bench(kafka)
    other = Bench(kafka)
    other.producer = bench.producer
    other.restart()
    for start in range(0, len(kafka.messages), 30):
        await (bench, other)[start // 90 % 2].worker.handle(kafka.messages[start : start + 30])
    assert bench.anomalies == expected


async def test_anomalies_are_provisional_while_a_system_is_learned() -> None:
    kafka = Kafka(make_stream())
    bench = Bench(kafka)
    await bench.worker.handle(kafka.messages[:120])
    assert bench.worker.learning() == {"shop": "120/200"} and bench.worker.report.learning == {"shop": "120/200"}
    assert bench.records and all(each.provisional for each in bench.records)
    before = len(bench.records)
    await bench.worker.handle(kafka.messages[120:200])
    assert bench.worker.learning() == {} == bench.worker.report.learning
    final = [each for each in bench.records[before:] if not each.provisional]
    assert {"w003", "w040", "w120"} <= {each.id for each in final if not each.withdrawn}
    taken_back = {each.id for each in bench.records[:before]} - {each.id for each in final if not each.withdrawn}
    assert {each.id for each in final if each.withdrawn} >= taken_back
    await bench.worker.handle(kafka.messages[200:])
    assert not any(each.provisional for each in bench.records[before + len(final) :] if each.id > "w200")


async def test_a_provisional_anomaly_that_becomes_normal_is_withdrawn_after_a_restart_too() -> None:
    """A window that is rare among the first ones is one of many later."""
    windows = make_stream(LEARNING_WINDOWS)
    for place in (30, *range(31, 200, 3)):
        windows[place] = make_window("opened", "restarted", id=f"w{place:03}", first_offset=place)
    kafka = Kafka(windows)
    bench = Bench(kafka)
    await bench.worker.handle(kafka.messages[:100])
    assert "w030" in bench.anomalies
    bench.restart()
    await bench.worker.handle(kafka.messages[100:])
    (withdrawn,) = [each for each in bench.records if each.id == "w030" and each.withdrawn]
    assert not withdrawn.provisional and withdrawn.verdict_source == "offline" and "w030" not in bench.anomalies


async def test_the_offline_teacher_settles_no_event_and_no_route() -> None:
    kafka = Kafka(make_stream())
    bench = Bench(kafka)
    vectors = releases.pack_vectors(WordEncoder()(["disk opened"]))
    release = make_release(("disk opened", 0.0), system=releases.BASE, vectors=vectors)
    bench.knowledge.adopt(releases.sign(release, None))
    routes = [bench.knowledge.route(window) for window in kafka.windows]
    await bench.run(50)
    assert bench.labels and [bench.knowledge.route(window) for window in kafka.windows] == routes
    assert bench.knowledge.label_of(kafka.windows[0].shape) is None
    assert bench.knowledge.offline_label_of(kafka.windows[0].shape) is not None


async def test_a_label_of_a_language_model_stays_on_its_topic() -> None:
    kafka = Kafka(make_stream(5))
    bench = Bench(kafka)
    bench.knowledge.learn(make_label(kafka.windows[0], 0.9, teacher="llm:x"))
    await bench.run(5)
    assert kafka.windows[0].shape not in {label.shape for label in bench.labels} and len(bench.labels) == 4


async def test_a_label_is_published_again_only_where_it_has_changed() -> None:
    kafka = Kafka([make_window("opened", "closed", first_offset=place, id=f"w{place}") for place in range(60)])
    assert len((await Bench(kafka).run(7)).labels) < 5


async def test_a_window_for_a_second_opinion_goes_back_to_the_model_and_is_not_counted() -> None:
    route = Route(kind="proprietary", similarity=1.0, threshold=0.8, acquisition_score=1.2)
    windows = make_stream()
    expected = (await Bench(Kafka(windows)).run(30)).anomalies
    referred = [replace(window, route=route, id=f"r{window.id}") for window in windows[::5]]
    bench = await Bench(Kafka([*windows[:50], *referred, *windows[50:]])).run(30)
    assert bench.anomalies == expected
    back: list[Any] = bench.producer.of(bench.settings.topics.general, Window)
    assert [each.id for each in back] == [each.id for each in referred]
    assert {(each.route.kind, each.route.acquisition_score) for each in back} == {("general", 1.2)}


async def test_a_system_whose_method_has_no_teacher_any_more_gets_no_offline_label() -> None:
    bench = await Bench(Kafka(make_stream(10)), "source-only").run(10)
    assert not bench.labels and len(bench.producer.of(bench.settings.topics.general, Window)) == 10


async def test_a_window_that_waited_for_a_language_model_gets_its_final_verdict() -> None:
    windows = make_stream()
    again = replace(windows[3], provisional=0.9), replace(windows[4], provisional=0.9)
    bench = await Bench(Kafka([*windows, *again])).run(30)
    last = {each.id: each for each in bench.records}
    assert not last["w003"].withdrawn and last["w004"].withdrawn and not last["w003"].provisional
    assert bench.anomalies == (await Bench(Kafka(windows)).run(30)).anomalies | {"w003": bench.anomalies["w003"]}


async def test_the_profile_of_a_release_serves_until_more_windows_were_counted() -> None:
    profile, kafka = SystemProfile(), Kafka(make_stream(10))
    for window in make_stream():
        profile.update(window)
    for packed, provisional in ((profile.pack(), False), (b"none at all", True)):
        bench = Bench(kafka)
        vectors = releases.pack_vectors(WordEncoder()(["disk opened"]))
        release = make_release(("disk opened", 0.0), vectors=vectors, profile=packed)
        bench.knowledge.adopt(releases.sign(release, None))
        await bench.run(10)
        assert ("w003" in bench.anomalies) != provisional, "a profile that cannot be read is left out"
        assert (bench.worker.learning() == {}) != provisional


async def test_partitions_of_other_workers_are_dropped() -> None:
    kafka = Kafka(make_stream(30, partitions=3), partitions=3)
    bench = await Bench(kafka).run(30)
    assert bench.worker.learning() == {"shop": "30/600"}
    bench.worker.assigned([1])
    assert bench.worker.learning() == {"shop": "10/200"}


async def test_an_operators_verdict_outranks_the_offline_teachers_and_is_no_label_of_it() -> None:
    kafka = Kafka(make_stream(20))
    bench, odd = Bench(kafka), make_anomaly("opened", "disk failed")
    bench.knowledge.operators.put("a", make_feedback(odd, verdict="confirm"))
    await bench.run(20)
    assert [(each.id, each.verdict_source) for each in bench.records] == [("w003", "operator:ann")]
    assert odd.shape not in {label.shape for label in bench.labels}


async def test_a_muted_shape_has_silent_anomalies_and_one_that_was_provisional_is_withdrawn() -> None:
    kafka, shape = Kafka(make_stream()), make_anomaly("opened", "disk failed")
    bench = Bench(kafka)
    await bench.worker.handle(kafka.messages[:130])
    assert "w120" in bench.anomalies
    bench.knowledge.operators.put("a", make_feedback(shape, until=9e9))
    await bench.worker.handle(kafka.messages[130:])
    assert not {f"w{place:03}" for place in ODD} & set(bench.anomalies)
    assert {each.id for each in bench.records if each.withdrawn} >= {"w120"}
