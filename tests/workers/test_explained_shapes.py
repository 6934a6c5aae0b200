"""Which shapes have an explanation."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from fusionlog.explanation.priority_pool import key_of
from fusionlog.kafka import codecs
from fusionlog.settings import Settings
from fusionlog.workers import explained_shapes
from fusionlog.workers.explained_shapes import ExplainedShapes
from tests.explanation.factories import make_explanation
from tests.factories import make_anomaly


class MemoryTable:
    """A table whose start reads what is in `before`."""

    def __init__(self, settings: Settings, topic: object, on_record: object, refused: object) -> None:
        self.before, self.on_record = [], on_record

    async def start(self) -> None:
        for each in self.before:
            self.tell(each)

    async def stop(self) -> None: ...

    def tell(self, explanation) -> None:
        self.on_record(codecs.key_of(explanation), explanation)


async def test_what_was_read_and_what_follows_counts_and_a_tombstone_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explained_shapes, "Table", MemoryTable)
    shapes = ExplainedShapes(Settings())
    table = shapes._table
    old, new = (make_anomaly(text) for text in ("disk failed", "disk lost"))
    table.before = [make_explanation(old)]
    await shapes.start()
    assert key_of(old) in shapes and key_of(new) not in shapes
    table.tell(make_explanation(new))
    assert key_of(new) in shapes
    table.on_record(codecs.key_of(make_explanation(old)), None)
    assert key_of(old) not in shapes
    shapes.add(key_of(old))
    assert key_of(old) in shapes
    await shapes.stop()


async def test_an_explanation_is_that_of_its_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explained_shapes, "Table", MemoryTable)
    found: list[str] = []
    shapes = ExplainedShapes(Settings(), of_incident=found.append)
    for incident in ("i1", None):
        shapes._table.tell(replace(make_explanation(make_anomaly("disk failed")), incident=incident))
    assert found == ["i1"]


def test_so_many_shapes_are_kept_and_the_latest_ones_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explained_shapes, "KEPT_SHAPES", 100)
    shapes = ExplainedShapes(Settings())
    for number in range(10_000):
        shapes.add(("shop", str(number)))
    assert ("shop", "9999") in shapes and ("shop", "9900") in shapes and ("shop", "0") not in shapes
    assert len(shapes._shapes) <= 200
