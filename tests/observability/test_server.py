"""The HTTP server of a worker: its three paths, 404 elsewhere, refused in our words where the port is taken."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from fusionlog.errors import SettingError
from fusionlog.observability import metrics
from fusionlog.observability.health import Health
from fusionlog.observability.server import HealthServer
from fusionlog.settings import Settings
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
