"""What signatures cost a worker at its start: `python -m benchmarks.signatures` reads labels, without a Kafka.

Labels of a few events, as a label worker writes them, go through the reader of tables in batches of a fetch, with and
without public keys. Printed are seconds on the clock and of all cores.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import typer

from fusionlog.kafka import codecs
from fusionlog.kafka.table_records import RecordReader
from fusionlog.records import EventLabel, PseudoLabel
from fusionlog.settings import Settings
from fusionlog.signing.envelope import HEADER
from fusionlog.signing.key_set import KeySet, added
from fusionlog.signing.keys import PrivateKey
from fusionlog.signing.signatures import Signatures

BATCH = 500


@dataclass
class Held:
    """A record as aiokafka has it."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    topic: str = "labels"
    partition: int = 0
    offset: int = 0


def label(number: int) -> PseudoLabel:
    """A label of four events."""
    events = [
        EventLabel(template=f"{number:012x}{place:04x}", text=f"connection <*> of user <*> closed by {place}", count=3,
                   probability=0.1)
        for place in range(4)
    ]  # fmt: skip
    return PseudoLabel(
        system="shop", shape=f"{number:024x}", probability=0.1, confidence=0.9, reason="all events are routine",
        events=events, teacher="a model", window=f"{number:032x}", labelled_at=1e9,
    )  # fmt: skip


def held(signatures: Signatures, number: int) -> Held:
    """A signed label."""
    record = label(number)
    key, value = codecs.key_of(record).encode(), codecs.encode(record)
    return Held(key, value, [(HEADER, str(signatures.sign("label", "labels", key, value)).encode())])


async def read(signatures: Signatures, records: list[Any]) -> tuple[float, float]:
    """Seconds on the clock, and of all cores, that reading takes."""
    settings = Settings()
    settings.__dict__["signatures"] = signatures
    reader, clock, cores = RecordReader(settings, settings.topics.labels), time.perf_counter(), time.process_time()
    for start in range(0, len(records), BATCH):
        await reader.read(records[start : start + BATCH])
    return time.perf_counter() - clock, time.process_time() - cores


def main(labels: int = 100_000) -> None:
    """Measure reading that many labels."""
    private = PrivateKey.generate()
    keys = added(KeySet(), "label", private.public, time.time())
    own = Signatures(private, keys)
    records = [held(own, number) for number in range(labels)]
    for name, each in (("not verified", Signatures()), ("verified", Signatures(None, keys))):
        clock, cores = asyncio.run(read(each, records))
        typer.echo(f"{labels} labels, {name}: {clock:.1f} s, {cores:.1f} s of cores")


if __name__ == "__main__":
    typer.run(main)
