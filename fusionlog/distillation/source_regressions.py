"""Logistic regressions on novelty features, fitted on the labelled sources, each source in turn playing a target.

An offline labeller that knows only the other sources counts one half of a source. Then the other half arrives in
batches; the features of each window that is not routine, with its label, are a training row. Then the halves swap.
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
"""Windows that arrive together; their features do not depend on each other."""


class OfflineFit(NamedTuple):
    """Two regressions fitted on the sources; None where no source has both classes of windows.

    `labeller` is the offline labeller's, on features corrected for multiple comparisons; `calibration` is added to a
    release's calibration, on uncorrected features.
    """

    labeller: LogisticRegression | None
    calibration: LogisticRegression | None


NO_FIT = OfflineFit(None, None)


def fit_offline(sources: Sequence[Source], encode: Encode) -> OfflineFit:
    """Fit both regressions on the windows of the sources."""
    known = {source.system: known_events(source, event_probabilities(source)) for source in sources}
    stretches: list[tuple[Stretch, Stretch]] = []
    for source in sources:
        others = [event for system, events in known.items() if system != source.system for event in events]
        stretches += _labelled_features(source, others, encode)
    return OfflineFit(fit([one for one, _ in stretches]), fit([counted for _, counted in stretches]))


def with_offline_fit(release: ModelRelease, found: OfflineFit) -> ModelRelease:
    """The base release with the regressions fitted on its sources."""
    return replace(release, offline_teacher=found.labeller, novelty=found.calibration)


def in_batches(windows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Windows (or their indices) in batches of `BATCH_WINDOWS`."""
    for start in range(0, len(windows), BATCH_WINDOWS):
        yield windows[start : start + BATCH_WINDOWS]


def _labelled_features(
    source: Source, others: Sequence[BankEvent], encode: Encode
) -> Iterator[tuple[Stretch, Stretch]]:
    """The rows of each half of a source after the other: with the labeller's features, and with uncorrected ones."""
    halves, fresh = [half.windows for half in split(source, held_out=0.5)], OfflineTeacher(others, encode)
    for before, after in (halves, halves[::-1]):
        labeller, profile = fresh.without_history(), SystemProfile()
        corrected: list[Features] = []
        counted: list[Features] = []
        anomalous: list[bool] = []
        _count(before, labeller, profile)
        for batch in in_batches(after):
            novel = [window for window in batch if not labeller.is_routine(window)]
            corrected += labeller.features(novel)
            counted += [Features.counted(profile.compute_features(window)) for window in novel]
            anomalous += [source.anomalous[window.session] for window in novel]
            _count(batch, labeller, profile)
        yield Stretch.of(corrected, anomalous), Stretch.of(counted, anomalous)


def _count(windows: Sequence[Window], labeller: OfflineTeacher, profile: SystemProfile) -> None:
    labeller.count(windows)
    profile.update_batch(windows)
