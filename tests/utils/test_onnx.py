"""Sessions on the provider of the setting. The fake stands for ONNX Runtime's build for CUDA."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest
from structlog.testing import capture_logs

from fusionlog.errors import SettingError
from fusionlog.utils.onnx import Device, OnnxError, Provider, Session, check_provider, session_options
from tests.cuda import NO_DEVICE, FakeCuda, fake_cuda
from tests.detector.graphs import make_onnx

__all__ = ["fake_cuda"]

INPUTS = {"events": np.array([[[0.25, 9.0]]], np.float32), "counts": np.ones((1, 1), np.float32)}


def session(wanted: Provider) -> Session:
    return Session(make_onnx(), wanted, 1, "scorer")


def scored(opened: Session) -> float:
    return float(opened.run(["window"], INPUTS)[0][0])


@pytest.mark.parametrize(("wanted", "found"), [("auto", "cuda"), ("cuda", "cuda"), ("cpu", "cpu")])
def test_cuda_is_taken_where_it_works_and_is_wanted(fake_cuda: FakeCuda, wanted: Provider, found: Device) -> None:
    with capture_logs() as logs:
        opened = session(wanted)
    assert (opened.provider, scored(opened), logs) == (found, 0.25, [])
    assert ("preload" in fake_cuda.calls) == (wanted != "cpu")


def test_auto_warns_once_of_all_models_where_cuda_was_to_be_used(fake_cuda: FakeCuda) -> None:
    fake_cuda.opening = NO_DEVICE
    with capture_logs() as logs:
        assert [session("auto").provider for _ in range(3)] == ["cpu"] * 3
    [entry] = logs
    assert entry["log_level"] == "warning" and "scorer and encoder run on the CPU" in entry["event"]
    assert entry["why"] == "CUDA failure 100: no CUDA-capable device is detected" and "nvidia-smi" in entry["remedy"]


def test_auto_with_the_build_for_cpus_is_silent(fake_cuda: FakeCuda) -> None:
    fake_cuda.install("onnxruntime")
    with capture_logs() as logs:
        assert session("auto").provider == "cpu"
    assert logs == []


def test_cuda_that_is_missing_is_an_error_with_reason_and_remedy(fake_cuda: FakeCuda) -> None:
    fake_cuda.install("onnxruntime")
    for act in (lambda: session("cuda"), lambda: check_provider("cuda")):
        with pytest.raises(SettingError, match=r"is no build for CUDA\); install fusionlog\[gpu\] .* auto or cpu") as e:
            act()
        assert (e.value.setting, e.value.value) == ("FUSIONLOG_SCORE__PROVIDER", "cuda")
    check_provider("auto")
    check_provider("cpu")


def test_a_later_session_that_has_no_cuda_is_found(fake_cuda: FakeCuda) -> None:
    assert session("cuda").provider == "cuda"
    fake_cuda.loads = False
    with pytest.raises(SettingError, match="the scorer cannot run on CUDA"):
        session("cuda")
    with capture_logs() as logs:
        assert session("auto").provider == "cpu"
    assert ["the scorer runs on the CPU from now on" in entry["event"] for entry in logs] == [True]


def test_a_later_session_that_fails_on_cuda_opens_on_the_cpu(fake_cuda: FakeCuda) -> None:
    assert session("auto").provider == "cuda"
    fake_cuda.opening = RuntimeError("CUDA failure 2: out of memory ; GPU=0")
    with capture_logs() as logs:
        assert session("auto").provider == "cpu"
    assert logs[0]["why"] == "CUDA failure 2: out of memory"


def test_a_run_that_fails_on_cuda_alone_goes_on_on_the_cpu(fake_cuda: FakeCuda) -> None:
    opened = session("auto")
    fake_cuda.running = RuntimeError("CUDA failure 700: an illegal memory access ; GPU=0")
    with capture_logs() as logs:
        assert [scored(opened), scored(opened), opened.provider] == [0.25, 0.25, "cpu"]
    assert [entry["why"] for entry in logs] == ["CUDA failure 700: an illegal memory access"]


def test_a_run_that_fails_on_cuda_alone_is_an_error_where_cuda_is_required(fake_cuda: FakeCuda) -> None:
    opened = session("cuda")
    fake_cuda.running = RuntimeError("CUDA failure 700: an illegal memory access ; GPU=0")
    with pytest.raises(SettingError, match="illegal memory access"):
        scored(opened)


def test_what_fails_on_the_cpu_too_is_the_models_own_failure(fake_cuda: FakeCuda) -> None:
    opened = session("cuda")
    with pytest.raises(OnnxError):
        opened.run(["window"], {**INPUTS, "events": np.zeros((1, 1, 0), np.float32)})
    assert opened.provider == "cuda"
    with pytest.raises(OnnxError):
        Session(b"not onnx", "cuda", 1, "scorer")


def test_a_run_that_was_ended_is_not_repeated(fake_cuda: FakeCuda) -> None:
    opened, options = session("auto"), ort.RunOptions()
    fake_cuda.running, options.terminate = RuntimeError("terminated"), True
    with pytest.raises(RuntimeError, match="terminated"):
        opened.run(["window"], INPUTS, options)
    assert opened.provider == "cuda"


def test_a_session_leaves_the_other_cores_alone() -> None:
    options = session_options(3)
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
