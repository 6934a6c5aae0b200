"""A Kubernetes control plane: that of KUBECONFIG, else one of this run whose nodes run no container."""

from __future__ import annotations

import json
import lzma
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart import CHART, ROOT, Object, Values, helm

KUBE = ROOT.parent / "shared" / "kube"
BINARIES = ("hk", "kwok", "kuberay-operator")
SELF = {"serviceaccount/default", "configmap/kube-root-ca.crt"}
"""What every namespace has."""


@dataclass(frozen=True)
class Cluster:
    """The API server of a kubeconfig."""

    kubeconfig: Path
    command: tuple[str, ...]
    operator: Path | None = None
    """KubeRay's operator, where this run starts it."""

    def call(self, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """What kubectl answers."""
        command = [*self.command, f"--kubeconfig={self.kubeconfig}", *words]
        return subprocess.run(command, input=text, capture_output=True, text=True, timeout=120)

    def kubectl(self, *words: str, text: str = "") -> str:
        """The output of kubectl, which succeeds."""
        answer = self.call(*words, text=text)
        assert answer.returncode == 0, f"kubectl {' '.join(words)}: {answer.stderr}"
        return answer.stdout

    def get(self, namespace: str, kind: str, *words: str) -> list[Object]:
        """The objects of a kind."""
        found = json.loads(self.kubectl("-n", namespace, "get", kind, *words, "-o", "json"))
        return list(found["items"])

    def names(self, namespace: str, kind: str, *words: str) -> set[str]:
        """The names of the objects of a kind."""
        return {each["metadata"]["name"] for each in self.get(namespace, kind, *words)}

    def left(self, namespace: str) -> set[str]:
        """All objects of a namespace, as kind/name, without what every namespace has and what nobody made."""
        answer = self.kubectl("api-resources", "--verbs=list", "--namespaced", "-o", "name").split()
        kinds = [each for each in answer if not each.startswith(("events", "leases.", "endpoints"))]
        lines = self.kubectl("-n", namespace, "get", ",".join(kinds), "-o", "name", "--ignore-not-found").split()
        return {each for each in lines if each not in SELF}

    def config(self, namespace: str) -> Any:
        """Helm's connection to a namespace."""
        return helm.Config(kubeconfig_path=str(self.kubeconfig), namespace=namespace)

    def refused(self, namespace: str, objects: list[Object]) -> str:
        """What a strict server reports on objects that it does not take; empty: it takes all."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        words = ("-n", namespace, "apply", "--dry-run=server", "--validate=strict", "-f", "-")
        answer = self.call(*words, text=text)
        return answer.stderr if answer.returncode else ""


@dataclass(frozen=True)
class Installation:
    """A release of the chart in a namespace."""

    cluster: Cluster
    namespace: str
    name: str = "r"
    seconds: int = 90

    @property
    def helm(self) -> Any:
        """Helm's connection."""
        return self.cluster.config(self.namespace)

    def install(self, values: Values, **options: Any) -> None:
        """`helm install --wait`."""
        self.helm.install(str(CHART), self.name, dict(values), **self._options(), **options)

    def upgrade(self, values: Values, **options: Any) -> None:
        """`helm upgrade --wait`, by these values alone."""
        self.helm.upgrade(str(CHART), self.name, dict(values), reset_values=True, **self._options(), **options)

    def rollback(self, revision: int | None = None) -> None:
        """`helm rollback --wait`."""
        self.helm.rollback(self.name, version=revision, wait="watcher", timeout=self.seconds)

    def uninstall(self) -> None:
        """`helm uninstall --wait`."""
        self.helm.uninstall(self.name, wait="watcher", timeout=self.seconds)

    def _options(self) -> dict[str, Any]:
        return {"namespace": self.namespace, "wait": "watcher", "timeout": self.seconds}

    def pods(self, role: str) -> Mapping[str, Object]:
        """The pods of a role that are not being deleted, by their names."""
        found = self.cluster.get(self.namespace, "pods", "-l", f"app.kubernetes.io/component={role}")
        return {each["metadata"]["name"]: each for each in found if "deletionTimestamp" not in each["metadata"]}


def eventually(check: Callable[[], object], what: str, seconds: float = 60) -> None:
    """Wait until a condition of the cluster holds: its controllers work on their own."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)


@contextmanager
def started(directory: Path) -> Iterator[Cluster]:
    """A control plane of this run, ended afterwards."""
    if not (KUBE / "cluster.sh").exists():
        pytest.skip("no control plane: set KUBECONFIG to one whose pods become ready without their images")
    environment = {**os.environ, **_binaries(directory), **_ports()}
    script, place = str(KUBE / "cluster.sh"), str(directory / "c")
    try:
        done = subprocess.run(["bash", script, "up", place], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"the control plane does not start: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        command = (str(directory / "hk"), "kubectl", f"--cache-dir={directory}/cache")
        yield Cluster(directory / "c" / "admin.kubeconfig", command, directory / "kuberay-operator")
    finally:
        subprocess.run(["bash", script, "down", place], env=environment, check=True, capture_output=True)
        for name in BINARIES:
            (directory / name).unlink(missing_ok=True)


def _binaries(directory: Path) -> dict[str, str]:
    for name in BINARIES:
        with lzma.open(KUBE / "bin" / f"{name}.xz") as packed, (directory / name).open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 24)
        (directory / name).chmod(0o755)
    return {"HK": str(directory / "hk"), "KWOK": str(directory / "kwok")}


def _ports() -> dict[str, str]:
    """Six ports, four and two in a row, below those that clients are given."""
    first = random.randrange(16000, 32000, 10)
    return {"API_PORT": str(first), "ETCD_PORT": str(first + 6)}


@contextmanager
def process(*words: str, environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """A process that runs beside the tests."""
    with log.open("wb") as output:
        running = subprocess.Popen(words, env={**os.environ, **environment}, stdout=output, stderr=output)
        try:
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(30)
