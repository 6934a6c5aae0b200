"""What a worker by the batch writes: acknowledged together, and nothing of what is another worker's by now."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaTimeoutError

from fusionlog.errors import BrokerError, RecordError
from fusionlog.kafka.batch_output import BatchOutput
from fusionlog.kafka.codecs import FRAME_BYTES
from fusionlog.kafka.membership import AssignmentLost
from fusionlog.settings import Settings
from tests.factories import make_anomaly, make_window
from tests.workers.memory import MemoryProducer, Message, message_of

TOPICS = Settings().topics


def output_of(producer: MemoryProducer) -> BatchOutput:
    return BatchOutput(Settings(), producer, "score")  # type: ignore[arg-type]


async def test_flush_returns_when_kafka_has_all_of_it() -> None:
    producer = MemoryProducer(holding=True)
    output = output_of(producer)
    await output.send(TOPICS.anomalies, make_anomaly("disk failed"))
    await output.dead_letter(Message(b"x"), RecordError("not-json", "no"))
    flushing = asyncio.create_task(output.flush())
    await asyncio.sleep(0)
    assert not flushing.done() and [name for name, *_ in producer.sent] == [
        TOPICS.anomalies.name, TOPICS.deadletter.name,
    ]  # fmt: skip
    producer.release()
    await asyncio.wait_for(flushing, 5)
    await asyncio.wait_for(output.flush(), 5)


async def test_a_refusal_is_an_error_of_the_flush_and_of_that_one_alone() -> None:
    producer = MemoryProducer(error=KafkaTimeoutError("away"))
    output = output_of(producer)
    await output.send(TOPICS.anomalies, make_anomaly("disk failed"))
    with pytest.raises(BrokerError, match="writing results"):
        await output.flush()
    await output.flush()


async def test_nothing_is_sent_of_messages_that_are_another_workers() -> None:
    producer = MemoryProducer()
    output = output_of(producer)

    async def lost() -> None:
        raise AssignmentLost

    output.confirm_with(lost)
    with pytest.raises(AssignmentLost):
        await output.send(TOPICS.anomalies, make_anomaly("disk failed"))
    with pytest.raises(AssignmentLost):
        await output.bury_now(Message(b"x"), RecordError("not-json", "no"))
    assert producer.sent == []


async def test_what_is_no_window_is_buried_with_its_place_and_cut_to_what_kafka_takes() -> None:
    producer, window = MemoryProducer(), make_window("disk failed")
    long = b"{" * (TOPICS.deadletter.max_message_bytes + 1)
    messages = [Message(None, offset=4), message_of(window, 5), Message(long, offset=6)]
    found = await output_of(producer).windows(messages)
    assert found == [(messages[1], window)]
    letters = producer.letters(TOPICS.deadletter)
    assert [(each["reason"], each["stage"], each["offset"]) for each in letters] == [
        ("empty", "score", "4"), ("not-json", "score", "6"),
    ]  # fmt: skip
    assert [len(value or b"") for _, _, value, _ in producer.sent] == [
        0,
        TOPICS.deadletter.max_message_bytes - FRAME_BYTES,
    ]
