from __future__ import annotations

import pytest

from fusionlog.kafka.producer import Producer
from fusionlog.settings import Settings


async def test_a_producer_refuses_a_topic_that_its_role_does_not_write() -> None:
    settings = Settings(topic_prefix="t.")
    producer = Producer(settings, "explain")
    with pytest.raises(RuntimeError, match=r"role explain writes t\.labels"):
        await producer.send_raw(settings.topics.labels, b"k", b"v")


async def test_what_it_may_write_waits_for_the_start() -> None:
    topics = Settings().topics
    for role, topic in (("explain", topics.explanations), (None, topics.labels)):
        with pytest.raises(RuntimeError, match="not started"):
            await Producer(Settings(), role).send_raw(topic, b"k", b"v")  # type: ignore[arg-type]
