"""A flood of lines that would fill a worker's memory, or keep it busy for ever, on Apache Kafka."""

from __future__ import annotations

import pytest

from tests.agents.stage import Stage, until
from tests.agents.test_ingest import conserved
from tests.workers.dead_letters import read_headers

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SYSTEMS = r"""
shop:
  session: "begin.*?middle.*?endx|s=(\\w+)"
  window: {by: session, idle_seconds: 30, max_events: 50}
  masks: {order: "order-[0-9]+"}
"""
SLOW = "begin middle " * 4000


async def test_lines_that_keep_an_expression_busy_are_dead_letters_and_the_others_windows(stage: Stage) -> None:
    (stage.directory / "systems.yaml").write_text(SYSTEMS)
    lines = [(f"k{number}", f"s=k{number} disk failed {SLOW if number % 3 == 0 else ''}") for number in range(90)]
    await stage.write(lines)
    worker = await stage.worker("ingest", FUSIONLOG_INGEST__EXPRESSION_SECONDS="0.2")
    await worker.logged("partitions taken over")

    def done() -> bool:
        found = worker.metrics()
        return found.get("fusionlog_lines_windowed", 0) == 60 and found.get("fusionlog_lines_dead_lettered", 0) == 30

    await until(done, 60, lambda: (worker.metrics(), worker.log.read_text()[-2000:]))
    assert conserved(worker)
    found = [read_headers(each.headers) for each in await stage.records(stage.settings.topics.deadletter)]
    assert {each["reason"] for each in found} == {"slow-expression"}
    assert all(each["detail"].startswith("session begin.*?middle") for each in found)
    assert await worker.stop() == 0


async def test_a_flood_of_session_keys_is_windows_not_memory(stage: Stage) -> None:
    await stage.write([(f"k{number}", f"s=k{number} connection opened") for number in range(3000)])
    worker = await stage.worker(
        "ingest", FUSIONLOG_INGEST__MAX_OPEN_SESSIONS="100", FUSIONLOG_INGEST__SILENCE_SECONDS="600"
    )
    await worker.logged("partitions taken over")
    await until(lambda: worker.metrics().get("fusionlog_lines_windowed", 0) == 2800, 60, worker.log.read_text)
    assert worker.metrics()["fusionlog_lines_open"] == 200 and worker.metrics()["fusionlog_sessions_overflowed"] == 2800
    assert conserved(worker)
    assert {window.closed_by for window in await stage.windows()} == {"overflow"}
    assert "sessions were closed early" in worker.log.read_text()
