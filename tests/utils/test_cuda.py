"""What is missing for CUDA. The fake stands for ONNX Runtime's build for CUDA: its providers, sessions and errors."""

from __future__ import annotations

import pytest

from fusionlog.utils.cuda import BUILD, CPU, CUDA, DEVICE, LIBRARIES, brief, missing_cuda
from tests.cuda import NO_DEVICE, FakeCuda, fake_cuda

__all__ = ["fake_cuda"]


def test_libraries_are_loaded_once_and_before_the_first_session(
    fake_cuda: FakeCuda, capsys: pytest.CaptureFixture[str]
) -> None:
    assert missing_cuda() is None and missing_cuda() is None
    assert fake_cuda.calls == ["preload", f"session on {CUDA}"]
    assert capsys.readouterr().out == ""


def test_an_onnxruntime_without_preloading_is_used_as_it_is(
    fake_cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("onnxruntime.preload_dlls")
    assert missing_cuda() is None


@pytest.mark.parametrize(
    ("packages", "why", "remedy", "expected"),
    [
        (("onnxruntime",), "ONNX Runtime, onnxruntime, is no build for CUDA", BUILD, False),
        (("onnxruntime-openvino",), "onnxruntime-openvino, is no build for CUDA", BUILD, False),
        (("onnxruntime", "onnxruntime-gpu"), "onnxruntime and onnxruntime-gpu are both installed", BUILD, True),
        (("onnxruntime-gpu",), "cannot open shared object file", LIBRARIES, True),
    ],
)
def test_a_build_without_cuda_is_named(
    fake_cuda: FakeCuda,
    packages: tuple[str, ...],
    why: str,
    remedy: str,
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The real provider's libraries load on a machine with a GPU.
    monkeypatch.setattr("fusionlog.utils.cuda.LIBRARY", "libcublasLt.so.0")
    fake_cuda.install(*packages)
    fake_cuda.listed = False
    missing = missing_cuda()
    assert missing is not None and why in missing.why
    assert (missing.remedy, missing.expected) == (remedy, expected)
    assert f"session on {CUDA}" not in fake_cuda.calls


def test_a_session_that_has_no_cuda_though_it_is_listed_names_the_library_that_does_not_load(
    fake_cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_cuda.loads = False
    monkeypatch.setattr("fusionlog.utils.cuda.LIBRARY", "libcublasLt.so.0")
    missing = missing_cuda()
    assert missing is not None and missing.expected
    assert missing.why.startswith("libcublasLt.so.0: cannot open shared object file") and missing.remedy == LIBRARIES


def test_a_driver_that_is_not_there_is_no_matter_of_packages(
    fake_cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_cuda.loads = False
    monkeypatch.setattr("fusionlog.utils.cuda.LIBRARY", "libcuda.so.0")
    missing = missing_cuda()
    assert missing is not None and missing.remedy == DEVICE and "nvidia-smi" in DEVICE


@pytest.mark.parametrize("when", ["opening", "running"])
def test_a_failed_call_of_cuda_is_named_without_its_signature(fake_cuda: FakeCuda, when: str) -> None:
    setattr(fake_cuda, when, NO_DEVICE)
    missing = missing_cuda()
    assert missing is not None
    assert (missing.why, missing.remedy) == ("CUDA failure 100: no CUDA-capable device is detected", DEVICE)


def test_an_error_of_another_form_is_cut() -> None:
    assert brief(RuntimeError("one\n two " + "x" * 999)).startswith("one two xxx")
    assert len(brief(RuntimeError("x" * 999))) == 300
    assert brief(RuntimeError("a CUBLAS failure 3: not initialised ; GPU=0")) == "CUBLAS failure 3: not initialised"


def test_names_are_those_of_onnx_runtime() -> None:
    import onnxruntime as ort

    assert {CUDA, CPU} <= set(ort.get_all_providers())
