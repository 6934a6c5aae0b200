"""The score worker's logic: verdicts, and the windows whose verdict the teacher is asked about."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from aiokafka.errors import TopicAuthorizationFailedError
from msgspec.structs import replace
from structlog.testing import capture_logs

from fusionlog import releases
from fusionlog.errors import ReleaseError
from fusionlog.kafka.producer import Ack
from fusionlog.observability import metrics
from fusionlog.online.description import Description
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.release_comparison import LEAST_WINDOWS
from fusionlog.online.scorer import Scorer
from fusionlog.records import Anomaly, ModelRelease, Route, Window
from fusionlog.rules import DEFAULT_METHOD, RULES, MethodName
from fusionlog.settings import ScoreSettings, Settings
from fusionlog.topics import CANARY
from fusionlog.workers.score import ScoreWorker
from tests.detector.graphs import make_onnx
from tests.encoders import WordEncoder
from tests.factories import make_anomaly, make_feedback, make_label, make_release, make_window
from tests.workers.memory import MemoryProducer, message_of

WORDS = ("failed", "opened")
BANK = (("disk failed", 1.0), ("disk opened", 0.0))


class Bench:
    def __init__(self, method: MethodName = DEFAULT_METHOD, target: str = "shop", **second_opinion: float) -> None:
        self.settings, self.producer = Settings(second_opinion=second_opinion), MemoryProducer()
        self.target, self.knowledge = target, Knowledge(target, WordEncoder(*WORDS), rules=RULES[method])
        vectors = releases.pack_vectors(WordEncoder(*WORDS)([text for text, _ in BANK]))
        system = target if RULES[method].adapts else releases.BASE
        release = make_release(*BANK, system=system, onnx=make_onnx(1.0), vectors=vectors)
        self.knowledge.adopt(releases.sign(release, None))
        scorer = Scorer(ScoreSettings(provider="cpu"))
        self.scoring = ScoreWorker(self.settings, self.producer, self, scorer)  # type: ignore[arg-type]

    def of(self, system: str) -> Knowledge:
        """As `KnowledgeTables` does."""
        assert system == self.target
        return self.knowledge

    async def until_ready_for(self, systems: set[str]) -> None: ...

    def withdraw(self, system: str, error: ReleaseError) -> None:
        self.of(system).withdraw(error.version)

    def withdraw_release(self, release: ModelRelease) -> None:
        self.of(release.system).withdraw(release.version)

    async def handle(self, *windows: Window) -> None:
        await self.scoring.handle([message_of(window, number) for number, window in enumerate(windows)])

    def anomalies(self) -> list[Anomaly]:
        return self.producer.of(self.settings.topics.anomalies, Anomaly)  # type: ignore[return-value]

    def asked(self) -> list[Window]:
        return self.producer.of(self.settings.topics.proprietary, Window)  # type: ignore[return-value]


async def test_without_second_opinions_the_model_has_the_last_word() -> None:
    bench = Bench(share=0.0)
    bad = make_window("disk failed")
    await bench.handle(bad, make_window("disk opened", session="s2"))
    assert [(anomaly.id, anomaly.by) for anomaly in bench.anomalies()] == [(bad.id, "model")]
    assert bench.asked() == []


async def test_an_anomaly_carries_what_is_unusual_in_its_window() -> None:
    bench = Bench(share=0.0)
    await bench.handle(*(make_window("disk opened", session=str(number)) for number in range(40)))
    await bench.handle(make_window("disk failed"))
    assert [anomaly.unusual for anomaly in bench.anomalies()] == [["'disk failed' is in 0 of 40 windows before"]]


async def test_an_anomaly_has_a_title_a_severity_and_the_steps_that_are_missing() -> None:
    bench = Bench(share=0.0)
    await bench.handle(*(make_window("disk opened", "disk closed", session=str(number)) for number in range(40)))
    await bench.handle(make_window("disk opened", "disk failed"))
    (found,) = bench.anomalies()
    assert (found.title, found.severity) == ("disk failed (never before)", "error")
    assert ("disk closed", 0, True, 40) in {
        (each.text, each.count, each.absent, each.windows) for each in found.evidence
    }


async def test_a_window_unlike_all_that_were_judged_goes_to_the_teacher_without_a_verdict() -> None:
    bench, window = Bench(share=0.1), make_window("disk failed")
    await bench.handle(window)
    (asked,) = bench.asked()
    assert asked.route is not None
    assert (asked.id, asked.route.kind, asked.route.acquisition_score) == (window.id, "proprietary", 1.0)
    assert bench.anomalies() == []


async def test_what_the_teacher_judged_is_not_referred() -> None:
    bench, window = Bench(share=0.1), make_window("disk failed")
    bench.knowledge.learn(make_label(window, 0.9))
    await bench.handle(window)
    assert [anomaly.by for anomaly in bench.anomalies()] == ["teacher"] and bench.asked() == []


async def test_a_window_that_came_back_is_not_referred_again() -> None:
    bench = Bench(share=0.1)
    route = Route(kind="general", similarity=1.0, threshold=0.8, acquisition_score=1.0)
    await bench.handle(replace(make_window("disk failed"), route=route))
    assert len(bench.anomalies()) == 1 and bench.asked() == []


async def test_a_broken_habit_is_referred() -> None:
    bench = Bench(share=0.1, min_score=1.0)
    usual = make_window("disk opened")
    bench.knowledge.learn(make_label(usual, 0.1))
    bench.knowledge.learn(make_label(make_window("disk opened", "disk opened"), 0.1))
    await bench.handle(*(make_window("disk opened", session=str(number)) for number in range(400)))
    assert bench.asked() == []
    await bench.handle(make_window(*["disk opened"] * 3))
    assert len(bench.asked()) == 1


@pytest.mark.parametrize(
    "method", [name for name, rules in RULES.items() if not (rules.second_opinion and rules.after_release)]
)
async def test_no_other_method_refers_windows_of_a_model_of_its_own(method: MethodName) -> None:
    bench, bad = Bench(method, share=0.1), make_window("disk failed")
    await bench.handle(bad)
    assert [anomaly.id for anomaly in bench.anomalies()] == [bad.id] and bench.asked() == []


@pytest.mark.parametrize("method", ["generallog", "source-only", "llm-only"])
async def test_what_learns_nothing_leaves_general_windows_to_the_model(method: MethodName) -> None:
    bench, bad = Bench(method), make_window("disk failed")
    bench.knowledge.learn(make_label(bad, 0.1))
    await bench.handle(bad)
    assert [anomaly.by for anomaly in bench.anomalies()] == ["model"]


async def test_a_release_whose_model_fails_on_windows_gives_way_to_the_one_before() -> None:
    bench, bad = Bench(share=0.0), make_window("disk failed")
    before = bench.knowledge.version
    vectors = releases.pack_vectors(WordEncoder(*WORDS)([text for text, _ in BANK]))
    later = make_release(
        *BANK, system="shop", onnx=make_onnx(float("nan")), vectors=vectors, created=1e9, version="late"
    )
    bench.knowledge.adopt(releases.sign(later, None))
    assert bench.knowledge.version == "late"
    await bench.handle(bad)
    [anomaly] = bench.anomalies()
    assert (anomaly.verdict_source, bench.knowledge.version) == (before, before)
    bench.knowledge.adopt(releases.sign(later, None))
    assert bench.knowledge.version == before, "a withdrawn release is not adopted again"


async def test_windows_are_dead_letters_where_no_release_is_left() -> None:
    bench = Bench(share=0.0)
    bench.knowledge.withdraw(bench.knowledge.version or "")
    await bench.handle(make_window("disk failed"))
    assert bench.anomalies() == []
    [(topic, *_)] = bench.producer.sent
    assert topic == bench.settings.topics.deadletter.name


def adopt_bad(bench: Bench) -> str:
    """A release of which all windows are anomalous; its version."""
    vectors = releases.pack_vectors(WordEncoder(*WORDS)([text for text, _ in BANK]))
    bad = make_release(
        *BANK, system=bench.target, onnx=make_onnx(), vectors=vectors, created=time.time(), threshold=0.0
    )
    bench.knowledge.adopt(releases.sign(bad, None))
    return bad.version


def many(number: int, system: str = "shop") -> list[Window]:
    return [make_window("disk opened", session=f"s{each}", system=system) for each in range(number)]


async def test_a_release_that_is_bad_on_the_stream_is_withdrawn_and_its_batch_decided_by_the_one_before() -> None:
    bench = Bench(share=0.0)
    before, bad = bench.knowledge.version, adopt_bad(bench)
    await bench.handle(*many(LEAST_WINDOWS))
    assert bench.anomalies() == [] and bench.knowledge.version == before
    [record] = bench.producer.of(bench.settings.topics.models, ModelRelease)
    assert isinstance(record, ModelRelease) and record.withdrawn is not None
    releases.verify(record, None)
    assert (record.version, record.withdrawn.previous) == (bad, before)


async def test_no_release_is_withdrawn_for_the_canarys_lines() -> None:
    bench = Bench(target=CANARY, share=0.0)
    bad = adopt_bad(bench)
    await bench.handle(*many(LEAST_WINDOWS, CANARY))
    assert bench.knowledge.version == bad and len(bench.anomalies()) == LEAST_WINDOWS


async def test_a_withdrawal_that_kafka_refuses_counts_in_this_worker_and_no_window_is_lost() -> None:
    bench = Bench(share=0.0)
    before, bad = bench.knowledge.version, adopt_bad(bench)

    async def refused(*_: object) -> Ack:
        raise TopicAuthorizationFailedError("models")

    bench.producer.send, send = refused, bench.producer.send  # type: ignore[method-assign]
    with capture_logs() as logged:
        await bench.handle(*many(LEAST_WINDOWS))
    bench.producer.send = send  # type: ignore[method-assign]
    assert bench.knowledge.version == before and bench.producer.sent == []
    [line] = [line for line in logged if line["log_level"] == "error"]
    assert line["event"].startswith("the withdrawal of a model could not be written") and line["version"] == bad
    await bench.handle(make_window("disk failed"))
    assert len(bench.anomalies()) == 1


async def test_a_release_that_another_worker_withdraws_in_the_middle_of_a_batch_loses_no_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(share=0.0)
    bad, describe = adopt_bad(bench), bench.knowledge.describe

    def withdrawn_meanwhile(windows: Sequence[Window], version: str) -> Description:
        if version == bad:
            bench.knowledge.withdraw(bad)
        return describe(windows, version)

    monkeypatch.setattr(bench.knowledge, "describe", withdrawn_meanwhile)
    await bench.handle(make_window("disk failed"))
    assert len(bench.anomalies()) == 1 and len(bench.producer.sent) == 1


async def test_a_dismissed_shape_is_silent_and_counted_and_reappears_after_its_time() -> None:
    bench, bad = Bench(share=0.0), make_window("disk failed")
    await bench.handle(bad)
    [anomaly] = bench.anomalies()
    before = muted("shape")
    bench.knowledge.operators.put("key", make_feedback(anomaly, until=time.time() + 3600))
    await bench.handle(replace(bad, id="second"))
    assert len(bench.anomalies()) == 1 and muted("shape") - before == 1
    bench.knowledge.operators.put("key", make_feedback(anomaly, until=time.time() - 1))
    await bench.handle(replace(bad, id="third"))
    assert [each.id for each in bench.anomalies()] == [bad.id, "third"] and muted("shape") - before == 1


async def test_an_operators_verdict_outranks_the_model_and_the_teacher_under_every_method() -> None:
    for method in ("fusionlog", "source-only"):
        bench, bad, good = (
            Bench(method, share=0.0),
            make_window("disk failed"),
            make_window("disk opened", session="s2"),
        )
        bench.knowledge.learn(make_label(bad, 0.9, labelled_at=9e9))
        await bench.handle(bad)
        before = muted("shape")
        bench.knowledge.operators.put("a", make_feedback(bench.anomalies()[0]))
        bench.knowledge.operators.put("b", make_feedback(make_anomaly("disk opened"), verdict="confirm"))
        await bench.handle(replace(bad, id="again"), good)
        assert [each.id for each in bench.anomalies()] == [bad.id, good.id]
        assert bench.anomalies()[1].verdict_source == "operator:ann" and muted("shape") - before == 1


async def test_an_anomaly_that_a_dismissed_event_alone_tells_of_is_silent() -> None:
    bench, bad = Bench(share=0.0), make_window("disk failed")
    await bench.handle(bad)
    event = bench.anomalies()[0].evidence[0].template
    before = muted("event")
    bench.knowledge.operators.put("key", make_feedback(bench.anomalies()[0], scope="event", event=event))
    await bench.handle(make_window("disk failed", "disk failed", session="s2"))
    assert len(bench.anomalies()) == 1 and muted("event") - before == 1


def muted(scope: str) -> float:
    return metrics.MUTED.labels("shop", scope)._value.get()  # type: ignore[no-any-return]
