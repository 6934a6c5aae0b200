"""Records for tests: a small vocabulary, every field overridable, nothing downloaded."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec.structs import replace

from fusionlog import releases
from fusionlog.records import (
    Anomaly,
    BankEvent,
    EventLabel,
    Feedback,
    Lineage,
    LogisticRegression,
    ModelRelease,
    PseudoLabel,
    Revocation,
    Window,
    WindowEvent,
    Withdrawal,
    template_id,
    window_id,
    window_shape,
)
from fusionlog.workers.anomaly_record import by_model


def make_event(text: str = "connection opened", count: int = 1, example: str | None = None) -> WindowEvent:
    return WindowEvent(template=template_id(text), text=text, example=example or text, count=count)


def make_window(
    *texts: str, system: str = "shop", session: str = "s1", partition: int = 0, first_offset: int = 0, **fields: Any
) -> Window:
    """A window whose lines are `texts`, in order; repeated texts are one event with a count."""
    lines = list(texts or ("connection opened", "connection closed"))
    distinct = list(dict.fromkeys(lines))
    events = [make_event(text, lines.count(text)) for text in distinct]
    topic, last = f"logs.raw.{system}", first_offset + len(lines) - 1
    values: dict[str, Any] = {
        "id": window_id(topic, partition, (first_offset, 0), (last, 0), session),
        "system": system,
        "session": session,
        "shape": window_shape((event.template, event.count) for event in events),
        "topic": topic,
        "partition": partition,
        "first_offset": first_offset,
        "last_offset": last,
        "started": 1000.0,
        "ended": 1000.0 + len(lines),
        "closed_by": "idle",
        "events": events,
        "sequence": [distinct.index(text) for text in lines],
    }
    return Window(**{**values, **fields})


def make_label(window: Window, probability: float = 0.9, **fields: Any) -> PseudoLabel:
    """A pseudo-label of a window that gives every event of it the window's probability."""
    events = [
        EventLabel(template=event.template, text=event.text, count=event.count, probability=probability)
        for event in window.events
    ]
    values: dict[str, Any] = {
        "system": window.system,
        "shape": window.shape,
        "probability": probability,
        "confidence": max(probability, 1 - probability),
        "reason": "because",
        "events": events,
        "teacher": "test",
        "window": window.id,
        "labelled_at": 2000.0,
    }
    return PseudoLabel(**{**values, **fields})


def make_revoked(label: PseudoLabel, *texts: str, at: float = 3000.0) -> PseudoLabel:
    """A label as an operator revoked it: by its shape, or by these events."""
    templates = [template_id(text) for text in texts]
    return replace(label, events=[], revoked=Revocation(by="ann", at=at, templates=templates, events=label.events))


def make_anomaly(
    *texts: str, score: float = 0.9, system: str = "shop", first_offset: int = 0, **fields: Any
) -> Anomaly:
    """What a model found in a window with these lines."""
    window = make_window(*texts, system=system, session=f"s{first_offset}", first_offset=first_offset)
    found = by_model(window, score, 0.5, {event.template: score for event in window.events}, "m1", 2000.0)
    return replace(found, **fields)


def make_feedback(anomaly: Anomaly, **fields: Any) -> Feedback:
    """A dismissal of an anomaly's shape, by ann."""
    events = [
        EventLabel(template=event.template, text=event.text, count=event.count, probability=0.0)
        for event in anomaly.events
    ]
    values = {"verdict": "dismiss", "by": "ann", "at": 2500.0, "events": events}
    return Feedback(anomaly=anomaly.id, system=anomaly.system, shape=anomaly.shape, **{**values, **fields})


def make_regression(
    surprisal: float = 1.0, rarity: float = 1.0, failure: float = 1.0, transferred: float = 1.0, intercept: float = -2.5
) -> LogisticRegression:
    return LogisticRegression(
        surprisal=surprisal, rarity=rarity, failure=failure, transferred=transferred, intercept=intercept
    )


def make_release(*bank: tuple[str, float], system: str = "shop", **fields: Any) -> ModelRelease:
    """A release without a network, not signed; its bank is (text, probability) pairs with one-hot vectors."""
    pairs = bank or (("connection opened", 0.0), ("disk failed", 1.0))
    events = [
        BankEvent(system=system, template=template_id(text), text=text, probability=probability)
        for text, probability in pairs
    ]
    values: dict[str, Any] = {
        "system": system,
        "version": releases.new_version(fields.get("created", 3000.0), system),
        "created": 3000.0,
        "detector": "set",
        "encoder": "test",
        "onnx": b"",
        "bank": events,
        "vectors": releases.pack_vectors(np.eye(len(events), dtype=np.float32)),
        "threshold": 0.5,
        "tau": 0.8,
        "lineage": Lineage(),
    }
    return ModelRelease(**{**values, **fields})


def make_withdrawn(release: ModelRelease, **fields: Any) -> ModelRelease:
    """A release as a guard withdrew it, without a key."""
    values = {
        "system": "shop",
        "at": 4000.0,
        "cause": "share",
        "reason": "60 of 60 windows",
        "previous": "v0",
        **fields,
    }
    return releases.sealed(replace(release, withdrawn=Withdrawal(**values)))
