"""Labelled source systems: training examples of the earlier sessions, and held-out ones of the later sessions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
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
    """A labelled system: its windows in order of time, the label of each session, and its settings."""

    system: str
    windows: Sequence[Window]
    anomalous: Mapping[str, bool]
    settings: SystemSettings = field(default_factory=SystemSettings)


@dataclass(frozen=True)
class SourceExamples:
    """The examples of a source: the earlier sessions for training, the later ones held out."""

    system: str
    training: Sequence[Example]
    held_out: Sequence[Example]


def read_source(directory: Path, system: str, ingest: IngestSettings) -> Source:
    """Read a labelled system of a data directory; its windows are parsed and cut as those of a stream.

    :raises DataError: the directory does not have the system, or a session has no label.
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
    """Split a source by time: the earlier sessions, and the last `held_out` share; sessions stay whole."""
    sessions = list(dict.fromkeys(window.session for window in source.windows))
    later = set(sessions[round(len(sessions) * (1 - held_out)) :])
    return (
        replace(source, windows=[window for window in source.windows if window.session not in later]),
        replace(source, windows=[window for window in source.windows if window.session in later]),
    )


def parsing_fingerprint(sources: Iterable[Source]) -> str:
    """A hash of the event of every line of some sources: parsing is another where a line's event has another text."""
    digest = blake2b(digest_size=16)
    for source in sorted(sources, key=lambda each: each.system):
        digest.update(f"{source.system}\n".encode())
        for window in source.windows:
            digest.update(" ".join(window.events[place].template for place in window.sequence).encode() + b"\n")
    return digest.hexdigest()


def event_probabilities(source: Source) -> dict[str, float]:
    """The anomaly probability of each event, by template id, from the labels of sessions alone.

    It is the share of anomalous windows among the windows with the event, smoothed by `PRIOR` pseudo-observations at
    the system's own share. An event that only accompanies failures gets a high probability, too: a session's label
    does not name the lines that it is for.
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
    """Training examples: one for each group of windows that are the same input to a detector.

    Its probability is the group's share of anomalous windows, its weight their number.
    """
    examples = []
    for windows in by_cache_key(source.windows, detector):
        share = sum(source.anomalous[window.session] for window in windows) / len(windows)
        events = [probabilities[event.template] for event in windows[0].events]
        examples.append(
            replace(unlabelled(windows, cache, detector), probability=share, event_probabilities=_array(events))
        )
    return examples


def source_examples(source: Source, cache: VectorCache, detector: DetectorName = "set") -> SourceExamples:
    """The examples of a source; the labels of held-out sessions do not enter the training examples."""
    earlier, later = split(source)
    training = event_probabilities(earlier)
    halves = ((earlier, training), (later, {**event_probabilities(later), **training}))
    return SourceExamples(source.system, *(examples_of(half, each, cache, detector) for half, each in halves))


def by_shape(windows: Iterable[Window]) -> list[list[Window]]:
    """The windows of each shape, in order of first occurrence."""
    return by_cache_key(windows, "set")


def unlabelled(windows: Sequence[Window], cache: VectorCache, detector: DetectorName = "set") -> Example:
    """The unlabelled example of windows that are the same input to a detector: every probability is one half."""
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
