"""Running an app until a signal, a crash, or its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module

import structlog

from agents.app import FusionLogApp
from fusionlog.kafka.stopping import STOP_SECONDS
from fusionlog.settings import Settings

log = structlog.get_logger(__name__)

MARGIN_SECONDS = 1.0
"""Of the time that a stop may take, for the end of the process itself."""

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
    with deadline(STOP_SECONDS - MARGIN_SECONDS, 0 if app.crash_reason is None else 1):
        await _stop(app, life)
    if app.crash_reason is not None:
        raise app.crash_reason
    log.info("stopped", role=app.role)


@contextmanager
def deadline(seconds: float, status: int) -> Iterator[None]:
    """End the process with an exit status where the body takes longer: by a thread, since the loop may hang too.

    What Kafka has not acknowledged was not committed, as if the process were killed: it is read again.
    """
    timer = threading.Timer(seconds, _exit, (seconds, status))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _exit(seconds: float, status: int) -> None:
    log.warning("the worker did not stop in order in time: it ends now", seconds=seconds)
    logging.shutdown()
    os._exit(status)


async def _stop(app: FusionLogApp, life: asyncio.Task[None]) -> None:
    """Stop the app, and give up a start that is under way."""
    if not life.done() and not app.started:
        life.cancel()
    await app.stop()
    if not life.done():
        life.cancel()
    with suppress(asyncio.CancelledError):
        await life


async def _live(app: FusionLogApp) -> None:
    await app.start()
    log.info("started", role=app.role)
    await app.wait_until_stopped()
