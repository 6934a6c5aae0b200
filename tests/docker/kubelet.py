"""Pods of rendered manifests, run by podman, with what a kubelet does and podman 4.3 does not.

| of a manifest | here |
|---|---|
| StatefulSet, Deployment, Job | the pod that its controller makes, NAME-0 |
| volumes of secrets and ConfigMaps, `projected`, `subPath` | files of the host, of the same mode and group |
| `status.podIP`, ports | the host's loopback: pods have the host's network, so each release has a port of its own |
| services | the loopback, where an argument names one |
| probes | requests of the test, to their path and port; podman would run curl in the container |
| annotations, service accounts, spread | left out |

Image, command, environment, security context, limits and mounts are the manifest's.
"""

from __future__ import annotations

import base64
import copy
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.docker.engine import podman
from tests.helm.chart import Object

LOOPBACK = "127.0.0.1"


class Pod:
    """A pod that runs.

    :param spec: its rendered spec.
    """

    def __init__(self, name: str, spec: Object) -> None:
        self.name, self.spec = name, spec
        (self._container,) = spec["containers"]
        self.container = f"{name}-{self._container['name']}"

    def log(self) -> str:
        """What its containers wrote."""
        of_start = [f"{self.name}-{each['name']}" for each in self.spec.get("initContainers", ())]
        return "".join(podman("logs", each, check=False) for each in [*of_start, self.container])

    def probe(self, kind: str) -> tuple[int, str]:
        """The answer to a probe of the manifest: status and body; status 0 where nothing answers."""
        probe = self._container[kind]["httpGet"]
        ports = {each["name"]: each["containerPort"] for each in self._container["ports"]}
        url = f"http://{LOOPBACK}:{ports[probe['port']]}{probe['path']}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError as error:
            return 0, str(error)

    def is_ready(self) -> bool:
        """Whether the probe of readiness succeeds."""
        return self.probe("readinessProbe")[0] == 200

    def stop(self) -> int:
        """SIGTERM, and SIGKILL after the grace period; the exit code, 137 for SIGKILL."""
        podman("stop", "--time", str(self.spec["terminationGracePeriodSeconds"]), self.container)
        return self._state()["ExitCode"]

    def ended(self, seconds: float) -> int:
        """Wait until it ends of itself; the exit code."""
        return int(podman("wait", self.container, seconds=seconds))

    def _state(self) -> Object:
        return dict(json.loads(podman("inspect", "--format", "{{json .State}}", self.container)))


@contextmanager
def running(objects: Sequence[Object], name: str, directory: Path) -> Iterator[Pod]:
    """The pod of a workload of a release, until the block ends.

    :param name: the workload's, or the pod's.
    :param directory: of the files of its volumes.
    """
    spec = pod_spec(objects, name)
    pod = Pod(f"{name}-0", spec)
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    taken = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod.name, "labels": {"app": name}}}
    manifest = yaml.safe_dump({**taken, "spec": as_podman_takes_it(spec, objects, directory)})
    try:
        podman("play", "kube", "--network", "host", "-", stdin=manifest)
        yield pod
    finally:
        podman("pod", "rm", "--force", "--time", "0", pod.name, check=False)


def pod_spec(objects: Sequence[Object], name: str) -> Object:
    """The pod's spec of a workload."""
    kinds = ("StatefulSet", "Deployment", "Job", "Pod")
    (found,) = [each for each in objects if each["kind"] in kinds and each["metadata"]["name"] == name]
    spec = found["spec"] if found["kind"] == "Pod" else found["spec"]["template"]["spec"]
    return dict(spec)


def as_podman_takes_it(spec: Object, objects: Sequence[Object], directory: Path) -> Object:
    """A spec in the part of Kubernetes that podman has; the files of its volumes are written into a directory."""
    found = copy.deepcopy(spec)
    for name in ("serviceAccountName", "topologySpreadConstraints", "activeDeadlineSeconds"):
        found.pop(name, None)
    contents, group = contents_of(objects), spec["securityContext"]["fsGroup"]
    files = {each["name"]: files_of(each, contents) for each in found["volumes"] if "emptyDir" not in each}
    for volume, mode_of in files.items():
        write(directory / volume, mode_of, group)
    containers = [*found.get("initContainers", ()), *found["containers"]]
    for container in containers:
        for field in ("ports", "startupProbe", "livenessProbe", "readinessProbe"):
            container.pop(field, None)
        container["env"] = [resolved(each) for each in container["env"]]
        container["args"] = [LOOPBACK if each in services_of(objects) else each for each in container["args"]]
    mounted = {mount["name"]: mount.pop("subPath", "") for each in containers for mount in each["volumeMounts"]}
    for volume in found["volumes"]:
        if volume["name"] in files:
            path = directory / volume["name"] / mounted[volume["name"]]
            volume.clear()
            volume |= {"name": path.relative_to(directory).parts[0], "hostPath": {"path": str(path)}}
    return found


def services_of(objects: Sequence[Object], domain: str = "svc.cluster.local") -> set[str]:
    """The names of the services of a release, which are all on this host."""
    found = [each["metadata"] for each in objects if each["kind"] == "Service"]
    return {f"{each['name']}.{each['namespace']}.{domain}" for each in found}


def resolved(variable: Object) -> Object:
    """A variable with the address of the pod where it asks for it; podman has the pod's name."""
    source = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
    return {"name": variable["name"], "value": LOOPBACK} if source == "status.podIP" else variable


Contents = Mapping[tuple[str, str], Mapping[str, bytes]]


def contents_of(objects: Sequence[Object]) -> Contents:
    """What secrets and ConfigMaps hold, by kind and name."""
    found = {}
    for each in objects:
        if each["kind"] in ("Secret", "ConfigMap"):
            text = {**(each.get("stringData") or {}), **(each["data"] if each["kind"] == "ConfigMap" else {})}
            secret = each.get("data", {}) if each["kind"] == "Secret" else {}
            content = {key: value.encode() for key, value in text.items()}
            content |= {key: base64.b64decode(value) for key, value in secret.items()}
            found[each["kind"], each["metadata"]["name"]] = content
    return found


def files_of(volume: Object, contents: Contents) -> dict[str, tuple[bytes, int]]:
    """The files of a volume, each with its mode. Of a source that is not there it has none."""
    sources: list[Any] = volume["projected"]["sources"] if "projected" in volume else [volume]
    mode = next(each.get("defaultMode", 0o644) for each in volume.values() if isinstance(each, dict))
    found = {}
    for source in sources:
        kind, place = ("Secret", source["secret"]) if "secret" in source else ("ConfigMap", source["configMap"])
        held = contents.get((kind, place.get("name") or place["secretName"]), {})
        items = place.get("items") or [{"key": key, "path": key} for key in held]
        found |= {each["path"]: (held[each["key"]], mode) for each in items if each["key"] in held}
    return found


def write(directory: Path, files: Mapping[str, tuple[bytes, int]], group: int) -> None:
    """Write the files of a volume, for root and the pod's group."""
    directory.mkdir()
    for name, (content, mode) in files.items():
        (directory / name).write_bytes(content)
        os.chown(directory / name, 0, group)
        (directory / name).chmod(mode)
