"""`fusionlog.client`: each anomaly once, changes of its verdict, from where a program stopped; on Kafka."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from fusionlog.client import Anomalies, Incidents
from fusionlog.incidents import group
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.codecs import key_of
from fusionlog.kafka.producer import Producer
from fusionlog.records import Anomaly, Incident
from fusionlog.settings import Settings
from fusionlog.topics import CANARY
from tests.factories import make_anomaly

pytestmark = pytest.mark.kafka

FIRST, SECOND, THIRD = (
    replace(make_anomaly("disk failed", first_offset=number), id=f"a{number}", severity="error") for number in (1, 2, 3)
)


async def write(settings: Settings, *anomalies: Anomaly) -> None:
    producer = Producer(settings)
    await producer.start()
    for each in anomalies:
        await (await producer.send(settings.topics.anomalies, key_of(each), each, partition=0))
    await producer.stop()


async def take(settings: Settings, number: int, **options: object) -> list[Anomaly]:
    """So many anomalies of a program that handles each, and then ends."""
    found: list[Anomaly] = []
    async with asyncio.timeout(60), Anomalies("pager", settings, **options) as anomalies:  # type: ignore[arg-type]
        async for anomaly in anomalies:
            if len(found) == number:
                break  # This one was not handled: it comes again.
            found.append(anomaly)
    return found


async def test_each_anomaly_comes_once_and_a_program_goes_on_where_it_stopped(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    canary, minor = replace(FIRST, id="c", system=CANARY), replace(FIRST, id="i", severity="info")
    await write(kafka_settings, canary, FIRST, replace(FIRST, detected_at=9.0), minor, SECOND, THIRD)
    assert await take(kafka_settings, 2, least="error") == [FIRST, SECOND]
    again = replace(FIRST, detected_at=10.0)
    await write(kafka_settings, again, replace(THIRD, id="last"))
    found = await take(kafka_settings, 1, least="error")
    assert [each.id for each in found] == ["a3"], "neither the handled ones nor the repeat of one"


async def test_a_verdict_that_changes_comes_again(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    provisional = replace(FIRST, provisional=True)
    gone = replace(FIRST, withdrawn=True, severity="info")
    await write(kafka_settings, provisional, FIRST, FIRST, gone, SECOND)
    found = await take(kafka_settings, 3, least="error", systems=["shop"])
    assert [(each.id, each.provisional, each.withdrawn) for each in found] == [
        ("a1", True, False), ("a1", False, False), ("a1", False, True),
    ]  # fmt: skip


async def test_a_record_that_is_no_anomaly_stops_nothing(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    producer = Producer(kafka_settings)
    await producer.start()
    await (await producer.send_raw(kafka_settings.topics.anomalies, b"k", b"{broken", partition=0))
    await producer.stop()
    await write(kafka_settings, FIRST, SECOND)
    assert await take(kafka_settings, 1) == [FIRST]


async def take_incidents(settings: Settings, number: int, **options: object) -> list[Incident]:
    """So many incidents of a program that handles each, and then ends."""
    found: list[Incident] = []
    async with asyncio.timeout(60), Incidents("pager", settings, **options) as incidents:  # type: ignore[arg-type]
        async for incident in incidents:
            if len(found) == number:
                break
            found.append(incident)
    return found


async def write_incidents(settings: Settings, *incidents: Incident | None, key: str = "") -> None:
    producer = Producer(settings)
    await producer.start()
    for each in incidents:
        await (await producer.send(settings.topics.incidents, key if each is None else key_of(each), each))
    await producer.stop()


async def test_an_incident_comes_with_its_changes_and_not_with_each_anomaly(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    (one,) = group([FIRST])
    (other,) = group([THIRD])
    worse, over = replace(one, severity="critical", anomalies=3), replace(one, status="resolved", severity="critical")
    minor = replace(other, id="minor", severity="warning")
    gone = replace(minor, status="withdrawn", severity="info")
    await write_incidents(
        kafka_settings, replace(one, severity="error"), minor, replace(one, severity="error", anomalies=2), worse, over
    )
    await write_incidents(kafka_settings, None, key=one.id)
    await write_incidents(kafka_settings, gone, replace(other, severity="error"))
    found = await take_incidents(kafka_settings, 4, least="error")
    assert [(each.id, each.status, each.severity) for each in found] == [
        (one.id, "open", "error"), (one.id, "open", "critical"), (one.id, "resolved", "critical"),
        ("minor", "withdrawn", "info"),
    ]  # fmt: skip
    await write_incidents(kafka_settings, over, replace(other, severity="critical"))
    assert [each.id for each in await take_incidents(kafka_settings, 1, least="error")] == [other.id]
