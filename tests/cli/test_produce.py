"""`fusionlog produce`, on Apache Kafka."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path

import pytest
from aiokafka import ConsumerRecord
from typer.testing import CliRunner, Result

from fusionlog import settings as environment
from fusionlog.cli.main import app
from fusionlog.errors import BrokerError, DataError, SettingError
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.table import newest
from fusionlog.settings import Settings

pytestmark = pytest.mark.kafka


@pytest.fixture
def config(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    systems = tmp_path / "systems.yaml"
    systems.write_text("shop: {description: a shop}\n")
    same = kafka_settings
    found = Settings(kafka=same.kafka, topic_prefix=same.topic_prefix, raw_prefix=same.raw_prefix, systems_file=systems)
    monkeypatch.setattr(environment, "load", lambda: found)
    return found


def run(*words: str, input: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["produce", *words], input=input)


def sent(config: Settings) -> list[ConsumerRecord]:
    return asyncio.run(newest(config, config.topics.raw("shop"), 100))


def test_lines_come_in_their_order_to_one_partition_and_blank_ones_do_not(config: Settings, tmp_path: Path) -> None:
    asyncio.run(create_topics(config))
    (tmp_path / "shop.log.gz").write_bytes(gzip.compress(b"one\n\ntwo \xff\r\nthree"))
    result = run("shop", str(tmp_path / "shop.log.gz"), "--rate", "1000")
    assert result.output == f"3 lines are in {config.topics.raw('shop').name}\n"
    found = sent(config)
    assert [each.value for each in found] == [b"one", b"two \xff", b"three"]
    assert len({each.partition for each in found}) == 1
    assert run("shop", "-", "--key", "web-1", input=b"four\n\nfive\n").exit_code == 0
    assert {(each.key, each.value) for each in sent(config)[-5:]} >= {(b"web-1", b"four"), (b"web-1", b"five")}


def test_kafka_records_keep_their_keys(config: Settings, tmp_path: Path) -> None:
    asyncio.run(create_topics(config))
    (tmp_path / "shop.jsonl").write_text('{"value": {"message": "one"}, "key": "web-7"}\n{"value": "two"}\n')
    assert run("shop", str(tmp_path / "shop.jsonl")).exit_code == 0
    assert {(each.key, each.value) for each in sent(config)} == {
        (b"web-7", b'{"message":"one"}'), (b"shop.jsonl", b"two"),
    }  # fmt: skip


def test_what_cannot_be_sent_is_one_sentence_and_makes_no_topic(config: Settings, tmp_path: Path) -> None:
    log = tmp_path / "shop.log"
    log.write_text("one\n")
    missing = run("shop", str(log)).exception
    assert isinstance(missing, BrokerError) and "create it with  fusionlog topics create" in str(missing)
    misspelt = run("shpo", str(log)).exception
    assert isinstance(misspelt, SettingError) and "did you mean shop?" in str(misspelt)
    asyncio.run(create_topics(config))
    assert isinstance(run("shop", str(tmp_path / "absent.log")).exception, DataError)
