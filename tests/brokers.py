"""Apache Kafka for tests: the benchmarks' own, and whether a missing one is a failure."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import pytest

from benchmarks.kafka import ApacheKafka, KafkaUnavailable, free_ports, kafka_jars

__all__ = ["ApacheKafka", "KafkaUnavailable", "free_ports", "kafka_jars", "must_have_kafka", "started"]

Broker = TypeVar("Broker", bound=ApacheKafka)


def must_have_kafka() -> bool:
    """Whether a missing Kafka fails the tests instead of skipping them."""
    return os.environ.get("CI", "").lower() == "true"


def started(make: Callable[[], Broker]) -> Broker:
    """A broker that runs. Without Java or Maven the test is skipped with the reason; it fails where Kafka must be."""
    try:
        broker = make()
        broker.start()
    except KafkaUnavailable as error:
        if must_have_kafka():
            pytest.fail(f"Apache Kafka is needed and not to be had: {error}")
        pytest.skip(f"no Apache Kafka: {error}")
    return broker
