"""The label worker as a process, on Apache Kafka, with the offline teacher."""

from __future__ import annotations

import msgspec
import pytest

from fusionlog.records import Anomaly, PseudoLabel, Route, Window
from tests.agents.stage import Stage, until
from tests.factories import make_window

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


async def test_windows_become_labels_and_anomalies_once_there_is_a_base_model(stage_without_model: Stage) -> None:
    stage = stage_without_model
    route = Route(kind="proprietary", similarity=0.1, threshold=0.8)
    texts = [("user greeted kindly",), ("payment refused: error",), ("payment refused: error",), ("connection opened",)]
    windows = [make_window(*each, session=f"s{n}", first_offset=n * 10, route=route) for n, each in enumerate(texts)]
    await stage.publish(stage.settings.topics.proprietary, *windows)
    worker = await stage.worker("label")
    await worker.says("no LLM is asked")
    await worker.says("waits for a base model")
    await stage.publish(stage.settings.topics.models, stage.release())

    async def said() -> bool:
        return worker.metrics().get("fusionlog_windows_labelled") == 3

    await worker.says("started")
    await until(said, 30, lambda: worker.log.read_text()[-3000:])
    labels = [
        msgspec.json.decode(record.value, type=PseudoLabel)
        for record in await stage.records(stage.settings.topics.labels)
    ]
    assert {(label.shape, label.probability > 0.5, label.teacher) for label in labels} == {
        (windows[0].shape, False, "offline"), (windows[1].shape, True, "offline"),
    }  # fmt: skip
    found = [
        msgspec.json.decode(record.value, type=Anomaly)
        for record in await stage.records(stage.settings.topics.anomalies)
    ]
    assert {(each.id, each.by) for each in found} == {(windows[1].id, "teacher"), (windows[2].id, "teacher")}
    general = [
        msgspec.json.decode(record.value, type=Window) for record in await stage.records(stage.settings.topics.general)
    ]
    assert [window.id for window in general] == [windows[3].id], "what the base model knows needs no teacher"
    assert await worker.stop() == 0


async def test_sigterm_ends_a_worker_that_still_waits(stage_without_model: Stage) -> None:
    worker = await stage_without_model.worker("label")
    await worker.says("waits for a base model")
    assert await worker.stop() == 0
