"""The directory of the bundled systems: in an installed package beside this file, in a checkout `datasets/`."""

from __future__ import annotations

from pathlib import Path

PACKAGED = Path(__file__).parent / "datasets"
CHECKOUT = Path(__file__).parents[2] / "datasets"
DATASETS = PACKAGED if (PACKAGED / "systems.yaml").is_file() else CHECKOUT
