"""`fusionlog doctor`: each part that is broken has a sentence with the way out, and the exit code is 1."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from fusionlog.cli import doctor as command
from fusionlog.cli.doctor import (
    check_clocks,
    check_disk,
    check_encoder,
    check_gpu,
    check_llm,
    check_notifications,
    check_ray,
    check_workers,
)
from fusionlog.cli.main import app
from fusionlog.kafka.admin import create_topics
from fusionlog.observability.deployment import deployment
from fusionlog.records import WorkerState
from fusionlog.settings import Settings
from fusionlog.utils.cuda import Missing
from tests.encoders import make_encoder

Found = list[tuple[str, str]]


def found(check: command.Check, **fields: Any) -> Found:
    return list(command._checked(check, Settings(**fields)))


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A server that answers every request with a status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "state", "text"),
    [(200, "ok", "answers"), (401, "failed", "FUSIONLOG_RAY_TOKEN"), (404, "failed", "FUSIONLOG_RAY_ADDRESS")],
)
def test_ray(status: int, state: str, text: str) -> None:
    with answering(status) as url:
        [(verdict, sentence)] = found(check_ray, ray_address=url)
    assert verdict == state and text in sentence


@pytest.mark.parametrize(
    ("status", "state", "text"),
    [
        (200, "ok", "fusionlog teacher check"), (404, "ok", "teacher check"), (500, "failed", "does not answer"),
        (401, "failed", "FUSIONLOG_LABEL__API_KEY"), (403, "failed", "FUSIONLOG_LABEL__API_KEY"),
    ],
)  # fmt: skip
def test_the_language_model(status: int, state: str, text: str) -> None:
    with answering(status) as url:
        [(verdict, sentence)] = found(check_llm, label={"url": f"{url}/v1", "api_key": "k"})
    assert verdict == state and text in sentence


def test_what_is_not_there_and_what_is_not_set() -> None:
    with answering(200) as url:
        pass
    assert found(check_ray, ray_address=url)[0][0] == found(check_llm, label={"url": url})[0][0] == "failed"
    assert found(check_ray)[0][0] == found(check_llm)[0][0] == "not used"


@pytest.mark.parametrize(
    ("provider", "state"), [("cuda", "failed"), ("auto", "warning"), ("cpu", "not used")]
)  # fmt: skip
def test_the_gpu(monkeypatch: pytest.MonkeyPatch, provider: str, state: str) -> None:
    monkeypatch.setattr("fusionlog.utils.cuda.missing_cuda", lambda: Missing("libcudart.so.13", "install it"))
    assert found(check_gpu, score={"provider": provider})[0][0] == state


def test_the_encoder(tmp_path: Path) -> None:
    assert found(check_encoder, encoder=make_encoder(tmp_path / "encoder"))[0][0] == "ok"
    [(state, text)] = found(check_encoder, encoder=tmp_path / "none")
    assert state == "failed" and "none" in text


def test_the_targets_of_notifications(tmp_path: Path) -> None:
    assert found(check_notifications)[0][0] == "not used"
    path = tmp_path / "notifications.yaml"
    path.write_text("hook: {type: webhook, url: 'http://127.0.0.1:9/token'}")
    [(state, text)] = found(check_notifications, notifications_file=path)
    assert state == "ok" and "fusionlog notify test" in text
    path.write_text("hook: {type: webhook, url: 'http://127.0.0.1:9/token', template: $titel}")
    [(state, text)] = found(check_notifications, notifications_file=path)
    assert state == "failed" and "no such field" in text and "token" not in text


def test_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {state for state, _ in found(check_disk, cache_dir=tmp_path / "not" / "there")} == {"ok"}
    monkeypatch.setattr(command, "LEAST_BYTES", 2**60)
    assert all(state == "failed" and "make room" in text for state, text in found(check_disk, cache_dir=tmp_path))


def reports(monkeypatch: pytest.MonkeyPatch, *states: WorkerState) -> None:
    async def read(_: Settings) -> Any:
        return deployment(states, time.time())

    monkeypatch.setattr(command, "read", read)


def worker(role: str = "score", at: float = 0.0, **fields: Any) -> WorkerState:
    values = {"worker": f"{role}:1", "version": "1", "started": 1.0, "ready": True}
    return WorkerState(role=role, at=time.time() + at, **{**values, **fields})


def test_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    reports(monkeypatch, worker("ingest"), worker("score", degraded=["the teacher is away: 401"]))
    assert [(state, "401" in text, "no label worker" in text) for state, text in found(check_workers)] == [
        ("failed", True, False), ("warning", False, True),
    ]  # fmt: skip
    reports(monkeypatch, worker("ingest"), worker("score"), worker("label"))
    assert [state for state, _ in found(check_workers)] == ["ok"]


def test_the_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    reports(monkeypatch, worker(at=3600.0))
    assert "3600 s ahead" in found(check_clocks)[0][1] and found(check_clocks)[0][0] == "failed"
    reports(monkeypatch, worker(at=-3600.0))
    assert "its clock is late" in found(check_clocks)[0][1]
    reports(monkeypatch, worker())
    assert found(check_clocks)[0][0] == "ok"


@pytest.mark.kafka
async def test_a_deployment_without_topics_and_one_without_kafka(kafka_settings: Settings, tmp_path: Path) -> None:
    environment = {
        "FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS": kafka_settings.kafka.bootstrap_servers,
        "FUSIONLOG_TOPIC_PREFIX": kafka_settings.topic_prefix,
        "FUSIONLOG_ENCODER": str(make_encoder(tmp_path / "encoder")),
    }

    async def states(**other: str) -> tuple[int, dict[str, str]]:
        done = await asyncio.to_thread(CliRunner(env={**environment, **other}).invoke, app, ["doctor", "--json"])
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return done.exit_code, {each["part"]: each["state"] for each in lines}

    code, found = await states()
    assert (code, found["kafka"], found["topics"], found["workers"]) == (1, "ok", "failed", "failed")
    assert found["encoder"] == found["disk"] == "ok" and set(found) == set(command.CHECKS)
    await create_topics(kafka_settings)
    role = await asyncio.to_thread(CliRunner(env=environment).invoke, app, ["doctor", "--role", "notify", "--json"])
    topics = [each for line in role.stdout.splitlines() if (each := json.loads(line))["part"] == "topics"]
    assert [each["state"] for each in topics] == ["ok"] and "what notify does" in topics[0]["text"]
    code, found = await states(FUSIONLOG_KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert (code, found["kafka"], found["topics"]) == (1, "failed", "failed")
