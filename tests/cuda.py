"""A stand-in for ONNX Runtime's build for CUDA, on machines without a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import onnxruntime as ort
import pytest

from fusionlog.utils import cuda, onnx
from fusionlog.utils.cuda import CPU, CUDA

NO_DEVICE = RuntimeError(
    "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:154 onnxruntime::CudaCall(ERRTYPE, const char*) "
    "[with ERRTYPE = cudaError; bool THRW = true] CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; "
    "hostname=node ; expr=cudaSetDevice(info_.device_id);"
)
"""What sessions of the real build raise where CUDA's libraries load and no GPU is there."""

_Session = ort.InferenceSession


class FakeCuda:
    """Sessions run on the CPU under CUDA's name, until one of these fields makes them fail.

    `listed`: ONNX Runtime lists CUDA. `loads`: a session gets it. `opening`, `running`: errors of a session on CUDA.
    `calls` are those of ONNX Runtime, in order.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.listed = self.loads = True
        self.opening: Exception | None = None
        self.running: Exception | None = None
        self.calls: list[str] = []

    def install(self, *packages: str) -> None:
        """Install builds of ONNX Runtime; the first one is loaded, and lists CUDA where it is the one for CUDA."""
        self.listed = packages[0] == "onnxruntime-gpu"
        self._monkeypatch.setattr(ort, "package_name", packages[0], raising=False)
        self._monkeypatch.setattr(cuda, "installed", lambda package: package in packages)

    def preload(self) -> None:
        self.calls.append("preload")
        print("Failed to load libcublasLt.so.13: no such file")

    def session(self, model: Any, options: Any, providers: Any, enable_fallback: int) -> FakeSession:
        assert enable_fallback == 0, "ONNX Runtime's own fallback is silent"
        names = [each if isinstance(each, str) else each[0] for each in providers]
        self.calls.append(f"session on {names[0]}")
        if CUDA in names and self.opening is not None:
            raise self.opening
        return FakeSession(self, _Session(model, options, providers=[CPU]), names if self.loads else [CPU])


class FakeSession:
    """A session on the CPU that has, so it claims, these providers."""

    def __init__(self, fake: FakeCuda, session: Any, names: list[str]) -> None:
        self._fake, self._session, self._names = fake, session, names

    def get_providers(self) -> list[str]:
        return self._names

    def run(self, outputs: Any, inputs: Any, options: Any = None) -> Any:
        if CUDA in self._names and self._fake.running is not None:
            raise self._fake.running
        return self._session.run(outputs, inputs, options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


@pytest.fixture
def fake_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCuda]:
    """ONNX Runtime for CUDA as a fake; what was found out about CUDA is forgotten before and after."""
    fake = FakeCuda(monkeypatch)
    fake.install("onnxruntime-gpu")
    monkeypatch.setattr(ort, "preload_dlls", fake.preload, raising=False)
    monkeypatch.setattr(ort, "InferenceSession", fake.session)
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CUDA, CPU] if fake.listed else [CPU])
    forget()
    yield fake
    forget()


def forget() -> None:
    """Forget what was found out about CUDA, and that it was logged."""
    cuda.missing_cuda.cache_clear()
    onnx._warn_once.cache_clear()
