"""A systems file that changes under a running worker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from fusionlog.kafka import systems_reload
from fusionlog.kafka.systems_reload import SystemsMonitor, next_systems, reread
from fusionlog.settings import Settings


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systems_reload, "EVERY_SECONDS", 0.0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "systems.yaml"
    path.write_text("shop:\n")
    return path


def test_a_change_is_one_line_of_the_log_and_so_is_a_file_that_cannot_be_used(file: Path) -> None:
    settings = Settings(systems_file=file)
    assert settings.systems.keys() == {"shop"}
    file.write_text("shop: {method: source-only}\nmill:\n")
    with capture_logs() as logs:
        assert reread(settings) is not None
        assert reread(settings) is None
        file.write_text("shop: {polcy: x}\n")
        assert reread(settings) is None
        assert reread(settings) is None
    changed, method, refused = logs
    assert changed["event"] == "the systems file was read again: added mill; changed shop"
    assert (method["log_level"], method["system"]) == ("warning", "shop")
    assert refused["log_level"] == "error" and "did you mean policy?" in refused["why"]
    assert settings.systems.keys() == {"shop", "mill"}


async def test_the_monitor_keeps_the_settings_current(file: Path) -> None:
    settings = Settings(systems_file=file)
    assert settings.systems.keys() == {"shop"}
    monitor = SystemsMonitor(settings)
    monitor.start()
    file.write_text("shop:\nmill:\n")
    async with asyncio.timeout(10):
        while "mill" not in settings.systems:
            await asyncio.sleep(0)
    await monitor.stop()
    assert all(task.done() for task in monitor.background)


async def test_without_a_file_nothing_is_watched() -> None:
    monitor = SystemsMonitor(Settings())
    monitor.start()
    assert monitor.background == ()
    await monitor.stop()


async def test_the_next_systems_wait_for_what_stands_in_their_way_and_the_log_has_it_once(file: Path) -> None:
    settings = Settings(systems_file=file)
    used = settings.fixed()
    reasons: list[str | None] = ["no topic", "no topic", None]
    asked: list[list[str]] = []

    async def obstacle(found: Settings, added: Sequence[str]) -> str | None:
        asked.append(list(added))
        return reasons.pop(0)

    file.write_text("shop:\nmill:\n")
    reread(settings)
    with capture_logs() as logs:
        found = await asyncio.wait_for(next_systems(settings, used, obstacle), 10)
    assert found.topics.systems == ("shop", "mill") and used.topics.systems == ("shop",)
    assert asked == [["mill"]] * 3
    assert [each["why"] for each in logs] == ["no topic"]


async def test_a_change_that_was_undone_is_none(file: Path) -> None:
    settings = Settings(systems_file=file)
    used = settings.fixed()

    async def obstacle(found: Settings, added: Sequence[str]) -> str | None:
        file.write_text("shop:\n")
        reread(settings)
        return "no topic"

    file.write_text("mill:\n")
    reread(settings)
    waiting = asyncio.create_task(next_systems(settings, used, obstacle))
    async with asyncio.timeout(10):
        while settings.systems.keys() != {"shop"}:
            await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
