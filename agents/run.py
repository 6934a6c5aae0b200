"""Running an app until a signal, a crash, or its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module

import structlog

from agents.app import FusionLogApp
from fusionlog.kafka.stopping import STOP_SECONDS
from fusionlog.settings import Settings

log = structlog.get_logger(__name__)

MARGIN_SECONDS = 1.0
"""Of the time that a stop may take, for the end of the process itself."""

ROLES = ("ingest", "score", "label", "explain", "incidents", "notify", "canary", "train")


def build(role: str, settings: Settings) -> FusionLogApp:
    """The app of a role."""
    app: FusionLogApp = import_module(f"agents.{role}").build(settings)
    return app


async def serve(app: FusionLogApp, stopping: Callable[[BaseException | None], None] = lambda reason: None) -> None:
    """Run until SIGTERM or SIGINT, then stop in order.

    :param stopping: called as the stop begins, with the reason where it is no signal.
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
    stopping(life.exception() if life.done() and not life.cancelled() else app.crash_reason)
    await app.stop()
    if not life.done():
        life.cancel()
    with suppress(asyncio.CancelledError):
        await life
    if app.crash_reason is not None:
        raise app.crash_reason
    log.info("stopped", role=app.role)


def end_in_time(reason: BaseException | None) -> None:
    """End the process within `STOP_SECONDS`, by a thread: the loop may hang, and Faust's threads may wait for Kafka.

    What Kafka has not acknowledged was not committed, as if the process were killed: it is read again.

    :param reason: why the worker stops; None: a signal.
    """
    timer = threading.Timer(STOP_SECONDS - MARGIN_SECONDS, _exit, (reason,))
    timer.daemon = True
    timer.start()


def _exit(reason: BaseException | None) -> None:
    log.warning("the worker did not stop in order in time: it ends now", seconds=STOP_SECONDS)
    if reason is not None:
        log.error("the worker ends", why=str(reason))
    logging.shutdown()
    os._exit(0 if reason is None else 2)


async def _live(app: FusionLogApp) -> None:
    await app.start()
    log.info("started", role=app.role)
    await app.wait_until_stopped()
