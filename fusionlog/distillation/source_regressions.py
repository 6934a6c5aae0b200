"""What the labelled sources teach of novelty: logistic regressions, each source in turn taken for a target.

A source is shown to a labeller that knows the others alone: one half of it goes by unjudged, then the other half comes
as a target's windows would, and what was observed of each that is not routine is set against its label. Then the other
way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from fusionlog.data.sources import Source, event_probabilities, split
from fusionlog.distillation.base_model import known_events
from fusionlog.distillation.offline_fit import Stretch, fit
from fusionlog.novelty.profile import SystemProfile
from fusionlog.records import BankEvent, LogisticRegression, ModelRelease, Window
from fusionlog.teachers.offline.features import Features
from fusionlog.teachers.offline.teacher import OfflineTeacher
from fusionlog.types import Encode

T = TypeVar("T")
BATCH_WINDOWS = 20
"""Windows that arrive together: none of them is judged by another."""


class OfflineFit(NamedTuple):
    """What the sources teach: the offline teacher's regression, on features corrected for multiple comparisons, and the
    one for a calibration, on features as counted beside a network. None where no source has both kinds of windows."""

    labeller: LogisticRegression | None
    calibration: LogisticRegression | None


NO_FIT = OfflineFit(None, None)


def fit_offline(sources: Sequence[Source], encode: Encode) -> OfflineFit:
    """The regressions of the sources' windows, normal and anomalous."""
    known = {source.system: known_events(source, event_probabilities(source)) for source in sources}
    stretches: list[tuple[Stretch, Stretch]] = []
    for source in sources:
        others = [event for system, events in known.items() if system != source.system for event in events]
        stretches += _labelled_features(source, others, encode)
    return OfflineFit(fit([one for one, _ in stretches]), fit([counted for _, counted in stretches]))


def with_offline_fit(release: ModelRelease, found: OfflineFit) -> ModelRelease:
    """A base release that carries what its sources taught."""
    return replace(release, offline_teacher=found.labeller, novelty=found.calibration)


def in_batches(windows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Windows (or their places) as they arrive."""
    for start in range(0, len(windows), BATCH_WINDOWS):
        yield windows[start : start + BATCH_WINDOWS]


def _labelled_features(
    source: Source, others: Sequence[BankEvent], encode: Encode
) -> Iterator[tuple[Stretch, Stretch]]:
    """Each half of a source after the other one: as the labeller sees it, and as counted."""
    halves, knowing = [half.windows for half in split(source, held_out=0.5)], OfflineTeacher(others, encode)
    for before, after in (halves, halves[::-1]):
        labeller, profile = knowing.without_history(), SystemProfile()
        evidence: list[Features] = []
        counted: list[Features] = []
        anomalous: list[bool] = []
        _count(before, labeller, profile)
        for batch in in_batches(after):
            telling = [window for window in batch if not labeller.is_routine(window)]
            evidence += labeller.features(telling)
            counted += [Features.counted(profile.compute_features(window)) for window in telling]
            anomalous += [source.anomalous[window.session] for window in telling]
            _count(batch, labeller, profile)
        yield Stretch.of(evidence, anomalous), Stretch.of(counted, anomalous)


def _count(windows: Sequence[Window], labeller: OfflineTeacher, profile: SystemProfile) -> None:
    labeller.count(windows)
    for window in windows:
        profile.update(window)
