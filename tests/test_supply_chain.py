"""What FusionLog is made of: a bill of materials, and known vulnerabilities of the pinned packages.

`build/sbom.json` is CycloneDX. pip-audit needs an advisory service: without one the test skips, for pip-audit itself
reports no vulnerability where it could look up nothing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SBOM = ROOT / "build" / "sbom.json"
BIN = Path(sys.executable).parent
PIN = re.compile(r"^([a-z0-9][\w.-]*==[^ ;]+)", re.MULTILINE)
PROBE = "cryptography"
"""The package that is looked up first: where it is unknown, no service of advisories answers."""


def pins() -> list[str]:
    """The pinned packages, as NAME==VERSION."""
    return PIN.findall((ROOT / "constraints.txt").read_text(encoding="utf-8"))


def skipped(report: Mapping[str, Any]) -> list[str]:
    """Why packages of a report were not looked up, one reason a package."""
    return [each["skip_reason"] for each in report["dependencies"] if "skip_reason" in each]


def vulnerable(report: Mapping[str, Any]) -> list[str]:
    """The vulnerable packages of a report, each with its advisories and the versions that mend it."""
    return [
        f"{each['name']} {each['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'no version'}"
        for each in report["dependencies"]
        for found in each.get("vulns", [])
    ]


def audit(directory: Path, *packages: str) -> dict[str, Any]:
    """The report of pip-audit on pinned packages; the test skips where it has none."""
    listed = directory / "pinned.txt"
    listed.write_text("\n".join(packages), encoding="utf-8")
    command = [str(BIN / "pip-audit"), "-r", str(listed), "--disable-pip", "--no-deps", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    try:
        return dict(json.loads(done.stdout))
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        pytest.skip(f"packages are not audited, no advisory service answers: {last[:300]}")


def test_a_report_names_what_is_vulnerable_and_what_was_not_looked_up() -> None:
    advisory = {"id": "PYSEC-1", "fix_versions": ["2.0"], "aliases": [], "description": "bad"}
    report = {
        "dependencies": [
            {"name": "a", "version": "1.0", "vulns": [advisory, {**advisory, "id": "PYSEC-2", "fix_versions": []}]},
            {"name": "b", "version": "1.0", "vulns": []},
            {"name": "c", "skip_reason": "not found"},
        ]
    }
    assert vulnerable(report) == ["a 1.0: PYSEC-1, mended in 2.0", "a 1.0: PYSEC-2, mended in no version"]
    assert skipped(report) == ["not found"]


def test_every_package_is_pinned_once() -> None:
    names = [pin.partition("==")[0] for pin in pins()]
    assert len(names) == len(set(names)) > 100 and PROBE in names


@pytest.mark.long
def test_the_bill_of_materials_has_what_is_installed() -> None:
    SBOM.parent.mkdir(exist_ok=True)
    command = [str(BIN / "cyclonedx-py"), "environment", "--pyproject", str(ROOT / "pyproject.toml"), "--validate"]
    subprocess.run([*command, "--output-reproducible", "--output-file", str(SBOM), sys.executable], check=True)
    found = json.loads(SBOM.read_text(encoding="utf-8"))
    versions = {each["name"].lower().replace("_", "-"): each["version"] for each in found["components"]}
    assert found["bomFormat"] == "CycloneDX" and found["metadata"]["component"]["name"] == "fusionlog"
    assert {"aiokafka", "cryptography", "faust-streaming", "onnxruntime", "pydantic", "ray"} <= versions.keys()
    print(f"{SBOM}: {len(versions)} packages")


@pytest.mark.long
def test_no_pinned_package_has_a_known_vulnerability(tmp_path: Path) -> None:
    [probe] = [pin for pin in pins() if pin.startswith(f"{PROBE}==")]
    if reasons := skipped(audit(tmp_path, probe)):
        pytest.skip(f"packages are not audited, no advisory service answers: {reasons[0]}")
    report = audit(tmp_path, *pins())
    for reason in skipped(report):
        print(f"not audited: {reason}")
    assert vulnerable(report) == []
