"""A control plane for the tests of this directory."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helm.chart import CRDS
from tests.helm.cluster import Cluster, Installation, process, started

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
GPUS = {"nvidia.com/gpu": "8"}


@pytest.fixture(scope="session")
def bare_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The control plane of KUBECONFIG, else one of this run."""
    if given := os.environ.get("KUBECONFIG"):
        if not shutil.which("kubectl"):
            pytest.skip("KUBECONFIG is set, and there is no kubectl on the path")
        yield Cluster(Path(given), ("kubectl",))
        return
    with started(tmp_path_factory.mktemp("kube")) as cluster:
        status = json.dumps({"status": {"capacity": GPUS, "allocatable": GPUS}})
        cluster.kubectl("patch", "node", "fake-0", "--subresource=status", "--type=merge", "-p", status)
        yield cluster


@pytest.fixture(scope="session")
def cluster(bare_cluster: Cluster) -> Iterator[Cluster]:
    """A control plane that has the operators' custom resources; those that the tests made are deleted again."""
    if not CRDS.is_dir():
        pytest.skip("no definitions of the operators' resources beside the checkout")
    there = bare_cluster.names("default", "crds")
    missing = [path for path in sorted(CRDS.glob("*.json")) if path.stem not in there]
    for path in missing:
        bare_cluster.kubectl("create", "-f", str(path))
    if missing:
        bare_cluster.kubectl("wait", "--for=condition=Established", "crd", *(path.stem for path in missing))
    yield bare_cluster
    if bare_cluster.operator is None:
        for path in missing:
            bare_cluster.kubectl("delete", "-f", str(path))


@pytest.fixture(scope="session")
def kuberay(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane where KubeRay's operator runs."""
    if cluster.operator is None:
        if not _reconciles(cluster):
            pytest.skip("KubeRay's operator does not run in the cluster of KUBECONFIG")
        yield cluster
        return
    words = ("--enable-leader-election=false", "--metrics-addr=127.0.0.1:0", "--health-probe-bind-address=127.0.0.1:0")
    environment, log = {"KUBECONFIG": str(cluster.kubeconfig)}, tmp_path_factory.mktemp("kuberay") / "log"
    with process(str(cluster.operator), *words, environment=environment, log=log):
        yield cluster


def _reconciles(cluster: Cluster) -> bool:
    """Whether an operator writes the status of a RayCluster, wherever it runs."""
    head = {"rayStartParams": {}, "template": {"spec": {"containers": [{"name": "ray-head", "image": "ray"}]}}}
    probe = {"apiVersion": "ray.io/v1", "kind": "RayCluster", "metadata": {"name": f"probe-{uuid.uuid4().hex[:8]}"}}
    cluster.kubectl("create", "-f", "-", text=json.dumps({**probe, "spec": {"headGroupSpec": head}}))
    name = f"raycluster/{probe['metadata']['name']}"  # type: ignore[index]
    try:
        return cluster.call("wait", "--for=jsonpath={.status.state}", name, "--timeout=20s").returncode == 0
    finally:
        cluster.kubectl("delete", name)


@pytest.fixture
def namespace(bare_cluster: Cluster) -> Iterator[str]:
    """A namespace that enforces the restricted Pod Security profile."""
    name = f"fusionlog-test-{uuid.uuid4().hex[:8]}"
    bare_cluster.kubectl("create", "namespace", name)
    bare_cluster.kubectl("label", "namespace", name, RESTRICTED)
    yield name
    bare_cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def release(kuberay: Cluster, namespace: str) -> Installation:
    """A release that is not installed yet, where all operators' resources are known and KubeRay's operator runs."""
    return Installation(kuberay, namespace)
