"""A release that passes the gate and its trial and is bad on the stream: score workers as processes, on Kafka."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from fusionlog import releases
from fusionlog.cli.main import app
from fusionlog.detector.trial_process import TrialProcess
from fusionlog.distillation import gate
from fusionlog.distillation.distill import examples_of
from fusionlog.distillation.students import soft_predictions, window_probabilities
from fusionlog.embedding.encoder import Encoder, VectorCache
from fusionlog.errors import ModelError
from fusionlog.records import Anomaly, ModelRelease, Route, Window
from fusionlog.settings import DistillSettings
from ray_jobs.publish import newest_withdrawn, read_parent, read_releases
from tests.agents.stage import KNOWN, Stage, Worker, until
from tests.detector.graphs import make_onnx
from tests.encoders import WORDS
from tests.factories import make_label, make_window

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

OPENED, CLOSED, FAILED = ("connection opened",), ("connection closed",), ("disk failed",)
ROUTE = Route(kind="general", similarity=1.0, threshold=0.8)
SMALL_BATCHES = {"FUSIONLOG_SCORE__BATCH_WINDOWS": "20"}


def windows(prefix: str, number: int, *texts: str) -> list[Window]:
    """Windows of sessions that lie in both partitions."""
    return [make_window(*texts, session=f"{prefix}{each}", first_offset=each * 10, route=ROUTE)
            for each in range(number)]  # fmt: skip


def bad_release(stage: Stage) -> ModelRelease:
    """A release of the system that takes "closed" for a failure; no window since its labels had the word."""
    onnx = make_onnx(component=WORDS.index("failed"), other=WORDS.index("closed"))
    made = stage.release("shop", created=time.time(), version="bad-on-the-stream")
    return releases.sign(replace(made, onnx=onnx), None)


def passes_the_gate(stage: Stage, release: ModelRelease, recent: Sequence[tuple[str, ...]]) -> bool:
    """The gate's checks on recent windows, and on the windows that a teacher labelled."""
    cache, settings = VectorCache(Encoder(stage.directory / "encoder")), DistillSettings()
    verdicts = dict(KNOWN)
    labels = [make_label(make_window(*texts), max(verdicts[text] for text in texts)) for texts in recent]
    examples = [example for label in labels for example in examples_of(label, [], cache, "set")]
    scores = window_probabilities(soft_predictions(release.onnx, examples))
    rate = gate.check_rate(scores, [1.0] * len(recent), settings.gate_min_rate, settings.gate_max_rate)
    return rate.passed and gate.check_agreement(release.onnx, examples, settings.gate_min_agreement).passed


async def anomalies(stage: Stage, prefix: str) -> list[Anomaly]:
    found = await stage.records(stage.settings.topics.anomalies)
    decoded = [msgspec.json.decode(record.value, type=Anomaly) for record in found]
    return [each for each in decoded if each.session.startswith(prefix)]


async def releases_on(stage: Stage, version: str) -> list[ModelRelease]:
    found = await stage.records(stage.settings.topics.models)
    decoded = [msgspec.json.decode(record.value, type=ModelRelease) for record in found]
    return [each for each in decoded if each.version == version]


async def scored(workers: Sequence[Worker], number: int) -> None:
    def enough() -> bool:
        return sum(each.metrics().get("fusionlog_windows_scored", 0) for each in workers) >= number

    await until(enough, 40, lambda: [each.log.read_text()[-2000:] for each in workers])


async def ready(worker: Worker) -> dict[str, Any]:
    """The body of `/readyz` once a worker is ready."""
    found: dict[str, Any] = {}

    def answers() -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{worker.metrics_port}/readyz", timeout=5) as answer:
            found.update(json.loads(answer.read()))
        return bool(found["partitions"])

    async def is_ready() -> bool:
        try:
            return await asyncio.to_thread(answers)
        except OSError:
            return False

    await until(is_ready, 40, lambda: worker.log.read_text()[-2000:])
    return found


async def command(stage: Stage, *words: str) -> str:
    done = await asyncio.to_thread(CliRunner(env={**stage.env, "COLUMNS": "300"}).invoke, app, list(words))
    assert done.exit_code == 0, done.output
    return done.output


async def test_all_workers_go_back_a_restarted_one_stays_there_and_an_operator_restores(stage: Stage) -> None:
    topics, base, bad = stage.settings.topics, stage.release(), bad_release(stage)
    assert passes_the_gate(stage, bad, [OPENED] * 9 + [FAILED])
    trial = TrialProcess()
    trial.check(bad)
    trial.close()
    workers = [await stage.worker("score", **SMALL_BATCHES) for _ in range(2)]
    for worker in workers:
        assert (await ready(worker))["model"] == {"shop": base.version}
    await stage.publish(topics.models, bad)
    for worker in workers:
        await worker.logged(bad.version)

    await stage.publish(topics.general, *windows("closed", 300, *CLOSED), *windows("failed", 20, *FAILED))
    await scored(workers, 320)
    for worker in workers:
        await worker.logged("model withdrawn")
        assert worker.log.read_text().count("model withdrawn") == 1
    false = await anomalies(stage, "closed")
    assert len(false) < 200 and {each.verdict_source for each in false} <= {bad.version}
    assert len(await anomalies(stage, "failed")) == 20, "no window is lost"
    *_, record = await releases_on(stage, bad.version)
    assert record.withdrawn is not None and record.withdrawn.previous == base.version
    assert "FUSIONLOG_GUARD__SHARE" in record.withdrawn.reason and record.withdrawn.figures["windows"] >= 50
    assert await read_parent(stage.settings, "shop") == base
    assert newest_withdrawn(await read_releases(stage.settings, ["shop"]), "shop") == record

    assert await workers[0].stop() == 0
    restarted = [workers[1], await stage.worker("score", **SMALL_BATCHES)]
    for worker in restarted:
        body = await ready(worker)
        assert body["model"] == {"shop": base.version}
        assert [bad.version in each and "fusionlog models restore" in each for each in body["degraded"]] == [True]
    assert record.withdrawn.reason in await command(stage, "models", "list")
    with pytest.raises(ModelError, match=f"models restore {bad.version}"):
        await refused(stage, bad)

    before = sum(each.metrics().get("fusionlog_windows_scored", 0) for each in restarted)
    assert "is restored" in await command(stage, "models", "restore", bad.version)

    async def used() -> bool:
        return [(await ready(each))["model"]["shop"] for each in restarted] == [bad.version] * 2

    await until(used, 20)
    await stage.publish(topics.general, *windows("again", 200, *CLOSED))
    await scored(restarted, int(before) + 200)
    assert {each.verdict_source for each in await anomalies(stage, "again")} == {bad.version}
    assert len(await anomalies(stage, "again")) == 200, "no guard withdraws what an operator restored"
    for worker in restarted:
        assert (await ready(worker))["degraded"] == []


async def refused(stage: Stage, release: ModelRelease) -> None:
    """The error of publishing a withdrawn release from its file."""
    file = stage.directory / "bad.json"
    file.write_bytes(msgspec.json.encode(release))
    done = await asyncio.to_thread(CliRunner(env=stage.env).invoke, app, ["models", "publish", str(file)])
    if done.exception is not None:
        raise done.exception


@pytest.mark.long
async def test_labels_that_arrive_withdraw_a_release_that_is_blind(stage: Stage) -> None:
    """No share shows it: the teacher labels twenty shapes of windows that the worker has scored by then."""
    topics, shapes = stage.settings.topics, [windows(f"failed{n}-", 1, *FAILED * n)[0] for n in range(1, 21)]
    blind = stage.release("shop", created=time.time(), version="blind")
    await stage.publish(topics.models, releases.sign(replace(blind, onnx=make_onnx(0.0)), None))
    await stage.publish(topics.general, *shapes, *windows("opened", 100, *OPENED))
    worker = await stage.worker("score", **SMALL_BATCHES)
    await ready(worker)
    await scored([worker], 120)
    assert "model withdrawn" not in worker.log.read_text() and await anomalies(stage, "failed") == []
    await stage.publish(topics.labels, *(make_label(each, 0.9, events=[]) for each in shapes))

    async def withdrawn() -> bool:
        await stage.publish(topics.general, *windows("more", 1, *OPENED))
        return "model withdrawn" in worker.log.read_text()

    await until(withdrawn, 20, lambda: worker.log.read_text()[-2000:])
    *_, record = await releases_on(stage, "blind")
    assert record.withdrawn is not None and record.withdrawn.cause == "disagreement"
    await stage.publish(topics.general, *windows("late", 1, *FAILED, *OPENED))
    await until(lambda: anomalies(stage, "late"), 20)
