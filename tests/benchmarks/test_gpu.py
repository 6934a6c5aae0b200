"""The comparison of CUDA with the CPU. The fake stands for ONNX Runtime's build for CUDA, so both are equal here."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from benchmarks import gpu
from benchmarks.gpu import main
from tests.cuda import NO_DEVICE, FakeCuda, fake_cuda
from tests.encoders import make_encoder

__all__ = ["fake_cuda"]


@pytest.fixture(autouse=True)
def small_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSIONLOG_ENCODER", str(make_encoder(tmp_path / "encoder")))


def test_every_part_is_compared(fake_cuda: FakeCuda, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(None, data, texts=50, runs=1)
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0].strip() for line in printed] == ["scorer", "bi-GRU", "encoder"]
    assert all("outputs differ by 0.0e+00" in line for line in printed) and "50 items" in printed[-1]


def test_without_torch_the_others_are_compared(
    fake_cuda: FakeCuda, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "find_spec", lambda name: None)
    main(None, data, texts=5, runs=1)
    assert capsys.readouterr().out.splitlines()[-1] == gpu.NO_TORCH


def test_outputs_that_differ_are_an_error(
    fake_cuda: FakeCuda, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "BOUND", -1.0)
    with pytest.raises(typer.Exit) as ended:
        main(None, data, texts=5, runs=1)
    assert ended.value.exit_code == 1 and "scorer (0.0e+00), bi-GRU (0.0e+00), encoder" in capsys.readouterr().err


def test_without_cuda_it_is_one_sentence(fake_cuda: FakeCuda, capsys: pytest.CaptureFixture[str]) -> None:
    fake_cuda.opening = NO_DEVICE
    with pytest.raises(typer.Exit) as ended:
        main()
    [line] = capsys.readouterr().err.splitlines()
    assert ended.value.exit_code == 2
    assert line.startswith("there is no CUDA here (CUDA failure 100: no CUDA-capable device is detected): run it where")
