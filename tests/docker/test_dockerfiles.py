"""The Dockerfiles: what hadolint finds, and what they share."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.brokers import must_have_kafka

ROOT = Path(__file__).parents[2]
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))


def tool(name: str) -> str:
    """The path of a tool of requirements.txt. Without it the test is skipped; it fails where it must be there."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None and must_have_kafka():
        pytest.fail(f"{name} is needed and not installed: make test")
    if found is None:
        pytest.skip(
            f"{name} is not installed: make test  installs it, or  pip install -r tests/docker/requirements.txt"
        )
    return found


def hadolint(path: Path) -> str:
    done = subprocess.run(
        [tool("hadolint"), "--no-color", str(path)], capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_hadolint_finds_nothing(path: Path) -> None:
    assert hadolint(path) == ""


def test_hadolint_finds_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN apt-get install wget\nUSER root\n")
    assert {"DL3006", "DL3008", "DL3002"} <= set(re.findall(r"DL\d+", hadolint(tmp_path / "Dockerfile")))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_the_last_stage_installs_no_python_package_and_ends_as_a_user_below_an_init(path: Path) -> None:
    last = path.read_text().rpartition("\nFROM ")[2]
    assert not re.search(r"\b(pip|uv|gcc|build-essential)\b", last)
    assert re.findall(r"^USER (.*)", last, re.M)[-1:] == ["10001:10001"]
    assert '\nENTRYPOINT ["tini", "--"' in last


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_no_step_ignores_a_rule_and_no_address_is_written_down(path: Path) -> None:
    text = path.read_text()
    assert "hadolint ignore" not in text
    assert re.findall(r"https?://\S+", text) == []
    assert re.findall(r"^ARG BASE=(\S+)", text, re.M) == ["docker.io/library/python:3.11-slim-bookworm"]


def test_the_tools_of_a_build_are_pinned_by_hashes_and_uv_is_that_of_the_constraints() -> None:
    text, pins = (ROOT / "docker" / "build.txt").read_text(), (ROOT / "constraints.txt").read_text()
    names = re.findall(r"^([\w.-]+)==", text, re.M)
    assert {"uv", "hatchling"} <= set(names)
    assert all(f"{name}==" in text and "--hash=sha256:" in text.split(f"{name}==")[1].split("==")[0] for name in names)
    assert re.findall(r"^uv==\S+", text, re.M) == re.findall(r"^uv==\S+", pins, re.M)


def test_images_have_the_version_of_the_package() -> None:
    version = re.findall(r'^__version__ = "(.*)"', (ROOT / "fusionlog" / "__init__.py").read_text(), re.M)
    assert [re.findall(r"\bVERSION=(\S+)", path.read_text()) for path in DOCKERFILES] == [version] * len(DOCKERFILES)


def test_what_a_wheel_is_made_of_is_in_the_context_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text().split()
    assert "*" in lines
    target = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*target["packages"], *(each.partition("/")[0] for each in target["force-include"])}
    allowed = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert allowed == {*needed, "pyproject.toml", "constraints.txt", "README.md", "docker/*.txt"}
