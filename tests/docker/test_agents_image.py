"""The image of the workers, and a pod of the chart that runs it, by each CI; test_pods.py has what takes longer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agents.stage import Stage, until
from tests.brokers import ApacheKafka
from tests.docker.engine import BASE, build, podman, size
from tests.docker.release import Release

pytestmark = pytest.mark.timeout(900)

MOST_MB = 450
LOCKED = ("--rm", "--network", "none", "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges")
UNCOMPILED = """
import sys, pathlib
import fusionlog.cli.main, agents.ingest, agents.score, agents.label, agents.explain, agents.canary
cached = [module.__cached__ for module in sys.modules.values() if getattr(module, "__cached__", None)]
print(len(cached), [path for path in cached if not pathlib.Path(path).is_file()])
"""


@pytest.fixture(scope="module")
def image() -> str:
    return build("agents")


def run(image: str, *words: str, entrypoint: str = "") -> str:
    chosen = ["--entrypoint", entrypoint] if entrypoint else []
    return podman("run", *LOCKED, "--memory", "512m", *chosen, image, *words)


def test_the_image_is_small_described_and_of_a_user_of_its_own(image: str) -> None:
    assert size(image) - size(BASE) <= MOST_MB
    config = json.loads(podman("image", "inspect", image))[0]["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["tini", "--", "fusionlog"]
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert labels["title"] == "fusionlog-agents" and labels["base.name"] == BASE
    assert {"description", "version", "revision"} <= set(labels)


def test_a_locked_container_without_network_has_encoder_and_byte_code_and_no_compiler(image: str) -> None:
    assert run(image, "encoder").strip() == "/opt/encoder"
    many, _, missing = run(image, "-c", UNCOMPILED, entrypoint="python").strip().partition(" ")
    assert int(many) > 500 and missing == "[]"
    script = (
        "id -u; for each in gcc cc uv git; do command -v $each; done; ls -A /root/.cache /tmp /src 2>/dev/null; true"
    )
    assert run(image, "-c", script, entrypoint="sh").split() == ["10001", "/tmp:"]


@pytest.mark.kafka
async def test_a_rendered_pod_is_ready_takes_a_line_and_ends_in_its_grace_period(
    image: str, apache_kafka: ApacheKafka, tmp_path: Path
) -> None:
    """The line comes out as a window: an anomaly needs the pods of test_pods.py."""
    stage = Stage(tmp_path / "stage", apache_kafka.settings)
    release = Release(stage.settings, tmp_path / "pods", {})
    release.set_up()
    with release.pod("ingest") as pod:
        await until(pod.is_ready, 60.0, lambda: (pod.probe("readinessProbe"), pod.log()[-3000:]))
        assert pod.probe("livenessProbe")[0] == 200
        await stage.write([("k", "order 17 was paid"), ("k", "order 18 was not paid")])

        async def cut() -> bool:
            return len(await stage.windows()) == 1

        await until(cut, 60.0, pod.log)
        assert pod.stop() == 0, pod.log()[-3000:]
        assert '"stopped"' in pod.log()
