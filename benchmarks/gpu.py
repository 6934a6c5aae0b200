"""CUDA against one core of the CPU: `python -m benchmarks.gpu --json FILE`, where fusionlog[gpu] is installed.

Outputs and rates of the scorer, of the bi-GRU and of the encoder, in batches as workers make them. The scorer's model
is the bundled base; the bi-GRU's weights are drawn, which needs torch (`pip install torch`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Annotated, NamedTuple

import numpy as np
import typer

from benchmarks.models import network
from benchmarks.report import Figure, data_directory, write
from fusionlog.bundled.base import read_base
from fusionlog.data.systems import read_catalog, read_sessions, session_windows
from fusionlog.detector.batch import Batch, collate
from fusionlog.detector.onnx_session import Detector
from fusionlog.detector.sequence import cache_key, order_of
from fusionlog.embedding.encoder import Encoder, VectorCache, find_encoder
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, ScoreSettings, load
from fusionlog.types import DetectorName, FloatArray
from fusionlog.utils.cuda import missing_cuda
from fusionlog.utils.onnx import Provider

BOUND = 1e-5
"""Greatest difference between an output on CUDA and on the CPU."""
NO_TORCH = "  bi-GRU: not measured, its network needs torch:  pip install torch"


class Part(NamedTuple):
    """A part's work on a provider: `run` returns its outputs, `[items, ...]`."""

    name: str
    items: int
    run: Callable[[Provider], Callable[[], FloatArray]]


def read_windows(directory: Path) -> list[Window]:
    """The windows of all systems of a directory."""
    systems, settings = read_catalog(directory), IngestSettings()
    return [
        window
        for name, system in systems.items()
        for window in session_windows(name, system, read_sessions(directory, name), settings)
    ]


def batches_of(windows: Sequence[Window], vectors: VectorCache, detector: DetectorName) -> list[Batch]:
    """Windows that the detector distinguishes, each once, in batches of a worker's size, shortest first."""
    distinct = list({cache_key(window, detector): window for window in windows}.values())
    distinct.sort(key=lambda window: len(window.sequence if detector == "gru" else window.events))
    size = ScoreSettings().batch_windows
    return [_batch(distinct[start : start + size], vectors, detector) for start in range(0, len(distinct), size)]


def _batch(windows: Sequence[Window], vectors: VectorCache, detector: DetectorName) -> Batch:
    inputs = [
        (vectors.vectors(window.events), np.array([event.count for event in window.events], np.float32))
        for window in windows
    ]
    orders = [order for window in windows if (order := order_of(window, detector)) is not None]
    return collate(inputs, orders or None)


def detector_part(name: str, onnx: bytes, batches: Sequence[Batch]) -> Part:
    """The scores of windows by a model."""

    def run(provider: Provider) -> Callable[[], FloatArray]:
        detector = Detector(onnx, provider)
        return lambda: np.concatenate([detector.score(batch)[0] for batch in batches])

    return Part(name, sum(map(len, batches)), run)


def encoder_part(directory: Path, texts: Sequence[str]) -> Part:
    """The vectors of texts by the encoder."""

    def run(provider: Provider) -> Callable[[], FloatArray]:
        encode = Encoder(directory, 1, provider)
        return lambda: encode(texts)

    return Part("encoder", len(texts), run)


def compare(part: Part, runs: int) -> dict[str, float]:
    """Items a second on CUDA and on the CPU, and the greatest difference of their outputs."""
    on_cuda, seconds = _measured(part.run("cuda"), runs)
    on_cpu, cpu_seconds = _measured(part.run("cpu"), runs)
    return {
        "items": part.items, "cuda": part.items / seconds, "cpu": part.items / cpu_seconds,
        "ratio": cpu_seconds / seconds, "difference": float(np.abs(on_cuda - on_cpu).max()),
    }  # fmt: skip


def _measured(run: Callable[[], FloatArray], runs: int) -> tuple[FloatArray, float]:
    """The outputs of a first run, and the median of the seconds of those after it."""
    outputs, times = run(), []
    for _ in range(runs):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return outputs, median(times)


def parts_of(directory: Path, texts: int) -> list[Part]:
    """The scorer, the bi-GRU where torch is installed, and the encoder."""
    windows, made, base = read_windows(directory), find_encoder(load()), read_base()
    encode = Encoder(made)
    vectors = VectorCache(encode)
    onnx = base.onnx if base.encoder == encode.name else network(encode.dim)
    found = [detector_part("scorer", onnx, batches_of(windows, vectors, "set"))]
    if find_spec("torch") is not None:
        found.append(detector_part("bi-GRU", network(encode.dim, "gru"), batches_of(windows, vectors, "gru")))
    templates = sorted({event.text for window in windows for event in window.events})
    return [*found, encoder_part(made, list(islice(cycle(templates), texts)))]


def main(
    json: Annotated[Path | None, typer.Option(help="write the figure here")] = None,
    data: Annotated[Path | None, typer.Option(help="a directory in the form of datasets/README.md")] = None,
    texts: Annotated[int, typer.Option(min=1, help="that the encoder encodes")] = 1_000,
    runs: Annotated[int, typer.Option(min=1, help="of each part and provider, after one that does not count")] = 3,
) -> None:
    """Compare CUDA with the CPU; exit code 1 where outputs differ by more than the bound, 2 where there is no CUDA."""
    if (missing := missing_cuda()) is not None:
        typer.echo(f"there is no CUDA here ({missing.why}): {missing.remedy}", err=True)
        raise typer.Exit(2)
    found = {}
    for part in parts_of(data or data_directory(), texts):
        found[part.name] = each = compare(part, runs)
        typer.echo(
            f"  {part.name}: {each['items']:,.0f} items, {each['cuda']:,.0f} a second on CUDA, {each['cpu']:,.0f} on a "
            f"core, ratio {each['ratio']:.1f}; outputs differ by {each['difference']:.1e}"
        )
    if "bi-GRU" not in found:
        typer.echo(NO_TORCH)
    first = found["scorer"]
    figure = Figure(
        name="scorer on CUDA", value=first["cuda"], unit="windows/s", baseline="one core of the CPU",
        baseline_value=first["cpu"], ratio=first["ratio"], details=found,
    )  # fmt: skip
    write(figure, json)
    far = [f"{name} ({each['difference']:.1e})" for name, each in found.items() if not each["difference"] <= BOUND]
    if far:
        typer.echo(f"outputs on CUDA differ from the CPU's by more than {BOUND:g}: {', '.join(far)}", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
