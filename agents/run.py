"""Running an app until a signal, a crash, or its end."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from importlib import import_module

import structlog

from agents.app import FusionLogApp
from fusionlog.settings import Settings

log = structlog.get_logger(__name__)

ROLES = ("ingest", "score", "label", "explain")


def build(role: str, settings: Settings) -> FusionLogApp:
    """The app of a role."""
    app: FusionLogApp = import_module(f"agents.{role}").build(settings)
    return app


async def serve(app: FusionLogApp) -> None:
    """Run until SIGTERM or SIGINT, then stop in order.

    :raises FusionLogError: why the app could not start, or why it crashed.
    """
    stop_requested = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop_requested.set)
    life = asyncio.create_task(_live(app))
    request = asyncio.create_task(stop_requested.wait())
    await asyncio.wait({life, request}, return_when=asyncio.FIRST_COMPLETED)
    request.cancel()
    await app.stop()
    if not life.done():
        life.cancel()
    with suppress(asyncio.CancelledError):
        await life
    if app.crash_reason is not None:
        raise app.crash_reason
    log.info("stopped", role=app.role)


async def _live(app: FusionLogApp) -> None:
    await app.start()
    log.info("started", role=app.role)
    await app.wait_until_stopped()
