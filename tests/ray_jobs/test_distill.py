from contextlib import contextmanager

import pytest

from fusionlog.detector.fitting import model
from fusionlog.distillation.distill import NothingToDistilError
from fusionlog.embedding.encoder import Encoder
from fusionlog.releases import pack_vectors
from fusionlog.settings import DistillSettings, Settings
from ray_jobs import distill, publish, tasks
from tests.encoders import make_encoder
from tests.factories import make_label, make_release, make_window

GOOD = make_window("connection opened", "connection closed")
BAD = make_window("connection opened", "disk failed", first_offset=20)


class FitsHere:
    """Fits in this process."""

    def __init__(self, settings, show=None):
        self._settings = settings

    def __call__(self, jobs, how="erm"):
        return [model(examples, self._settings, how) for examples in jobs]


@contextmanager
def here():
    yield "job-1"


@pytest.mark.parametrize("detector", ["set", "gru"])
async def test_a_distillation_keeps_its_parents_detector_whatever_is_set(tmp_path, monkeypatch, detector):
    encoder = Encoder(make_encoder(tmp_path / "encoder"))
    bank = (("connection opened", 0.0), ("disk failed", 1.0))
    vectors = pack_vectors(encoder([text for text, _ in bank]))
    parent = make_release(*bank, detector=detector, encoder=encoder.name, vectors=vectors, created=1.0)
    for name, found in (
        ("read_parent", parent),
        ("last_withdrawn", None),
        ("read_labels", [make_label(GOOD, 0.1), make_label(BAD, 0.9)]),
        ("read_feedback", []),
        ("read_windows", [GOOD, GOOD, BAD]),
    ):

        async def read(*_, found=found):
            return found

        monkeypatch.setattr(publish, name, read)
    monkeypatch.setattr(tasks, "RayTrainer", FitsHere)
    monkeypatch.setattr(tasks, "connected", here)
    other = "gru" if detector == "set" else "set"
    settings = Settings(
        encoder=tmp_path / "encoder", distill=DistillSettings(steps=5, hidden=8, min_labels=2, detector=other)
    )
    found = await distill.candidate(settings, "shop", None, [])
    assert found.release.detector == detector


@pytest.mark.parametrize("method", ["generallog", "source-only", "llm-only"])
async def test_a_method_that_learns_nothing_is_not_distilled_for(method):
    with pytest.raises(NothingToDistilError, match=f"the method of shop is {method}"):
        await distill.candidate(Settings(method=method), "shop", None, [])
