"""Every recorded system, and nothing of the code that recorded them, is in the wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path

from fusionlog.data.bundled import CHECKOUT, DATASETS, PACKAGED
from fusionlog.data.systems import read_catalog

ROOT = Path(__file__).parents[2]


def test_in_a_checkout_the_data_are_those_of_the_checkout() -> None:
    assert not PACKAGED.exists()
    assert DATASETS == CHECKOUT == ROOT / "datasets"


def test_pyproject_puts_every_system_into_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    wanted = {"README.md", "systems.yaml", *read_catalog(DATASETS)}
    package = PACKAGED.relative_to(ROOT).as_posix()
    assert included == {f"datasets/{name}": f"{package}/{name}" for name in wanted}
