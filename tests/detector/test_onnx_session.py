from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest
from structlog.testing import capture_logs

from fusionlog.detector.batch import collate
from fusionlog.detector.onnx_session import Detector, deadline
from fusionlog.errors import ModelError
from fusionlog.utils.onnx import CPU, CUDA, providers
from tests.detector.graphs import make_onnx

no_cuda = pytest.mark.skipif(CUDA in ort.get_available_providers(), reason="CUDA is there")


def window(*first_components: float) -> tuple[np.ndarray, np.ndarray]:
    vectors = np.array([[value, 9.0] for value in first_components], dtype=np.float32)
    return vectors, np.ones(len(vectors), dtype=np.float32)


def test_scores_windows_and_events() -> None:
    windows, events = Detector(make_onnx(), "cpu").score(collate([window(0.25), window(0.5, 0.75)]))
    assert windows.tolist() == [0.25, 0.75]
    assert events.tolist() == [[0.25, 0.0], [0.5, 0.75]]
    assert windows.dtype == events.dtype == np.float32


@pytest.mark.parametrize(
    ("wanted", "available", "expected"),
    [
        ("auto", [CUDA, CPU], [CUDA, CPU]),
        ("auto", [CPU], [CPU]),
        ("cuda", [CPU], [CPU]),
        ("cpu", [CUDA, CPU], [CPU]),
    ],
)
def test_cuda_is_taken_where_it_is_there_and_wanted(wanted: str, available: list[str], expected: list[str]) -> None:
    assert providers(wanted, available) == expected  # type: ignore[arg-type]


@no_cuda
def test_cuda_wanted_but_absent_falls_back_and_says_so() -> None:
    with capture_logs() as logs:
        detector = Detector(make_onnx(), "cuda")
    assert detector.provider == "cpu"
    assert [(entry["log_level"], entry["setting"]) for entry in logs] == [("warning", "FUSIONLOG_SCORE__PROVIDER")]


@no_cuda
def test_auto_without_cuda_is_silent() -> None:
    with capture_logs() as logs:
        assert Detector(make_onnx(), "auto").provider == "cpu"
    assert logs == []


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
