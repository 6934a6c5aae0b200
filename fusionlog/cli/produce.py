"""`fusionlog produce`: the lines of a file to a system's raw topic, as a shipper would send them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fusionlog import settings

if TYPE_CHECKING:
    from fusionlog.kafka.producer import Ack
    from fusionlog.settings import Settings

STANDARD_INPUT = Path("-")
MOST_WAITING = 1_000
"""Lines that Kafka has not acknowledged, at most."""
Line = tuple[bytes | None, bytes | None]
"""Key and value of a record."""


def produce(
    system: Annotated[str, typer.Argument(help="the system whose raw topic gets the lines")],
    file: Annotated[
        Path, typer.Argument(help="a log file, - for the standard input; .gz is read, .jsonl may hold Kafka records")
    ],
    key: Annotated[
        str | None, typer.Option(help="the key of all records, which are in one partition; default: the file's name")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="lines a second; default: as fast as Kafka takes them")
    ] = None,
) -> None:
    """Send the lines of a file to a system's raw topic. A line of the standard input is sent when it is read."""
    config = settings.load()
    settings.refuse_unknown(config, system)
    name = (key or ("stdin" if file == STANDARD_INPUT else file.name)).encode()
    sent = asyncio.run(_send(config, system, _lines(file, name), rate))
    typer.echo(f"{sent:,} lines are in {config.topics.raw(system).name}")


async def _send(config: Settings, system: str, lines: AsyncIterator[Line], rate: float | None) -> int:
    """Send lines to a raw topic; returns how many Kafka has.

    :raises BrokerError: there is no such topic, or Kafka did not take them.
    """
    from fusionlog.kafka.client import kafka_errors
    from fusionlog.kafka.permissions import partitions_of
    from fusionlog.kafka.producer import Producer

    topic, producer = config.topics.raw(system), Producer(config)
    await partitions_of(config.kafka, topic)
    clock, sent = asyncio.get_running_loop().time, 0
    waiting: list[Ack] = []
    await producer.start()
    try:
        async with kafka_errors(config.kafka, f"writing to {topic.name}"):
            began = clock()
            async for key, value in lines:
                if rate is not None:
                    await asyncio.sleep(max(0.0, began + sent / rate - clock()))
                waiting.append(await producer.send_raw(topic, key, value))
                sent += 1
                if len(waiting) == MOST_WAITING:
                    await asyncio.gather(*waiting)
                    waiting.clear()
            await asyncio.gather(*waiting)
    finally:
        await producer.stop()
    return sent


async def _lines(file: Path, key: bytes) -> AsyncIterator[Line]:
    from fusionlog.onboarding.sample import read_sample

    if file != STANDARD_INPUT:
        for record in read_sample(file):
            yield record.key or key, record.value
        return
    while line := await asyncio.to_thread(sys.stdin.buffer.readline):
        if line.strip():
            yield key, line.rstrip(b"\r\n")
