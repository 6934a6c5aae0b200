from pathlib import Path

import pytest

from benchmarks.distill import materials, measure
from fusionlog.embedding.encoder import Encoder
from fusionlog.settings import DistillSettings, Settings
from tests.encoders import make_encoder
from tests.evaluation.factories import write_data


@pytest.mark.ray
@pytest.mark.slow
def test_it_distils_and_evaluates_on_workers(tmp_path: Path) -> None:
    data, encoder = write_data(tmp_path / "data"), make_encoder(tmp_path / "encoder")
    settings = Settings(encoder=encoder, distill=DistillSettings(steps=3, hidden=8, rounds=1))
    found = materials(data, 2, Encoder(encoder), settings.distill)
    (one,) = measure(found, data, settings, most=1)
    assert (one["workers"], one["targets"]) == (1, 2)
    assert one["distillation_seconds"] > 0 and one["matrix_seconds"] > 0
