"""What the labelled sources teach the offline labeller: its formula, each of them in turn taken for a target.

A source is shown to a labeller that knows the others alone: one half of it goes by unjudged, then the other half comes
as a target's windows would, and what was observed of each that is not routine is set against its label. Then the other
way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from msgspec.structs import replace

from fusionlog.distillation.base import known_events
from fusionlog.distillation.sources import Source, event_probabilities, split
from fusionlog.labeling.formula import Evidence, Formula, Observed, fit
from fusionlog.labeling.offline import OfflineTeacher
from fusionlog.records import BankEvent, ModelRelease
from fusionlog.types import Encode

T = TypeVar("T")
BATCH_WINDOWS = 20
"""Windows that arrive together: none of them is judged by another."""


def labeller_formula(sources: Sequence[Source], encode: Encode) -> Formula | None:
    """The formula of the offline labeller; None where no source has both normal and anomalous sessions."""
    known = {source.system: known_events(source, event_probabilities(source)) for source in sources}
    stretches: list[Observed] = []
    for source in sources:
        others = [event for system, events in known.items() if system != source.system for event in events]
        stretches += _observed(source, others, encode)
    return fit(stretches)


def with_formula(release: ModelRelease, formula: Formula | None) -> ModelRelease:
    """A base release that carries what its sources taught the offline labeller, among its metrics."""
    return release if formula is None else replace(release, metrics={**release.metrics, **formula.metrics()})


def in_batches(windows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Windows (or their places) as they arrive."""
    for start in range(0, len(windows), BATCH_WINDOWS):
        yield windows[start : start + BATCH_WINDOWS]


def _observed(source: Source, others: Sequence[BankEvent], encode: Encode) -> Iterator[Observed]:
    halves, knowing = [half.windows for half in split(source, held_out=0.5)], OfflineTeacher(others, encode)
    for before, after in (halves, halves[::-1]):
        labeller = knowing.anew()
        labeller.watch(before)
        evidence: list[Evidence] = []
        anomalous: list[bool] = []
        for batch in in_batches(after):
            telling = [window for window in batch if not labeller.routine(window)]
            evidence += labeller.observe(telling)
            anomalous += [source.anomalous[window.session] for window in telling]
            labeller.watch(batch)
        yield Observed.of(evidence, anomalous)
