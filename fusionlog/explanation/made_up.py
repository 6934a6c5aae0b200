"""A made-up anomaly: it tests an endpoint without a line of any system, so that no line can have swayed the answer."""

from __future__ import annotations

from fusionlog.records import Anomaly, Route, WindowEvent, template_id

_TEXTS = ("order opened", "payment refused: the bank does not answer", "order cancelled")

ANOMALY = Anomaly(
    id="made-up",
    system="made-up",
    session="made-up",
    shape="made-up",
    score=0.9,
    threshold=0.5,
    verdict_source="made-up",
    by="model",
    reason="an order was cancelled",
    evidence=[],
    route=Route(kind="general", similarity=1.0, threshold=1.0),
    topic="made-up",
    partition=0,
    first_offset=0,
    last_offset=2,
    started=0.0,
    ended=1.0,
    detected_at=1.0,
    events=[WindowEvent(template=template_id(text), text=text, example=text, count=1) for text in _TEXTS],
)
