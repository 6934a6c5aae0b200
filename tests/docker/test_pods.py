"""The pods of all roles from the chart's manifests, on Apache Kafka: they work together, and name what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from fusionlog.records import Anomaly
from fusionlog.topics import CANARY
from tests.agents.stage import Stage, until
from tests.brokers import ApacheKafka, free_ports
from tests.docker.engine import build
from tests.docker.kubelet import Pod
from tests.docker.release import Release
from tests.helm.chart import Object

pytestmark = [pytest.mark.long, pytest.mark.kafka, pytest.mark.timeout(1800)]

BAD = "fatal error: disk failed, data lost, the server stops"
SECONDS = 120.0


@pytest.fixture(scope="module")
def image() -> str:
    return build("agents")


@pytest.fixture
def stage(image: str, apache_kafka: ApacheKafka, tmp_path: Path) -> Stage:
    return Stage(tmp_path / "stage", apache_kafka.settings)


@pytest.fixture
def pods() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


async def ready(*pods: Pod) -> None:
    """Wait until pods are ready."""

    def seen() -> object:
        return [(pod.name, pod.probe("readinessProbe"), pod.log()[-2000:]) for pod in pods]

    await until(lambda: all(pod.is_ready() for pod in pods), SECONDS, seen)


async def test_a_line_goes_in_and_its_anomaly_comes_out_and_all_end_in_their_grace_period(
    stage: Stage, pods: ExitStack, tmp_path: Path
) -> None:
    """The line's by the label worker, the canary's by the score worker, which has a system of its own."""
    release = Release(stage.settings, tmp_path / "pods", {"systems": {"shop": {"method": "offline"}, "web": {}}})
    assert "-base is on" in release.set_up()
    workers = {role: pods.enter_context(release.pod(role)) for role in ("ingest", "score", "label", "canary")}
    explains = {"llm": {"url": "http://127.0.0.1:9/v1"}, "workers": {"explain": {"enabled": True}}}
    workers["explain"] = pods.enter_context(Release(stage.settings, tmp_path / "llm", explains).pod("explain"))
    await ready(*workers.values())
    await stage.write([("k", f"order {number} was paid") for number in range(39)] + [("k", BAD)])
    found: dict[str, list[str]] = {}

    async def came_out() -> bool:
        records = await stage.records(stage.settings.topics.anomalies)
        for anomaly in (msgspec.json.decode(each.value, type=Anomaly) for each in records):
            found.setdefault(anomaly.system, []).append(str(anomaly))
        return {"shop", CANARY} <= set(found)

    await until(came_out, SECONDS, lambda: (found, {role: pod.log()[-2000:] for role, pod in workers.items()}))
    assert "disk failed" in found["shop"][0]
    codes = await asyncio.gather(*[asyncio.to_thread(pod.stop) for pod in workers.values()])
    assert codes == [0] * len(workers)


async def test_the_pod_of_helm_test_counts_its_line(stage: Stage, pods: ExitStack, tmp_path: Path) -> None:
    release = Release(stage.settings, tmp_path / "pods", {})
    release.set_up()
    await ready(pods.enter_context(release.pod("ingest")))
    test = pods.enter_context(release.pod("test", of="ingest"))
    assert test.ended(SECONDS) == 0, test.log()
    assert "lines of shop: 0 before, 1 after" in test.log()


LOGIN = {"kafka": {"securityProtocol": "SASL_PLAINTEXT", "auth": {"existingSecret": "gone"}}}
CUDA = {"workers": {"score": {"settings": {"FUSIONLOG_SCORE__PROVIDER": "cuda"}}}}


@pytest.mark.parametrize(
    ("role", "changes", "sentence"),
    [
        ("ingest", LOGIN, "FUSIONLOG_KAFKA__SASL_USERNAME"),
        ("score", CUDA, "FUSIONLOG_SCORE__PROVIDER"),
    ],
    ids=["missing secret", "GPU without CUDA"],
)
async def test_a_wrong_setting_is_a_sentence_of_the_log(
    stage: Stage, pods: ExitStack, tmp_path: Path, role: str, changes: Object, sentence: str
) -> None:
    """A kubelet starts no pod whose secret is missing; one that is empty is seen here."""
    Release(stage.settings, tmp_path / "set-up", {}).set_up()
    pod = pods.enter_context(Release(stage.settings, tmp_path / "pods", changes).pod(role))
    await until(lambda: sentence in pod.log(), SECONDS, pod.log)
    assert not pod.is_ready()


async def test_a_missing_topic_is_named_with_the_command_that_makes_it(
    stage: Stage, pods: ExitStack, tmp_path: Path
) -> None:
    pod = pods.enter_context(Release(stage.settings, tmp_path / "pods", {}).pod("ingest"))
    await until(lambda: "fusionlog topics create" in pod.log(), SECONDS, pod.log)
    assert f"{stage.settings.topics.raw('shop').name} does not exist" in pod.log()
    assert not pod.is_ready()


async def test_a_broker_that_is_away_is_named_in_log_and_readiness(
    stage: Stage, pods: ExitStack, tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    away = {"kafka": {"bootstrapServers": f"127.0.0.1:{port}"}}
    pod = pods.enter_context(Release(stage.settings, tmp_path / "pods", away).pod("ingest"))
    await until(lambda: f"127.0.0.1:{port}" in pod.log(), SECONDS, pod.log)
    status, body = pod.probe("readinessProbe")
    assert status == 503 and "Kafka" in body
    assert pod.probe("livenessProbe")[0] == 200, "a restart would not help"
