"""Rays of tests: what they run, what is killed of them, and one whose nodes an autoscaler starts."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fusionlog.kafka.embedded_broker import free_port
from ray_jobs.local import LocalRay

PARENT = 1
"""The field of /proc/PID/stat, counted from behind the command's name, that has the parent."""


def descendants(pid: int) -> Iterator[int]:
    """The processes that descend from one."""
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[PARENT]) == pid:
            yield int(place.parent.name)
            yield from descendants(int(place.parent.name))


def title(pid: int) -> str:
    """The command line of a process, which Ray's workers overwrite with the name of their task."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def of(ray: LocalRay) -> list[int]:
    """Every process of a Ray that runs."""
    assert ray._process is not None
    return [ray._process.pid, *descendants(ray._process.pid)]


def kill_task(ray: LocalRay, name: str) -> bool:
    """SIGKILL for one worker that runs a task of this name; whether there was one."""
    for pid in of(ray):
        if title(pid).startswith(f"ray::{name}"):
            os.kill(pid, signal.SIGKILL)
            return True
    return False


def kill_head(ray: LocalRay) -> None:
    """SIGKILL for the head and all that it runs, as when its machine is gone."""
    for pid in of(ray):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def scaling(nodes: int, port: int) -> Mapping[str, Any]:
    """A configuration of Ray's autoscaler: so many nodes of one CPU at most, which its own fake provider starts here.

    It is that of Ray's `AutoscalingCluster`, whose example the package of Ray leaves out.

    :param port: of the head, where nodes of this provider look for it.
    """
    types = {
        "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
        "node": {"resources": {"CPU": 1}, "node_config": {}, "min_workers": 0, "max_workers": nodes},
    }
    provider = {
        "type": "fake_multinode", "use_node_id_as_ip": True, "disable_node_updaters": True,
        "disable_launch_config_check": True, "gcs_address": f"127.0.0.1:{port}",
    }  # fmt: skip
    mappings = {name: {} for name in ("auth", "docker", "file_mounts")}  # type: ignore[var-annotated]
    commands = ("initialization", "setup", "head_setup", "worker_setup", "head_start_ray", "worker_start_ray")
    lists = [f"{each}_commands" for each in commands] + ["cluster_synced_files", "rsync_exclude", "rsync_filter"]
    return {
        "cluster_name": "fake", "provider": provider, "available_node_types": types,
        "head_node_type": "ray.head.default", "max_workers": nodes, "upscaling_speed": 1.0, "idle_timeout_minutes": 0.1,
        "file_mounts_sync_continuously": False, **mappings, **{name: [] for name in lists},
    }  # fmt: skip


class ScalingRay(LocalRay):
    """A head without CPUs, and nodes of one CPU that Ray's own autoscaler starts and ends, on this machine."""

    def __init__(self, nodes: int, token: str) -> None:
        super().__init__(0, token)
        self._config = self._directory / "autoscaler.json"
        self._head_port = free_port()
        self._config.write_text(json.dumps(scaling(nodes, self._head_port)))

    def _command(self) -> list[str]:
        kept = [word for word in super()._command() if word not in ("--no-monitor", "--port=0")]
        return [*kept, f"--port={self._head_port}", f"--autoscaling-config={self._config}"]
