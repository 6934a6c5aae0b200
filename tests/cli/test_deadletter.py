"""`fusionlog deadletter`, on Apache Kafka."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from typer.testing import CliRunner, Result

from fusionlog import settings as environment
from fusionlog.cli.main import app
from fusionlog.errors import RecordError
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.codecs import dead_letter_headers
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import newest
from fusionlog.settings import Settings

pytestmark = pytest.mark.kafka


@pytest.fixture
def config(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    asyncio.run(create_topics(kafka_settings))
    monkeypatch.setattr(environment, "load", lambda: kafka_settings)
    return kafka_settings


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["deadletter", *words])


def bury(config: Settings, topic: str, offset: int, reason: str, value: bytes, *, replayable: bool = True) -> str:
    """Write a dead letter; its place."""
    error = RecordError(reason, "it is \x1b[31mred")
    headers = dead_letter_headers(error, "label", topic, 0, offset, time.time(), replayable=replayable)

    async def send() -> None:
        producer = Producer(config)
        await producer.start()
        await (await producer.send_raw(config.topics.deadletter, b"shop/s1", value, headers))
        await producer.stop()

    asyncio.run(send())
    return f"{topic}/0/{offset}"


def test_letters_are_listed_shown_and_replayed_once(config: Settings) -> None:
    topic = config.topics.proprietary
    first = bury(config, topic.name, 3, "no-label", b"window one")
    bury(config, topic.name, 4, "no-label", b"window two")
    bury(config, topic.name, 5, "too-long", b"a part", replayable=False)
    listed = run("list")
    assert "3 dead letters" in listed.output and "no-label  by label" in listed.output and first in listed.output
    assert "\x1b" not in listed.output, "a line steers the terminal"
    [last] = [json.loads(line) for line in run("list", "--json", "--limit", "1").output.splitlines()]
    assert (last["reason"], last["replayable"]) == ("too-long", False)
    assert "window one" in run("show", first).output

    assert "2 of 2 dead letters would be replayed" in run("replay", "--reason", "no-label", "--dry-run").output
    assert asyncio.run(newest(config, topic, 10)) == []
    assert "1 of 1 dead letters were replayed" in run("replay", first).output
    assert "1 of 3 dead letters were replayed" in run("replay", "--topic", topic.name).output
    again = run("replay", "--stage", "label").output
    assert "0 of 3" in again and "was replayed before" in again and "too long" in again
    sent = asyncio.run(newest(config, topic, 10))
    assert sorted((record.key, record.value) for record in sent) == [
        (b"shop/s1", b"window one"), (b"shop/s1", b"window two")
    ]  # fmt: skip
    assert "2 of them replayed" in run("list").output


def test_what_cannot_be_replayed_is_one_sentence(config: Settings) -> None:
    place = bury(config, "elsewhere", 1, "no-label", b"x")
    assert "elsewhere is no topic of this deployment" in run("replay", place).output
    assert "no dead letter of t/0/9" in str(run("show", "t/0/9").exception)
    assert "not everything is replayed" in str(run("replay").exception)
    assert "no dead letter" in run("list", "--reason", "not-json").output
