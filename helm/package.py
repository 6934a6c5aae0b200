"""The chart as an archive and as an OCI artefact: `make chart`.

The artefact is a directory in OCI's image layout, as `helm push` would put it into a registry: any tool that copies
images (skopeo, oras) takes it there from a machine without the registry.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from helm_python import lint, package

CHART = Path(__file__).parent / "fusionlog"
CONFIG = "application/vnd.cncf.helm.config.v1+json"
CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def packaged(chart: Path, directory: Path) -> Path:
    """The archive of a chart, NAME-VERSION.tgz, in a directory.

    :raises ValueError: the chart, or an example, does not pass lint.
    """
    for example in sorted((chart / "examples").glob("*.yaml")):
        report = lint(str(chart), yaml.safe_load(example.read_text(encoding="utf-8")), strict=True)
        if report["errors"]:
            raise ValueError(f"{example.name}: {'; '.join(report['errors'])}")
    directory.mkdir(parents=True, exist_ok=True)
    return Path(package(str(chart), destination=str(directory)))


def write_layout(archive: Path, chart: Mapping[str, Any], directory: Path) -> str:
    """Write a chart's archive as an OCI artefact; returns its digest.

    :param chart: what Chart.yaml holds.
    """
    shutil.rmtree(directory, ignore_errors=True)
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    notes = {"org.opencontainers.image.title": chart["name"], "org.opencontainers.image.version": chart["version"],
             "org.opencontainers.image.description": chart["description"]}  # fmt: skip
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, **_blob(blobs, json.dumps(chart).encode())},
        "layers": [{"mediaType": CONTENT, **_blob(blobs, archive.read_bytes())}],
        "annotations": notes,
    }
    named = {"org.opencontainers.image.ref.name": chart["version"]}
    entry = {"mediaType": MANIFEST, **_blob(blobs, json.dumps(manifest).encode()), "annotations": named}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    (directory / "index.json").write_text(json.dumps(index), encoding="utf-8")
    (directory / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}), encoding="utf-8")
    return str(entry["digest"])


def _blob(directory: Path, content: bytes) -> dict[str, Any]:
    """Write a blob under its digest; what a descriptor has of it."""
    digest = hashlib.sha256(content).hexdigest()
    (directory / digest).write_bytes(content)
    return {"digest": f"sha256:{digest}", "size": len(content)}


def main(directory: Path) -> None:
    """Write both into a directory, and print where."""
    archive = packaged(CHART, directory)
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    layout = directory / "oci"
    print(archive)
    print(f"{layout}:{chart['version']}@{write_layout(archive, chart, layout)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
