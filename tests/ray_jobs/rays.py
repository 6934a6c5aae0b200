"""Rays of tests: what they run, what is killed of them, and one whose nodes an autoscaler starts."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ray.cluster_utils import AutoscalingCluster

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


class ScalingRay(LocalRay):
    """A head without CPUs, and nodes of one CPU that Ray's own autoscaler starts and ends, on this machine.

    The configuration is that of Ray's `AutoscalingCluster`, whose `start` and `shutdown` are not called: both run
    `ray stop --force`, which would end everybody's Rays.
    """

    def __init__(self, nodes: int, token: str) -> None:
        super().__init__(0, token)
        node = {"resources": {"CPU": 1}, "node_config": {}, "min_workers": 0, "max_workers": nodes}
        made: Any = AutoscalingCluster({"CPU": 0}, {"node": node}, max_workers=nodes, idle_timeout_minutes=0.1)
        self._config = self._directory / "autoscaler.json"
        self._config.write_text(json.dumps(made._config))

    def _command(self) -> list[str]:
        kept = [word for word in super()._command() if word != "--no-monitor"]
        return [*kept, f"--autoscaling-config={self._config}"]
