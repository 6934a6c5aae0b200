"""Targets made of the recorded systems: each a cut of one, shuffled, under a name of its own, with pseudo-labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from msgspec.structs import replace

from fusionlog.data.sources import Source, by_shape, event_probabilities, read_source
from fusionlog.data.systems import read_catalog
from fusionlog.records import EventLabel, PseudoLabel, Window
from fusionlog.settings import IngestSettings

WINDOWS = 500
"""Windows of a target, at least."""
MOST_WINDOWS = 700
LABELS = 120
"""Pseudo-labels of a target, at most: of as many shapes, the anomalous ones first."""


@dataclass(frozen=True)
class MadeTarget:
    """A target: its name, windows and pseudo-labels."""

    system: str
    windows: list[Window]
    labels: list[PseudoLabel]


def made_targets(data: Path, number: int, now: float, seed: int = 0) -> Iterator[MadeTarget]:
    """So many different targets, of the directory's systems in turn.

    A label has the probability that the source's own labels give: how long a distillation takes does not depend on what
    is right. Nothing that is measured on these targets is a figure of quality.

    :param now: the time of the labels, in Unix seconds.
    """
    names, ingest = list(read_catalog(data)), IngestSettings()
    sources = {name: read_source(data, name, ingest) for name in names[:number]}
    for place in range(number):
        name = names[place % len(names)]
        yield _made(sources[name], f"{name}-{place + 1:03d}", Random(f"{seed} {place}"), now)


def _made(source: Source, system: str, random: Random, now: float) -> MadeTarget:
    """A cut of a system that begins anywhere, in another order, moved to the time of the first window of the cut."""
    size = min(len(source.windows), random.randint(WINDOWS, MOST_WINDOWS))
    start = random.randrange(len(source.windows) - size + 1)
    cut = [replace(window, system=system) for window in source.windows[start : start + size]]
    ends = sorted(window.ended for window in cut)
    random.shuffle(cut)
    windows = [replace(window, ended=ended) for window, ended in zip(cut, ends, strict=True)]
    return MadeTarget(system, windows, _labels(source, windows, now))


def _labels(source: Source, windows: list[Window], now: float) -> list[PseudoLabel]:
    probabilities = event_probabilities(source)
    shares = [
        (sum(source.anomalous[each.session] for each in group) / len(group), group[0]) for group in by_shape(windows)
    ]
    shares.sort(key=lambda each: -each[0])
    return [_label(window, share, probabilities, now) for share, window in shares[:LABELS]]


def _label(window: Window, share: float, probabilities: dict[str, float], now: float) -> PseudoLabel:
    probability = min(0.95, max(0.05, share))
    return PseudoLabel(
        system=window.system, shape=window.shape, probability=probability,
        confidence=max(probability, 1 - probability), reason="made for a benchmark", teacher="made", window=window.id,
        labelled_at=now,
        events=[
            EventLabel(template=each.template, text=each.text, count=each.count,
                       probability=probabilities[each.template])
            for each in window.events
        ],
    )  # fmt: skip
