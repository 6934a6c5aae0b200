"""The end of Kafka clients within a bounded time, also while Kafka is away.

aiokafka waits for answers without a limit of its own when a client stops. What Kafka has not acknowledged by then was
not committed either: it is read again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import structlog
from aiokafka.errors import KafkaError

log = structlog.get_logger(__name__)

STOP_SECONDS = 15.0
"""A worker stops within this time, whatever is away; the limits of its parts add up to less."""
LEAVE_SECONDS = 5.0
"""For a group consumer to settle its writes and commit."""
CLOSE_SECONDS = 1.5
"""For a client to close its connections, or to leave its group."""
FLUSH_SECONDS = 2.5
"""For a producer to send what it holds."""


async def bounded(stop: Awaitable[object], seconds: float, what: str) -> bool:
    """Wait for the end of something, at most so many seconds; return whether it came."""
    task = asyncio.ensure_future(stop)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        # Not waited for: aiokafka's tasks swallow a cancellation at times.
        task.cancel()
        log.warning("a part of the worker was not stopped in time", part=what, seconds=seconds)
        return False
    # aiokafka's clients cancel themselves where a request is under way, or raise what Kafka refused last.
    if not task.cancelled() and (error := task.exception()) is not None:
        if not isinstance(error, KafkaError | OSError):
            raise error
        log.debug("a part of the worker failed as it stopped", part=what, error=str(error))
    return True


async def cancelled(task: asyncio.Task[Any] | None) -> None:
    """Cancel a background task, where there is one, and wait until it has ended."""
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
