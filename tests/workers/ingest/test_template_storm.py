"""Two systems of one worker, of which one writes a new template with every line."""

from __future__ import annotations

import asyncio
import random
import time

from aiokafka import TopicPartition
from msgspec.structs import replace
from prometheus_client import REGISTRY

from fusionlog.records import Route, Template, Window
from fusionlog.settings import IngestSettings, Settings, SystemSettings, WindowSettings
from fusionlog.workers.ingest.pipeline import IngestPipeline
from tests.workers.memory import MemoryProducer, Message

NEW_TEMPLATES = 40
LINES = 4_000


def unmined(system: str) -> float:
    return REGISTRY.get_sample_value("fusionlog_lines_unmined_total", {"system": system}) or 0.0


async def storm() -> tuple[IngestPipeline, MemoryProducer, Settings]:
    settings = Settings(ingest=IngestSettings(new_templates=NEW_TEMPLATES))
    system = SystemSettings(window=WindowSettings(by="count", size=100), multiline=False)
    settings.__dict__["systems"] = {"storm": system, "calm": system}
    producer, source = MemoryProducer(), random.Random(1)
    route = Route(kind="general", similarity=1.0, threshold=0.8)
    pipeline = IngestPipeline(settings, producer, lambda window: replace(window, route=route), [])  # type: ignore[arg-type]
    lines = {
        "calm": [f"order {number} accepted by till {number % 7}" for number in range(LINES)],
        "storm": [" ".join("".join(source.choices("abcdefgh", k=9)) for _ in range(4)) for _ in range(LINES)],
    }
    for name, written in lines.items():
        place = TopicPartition(f"logs.raw.{name}", 0)
        pipeline.open(place, 0, ())
        records = [
            Message(line.encode(), offset=n, timestamp=int(1000 * time.time())) for n, line in enumerate(written)
        ]
        await pipeline.take(place, records)
    return pipeline, producer, settings


def test_a_storm_is_one_event_a_metric_and_a_warning_and_the_other_system_has_none() -> None:
    before = {name: unmined(name) for name in ("storm", "calm")}
    pipeline, producer, settings = asyncio.run(storm())
    templates = [each for each in producer.of(settings.topics.templates, Template) if each.system == "storm"]  # type: ignore[union-attr]
    allowed = NEW_TEMPLATES + LINES // 100 + 1
    assert len(templates) <= allowed + 1
    assert "<*>" in {each.text for each in templates}, "the catch-all is an event as any other"
    assert LINES - allowed <= unmined("storm") - before["storm"] < LINES
    assert unmined("calm") == before["calm"]
    windows = producer.of(settings.topics.general, Window)
    calm = [each for each in windows if each.system == "calm"]  # type: ignore[union-attr]
    assert {event.text for each in calm for event in each.events} == {"order <NUM> accepted by till <NUM>"}  # type: ignore[union-attr]
    warnings, _ = pipeline._reports["storm"].due(0.0)
    assert any("lines have the catch-all event <*>" in warning for warning in warnings)
    assert not any("catch-all" in warning for warning in pipeline._reports["calm"].due(0.0)[0])
