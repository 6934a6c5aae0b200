from __future__ import annotations

import numpy as np
import pytest

from fusionlog.detector.batch import collate
from fusionlog.detector.onnx_session import Detector, deadline
from fusionlog.errors import ModelError, SettingError
from tests.cuda import NO_DEVICE, FakeCuda, fake_cuda
from tests.detector.graphs import make_onnx

__all__ = ["fake_cuda"]


def window(*first_components: float) -> tuple[np.ndarray, np.ndarray]:
    vectors = np.array([[value, 9.0] for value in first_components], dtype=np.float32)
    return vectors, np.ones(len(vectors), dtype=np.float32)


def test_scores_windows_and_events() -> None:
    windows, events = Detector(make_onnx(), "cpu").score(collate([window(0.25), window(0.5, 0.75)]))
    assert windows.tolist() == [0.25, 0.75]
    assert events.tolist() == [[0.25, 0.0], [0.5, 0.75]]
    assert windows.dtype == events.dtype == np.float32


def test_scores_on_cuda_are_the_cpus(fake_cuda: FakeCuda) -> None:
    on_cuda, on_cpu = Detector(make_onnx(), "cuda"), Detector(make_onnx(), "cpu")
    assert (on_cuda.provider, on_cpu.provider) == ("cuda", "cpu")
    batch = collate([window(0.25), window(0.5, 0.75)])
    assert [each.tolist() for each in on_cuda.score(batch)] == [each.tolist() for each in on_cpu.score(batch)]


def test_cuda_that_is_required_and_missing_is_an_error(fake_cuda: FakeCuda) -> None:
    fake_cuda.opening = NO_DEVICE
    with pytest.raises(SettingError, match=r"FUSIONLOG_SCORE__PROVIDER is 'cuda': .*no CUDA-capable device"):
        Detector(make_onnx(), "cuda")


def test_cuda_that_fails_on_a_batch_is_no_fault_of_the_model(fake_cuda: FakeCuda) -> None:
    relaxed, strict = Detector(make_onnx(), "auto"), Detector(make_onnx(), "cuda")
    fake_cuda.running = RuntimeError("CUDA failure 2: out of memory ; GPU=0")
    assert relaxed.score(collate([window(0.25)]))[0].tolist() == [0.25]
    assert relaxed.provider == "cpu"
    with pytest.raises(SettingError, match="out of memory"):
        strict.score(collate([window(0.25)]))


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(ModelError, match="do not load"):
        Detector(b"not onnx", "cpu")


def test_a_model_of_another_form_is_refused() -> None:
    with pytest.raises(ModelError, match=r"inputs \['counts', 'ids'\]"):
        Detector(make_onnx(inputs=("ids", "counts")), "cpu")


def test_a_batch_that_does_not_fit_is_refused() -> None:
    batch = collate([(np.zeros((1, 0), np.float32), np.ones(1, np.float32))])
    with pytest.raises(ModelError, match=r"\(1, 1, 0\)"):
        Detector(make_onnx(), "cpu").score(batch)


def test_a_score_that_is_no_number_is_an_error() -> None:
    with pytest.raises(ModelError, match="score of a window is no number"):
        Detector(make_onnx(float("nan")), "cpu").score(collate([window(0.25)]))


def test_a_run_ends_at_its_deadline() -> None:
    with deadline(0.0) as options:
        while not options.terminate:
            pass
        with pytest.raises(ModelError, match="terminate"):
            Detector(make_onnx(), "cpu").score(collate([window(0.25)]), options)
