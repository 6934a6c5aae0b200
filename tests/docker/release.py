"""A release of the chart on a test's Apache Kafka: its manifests, and its pods."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from fusionlog.settings import Settings
from tests.brokers import free_ports
from tests.docker.engine import TAG
from tests.docker.kubelet import Pod, running
from tests.helm.chart import Object, Values, example, merged, render

SHOP = {"description": "An online shop.", "window": {"by": "count", "size": 2}}


class Release:
    """The example `minimal` with the image under test.

    :param settings: name the broker and the prefixes of the topics.
    :param changes: values beside these.
    """

    def __init__(self, settings: Settings, directory: Path, changes: Values) -> None:
        self.name, self._directory = f"r{uuid.uuid4().hex[:8]}", directory
        images = {each: {"tag": TAG} for each in ("agents", "agentsGpu", "ray")}
        kafka = {
            "bootstrapServers": settings.kafka.bootstrap_servers,
            "topicPrefix": settings.topic_prefix,
            "rawPrefix": settings.raw_prefix,
            "partitions": 2,
        }
        given = {"images": {"pullPolicy": "Never", **images}, "kafka": kafka, "systems": {"shop": SHOP}}
        self.values = merged(merged({**example("minimal"), "systems": {}}, given), changes)
        self.objects = cache(self._objects)

    def _objects(self, of: str) -> list[Object]:
        """The manifests, with a port of metrics for the pods of one role: pods have the host's network here."""
        (port,) = free_ports(1)
        return render(merged(self.values, {"metrics": {"port": port}}), name=self.name)

    @contextmanager
    def pod(self, role: str, of: str | None = None) -> Iterator[Pod]:
        """The first pod of a role, `setup` or `test`, until the block ends; of the manifests of another role."""
        name = f"{self.name}-fusionlog-{role}"
        with running(self.objects(of or role), name, self._directory / f"{role}-{uuid.uuid4().hex[:4]}") as pod:
            yield pod

    def set_up(self) -> str:
        """Run the job of the set-up: topics, and the bundled base. Its log."""
        with self.pod("setup") as pod:
            code = pod.ended(120.0)
            assert code == 0, pod.log()
            return pod.log()
