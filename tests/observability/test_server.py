"""The HTTP server of a worker: its three paths, 404 elsewhere, refused in our words where the port is taken."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import structlog
from pydantic import SecretStr

from fusionlog.errors import SettingError
from fusionlog.observability import metrics
from fusionlog.observability.health import Health
from fusionlog.observability.server import HealthServer, is_loopback
from fusionlog.settings import MetricsSettings, Settings
from tests.brokers import free_ports


@pytest.fixture
def health() -> Health:
    return Health("score")


@pytest.fixture
async def port(health: Health) -> AsyncIterator[int]:
    (port,) = free_ports(1)
    server = HealthServer(Settings(metrics_port=port), health)
    await server.start()
    yield port
    await server.stop()


async def get(port: int, path: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, answer.content_type, await answer.text()


def guarded_by(token: str, **fields: Any) -> Settings:
    return Settings(metrics=MetricsSettings(token=SecretStr(token)), **fields)


async def test_a_counter_is_served_under_its_name_with_its_labels(port: int) -> None:
    metrics.TEMPLATES.labels("a-system-of-this-test").set(3)
    status, kind, text = await get(port, "/metrics")
    assert (status, kind) == (200, "text/plain")
    assert 'fusionlog_templates{system="a-system-of-this-test"} 3.0' in text


async def test_probes_answer_with_their_status_and_json(port: int, health: Health) -> None:
    assert (await get(port, "/healthz"))[:2] == (200, "application/json")
    status, _, text = await get(port, "/readyz")
    assert status == 503 and '"ready": false' in text and "the tables are not read yet" in text
    health.kafka.back()
    health.tables_read = True
    health.assigned(0)
    assert (await get(port, "/readyz"))[0] == 200


@pytest.mark.parametrize("path", ["/", "/healthz/", "/ready", "/metrics/all", "/favicon.ico"])
async def test_any_other_path_is_404(port: int, path: str) -> None:
    assert (await get(port, path))[0] == 404


async def test_it_is_served_on_loopback_alone_by_default(health: Health) -> None:
    assert Settings().metrics_host == "127.0.0.1"


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Bearer hüsh", 200),
        ("bearer  hüsh", 200),
        ("Bearer husht", 401),
        ("Bearer", 401),
        ("Bearer \udcff", 401),
        ("Basic hüsh", 401),
        ("hüsh", 401),
        (None, 401),
    ],
)
async def test_metrics_are_for_those_that_bear_the_token_and_probes_for_all(
    health: Health, authorization: str | None, status: int
) -> None:
    (port,) = free_ports(1)
    server = HealthServer(guarded_by("hüsh", metrics_port=port), health)
    await server.start()
    try:
        url, headers = f"http://127.0.0.1:{port}", {} if authorization is None else {"Authorization": authorization}
        async with aiohttp.ClientSession() as client, client.get(f"{url}/metrics", headers=headers) as answer:
            body = await answer.text()
            assert (answer.status, answer.headers.get("WWW-Authenticate")) == (
                status, None if status == 200 else 'Bearer realm="fusionlog"'
            )  # fmt: skip
            assert ("fusionlog_" in body) == (status == 200) and "hüsh" not in body
        assert (await get(port, "/healthz"))[0] == 200
        assert (await get(port, "/readyz"))[0] == 503
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("host", "token", "warned"),
    [("0.0.0.0", None, True), ("0.0.0.0", "hush", False), ("127.0.0.1", None, False), ("localhost", None, False)],
)
async def test_metrics_that_others_can_read_are_warned_of(
    health: Health, host: str, token: str | None, warned: bool
) -> None:
    (port,) = free_ports(1)
    fields: dict[str, Any] = {"metrics_port": port, "metrics_host": host}
    with structlog.testing.capture_logs() as logs:
        server = HealthServer(guarded_by(token, **fields) if token else Settings(**fields), health)
        await server.start()
        await server.stop()
    assert [each["host"] for each in logs if "FUSIONLOG_METRICS__TOKEN" in each["event"]] == [host] * warned


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True), ("::ffff:127.0.0.1", True),
        ("localhost", True), ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("", False), ("host", False),
    ],
)  # fmt: skip
def test_an_address_is_of_this_machine_alone_or_not(host: str, alone: bool) -> None:
    assert is_loopback(host) == alone


async def test_a_port_that_is_taken_names_the_setting(health: Health) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match="choose another") as raised:
            await HealthServer(Settings(metrics_port=port), health).start()
    assert (raised.value.setting, raised.value.value) == ("FUSIONLOG_METRICS_PORT", port)


async def test_without_a_port_nothing_is_served(health: Health) -> None:
    server = HealthServer(Settings(), health)
    await server.start()
    await asyncio.wait_for(server.stop(), 5)
