"""The end of a client takes a bounded time, and its failures end nothing else."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from fusionlog.kafka.stopping import CLOSE_SECONDS, FLUSH_SECONDS, LEAVE_SECONDS, STOP_SECONDS, bounded


async def test_what_does_not_end_is_left() -> None:
    ended = asyncio.Event()

    async def forever() -> None:
        while True:  # aiokafka's tasks swallow a cancellation, too
            try:
                await ended.wait()
                return
            except asyncio.CancelledError:
                continue

    assert not await asyncio.wait_for(bounded(forever(), 0.01, "a client"), 5)
    ended.set()


async def test_what_ends_in_time_is_waited_for() -> None:
    assert await bounded(asyncio.sleep(0), 5, "a client")


async def test_a_client_that_fails_or_cancels_itself_as_it_stops_has_stopped() -> None:
    async def failing(error: BaseException) -> None:
        raise error

    assert await bounded(failing(KafkaConnectionError("away")), 5, "a client")
    assert await bounded(failing(asyncio.CancelledError()), 5, "a client")


async def test_any_other_failure_is_raised() -> None:
    async def failing() -> None:
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        await bounded(failing(), 5, "a client")


def test_the_parts_of_a_stop_take_less_than_the_whole() -> None:
    """A reader leaves and closes its consumer, two tables and the lag close, the producer sends what it holds."""
    assert LEAVE_SECONDS + CLOSE_SECONDS + 2 * CLOSE_SECONDS + FLUSH_SECONDS < STOP_SECONDS
