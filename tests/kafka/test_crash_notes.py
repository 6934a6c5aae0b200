"""What is noted of a death, and kept in Kafka."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError

from fusionlog.errors import BrokerError, ModelError, RecordError, SettingError
from fusionlog.kafka.admin import create_topics
from fusionlog.kafka.crash_notes import CrashNotes, RecordCrash, Suspect, after_death, culpable, in_hand, spans
from fusionlog.kafka.membership import AssignmentLost
from fusionlog.settings import Settings
from tests.workers.memory import Message

ERROR = ZeroDivisionError("by nothing")


def test_deaths_with_a_record_in_common_narrow_the_note_and_count() -> None:
    first = after_death(None, 10, 19, "record", ERROR)
    assert (first.first, first.last, first.deaths, first.condemned) == (10, 19, 1, False)
    second = after_death(first, 14, 14, "record", ERROR)
    assert (second.first, second.last, second.deaths, second.condemned) == (14, 14, 2, False)
    third = after_death(second, 14, 14, "record", ERROR)
    assert third.condemned
    assert third.verdict().reason == "crash-loop" and "ZeroDivisionError: by nothing" in third.verdict().detail


def test_three_deaths_condemn_nobody_as_long_as_more_than_one_was_in_hand() -> None:
    note = None
    for _ in range(5):
        note = after_death(note, 10, 19, "record", ERROR)
    assert note is not None and note.deaths == 5 and not note.condemned


@pytest.mark.parametrize(("first", "last", "unit"), [(20, 29, "record"), (0, 9, "record"), (12, 12, "window")])
def test_a_death_with_others_in_hand_begins_again(first: int, last: int, unit: str) -> None:
    before = Suspect(10, 19, 2, "e")
    assert after_death(before, first, last, unit, ERROR).deaths == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        BrokerError("away"), KafkaTimeoutError(), OSError(28, "disk full"), TimeoutError(), MemoryError(),
        ModelError("no model"), SettingError("S", "v", "r"), AssignmentLost("gone"), RecordCrash({}),
        KeyboardInterrupt(),
    ],
)  # fmt: skip
def test_what_is_no_records_fault(error: BaseException) -> None:
    assert not culpable(error)


@pytest.mark.parametrize("error", [ZeroDivisionError(), RecursionError(), KeyError("x"), RecordError("r", "d")])
def test_what_may_be_a_records_fault(error: BaseException) -> None:
    assert culpable(error)


def test_what_is_in_hand_is_named_by_partition() -> None:
    messages = [Message(b"", topic="t", partition=1, offset=offset) for offset in (7, 9, 8)]
    with pytest.raises(RecordCrash, match="t/1/7-9") as caught, in_hand(messages):
        raise ERROR
    assert caught.value.in_hand == {TopicPartition("t", 1): (7, 9)} and caught.value.__cause__ is ERROR
    assert spans([("t", 0, 3)]) == {TopicPartition("t", 0): (3, 3)}
    with pytest.raises(OSError), in_hand(messages):
        raise OSError


@pytest.mark.kafka
async def test_a_note_is_kept_replaced_and_taken_away(kafka_settings: Settings) -> None:
    await create_topics(kafka_settings)
    topic = kafka_settings.topics.general.name
    places = [TopicPartition(topic, number) for number in range(2)]
    notes = CrashNotes(kafka_settings.kafka, f"{kafka_settings.topic_prefix}score")
    assert await notes.read(places) == {}
    first, other = Suspect(3, 9, 1, "x" * 500), Suspect(5, 5, 2, 'ü"', "window")
    await notes.write({places[0]: first})
    await notes.write({places[1]: other})
    assert await CrashNotes(kafka_settings.kafka, f"{kafka_settings.topic_prefix}score").read(places) == {
        places[0]: first, places[1]: other,
    }  # fmt: skip
    await notes.write({places[0]: None})
    assert await notes.read(places) == {places[1]: other}
