"""The stage of a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agents.stage import Stage
from tests.brokers import ApacheKafka


@pytest.fixture
async def stage(apache_kafka: ApacheKafka, tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage on the Kafka that all tests share, with topics and a base model."""
    stage = Stage(tmp_path, apache_kafka.settings)
    await stage.setup()
    yield stage
    await stage.close()


@pytest.fixture
async def stage_without_model(apache_kafka: ApacheKafka, tmp_path: Path) -> AsyncIterator[Stage]:
    """The same without any model."""
    stage = Stage(tmp_path, apache_kafka.settings)
    await stage.setup(model=False)
    yield stage
    await stage.close()
