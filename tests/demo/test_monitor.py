"""What the demo makes of the workers' metrics and of the records of two topics."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry, Counter, start_http_server

from fusionlog.demo.monitor import Monitor
from fusionlog.demo.progress import Progress
from fusionlog.errors import BrokerError
from fusionlog.kafka import codecs
from fusionlog.records import Training, TrainingRequest
from fusionlog.settings import Settings
from fusionlog.workers.train.decisions import decide
from fusionlog.workers.train.due import Due
from tests.brokers import free_ports
from tests.factories import make_anomaly, make_release


async def test_metrics_of_workers_that_are_up_are_summed_and_one_that_is_not_counts_nothing() -> None:
    registry = CollectorRegistry()
    Counter("fusionlog_lines", "", ["system"], registry=registry).labels("shop").inc(7)
    up, down = free_ports(2)
    server, thread = start_http_server(up, "127.0.0.1", registry)
    try:
        progress = Progress("shop", "recorded", 10)
        await Monitor(Settings(), progress, [up, down]).refresh()
        assert progress.counts.lines_in == 7
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_anomalies_of_the_target_are_kept_once_and_releases_by_version() -> None:
    settings, progress = Settings(), Progress("shop", "recorded", 10)
    monitor = Monitor(settings, progress, [])
    first = make_anomaly("disk failed")
    release = make_release()
    for anomaly in (first, make_anomaly("disk failed", score=0.6), make_anomaly("disk failed", system="mill")):
        monitor._take(settings.topics.anomalies.name, codecs.encode(anomaly))
    for value in (codecs.encode(release), None):
        monitor._take(settings.topics.models.name, value)
    assert progress.anomalies == {first.id: first} and list(progress.releases) == [release.version]


def test_the_training_of_the_target_is_its_newest_state() -> None:
    settings, progress = Settings(), Progress("shop", "recorded", 10)
    monitor, topic = Monitor(settings, progress, []), settings.topics.training.name
    states = decide({"mill": Due(("new labels",)), "shop": Due(("new labels",))}, {}, 9.0, "", "w")
    for name, state in states.items():
        monitor._take(topic, codecs.encode(Training(system=name, state=state)))
    monitor._take(topic, codecs.encode(Training(system="shop", request=TrainingRequest(by="ann"))))
    monitor._take(topic, None)
    assert progress.training == states["shop"]


async def test_a_follower_that_ended_by_an_error_is_not_passed_over() -> None:
    async def fails() -> None:
        raise BrokerError("Kafka is away")

    monitor = Monitor(Settings(), Progress("shop", "recorded", 10), [])
    monitor._tasks = [asyncio.create_task(fails())]
    monitor.check()
    await asyncio.wait(monitor._tasks)
    with pytest.raises(BrokerError, match="away"):
        monitor.check()
