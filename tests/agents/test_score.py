"""The score worker as a process, on Apache Kafka."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from fusionlog.records import Anomaly, Route, Window
from tests.agents.stage import Stage, until
from tests.factories import make_label, make_window
from tests.workers.dead_letters import read_headers

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

FINE, BROKEN = ("connection opened", "connection closed"), ("connection opened", "disk failed")


def window(number: int, *texts: str) -> Window:
    route = Route(kind="general", similarity=1.0, threshold=0.8)
    return make_window(*texts, session=f"s{number}", first_offset=number * 10, route=route)


async def anomalies(stage: Stage) -> list[Anomaly]:
    found = await stage.records(stage.settings.topics.anomalies)
    return [msgspec.json.decode(record.value, type=Anomaly) for record in found]


async def scored(stage: Stage, count: int) -> None:
    worker = stage.workers[-1]

    async def enough() -> bool:
        return worker.metrics().get("fusionlog_windows_scored", 0) >= count

    await worker.logged("started")
    await until(enough, 30, lambda: worker.log.read_text()[-2000:])


async def test_verdicts_of_model_and_teacher_and_garbage_between(stage: Stage) -> None:
    topics, bad = stage.settings.topics, window(1, *BROKEN)
    taught, cleared = window(2, "connection closed"), window(3, "disk failed")
    await stage.publish(topics.labels, make_label(taught, 0.9, events=[]), make_label(cleared, 0.1, events=[]))
    await stage.publish(topics.general, window(0, *FINE), bad)
    await stage.publish_raw(topics.general, b"{broken")
    await stage.publish(topics.general, taught, cleared)
    worker = await stage.worker("score")
    await scored(stage, 4)
    by_model, by_teacher = sorted(await anomalies(stage), key=lambda each: each.by)
    assert (by_model.id, by_model.by, by_model.verdict_source) == (bad.id, "model", stage.release().version)
    assert by_model.evidence[0].text == "disk failed" and "disk failed" in by_model.reason
    assert by_model.score == by_model.evidence[0].probability == pytest.approx(0.707, abs=0.01)
    assert (by_teacher.id, by_teacher.by, by_teacher.verdict_source) == (taught.id, "teacher", "test")
    (letter,) = await stage.records(topics.deadletter)
    headers = read_headers(letter.headers)
    assert (letter.value, headers["stage"], headers["reason"]) == (b"{broken", "score", "not-json")
    assert headers["topic"] == topics.general.name
    assert await worker.stop() == 0


async def test_a_window_unlike_all_that_were_judged_goes_on_to_the_teacher(stage: Stage) -> None:
    await stage.publish(stage.settings.topics.general, window(0, *BROKEN))
    worker = await stage.worker("score", FUSIONLOG_SECOND_OPINION__SHARE="0.1")
    await worker.logged("started")
    await until(lambda: worker.metrics().get("fusionlog_windows_second_opinion") == 1, 30)

    async def asked() -> list[Window]:
        found = await stage.records(stage.settings.topics.proprietary)
        return [msgspec.json.decode(record.value, type=Window) for record in found]

    await until(asked, 10)
    (only,) = await asked()
    assert only.route is not None
    assert only.session == "s0" and only.route.acquisition_score == pytest.approx(2.0)
    assert await anomalies(stage) == [] and worker.metrics().get("fusionlog_windows_scored", 0) == 0


async def test_killed_midway_no_window_is_lost(stage: Stage) -> None:
    windows = [window(number, *BROKEN) for number in range(3000)]
    await stage.publish(stage.settings.topics.general, *windows[:2500])
    slow = {"FUSIONLOG_SCORE__BATCH_WINDOWS": "20"}
    worker = await stage.worker("score", **slow)
    await worker.logged("started")
    await until(lambda: worker.metrics().get("fusionlog_windows_scored", 0) > 100, 30)
    await worker.kill()
    assert 0 < len(await anomalies(stage)) < 2500
    worker = await stage.worker("score", **slow)
    await worker.logged("started")
    await stage.worker("score")  # its joining moves partitions while the first one works
    await stage.publish(stage.settings.topics.general, *windows[2500:])

    async def all_said() -> bool:
        return {each.id for each in await anomalies(stage)} == {each.id for each in windows}

    await until(all_said, 40, lambda: worker.log.read_text()[-2000:])


async def test_stopped_midway_no_window_is_lost(stage: Stage) -> None:
    windows = [window(number, *BROKEN) for number in range(2000)]
    await stage.publish(stage.settings.topics.general, *windows)
    worker = await stage.worker("score", FUSIONLOG_SCORE__BATCH_WINDOWS="20")
    await worker.logged("started")
    await until(lambda: worker.metrics().get("fusionlog_windows_scored", 0) > 100, 30)
    assert await worker.stop() == 0
    assert len(await anomalies(stage)) < 2000
    worker = await stage.worker("score")

    async def all_said() -> bool:
        return {each.id for each in await anomalies(stage)} == {each.id for each in windows}

    await until(all_said, 40, lambda: worker.log.read_text()[-2000:])


async def test_a_new_release_is_swapped_in_and_an_altered_one_refused(stage: Stage) -> None:
    await stage.publish(stage.settings.topics.general, window(0, *BROKEN))
    worker = await stage.worker("score")
    await scored(stage, 1)
    altered = msgspec.structs.replace(stage.release("shop", created=3500.0, version="v1"), threshold=0.99)
    await stage.publish(stage.settings.topics.models, altered)
    newer = stage.release("shop", created=4000.0, version="v2", threshold=0.95)
    await stage.publish(stage.settings.topics.models, newer)
    await until(lambda: "v2" in worker.log.read_text(), 10, worker.log.read_text)
    await stage.publish(stage.settings.topics.general, window(1, *BROKEN))
    await scored(stage, 2)
    assert [each.session for each in await anomalies(stage)] == ["s0"]
    found = worker.metrics()
    assert (found["fusionlog_model_swaps"], found["fusionlog_models_refused"]) == (1, 1)


async def test_no_kafka_is_one_sentence(stage: Stage) -> None:
    worker = await stage.worker("score", FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:1")
    await worker.logged("the worker waits for Kafka")
    assert await worker.stop() == 0
    said = worker.log.read_text()
    assert said.count("Kafka does not answer at 127.0.0.1:1") == 1 and "Traceback" not in said


async def test_fausts_own_command_starts_one(stage: Stage) -> None:
    await stage.publish(stage.settings.topics.general, window(0, *BROKEN))
    process = await stage.faust("agents.score")
    try:

        async def said() -> bool:
            return len(await anomalies(stage)) == 1

        await until(said, 40)
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 30)
