"""The life of a worker: it ends by a signal, by a crash, or by itself, and its app is stopped in each case."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import cast

import pytest

from agents.app import FusionLogApp, ReaderApp
from agents.run import ROLES, build, serve
from fusionlog.cli.main import Role
from fusionlog.data.bundled import DATASETS
from fusionlog.errors import BrokerError, ModelError
from fusionlog.kafka.admin import create_topics
from fusionlog.observability.health import Health
from fusionlog.settings import Settings

SECONDS = 10.0


class App:
    """An app as far as `serve` uses one; it lives until `ended` is set or it is stopped."""

    role = "score"

    def __init__(self) -> None:
        self.crash_reason: BaseException | None = None
        self.ended, self.living, self.stops = asyncio.Event(), asyncio.Event(), 0

    async def start(self) -> None:
        self.living.set()

    async def wait_until_stopped(self) -> None:
        await self.ended.wait()

    async def stop(self) -> None:
        self.stops += 1
        self.ended.set()


async def serve_in_time(app: App) -> None:
    """Serve an app to its end. Not by `wait_for`: its cancellation would end an app that does not end by itself."""
    serving = asyncio.create_task(serve(cast("FusionLogApp", app)))
    done, _ = await asyncio.wait({serving}, timeout=SECONDS)
    serving.cancel()
    assert done, f"not in {SECONDS} s"
    serving.result()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_app_and_is_no_failure(number: signal.Signals) -> None:
    app, before = App(), signal.getsignal(number)
    serving = asyncio.create_task(serve_in_time(app))
    await app.living.wait()
    assert signal.getsignal(number) is not before, "the signal would end this process"
    os.kill(os.getpid(), number)
    await serving
    assert app.stops == 1


async def test_a_signal_during_a_start_that_takes_long_gives_the_start_up() -> None:
    class Slow(App):
        async def start(self) -> None:
            self.living.set()
            await asyncio.Event().wait()

    app = Slow()
    serving = asyncio.create_task(serve_in_time(app))
    await app.living.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    await serving
    assert app.stops == 1


async def test_a_crash_is_raised_after_the_app_was_stopped() -> None:
    app = App()
    serving = asyncio.create_task(serve_in_time(app))
    await app.living.wait()
    app.crash_reason = ModelError("it does not load")
    app.ended.set()
    with pytest.raises(ModelError, match="it does not load"):
        await serving
    assert app.stops == 1


async def test_why_an_app_could_not_start_is_raised_after_it_was_stopped() -> None:
    class Refused(App):
        async def start(self) -> None:
            raise BrokerError("no such topic")

    app = Refused()
    with pytest.raises(BrokerError, match="no such topic"):
        await serve_in_time(app)
    assert app.stops == 1


async def test_an_app_that_ends_by_itself_ends_the_worker() -> None:
    app = App()
    app.ended.set()
    await serve_in_time(app)
    assert app.stops == 1


def test_every_role_of_the_command_has_an_app() -> None:
    assert [role.value for role in Role] == list(ROLES)


async def test_an_app_is_that_of_its_role(tmp_path: Path) -> None:
    (tmp_path / "targets.yaml").write_text("hook: {type: webhook, url: 'http://127.0.0.1:9'}")
    settings = Settings(
        systems_file=DATASETS / "systems.yaml",
        label={"url": "http://127.0.0.1:1/v1"},
        canary={"seconds": 60},
        ray_address="http://127.0.0.1:1",
        notifications_file=tmp_path / "targets.yaml",
    )
    assert [build(role, settings).role for role in ROLES] == list(ROLES)


class FailingWork:
    """The work of a role, whose background task fails, or returns, after the start."""

    def __init__(self, failure: Exception | None) -> None:
        self.failure, self.background, self.health = failure, list[asyncio.Task[None]](), Health("score")

    async def prepare(self) -> None:
        self.background = [asyncio.create_task(self._follow(), name="table labels")]

    async def finish(self) -> None:
        await asyncio.gather(*self.background, return_exceptions=True)

    async def _follow(self) -> None:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure


@pytest.mark.kafka
@pytest.mark.parametrize("failure", [ValueError("math domain error"), None], ids=["fails", "returns"])
async def test_the_end_of_a_background_task_ends_the_worker(
    kafka_settings: Settings, failure: Exception | None
) -> None:
    await create_topics(kafka_settings)
    app = ReaderApp("score", kafka_settings, FailingWork(failure))
    with pytest.raises(BrokerError, match=r"table labels ended .*start it again"):
        await asyncio.wait_for(serve(app), SECONDS)
