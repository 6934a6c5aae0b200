"""Fixtures that more than one test directory uses."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from fusionlog.settings import Settings
from tests.brokers import ApacheKafka, kafka_jars, started
from tests.installed import build_wheel
from tests.kafka.secure_broker import SecureKafka

# One thread each: two cores, and more than one worker at a time.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TOKENIZERS_PARALLELISM"):
    os.environ.setdefault(_name, "false" if _name.startswith("TOK") else "1")

# A shared machine is slow at times; that is no failure of what is tested.
settings.register_profile("shared", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("shared")


def pytest_sessionstart(session: pytest.Session) -> None:
    """One terminal for what is tested: so wide that no message is wrapped, whatever path is in it, without colours.

    What pytest itself prints keeps the width that it had.
    """
    if session.config.pluginmanager.has_plugin("terminalreporter"):
        writer = session.config.get_terminal_writer()
        writer.fullwidth = writer.fullwidth
    for name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TERMINAL_WIDTH"):
        os.environ.pop(name, None)
    os.environ.update(COLUMNS="1000", LINES="50", TERM="dumb", NO_COLOR="1")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built once for all tests of a run."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(autouse=True)
def logs_of_this_test() -> None:
    """Logs as structlog has them: what an earlier test configured, or `fusionlog.api` at its import, does not last."""
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """One Apache Kafka for all tests of a run. A test that kills it starts one of its own: `own_kafka`."""
    broker = started(lambda: ApacheKafka(tmp_path_factory.mktemp("kafka"), kafka_jars()))
    yield broker
    broker.stop()


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[ApacheKafka]:
    """An Apache Kafka that a test may stop, kill and start again."""
    broker = started(lambda: ApacheKafka(tmp_path / "kafka", kafka_jars()))
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def secure_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """One Apache Kafka with a listener for each way to be secured."""
    broker = started(lambda: SecureKafka(tmp_path_factory.mktemp("secured"), kafka_jars()))
    yield broker
    broker.stop()


@pytest.fixture
def kafka_settings(apache_kafka: ApacheKafka) -> Settings:
    """Settings for the shared Kafka, with topic prefixes of this test alone."""
    prefix = f"t{uuid.uuid4().hex[:10]}."
    return Settings(kafka=apache_kafka.settings, topic_prefix=prefix, raw_prefix=f"{prefix}raw.")
