"""What a benchmark found, as a line to read and as JSON."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

BUNDLED = Path(__file__).parents[1] / "datasets"
SHARED = Path(__file__).parents[2] / "shared" / "data"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A value beside its baseline's, both of one run; `ratio` is value over baseline."""

    name: str
    value: float
    unit: str
    baseline: str
    baseline_value: float
    ratio: float
    details: dict[str, dict[str, float]] = {}

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.value:,.0f} {self.unit}, {self.ratio:.2f} times {self.baseline} "
            f"({self.baseline_value:,.0f} {self.unit})"
        )


def write(figure: Figure, path: Path | None) -> None:
    """Write a figure as JSON, where a file is named."""
    if path is not None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(figure), indent=2) + b"\n")


def data_directory() -> Path:
    """Labelled systems: FUSIONLOG_DATA, else a directory `shared/data` beside the project, else the bundled ones."""
    named = os.environ.get("FUSIONLOG_DATA")
    return Path(named) if named else SHARED if SHARED.is_dir() else BUNDLED
