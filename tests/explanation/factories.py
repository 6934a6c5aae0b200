"""An endpoint that explains, and explanations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fusionlog.records import Anomaly, ExplainedLine, Explanation
from tests.teachers.fake_endpoint import FakeEndpoint, Reply, fake_endpoint

BARE_OBJECT = Reply(change=lambda answers: answers[0])


def asked(request: dict[str, Any]) -> dict[str, Any]:
    """The session that a request is about: the JSON object that its last message ends with."""
    found: dict[str, Any] = json.loads(request["messages"][-1]["content"].splitlines()[-1])
    return found


def explained(request: dict[str, Any]) -> list[dict[str, Any]]:
    """It blames the lines that speak of a failure, else the last one."""
    events = asked(request)["events"]
    bad = [event["id"] for event in events if "failed" in event["text"]] or [events[-1]["id"]]
    return [{"root_cause": f"event {bad[0]} tells of it", "evidence": bad, "next_step": "look at the disk"}]


def but(**fields: Any) -> Reply:
    """The same with other fields; None takes one out."""
    return Reply(change=lambda answers: {k: v for k, v in {**answers[0], **fields}.items() if v is not None})


@contextmanager
def explaining_endpoint() -> Iterator[FakeEndpoint]:
    with fake_endpoint() as server:
        server.answers, server.otherwise = explained, BARE_OBJECT
        yield server


def make_explanation(anomaly: Anomaly, **fields: Any) -> Explanation:
    lines = [ExplainedLine(template=each.template, line=each.example, count=each.count) for each in anomaly.events]
    values: dict[str, Any] = {
        "system": anomaly.system, "shape": anomaly.shape, "anomaly": anomaly.id, "session": anomaly.session,
        "score": anomaly.score, "cause": "the disk broke", "evidence": lines, "next_step": "replace it",
        "explained_by": "llm:tiny", "calls": 1, "tokens": 110, "explained_at": 3000.0,
    }  # fmt: skip
    return Explanation(**{**values, **fields})
