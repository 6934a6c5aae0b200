"""The images of Ray and of GPUs: gigabytes each, so by `make check-long` alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.docker.engine import BASE, build, podman, size

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

FREE_GB = 25
LOCKED = ("--rm", "--network", "none", "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges")


def large(name: str) -> str:
    """Build an image that takes gigabytes; the test skips where the disk has no room."""
    store = Path(podman("info", "--format", "{{.Store.GraphRoot}}").strip())
    free = shutil.disk_usage(store).free / 1e9
    if free < FREE_GB:
        pytest.skip(f"{store} has {free:.0f} GB, and an image of gigabytes takes {FREE_GB}")
    image = build(name)
    print(f"{image}: {size(image):.0f} MB, {size(image) - size(BASE):.0f} MB above its base")
    return image


def labels(image: str) -> dict[str, str]:
    return dict(json.loads(podman("image", "inspect", image))[0]["Config"]["Labels"])


def test_the_image_of_ray_starts_a_head_that_runs_a_job_as_kuberay_does() -> None:
    """KubeRay starts it by /bin/bash, and probes it by wget before 1.6; a read-only root with /tmp is all it has."""
    image = large("ray")
    assert labels(image)["org.opencontainers.image.title"] == "fusionlog-ray"
    script = (
        "set -e; command -v wget; bash -lc 'command -v fusionlog && command -v ray'; fusionlog encoder; "
        "ray start --head --num-cpus 1 --disable-usage-stats >/tmp/start.log 2>&1 || { cat /tmp/start.log; exit 1; }; "
        "wget --tries 30 --waitretry 1 --retry-connrefused -qO- http://localhost:52365/api/local_raylet_healthz; echo; "
        'python -c "import ray; ray.init(log_to_driver=False); '
        "print('job', ray.get(ray.remote(lambda: __import__('ray_jobs.meta_train').__name__).remote()))\"; "
        "ray stop --force >/dev/null 2>&1"
    )
    printed = podman("run", *LOCKED, "--shm-size", "1g", image, "/bin/bash", "-c", script, seconds=600.0)
    assert "success" in printed and "job ray_jobs" in printed, printed


def test_the_image_of_gpus_has_the_libraries_of_cuda_and_names_a_node_without_a_driver() -> None:
    image = large("agents-gpu")
    assert labels(image)["org.opencontainers.image.title"] == "fusionlog-agents-gpu"
    script = (
        "import onnxruntime as ort; ort.preload_dlls(); print(ort.get_available_providers())\n"
        "from fusionlog.utils.onnx import check_provider; check_provider('cuda')"
    )
    printed = podman("run", *LOCKED, "--entrypoint", "python", image, "-c", script, check=False, seconds=300.0)
    assert "CUDAExecutionProvider" in printed
    assert "FUSIONLOG_SCORE__PROVIDER" in printed
