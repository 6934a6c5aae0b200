"""What a worker makes of the records of `models` and `labels`, without a Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from fusionlog import releases
from fusionlog.kafka import codecs
from fusionlog.observability import metrics
from fusionlog.observability.health import Health
from fusionlog.online.knowledge import Knowledge
from fusionlog.records import Feedback, ModelRelease, PseudoLabel
from fusionlog.releases import BASE
from fusionlog.rules import RULES
from fusionlog.settings import Settings, SystemSettings
from fusionlog.topics import Topic
from fusionlog.workers import knowledge_tables
from fusionlog.workers.knowledge_tables import KEPT_RELEASES, KnowledgeTables
from tests.cuda import FakeCuda, fake_cuda
from tests.encoders import WordEncoder, make_encoder
from tests.factories import make_anomaly, make_feedback, make_label, make_revoked, make_window, make_withdrawn
from tests.online.factories import WORDS, release

__all__ = ["fake_cuda"]


class MemoryTable:
    """A table whose topic is written by hand; what stands in `before` is read at the start."""

    def __init__(self, settings: Settings, topic: Topic, on_record: Callable[..., None], refused: object) -> None:
        self.topic, self.on_record, self.running = topic, on_record, False

    async def start(self) -> None:
        self.running = True

    async def stop(self) -> None:
        self.running = False


class Bench:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, *systems: str) -> None:
        self.tables: list[MemoryTable] = []

        def table(*arguments: object) -> MemoryTable:
            self.tables.append(MemoryTable(*arguments))  # type: ignore[arg-type]
            return self.tables[-1]

        monkeypatch.setattr(knowledge_tables, "Table", table)
        settings = Settings()
        settings.__dict__["systems"] = {name: SystemSettings() for name in systems}
        self.known = KnowledgeTables(settings, lambda system: Knowledge(system, WordEncoder(*WORDS), None))
        self.models, self.labels, self.feedback = self.tables

    def tell(self, record: ModelRelease | PseudoLabel) -> None:
        table = self.models if isinstance(record, ModelRelease) else self.labels
        table.on_record(codecs.key_of(record), record)

    def version(self, system: str) -> str | None:
        return self.known.of(system).version


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"fusionlog_{name}", labels) or 0.0


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch, "shop")


async def test_it_follows_models_labels_and_feedback_until_it_is_stopped(bench: Bench) -> None:
    topics = Settings().topics
    await bench.known.start()
    assert [table.topic for table in bench.tables] == [topics.models, topics.labels, topics.feedback]
    assert all(table.running for table in bench.tables)
    await bench.known.stop()
    assert not any(table.running for table in bench.tables)


def test_the_base_model_is_for_every_system_and_a_systems_own_for_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, "shop", "mill")
    base, own = release(BASE, created=1000.0), release("shop", created=2000.0)
    bench.tell(base)
    bench.tell(own)
    assert (bench.version("shop"), bench.version("mill")) == (own.version, base.version)


def test_operators_verdicts_count_for_a_system_that_is_met_late_too_until_they_are_undone(bench: Bench) -> None:
    anomalies = [make_anomaly("disk full", system=system) for system in ("shop", "mill")]
    given = [make_feedback(anomaly) for anomaly in anomalies]
    for each in given:
        bench.feedback.on_record(codecs.key_of(each), each)
    assert [bool(bench.known.of(each.system).operators.mute_of(each, 0.0)) for each in anomalies] == [True, True]
    for each in given:
        bench.feedback.on_record(codecs.key_of(each), None)
    assert not any(bench.known.of(each.system).operators.mute_of(each, 0.0) for each in anomalies)


def test_a_system_that_is_met_late_has_the_releases_and_labels_that_were_read_before(bench: Bench) -> None:
    window = make_window("disk full", system="mill")
    base = release(BASE, created=1000.0)
    bench.tell(base)
    bench.tell(make_label(window, 0.9))
    assert bench.version("mill") == base.version
    assert bench.known.of("mill").label_of(window.shape) is not None
    assert bench.known.of("mill") is bench.known.of("mill")


def test_a_late_system_is_given_the_newest_releases_alone_and_no_deleted_label(bench: Bench) -> None:
    made = [release("mill", created=1000.0 + number) for number in range(KEPT_RELEASES + 2)]
    label = make_label(make_window("disk full", system="mill"), 0.9)
    for each in made:
        bench.models.on_record(codecs.key_of(each), each)
    bench.tell(label)
    bench.labels.on_record(codecs.key_of(label), None)
    bench.known._known.clear()  # as if the system were met only now
    assert bench.version("mill") == made[-1].version
    assert set(bench.known.of("mill").versions) == {each.version for each in made[-KEPT_RELEASES:]}
    assert bench.known.of("mill").label_of(label.shape) is None


def test_a_revoked_and_a_deleted_label_count_at_once_and_for_a_system_that_is_met_later(bench: Bench) -> None:
    window = make_window("disk full")
    label = make_label(window, 0.9)
    bench.tell(label)
    bench.tell(make_revoked(label, "disk full"))
    later = bench.known.of("shop")
    for _ in range(2):
        assert later.label_of(window.shape) is None and later.asked_since(window) == 3000.0
        bench.known._known.clear()
        later = bench.known.of("shop")
    bench.tell(label)
    assert later.label_of(window.shape) == label and later.asked_since(window) is None
    bench.labels.on_record(codecs.key_of(label), None)
    assert later.label_of(window.shape) is None


def test_a_deleted_release_is_not_adopted_by_a_system_that_is_met_later(bench: Bench) -> None:
    base = release(BASE)
    bench.tell(base)
    bench.models.on_record(codecs.key_of(base), None)
    assert bench.version("shop") == base.version, "what is in use stays"
    assert bench.version("mill") is None


def test_a_release_that_does_not_verify_is_counted_and_the_one_in_use_stays(bench: Bench) -> None:
    before, good = sample("models_refused_total", system="shop"), release("shop", created=1000.0)
    bench.tell(good)
    bench.tell(msgspec.structs.replace(release("shop", created=2000.0), threshold=0.1))
    assert bench.version("shop") == good.version
    assert sample("models_refused_total", system="shop") - before == 1


def test_a_swap_shows_the_version_in_use_and_is_counted_once(bench: Bench) -> None:
    before = sample("model_swaps_total", system="shop")
    one, two = release("shop", created=1000.0), release("shop", created=2000.0)
    for each in (one, two, two, one):
        bench.tell(each)
    shown = [sample("model_info", system="shop", version=each.version) for each in (one, two)]
    assert shown == [0.0, 1.0] and sample("model_swaps_total", system="shop") - before == 1


async def test_it_waits_until_each_configured_system_that_needs_a_model_has_one(bench: Bench) -> None:
    waiting = asyncio.create_task(bench.known.until_ready())
    others = asyncio.create_task(bench.known.until_ready_for({"shop", "mill"}))
    await asyncio.sleep(0)
    bench.tell(make_label(make_window("disk full"), 0.9))
    bench.tell(release("shop"))
    await asyncio.wait_for(waiting, 5)
    assert not others.done(), "another system has none yet"
    bench.tell(release(BASE))
    await asyncio.wait_for(others, 5)


async def test_a_method_without_a_model_waits_for_none(bench: Bench) -> None:
    bench.known._make = lambda system: Knowledge(system, WordEncoder(*WORDS), None, rules=RULES["llm-only"])
    bench.known._known.clear()
    await asyncio.wait_for(bench.known.until_ready(), 5)


def test_a_system_that_is_not_in_the_file_has_neither_release_nor_label(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text("shop:\n")
    tables = KnowledgeTables(Settings(systems_file=path), lambda system: Knowledge(system, WordEncoder(*WORDS), None))
    with capture_logs() as logged:
        for number in range(2):
            tables._on_label("bank/x", make_label(make_window(system="bank"), shape=f"x{number}"))
    assert [(line["log_level"], line["system"]) for line in logged] == [("warning", "bank")]
    assert not tables._labels


OWN, PREVIOUS = release("shop", created=2000.0), release("shop", created=1000.0)


def chosen(made: ModelRelease) -> ModelRelease:
    """A release as `fusionlog models restore` publishes it."""
    return releases.sign(msgspec.structs.replace(made, withdrawn=None, guarded=False), None)


def test_a_withdrawn_release_gives_way_to_the_one_before_and_is_not_adopted_again(bench: Bench) -> None:
    for each in (release(BASE), PREVIOUS, OWN):
        bench.tell(each)
    before = sample("models_withdrawn_total", system="shop", reason="share")
    with capture_logs() as logged:
        for _ in range(2):
            bench.tell(make_withdrawn(OWN))
    bench.tell(OWN)
    assert bench.version("shop") == PREVIOUS.version
    assert [(line["event"], line["version"], line["in_use"], line["why"]) for line in logged] == [
        ("model withdrawn", OWN.version, PREVIOUS.version, "60 of 60 windows")
    ]
    assert sample("models_withdrawn_total", system="shop", reason="share") - before == 1
    assert sample("model_info", system="shop", version=PREVIOUS.version) == 1.0


def test_a_restarted_worker_does_not_adopt_a_withdrawn_release(bench: Bench) -> None:
    for each in (PREVIOUS, make_withdrawn(OWN)):
        bench.tell(each)
    assert bench.version("shop") == PREVIOUS.version
    assert bench.known.problem() == (
        f"shop uses {PREVIOUS.version}, for {OWN.version} is withdrawn: 60 of 60 windows "
        f"(undo: fusionlog models restore {OWN.version})"
    )


def test_an_operator_restores_a_withdrawn_release(bench: Bench) -> None:
    for each in (PREVIOUS, OWN, make_withdrawn(OWN), chosen(OWN)):
        bench.tell(each)
    assert bench.version("shop") == OWN.version and bench.known.problem() is None


def test_a_newer_release_than_the_withdrawn_one_is_adopted_and_the_problem_is_over(bench: Bench) -> None:
    newer = release("shop", created=3000.0)
    for each in (PREVIOUS, OWN, make_withdrawn(OWN), newer):
        bench.tell(each)
    assert bench.version("shop") == newer.version and bench.known.problem() is None


def test_a_base_is_withdrawn_for_every_system_and_one_that_is_met_later(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, "shop", "mill")
    first, second = release(BASE, created=1000.0), release(BASE, created=2000.0)
    for each in (first, second, OWN, make_withdrawn(second)):
        bench.tell(each)
    assert [bench.version(name) for name in ("shop", "mill", "late")] == [OWN.version, first.version, first.version]
    assert "mill uses" in (problem := bench.known.problem() or "") and "shop uses" not in problem
    bench.tell(chosen(second))
    assert [bench.version(name) for name in ("shop", "mill", "late")] == [OWN.version, second.version, second.version]


def test_a_withdrawal_that_does_not_verify_is_refused(bench: Bench) -> None:
    forged = msgspec.structs.replace(OWN, withdrawn=make_withdrawn(OWN).withdrawn)
    altered = msgspec.structs.replace(OWN, guarded=False)
    for each in (PREVIOUS, OWN, forged):
        bench.tell(each)
    assert bench.version("shop") == OWN.version
    bench.tell(make_withdrawn(OWN))
    bench.tell(altered)
    assert bench.version("shop") == PREVIOUS.version and bench.known.problem() is not None


def test_where_all_kept_releases_are_withdrawn_an_earlier_one_is_used(bench: Bench) -> None:
    base, made = release(BASE), [release("shop", created=1000.0 + number) for number in range(KEPT_RELEASES)]
    for each in (base, *made):
        bench.tell(each)
    for each in made:
        bench.tell(make_withdrawn(each))
    assert bench.version("shop") == base.version


def test_only_the_release_in_use_has_a_series(bench: Bench) -> None:
    metrics.MODEL.clear()
    for number in range(20):
        bench.tell(release("shop", created=1000.0 + number))
    samples = [each for metric in REGISTRY.collect() for each in metric.samples if each.name == "fusionlog_model_info"]
    assert [each.value for each in samples if each.labels["system"] == "shop"] == [1.0]


async def test_what_came_before_a_system_was_in_the_file_is_read_when_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "systems.yaml"
    path.write_text("shop:\n")
    bench = Bench(monkeypatch)
    settings = Settings(systems_file=path)
    bench.known = KnowledgeTables(settings, lambda system: Knowledge(system, WordEncoder(*WORDS), None))
    bench.models, bench.labels, bench.feedback = bench.tables[3:]
    own, label = release(system="mill"), make_label(make_window("disk full", system="mill"), 0.9)
    anomaly = make_anomaly("disk lost", system="mill")
    given, reads = make_feedback(anomaly), list[str]()

    async def read_all(_: Settings, topic: Topic) -> list[tuple[str, ModelRelease | PseudoLabel | Feedback]]:
        reads.append(topic.name)
        return {settings.topics.models: [("k", own)], settings.topics.labels: [("k", label)]}.get(topic, [("k", given)])

    monkeypatch.setattr(knowledge_tables, "read_all", read_all)
    bench.tell(own)
    bench.tell(label)
    await bench.known.catch_up()
    assert reads == [], "it is not in the file yet"
    path.write_text("shop:\nmill:\n")
    settings.reread_systems()
    for _ in range(2):
        await bench.known.catch_up()
    topics = settings.topics
    assert reads == [topics.models.name, topics.labels.name, topics.feedback.name], "once"
    assert bench.version("mill") == own.version
    assert bench.known.of("mill").label_of(label.shape) is not None
    assert bench.known.of("mill").operators.mute_of(anomaly, 0.0) == given


async def test_the_provider_of_the_encoder_is_reported(
    fake_cuda: FakeCuda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knowledge_tables, "Table", MemoryTable)
    health = Health("ingest")
    for wanted, found in (("auto", "cuda"), ("cpu", "cpu")):
        settings = Settings(encoder=make_encoder(tmp_path), score={"provider": wanted})
        (await KnowledgeTables.with_encoder(settings)).report(health)
        assert health.ready().body["providers"] == {"encoder": found}
