"""Apache Kafka for tests: the benchmarks' own, and whether a missing one is a failure."""

from __future__ import annotations

import os

from benchmarks.kafka import ApacheKafka, KafkaUnavailable, free_ports, kafka_jars

__all__ = ["ApacheKafka", "KafkaUnavailable", "free_ports", "kafka_jars", "must_have_kafka"]


def must_have_kafka() -> bool:
    """Whether a missing Kafka fails the tests instead of skipping them."""
    return os.environ.get("CI", "").lower() == "true"
