"""Windows to verdicts, against bare ONNX Runtime on the same batches: `python -m benchmarks.score --json FILE`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import onnxruntime as ort
import typer

from benchmarks.models import knowledge_of
from benchmarks.report import Figure, data_directory, write
from fusionlog.data.systems import read_catalog, read_sessions, session_windows
from fusionlog.detector.onnx_session import OUTPUTS
from fusionlog.embedding.encoder import Encoder, NamedEncode, find_encoder
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.scorer import Scorer
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, ScoreSettings, load
from fusionlog.utils.cuda import CPU
from fusionlog.utils.onnx import session_options

Batches = Sequence[Sequence[Window]]

ONE = ScoreSettings(provider="cpu", threads=1)
FORGETFUL = ONE.model_copy(update={"cache_entries": 0})


def bare(batches: Batches, knowledge: Knowledge) -> float:
    """Seconds of ONNX Runtime alone, given every window as the arrays that the model reads: the limit."""
    version = knowledge.versions[0]
    session = ort.InferenceSession(knowledge.release(version).onnx, session_options(ONE.threads), providers=[CPU])
    inputs = [knowledge.describe(windows, version).batch(range(len(windows))) for windows in batches]
    feeds = [{"events": batch.events, "counts": batch.counts} for batch in inputs]
    session.run(OUTPUTS, feeds[0])
    return seconds(lambda: [session.run(OUTPUTS, feed) for feed in feeds])


def ours(batches: Batches, knowledge: Knowledge, settings: ScoreSettings) -> float:
    """Seconds of the scorer, from windows to scores. Its model is loaded, but it remembers no verdict at the start."""
    scorer = Scorer(settings)
    scorer.load(knowledge)
    if not settings.cache_entries:
        scorer.score(batches[0], knowledge)
    return seconds(lambda: [scorer.score(windows, knowledge) for windows in batches])


def seconds(run: Callable[[], object]) -> float:
    """How much processor time it takes; all is done by one thread."""
    started = time.process_time()
    run()
    return time.process_time() - started


def compare(batches: Batches, knowledge: Knowledge, settings: ScoreSettings, runs: int) -> dict[str, float]:
    """Medians of runs that take turns, in windows a second of one core."""
    total = sum(map(len, batches))
    pairs = [(bare(batches, knowledge), ours(batches, knowledge, settings)) for _ in range(runs)]
    limit, value = (total / median(times) for times in zip(*pairs, strict=True))
    return {"windows": total, "value": value, "baseline_value": limit, "ratio": value / limit}


def batched(windows: Sequence[Window], size: int = ONE.batch_windows) -> Batches:
    """Windows as a worker gets them."""
    return [windows[start : start + size] for start in range(0, len(windows), size)]


def measure(name: str, directory: Path, encode: NamedEncode, runs: int) -> dict[str, dict[str, float]]:
    """A system's windows of different shapes, each once; then its whole stream, in which shapes repeat."""
    system = read_catalog(directory)[name]
    windows = session_windows(name, system, read_sessions(directory, name), IngestSettings())
    distinct = list({window.shape: window for window in windows}.values())
    knowledge = knowledge_of(name, windows, encode)
    return {
        f"{name}, every shape once": compare(batched(distinct), knowledge, FORGETFUL, runs),
        f"{name}, the stream": compare(batched(windows), knowledge, ONE, runs),
    }


def main(
    json: Annotated[Path | None, typer.Option(help="write the figure here")] = None,
    data: Annotated[Path | None, typer.Option(help="a directory in the form of datasets/README.md")] = None,
    system: Annotated[str | None, typer.Option(help="default: the first of the directory")] = None,
    runs: Annotated[int, typer.Option(min=1, help="of each, in turn")] = 5,
) -> None:
    """Score a system's windows; the figure is that of shapes not seen before, the stream's is in `details`."""
    directory = data or data_directory()
    name = system or next(iter(read_catalog(directory)))
    found = measure(name, directory, Encoder(find_encoder(load())), runs)
    for what, each in found.items():
        typer.echo(f"  {what}: {each['windows']} windows, {each['value']:,.0f} windows/s, ratio {each['ratio']:.2f}")
    first = found[f"{name}, every shape once"]
    figure = Figure(
        name=f"score {name}", value=first["value"], unit="windows/s", baseline="a bare ONNX Runtime loop",
        baseline_value=first["baseline_value"], ratio=first["ratio"], details=found,
    )  # fmt: skip
    typer.echo(str(figure))
    write(figure, json)


if __name__ == "__main__":
    typer.run(main)
