"""The best F1 that any verdict constant per window shape can reach, and the number of shapes: `python -m
benchmarks.shapes`.

Windows of one shape share one verdict, so what their shape does not show no detector finds. Shapes are compared with
those of counts alone, which have neither the longest duration nor the longest pause. A session with several windows is
taken by all of their shapes together. The labels are opened for this score and touch nothing else.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.onboarding import systems
from benchmarks.report import Figure, write
from fusionlog.data.systems import read_labels, read_sessions, session_windows
from fusionlog.records import Longest, Seconds, Window, window_shape
from fusionlog.settings import IngestSettings, SystemSettings

Shape = Callable[[Window], str]


def shape_of(duration: bool, pause: bool) -> Shape:
    """The shape of a window with its longest duration, or pause, or without."""

    def shape(window: Window) -> str:
        counts = [(event.template, event.count) for event in window.events]
        return window_shape(counts, _timed(window, window.duration, duration), _timed(window, window.pause, pause))

    return shape


def best_f1(shapes: Mapping[str, Hashable], anomalous: Mapping[str, bool]) -> float:
    """The greatest F1 over sessions of any verdict that is one for all sessions of a shape.

    The shapes with the greatest share of anomalous sessions are called anomalous, as many as give the greatest F1.

    :param shapes: of each session. :param anomalous: its label.
    """
    sessions = Counter(shapes.values())
    positive = Counter(shape for session, shape in shapes.items() if anomalous[session])
    called, found, best, total = 0, 0, 0.0, positive.total()
    for shape in sorted(positive, key=lambda each: positive[each] / sessions[each], reverse=True):
        called, found = called + sessions[shape], found + positive[shape]
        best = max(best, 2 * found / (called + total))
    return best


def with_times(system: SystemSettings) -> SystemSettings:
    """The settings with the time of the header as the line's, where they name none: pauses need it."""
    header = (system.header or "").lower()
    if system.time_field is not None or "<time>" not in header:
        return system
    return system.model_copy(update={"time_field": "time", "date_field": "date" if "<date>" in header else None})


def measure(windows: Sequence[Window], anomalous: Mapping[str, bool]) -> dict[str, float]:
    """The best F1 and the number of shapes: by counts alone, with durations, with pauses, and as they are."""
    found: dict[str, float] = {}
    for name, duration, pause in _KINDS:
        shape = shape_of(duration, pause)
        by_session: dict[str, list[str]] = defaultdict(list)
        for window in windows:
            by_session[window.session].append(shape(window))
        sessions = {session: tuple(sorted(shapes)) for session, shapes in by_session.items()}
        found[f"f1{name}"] = best_f1(sessions, anomalous)
        found[f"shapes{name}"] = len({each for shapes in by_session.values() for each in shapes})
    return found


_KINDS = (("_counts", False, False), ("_durations", True, False), ("_pauses", False, True), ("", True, True))


def _timed(window: Window, longest: Longest | None, used: bool) -> tuple[str, Seconds] | None:
    return (window.events[longest.event].template, longest.seconds) if longest is not None and used else None


def _measured(only: str | None, pauses: bool) -> Iterator[tuple[str, dict[str, float]]]:
    for directory, name, system in systems():
        if only in (None, name):
            settings = with_times(system) if pauses else system
            windows = session_windows(name, settings, read_sessions(directory, name), IngestSettings())
            yield name, measure(windows, read_labels(directory, name))


def main(
    json: Annotated[Path | None, typer.Option(help="write the figures to this file")] = None,
    system: Annotated[str | None, typer.Option(help="this system alone")] = None,
    pauses: Annotated[
        bool, typer.Option(help="take the time of each header as the line's, where the entry names no time_field")
    ] = False,
) -> None:
    """Print the best F1 by window shape, and the number of shapes, for every labelled system."""
    details = {}
    typer.echo(f"{'':12}{'shapes':>24}{'best F1':>20}{'durations':>18}{'pauses':>18}")
    for name, found in _measured(system, pauses):
        details[name] = found
        more = found["shapes"] / found["shapes_counts"] - 1
        typer.echo(
            f"{name:12}{found['shapes_counts']:8.0f} ->{found['shapes']:5.0f} {more:+7.1%}"
            f"{found['f1_counts']:10.4f} -> {found['f1']:.4f}"
            f"{found['f1_durations']:10.4f} {found['shapes_durations']:7.0f}"
            f"{found['f1_pauses']:10.4f} {found['shapes_pauses']:7.0f}"
        )
    mean, before = (sum(each[key] for each in details.values()) / max(1, len(details)) for key in ("f1", "f1_counts"))
    figure = Figure(
        name="best F1 by window shape", value=mean, unit="F1, mean of systems", baseline="shapes of counts alone",
        baseline_value=before, ratio=mean / before if before else 1.0, details=details,
    )  # fmt: skip
    write(figure, json)


if __name__ == "__main__":
    typer.run(main)
