"""The wheel of this checkout in venvs of its own, run from outside the checkout."""

from __future__ import annotations

import os
import site
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


def build_wheel(directory: Path) -> Path:
    """The wheel of this checkout, built into a directory."""
    uv("build", "--wheel", str(ROOT), "--out-dir", str(directory))
    (wheel,) = directory.glob("*.whl")
    return wheel


def make_venv(directory: Path) -> Path:
    """The interpreter of a new venv."""
    uv("venv", "--python", sys.executable, str(directory))
    return directory / "bin" / "python"


def make_venv_beside(directory: Path, wheel: Path) -> Path:
    """The interpreter of a venv with the wheel, and with this interpreter's packages but for its FusionLog.

    Nothing is installed twice: a path file adds this interpreter's packages behind the venv's own. The editable
    FusionLog among them is a path file, too, and path files count in a venv's own directory alone.
    """
    python = make_venv(directory)
    uv("pip", "install", "--python", str(python), "--no-deps", str(wheel))
    (own,) = directory.glob("lib/python*/site-packages")
    packages = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (own / "packages.pth").write_text("\n".join(packages) + "\n", encoding="utf-8")
    return python


def run_outside(command: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """The output of a command that is run at the root of the file system, without this checkout on its path."""
    done = subprocess.run(
        command, env={**outside(), **(env or {})}, capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def outside() -> dict[str, str]:
    """This environment without paths to Python modules."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def uv(*words: str) -> str:
    """The output of a uv command."""
    return run_outside([sys.executable, "-m", "uv", *words, "--quiet"])
