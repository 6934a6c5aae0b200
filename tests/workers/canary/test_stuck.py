"""The sentence on where the canary is stuck, by what groups have committed. With Kafka: tests/agents/test_canary.py."""

from __future__ import annotations

from typing import Literal

import pytest

from fusionlog.settings import Settings
from fusionlog.workers.canary.sessions import Session
from fusionlog.workers.canary.stuck import Problem, Readers, find, stuck
from fusionlog.workers.canary.watch import Sent

SENT = Sent(Session(1.0, "anomaly", "me"), 0.0, (("logs.raw.fusionlog-canary", 2), 41))


def readers(role: Literal["ingest", "score", "label"], behind: int, members: int = 1, begun: bool = True) -> Readers:
    return Readers(role, f"fusionlog.{role}", members, begun, behind)


@pytest.mark.parametrize(
    ("ingest", "deciding", "stage", "text"),
    [
        (readers("ingest", 3, 0), readers("score", 0), "ingest", "no ingest worker runs (group fusionlog.ingest"),
        (readers("ingest", 42, 2, False), readers("score", 0), "ingest", "with FUSIONLOG_CANARY__SECONDS, too"),
        (readers("ingest", 3, 2), readers("score", 9), "ingest", "have 3 records left up to it"),
        (readers("ingest", 0), readers("score", 9, 0), "score", "cut to a window, and no score worker runs"),
        (readers("ingest", 0), readers("label", 9), "label", "the label workers (group fusionlog.label) have 9"),
        (readers("ingest", 0), readers("score", 0), "verdict", "handled by the score workers, which reported no"),
    ],
)
def test_the_first_group_that_is_behind_is_where_it_is_stuck(
    ingest: Readers, deciding: Readers, stage: str, text: str
) -> None:
    found = stuck(SENT, ingest, deciding)
    assert found.stage == stage
    assert text in found.text
    assert "logs.raw.fusionlog-canary/2 at 41" in found.text


async def test_kafka_that_does_not_answer_is_named() -> None:
    away = Settings(kafka={"bootstrap_servers": "127.0.0.1:1"})
    found = await find(away, SENT)
    assert isinstance(found, Problem)
    assert found.stage == "unknown" and "is not known: Kafka at 127.0.0.1:1" in found.text
