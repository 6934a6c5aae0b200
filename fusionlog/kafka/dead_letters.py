"""Dead letters as an operator works with them: read from their topic, chosen, and sent to their topics again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from fusionlog.kafka import codecs
from fusionlog.kafka.client import kafka_errors
from fusionlog.kafka.producer import Producer
from fusionlog.kafka.table import newest
from fusionlog.records import Seconds
from fusionlog.settings import Settings
from fusionlog.signing.envelope import HEADER, signature_in
from fusionlog.topics import Topic

PREFIX = "fusionlog."
REPLAYED = "fusionlog.replayed"
"""Header of a record that was replayed, and of the note that it was: the place of the dead letter's record."""


class DeadLetterRecord(Protocol):
    """A record of the dead-letter topic, as the client has it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class DeadLetter:
    """A record that could not be used: why, where it was, when it was refused, its key and value.

    `place` is topic/partition/offset of the record, with the index of the line where the record held several.
    `signature` is the one that it had.
    `replayable`: whether the value is what the topic had, not a part or a summary of it.
    """

    place: str
    reason: str
    detail: str
    stage: str
    topic: str
    at: Seconds
    key: bytes | None
    value: bytes
    replayable: bool = True
    replayed: bool = False
    signature: str | None = None


def letter_of(record: DeadLetterRecord) -> DeadLetter | None:
    """The dead letter of a record; None where it is another one, such as the note of a replay."""
    fields = {name.removeprefix(PREFIX): (value or b"").decode("utf-8", "replace") for name, value in record.headers}
    try:
        place = codecs.place(fields["topic"], int(fields["partition"]), int(fields["offset"]))
        index, at = int(fields.get("index", "0")), msgspec.convert(float(fields["time"]), Seconds)
    except (KeyError, ValueError):
        return None
    return DeadLetter(
        place=f"{place}.{index}" if index else place,
        reason=fields.get("reason", ""), detail=fields.get("detail", ""), stage=fields.get("stage", ""),
        topic=fields["topic"], at=at, key=record.key, value=record.value or b"",
        replayable="replayable" not in fields, signature=signature_in(record.headers),
    )  # fmt: skip


def letters_of(records: Iterable[DeadLetterRecord]) -> list[DeadLetter]:
    """The dead letters of the topic, each place once, with the last refusal; those replayed since are marked."""
    found: dict[str, DeadLetter] = {}
    for record in records:
        letter = letter_of(record)
        if letter is not None:
            found.pop(letter.place, None)
            found[letter.place] = letter
            continue
        place = _replayed(record)
        if place in found:
            found[place] = _marked(found[place])
    return list(found.values())


def _replayed(record: DeadLetterRecord) -> str:
    return next(((value or b"").decode("utf-8", "replace") for name, value in record.headers if name == REPLAYED), "")


def _marked(letter: DeadLetter) -> DeadLetter:
    return DeadLetter(**{**letter.__dict__, "replayed": True})


def chosen(
    letters: Iterable[DeadLetter], places: Collection[str] = (), reason: str | None = None, topic: str | None = None,
    stage: str | None = None,
) -> list[DeadLetter]:  # fmt: skip
    """The letters at these places (all where none is given), of this reason, topic and stage."""
    wanted = {"reason": reason, "topic": topic, "stage": stage}
    return [
        letter
        for letter in letters
        if (not places or letter.place in places)
        and all(value is None or getattr(letter, name) == value for name, value in wanted.items())
    ]


async def read_letters(settings: Settings, limit: int) -> list[DeadLetter]:
    """The dead letters among that many of the newest records of the topic, the newest last.

    :raises BrokerError: Kafka does not answer, or the topic is missing.
    """
    return letters_of(await newest(settings, settings.topics.deadletter, limit))


async def replay(settings: Settings, letters: Sequence[DeadLetter]) -> None:
    """Send letters to the topics that they came from, each with a note on the dead-letter topic when Kafka has it.

    :raises BrokerError: Kafka refused one, or was away for too long; those before it were sent.
    """
    topics = {topic.name: topic for topic in settings.topics.all()}
    producer = Producer(settings, "cli")
    await producer.start()
    try:
        for letter in letters:
            await _replay(settings, producer, topics[letter.topic], letter)
    finally:
        await producer.stop()


async def _replay(settings: Settings, producer: Producer, topic: Topic, letter: DeadLetter) -> None:
    header = [(REPLAYED, letter.place.encode())]
    async with kafka_errors(settings.kafka, f"replaying {letter.place}", "Write"):
        signature = [] if letter.signature is None else [(HEADER, letter.signature.encode())]
        await (await producer.send_raw(topic, letter.key, letter.value, [*header, *signature]))
        await (await producer.send_raw(settings.topics.deadletter, letter.key, None, header))
