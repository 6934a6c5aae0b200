"""A tiny data directory, its encoder and a workshop."""

from __future__ import annotations

from pathlib import Path

import pytest

from fusionlog.embedding.encoder import Encoder
from fusionlog.evaluation.runner import Runner
from fusionlog.settings import DistillSettings, Settings
from tests.encoders import make_encoder
from tests.evaluation.factories import SYSTEMS, write_data, write_verdicts


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three systems, each with recorded verdicts."""
    directory = write_data(tmp_path / "data")
    for system in SYSTEMS:
        write_verdicts(directory, system)
    return directory


@pytest.fixture
def workshop(tmp_path: Path) -> Runner:
    """A workshop whose fits are short."""
    settings = Settings(distill=DistillSettings(steps=20, hidden=8, rounds=2))
    return Runner(settings, Encoder(make_encoder(tmp_path / "encoder")))
