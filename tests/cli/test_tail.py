"""`fusionlog tail`: what it prints of anomalies, and, on Apache Kafka, which ones."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from fusionlog import settings as environment
from fusionlog.cli import tail
from fusionlog.cli.main import app
from fusionlog.errors import SettingError
from fusionlog.kafka import codecs, table
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.producer import Producer
from fusionlog.records import Anomaly, Evidence, Incident
from fusionlog.settings import Settings
from fusionlog.topics import CANARY
from tests.factories import make_anomaly
from tests.incidents.notifications.factories import make_incident

MISSING = Evidence(
    template="t", text="payment accepted", example="", count=0, absent=True, share=0.99, windows=200, beside="reserved"
)
FOUND = [
    replace(make_anomaly("disk failed"), title="\x1b[31mdisk failed", severity="error", hosts=["web-1"]),
    replace(make_anomaly("disk full", system="mill"), evidence=[MISSING], provisional=True),
    make_anomaly("disk lost", system=CANARY),
]


def shown(monkeypatch: pytest.MonkeyPatch, *words: str, found: list[Anomaly] = FOUND) -> tuple[str, str]:
    async def read(_: object) -> list[Anomaly]:
        return found

    monkeypatch.setattr(tail, "_read", read)
    done = CliRunner().invoke(app, ["tail", *words])
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


def test_an_anomaly_has_its_severity_title_reasons_lines_and_state(monkeypatch: pytest.MonkeyPatch) -> None:
    text, _ = shown(monkeypatch)
    assert "ERROR     shop  ?[31mdisk failed" in text and "\x1b" not in text, "a line steers the terminal"
    assert ", on web-1" in text and "1 x disk failed" in text
    assert "missing: payment accepted (in 99 % of 200 windows with 'reserved')" in text
    assert f"{FOUND[1].id} provisional" in text and "disk lost" not in text, "the canary is no news"


def test_of_one_system_so_many_and_as_records(monkeypatch: pytest.MonkeyPatch) -> None:
    text, _ = shown(monkeypatch, "--system", "mill", "--limit", "1", "--json")
    assert json.loads(text)["system"] == "mill"
    assert msgspec.json.decode(text, type=Anomaly) == FOUND[1]


def test_without_any_it_names_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, "--system", "farm", found=[]) == (
        "",
        "no anomaly of farm yet; add --follow to wait for one\n",
    )


def test_a_misspelt_system_is_no_system_without_anomalies(monkeypatch: pytest.MonkeyPatch) -> None:
    async def read(_: object) -> list[Anomaly]:
        return FOUND

    monkeypatch.setattr(tail, "_read", read)
    done = CliRunner().invoke(app, ["tail", "--system", "mil"])
    assert isinstance(done.exception, SettingError) and "did you mean mill?" in str(done.exception)


@pytest.mark.kafka
def test_the_last_record_of_an_id_counts_and_withdrawn_ones_are_left_out(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_anomaly("disk failed", score=0.9), make_anomaly("disk full", score=0.8, first_offset=10)
    records = (replace(first, provisional=True), second, first, replace(second, withdrawn=True))

    async def publish() -> None:
        await create_topics(kafka_settings)
        producer = Producer(kafka_settings)
        await producer.start()
        for each in records:
            await (await producer.send(kafka_settings.topics.anomalies, codecs.key_of(each), each))
        await producer.stop()

    asyncio.run(publish())
    monkeypatch.setattr(environment, "load", lambda: kafka_settings)
    done = CliRunner().invoke(app, ["tail", "--json"])
    assert [msgspec.json.decode(line, type=Anomaly) for line in done.stdout.splitlines()] == [first]


def test_incidents_are_shown_as_they_are_now_and_of_one_system(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = make_incident(1), make_incident(2, systems=["mill"], title="\x1b[31mfull")

    async def read(*_: object) -> list[tuple[str, Incident]]:
        return [(each.id, each) for each in (one, two)]

    monkeypatch.setattr(table, "read_all", read)
    text = CliRunner().invoke(app, ["tail", "--incidents"]).stdout
    assert one.id in text and "mill: ?[31mfull" in text and "\x1b" not in text
    found = CliRunner().invoke(app, ["tail", "--incidents", "--system", "mill", "--json"]).stdout
    assert msgspec.json.decode(found, type=Incident) == two
    error = CliRunner().invoke(app, ["tail", "--incidents", "--system", "mil"]).exception
    assert isinstance(error, SettingError) and "did you mean mill?" in str(error)


@pytest.mark.kafka
async def test_each_change_of_an_incident_comes_but_not_each_anomaly(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await create_topics(kafka_settings)
    one, lines = make_incident(1), []
    monkeypatch.setattr(tail, "_print", lambda record, json, words: lines.append(record.change))
    producer = Producer(kafka_settings)
    await producer.start()

    async def write(*incidents: Incident) -> None:
        for each in incidents:
            await (await producer.send(kafka_settings.topics.incidents, each.id, each))

    task = asyncio.create_task(tail._tail_incidents(kafka_settings, None, 10, True, False))
    async with asyncio.timeout(60):
        while "resolved" not in lines:
            await write(one, replace(one, change="updated"), replace(one, change="resolved", status="resolved"))
            await asyncio.sleep(0.3)
    task.cancel()
    await producer.stop()
    assert "opened" in lines and "updated" not in lines
