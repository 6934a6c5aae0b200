"""The systems file of a running worker: read again when it changes, and what that came to as a line of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from fusionlog.errors import SettingError
from fusionlog.kafka.stopping import cancelled
from fusionlog.settings import Settings, SystemsChange

log = structlog.get_logger(__name__)

EVERY_SECONDS = 5.0


def reread(settings: Settings) -> SystemsChange | None:
    """Put the systems of a changed file into the settings; None where nothing is different, or it cannot be used."""
    try:
        change = settings.reread_systems()
    except SettingError as error:
        log.error("the systems file cannot be used; the systems as they were stay in use", why=str(error))
        return None
    if change is not None:
        log.info(f"the systems file was read again: {change}", file=str(settings.systems_file))
        for name in change.methods:
            log.warning("another method of a system counts when all workers are started again", system=name)
    return change


async def next_systems(
    settings: Settings, used: Settings, obstacle: Callable[[Settings, Sequence[str]], Awaitable[str | None]]
) -> Settings:
    """Wait until the systems file has other systems, and nothing stands in their way; return the settings with them.

    A reason to wait is logged once.

    :param settings: kept current by a `SystemsMonitor`.
    :param used: the settings with the systems that are read now.
    :param obstacle: why some systems cannot be read yet, given them and those that are new; None: they can.
    """
    logged: str | None = None
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        if settings.ingested == used.ingested:
            logged = None
            continue
        found = settings.fixed()
        why = await obstacle(found, [name for name in found.systems if name not in used.systems])
        if why is None:
            return found
        if why != logged:
            log.warning("the worker goes on with the systems as they were", why=why)
        logged = why


class SystemsMonitor:
    """Reads the systems file again every `EVERY_SECONDS`, in the background."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, where a file is set."""
        if self._settings.systems_file is not None:
            self._task = asyncio.create_task(self._run(), name="the monitor of the systems file")

    @property
    def background(self) -> tuple[asyncio.Task[None], ...]:
        """The task that reads."""
        return () if self._task is None else (self._task,)

    async def stop(self) -> None:
        """Stop reading."""
        await cancelled(self._task)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            reread(self._settings)
