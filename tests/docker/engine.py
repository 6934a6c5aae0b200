"""buildah and podman, and the base image that stands in where no image registry is reached."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from tests.brokers import must_have_kafka

ROOT = Path(__file__).parents[2]
BASE = "docker.io/library/python:3.11-slim-bookworm"
STAND_IN = ROOT.parent / "shared" / "containers"
"""Makes an image of that name of Debian's packages; its containers.conf names a runtime that runs here."""
PROGRAMS = ("buildah", "podman", "runc", "mmdebstrap")
INSTALL = "apt-get install --no-install-recommends buildah podman runc conmon catatonit netavark mmdebstrap"
TAG = "under-test"


def podman(*words: str, check: bool = True, seconds: float = 300.0, stdin: str | None = None) -> str:
    """The output of a podman command, its errors included.

    :raises AssertionError: it failed, and `check` is set.
    """
    return _run(["podman", *words], check, seconds, stdin)


def build(name: str) -> str:
    """Build `docker/NAME.Dockerfile`; the image's name. Steps that did not change come from earlier builds."""
    needs_engine()
    image = f"fusionlog-{name}:{TAG}"
    # Layers of a large image would be kept twice.
    layers = f"--layers={'true' if name == 'agents' else 'false'}"
    words = ["build", "--pull-never", layers, "--tag", image, "--file", f"docker/{name}.Dockerfile", "."]
    _run(["buildah", *words], True, 1800.0, None)
    # The image of an earlier build has lost its name, and would stay for ever.
    ours = f"label=org.opencontainers.image.title=fusionlog-{name}"
    podman("image", "prune", "--force", "--filter", ours, check=False)
    return image


def size(image: str) -> float:
    """The size of an image in MB, as `podman images` has it."""
    return int(podman("image", "inspect", "--format", "{{.Size}}", image)) / 1e6


@cache
def needs_engine() -> None:
    """Skip the test with the reason where images cannot be built; it fails where they must be."""
    reason = _missing()
    if reason is not None and must_have_kafka():
        pytest.fail(f"images are to be built, and cannot be: {reason}")
    if reason is not None:
        pytest.skip(f"images are not built: {reason}")


def _missing() -> str | None:
    for program in PROGRAMS:
        if shutil.which(program) is None:
            return f"{program} is not installed ({INSTALL})"
    if os.geteuid() != 0:
        return "they are run as root here"
    if _has_base():
        return None
    if not STAND_IN.is_dir():
        return f"neither {BASE} is there (podman pull) nor {STAND_IN}, which makes it"
    store = podman("info", "--format", "{{.Store.GraphRoot}}").strip()
    _run([str(STAND_IN / "base.sh"), store], True, 600.0, None)
    return None


def _has_base() -> bool:
    return subprocess.run(["podman", "image", "exists", BASE], env=_environment(), check=False).returncode == 0


def _run(command: list[str], check: bool, seconds: float, stdin: str | None) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env=_environment(), input=stdin, text=True, timeout=seconds, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.stdout[-4000:]}"
    return done.stdout


def _environment() -> Mapping[str, str]:
    found = {**os.environ, "STORAGE_DRIVER": "overlay", "BUILDAH_ISOLATION": "chroot"}
    if STAND_IN.is_dir():
        found["CONTAINERS_CONF"] = str(STAND_IN / "containers.conf")
    return found
