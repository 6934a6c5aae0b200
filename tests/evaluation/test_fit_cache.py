import numpy as np
import pytest

from fusionlog.detector.examples import Example
from fusionlog.detector.onnx_session import Detector
from fusionlog.evaluation import fit_cache as module
from fusionlog.evaluation.fit_cache import LocalTrainer
from fusionlog.settings import DistillSettings

SETTINGS = DistillSettings(steps=5, hidden=4)


def example(place: int, probability: float) -> Example:
    vectors = np.eye(3, dtype=np.float32)[[place]]
    return Example(vectors, np.ones(1, np.float32), probability, np.array([probability], np.float32))


def test_a_fit_is_a_model_that_runs() -> None:
    [onnx] = LocalTrainer(SETTINGS)([[example(0, 0.0), example(1, 1.0)]])
    Detector(onnx, "cpu")


def test_what_was_trained_is_not_trained_again(monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[object] = []
    monkeypatch.setattr(module, "_fit", lambda *arguments: trained.append(arguments) or bytes([len(trained)]))
    fits, jobs = LocalTrainer(SETTINGS), [[example(0, 0.0)], [example(0, 1.0)], [example(0, 0.0)]]
    assert fits(jobs) == [b"\x01", b"\x02", b"\x01"]
    assert fits.with_settings(SETTINGS)(jobs[:1]) == [b"\x01"]
    assert fits.with_settings(SETTINGS.model_copy(update={"seed": 9}))(jobs[:1]) == [b"\x03"]
    assert fits.with_settings(SETTINGS, [example(2, 0.5)])(jobs[:1]) == [b"\x04"]
    assert fits(jobs[:1], "mldg") == [b"\x05"]


def test_what_remembering_saves_is_charged_to_the_run_that_saved_it() -> None:
    examples = [example(0, 0.0), example(1, 1.0)]
    fits = LocalTrainer(SETTINGS)
    fits([examples])
    assert fits.saved.seconds == 0.0
    run = fits.uncounted()
    run.with_settings(SETTINGS)([examples])
    assert run.saved.seconds > 0.0 == fits.saved.seconds
    charged = run.saved.seconds
    run.uncounted()([examples])
    assert run.saved.seconds == charged
