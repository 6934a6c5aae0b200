"""Labelled source systems: what their sessions teach, and the later ones that are kept to measure a model by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fusionlog.data.systems import FORM, read_catalog, read_labels, read_sessions, session_windows
from fusionlog.decision import UNDECIDED
from fusionlog.detector.examples import Example
from fusionlog.detector.sequence import by_cache_key, order_of
from fusionlog.embedding.encoder import VectorCache
from fusionlog.errors import DataError
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.types import DetectorName, FloatArray

HELD_OUT = 0.2
PRIOR = 1.0


@dataclass(frozen=True)
class Source:
    """The windows of a labelled system in order of time, whether each session is anomalous, and what its operator said
    of it."""

    system: str
    windows: Sequence[Window]
    anomalous: Mapping[str, bool]
    described: SystemSettings = field(default_factory=SystemSettings)


@dataclass(frozen=True)
class SourceExamples:
    """A source as examples: the earlier sessions to teach, the later ones to measure by."""

    system: str
    training: Sequence[Example]
    held_out: Sequence[Example]


def read_source(directory: Path, system: str, ingest: IngestSettings) -> Source:
    """A labelled system of a data directory, parsed and cut as a stream would be.

    :raises DataError: the directory does not have it, or a session of it has no label.
    """
    catalog = read_catalog(directory)
    if system not in catalog:
        raise DataError(
            directory / "systems.yaml", f"no system {system!r} in it", f"known: {', '.join(sorted(catalog))}"
        )
    sessions, anomalous = read_sessions(directory, system), read_labels(directory, system)
    for session in sessions:
        if session.id not in anomalous:
            raise DataError(directory / system / "labels.csv", f"no label of session {session.id!r}", FORM)
    return Source(system, session_windows(system, catalog[system], sessions, ingest), anomalous, catalog[system])


def split(source: Source, held_out: float = HELD_OUT) -> tuple[Source, Source]:
    """The earlier sessions and the last share of them; a session's windows stay together."""
    sessions = list(dict.fromkeys(window.session for window in source.windows))
    later = set(sessions[round(len(sessions) * (1 - held_out)) :])
    return (
        replace(source, windows=[window for window in source.windows if window.session not in later]),
        replace(source, windows=[window for window in source.windows if window.session in later]),
    )


def event_probabilities(source: Source) -> dict[str, float]:
    """How likely an event is anomalous by itself, by template id, from nothing but the labels of sessions.

    The share of anomalous windows among the windows that have the event, drawn to the system's own share as if it had
    been seen `PRIOR` times more. An event that merely accompanies failures is blamed as well: a session's label does
    not say which of its lines it is for.
    """
    seen: dict[str, int] = defaultdict(int)
    bad: dict[str, int] = defaultdict(int)
    for window in source.windows:
        for event in window.events:
            seen[event.template] += 1
            bad[event.template] += source.anomalous[window.session]
    share = sum(source.anomalous[window.session] for window in source.windows) / max(1, len(source.windows))
    return {template: (bad[template] + PRIOR * share) / (seen[template] + PRIOR) for template in seen}


def examples_of(
    source: Source, probabilities: Mapping[str, float], cache: VectorCache, detector: DetectorName = "set"
) -> list[Example]:
    """A source's windows that a detector tells apart: the share of them that is anomalous, and how many there are."""
    examples = []
    for windows in by_cache_key(source.windows, detector):
        share = sum(source.anomalous[window.session] for window in windows) / len(windows)
        events = [probabilities[event.template] for event in windows[0].events]
        examples.append(
            replace(unlabelled(windows, cache, detector), probability=share, event_probabilities=_array(events))
        )
    return examples


def source_examples(source: Source, cache: VectorCache, detector: DetectorName = "set") -> SourceExamples:
    """A source as examples; what it teaches knows nothing of the sessions that it is measured by."""
    earlier, later = split(source)
    everything = {**event_probabilities(later), **(taught := event_probabilities(earlier))}
    halves = ((earlier, taught), (later, everything))
    return SourceExamples(source.system, *(examples_of(half, said, cache, detector) for half, said in halves))


def by_shape(windows: Iterable[Window]) -> list[list[Window]]:
    """The windows of each shape, in order of first occurrence."""
    return by_cache_key(windows, "set")


def unlabelled(windows: Sequence[Window], cache: VectorCache, detector: DetectorName = "set") -> Example:
    """Windows that a detector cannot tell apart, and nobody has given an opinion on: every probability is one half."""
    events = windows[0].events
    return Example(
        vectors=cache.vectors(events),
        counts=_array([event.count for event in events]),
        probability=UNDECIDED,
        event_probabilities=_array([UNDECIDED] * len(events)),
        weight=float(len(windows)),
        order=order_of(windows[0], detector),
        system=windows[0].system,
    )


def _array(values: Sequence[float]) -> FloatArray:
    return np.array(values, dtype=np.float32)
