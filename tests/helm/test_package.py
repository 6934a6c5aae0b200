"""The chart's archive, and the OCI artefact that a registry gets."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.helm.chart import CHART, helm

package = pytest.importorskip("helm.package")


def blob(layout: Path, descriptor: dict[str, Any]) -> bytes:
    """The content of a descriptor; its digest and its size are those of the content."""
    content = (layout / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
    assert hashlib.sha256(content).hexdigest() == descriptor["digest"].removeprefix("sha256:")
    assert len(content) == descriptor["size"]
    return content


def test_the_artefact_holds_a_chart_that_helm_reads(tmp_path: Path) -> None:
    package.main(tmp_path)
    layout = tmp_path / "oci"
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    manifest = json.loads(blob(layout, entry))
    config = json.loads(blob(layout, manifest["config"]))
    with helm.Chart.load_archive(blob(layout, manifest["layers"][0])) as chart:
        assert (chart.name, chart.version) == (config["name"], config["version"])
        assert chart.schema is not None
    (archive,) = tmp_path.glob("*.tgz")
    with tarfile.open(archive) as files:
        names = set(files.getnames())
    wanted = {str(path.relative_to(CHART.parent)) for path in CHART.rglob("*") if path.is_file()}
    assert names == {name for name in wanted if not name.endswith(".in") and "__pycache__" not in name}


def test_a_chart_whose_example_fails_lint_is_not_packaged(tmp_path: Path) -> None:
    chart = tmp_path / "fusionlog"
    (chart / "examples").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: fusionlog\nversion: 0.1.0\n")
    (chart / "templates").mkdir()
    (chart / "templates" / "bad.yaml").write_text("kind: {{ .Values.kind.of }}\n")
    (chart / "examples" / "bad.yaml").write_text("kind: x\n")
    with pytest.raises(ValueError, match=r"bad\.yaml"):
        package.packaged(chart, tmp_path / "out")
