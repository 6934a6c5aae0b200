"""The notify worker as a process, on Apache Kafka, with a real HTTP server for a target."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from fusionlog.incidents import group
from fusionlog.records import Incident
from tests.agents.stage import Stage, Worker, until
from tests.factories import make_anomaly
from tests.incidents.notifications.factories import HttpTarget, http_target
from tests.workers.dead_letters import read_headers

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SECONDS = 120.0


@pytest.fixture
def server() -> Iterator[HttpTarget]:
    with http_target() as found:
        yield found


def incident(number: int, **fields: Any) -> Incident:
    now = time.time()
    (made,) = group([make_anomaly("disk failed", first_offset=number, started=now - 1, ended=now)])
    return replace(made, **fields)


async def sent(server: HttpTarget, number: int, worker: Worker) -> list[tuple[str, str]]:
    """Incident and change of each request, once there are so many."""
    await until(lambda: len(server.got) >= number, SECONDS, lambda: worker.log.read_text()[-3000:])
    return [(each.json["incident"]["id"], each.json["change"]) for each in server.got]


async def noted(stage: Stage, number: int, worker: Worker) -> None:
    async def all_are() -> bool:
        return len(await stage.records(stage.settings.topics.notifications)) >= number

    await until(all_are, SECONDS, lambda: worker.log.read_text()[-3000:])


async def test_killed_restarted_and_taken_over_it_sends_nothing_twice(
    stage_without_model: Stage, server: HttpTarget
) -> None:
    stage, topic = stage_without_model, stage_without_model.settings.topics.incidents
    url = f"{server.url}/hook/secret-token"
    (stage.directory / "notifications.yaml").write_text(f"hook: {{type: webhook, url: '{url}', per_minute: 6000}}")
    never = {"FUSIONLOG_INGEST__COMMIT_SECONDS": "600"}
    one, two, three = (incident(number) for number in range(3))
    await stage.publish(topic, one, two)
    worker = await stage.worker("notify", **never)
    first = [(one.id, "opened"), (two.id, "opened")]
    assert sorted(await sent(server, 2, worker)) == sorted(first)
    await noted(stage, 2, worker)
    await worker.kill()

    server.answers = [(503, "busy", {}), (400, "no_field", {})]
    worker = await stage.worker("notify", **never)
    await stage.publish(topic, replace(one, status="resolved", change="resolved"), replace(two, anomalies=9))
    await sent(server, 4, worker)
    assert [each for each in await sent(server, 4, worker) if each[0] == two.id] == [(two.id, "opened")]
    letters = stage.settings.topics.deadletter

    async def given_up() -> bool:
        return bool(await stage.records(letters))

    await until(given_up, SECONDS, lambda: worker.log.read_text()[-3000:])
    (letter,) = [read_headers(each.headers) for each in await stage.records(letters)]
    assert (letter["reason"], letter["stage"], letter["replayable"]) == ("not-delivered", "notify", "no")
    assert worker.metrics()["fusionlog_notifications_given_up"] == 1

    standby = await stage.worker("notify")
    await until(lambda: '"started"' in standby.log.read_text(), SECONDS, standby.log.read_text)
    assert await worker.stop() == 0
    assert (await sent(server, 5, standby))[-1] == (one.id, "resolved")
    await stage.publish(topic, three)
    assert (await sent(server, 6, standby))[-1] == (three.id, "opened")
    await noted(stage, 4, standby)
    assert standby.metrics()["fusionlog_notification_target_up"] == 1
    assert await standby.stop() == 0
    assert len(server.got) == 6
    assert not any("secret-token" in each.log.read_text() for each in stage.workers)
