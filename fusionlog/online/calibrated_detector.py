"""The calibrated detector of one system: the small model's scores stacked with each window's novelty features.

Windows are counted into the profile at fixed numbers of windows, those at which the features of all shapes are computed
again, `LEAST_PENDING` apart: up to there each window is compared with the same ones before. So a score depends on the
windows before it, and not on which of them came together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from fusionlog.detector.calibration import calibrated_probability
from fusionlog.novelty.features import NoveltyFeatures
from fusionlog.novelty.profile import SystemProfile
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.scorer import Score
from fusionlog.records import ModelRelease, Window

LEAST_PENDING, MOST_PENDING = 20, 1_000
"""Windows that are counted at once, at least and at most: fewer cost time, more some MB."""


class CalibratedDetector:
    """Calibrates scores by the system's profile, and counts windows into it. For one thread at a time."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge, self.profile = knowledge, SystemProfile()
        self._begun: set[str] = set()
        self._pending: list[Window] = []

    @property
    def room(self) -> int:
        """The windows that are still compared with the profile as it is; then those that wait are counted."""
        return max(1, min(max(self.profile.until_next_generation, LEAST_PENDING), MOST_PENDING) - len(self._pending))

    def calibrated(self, windows: Sequence[Window], scores: Sequence[Score]) -> list[Score]:
        """The scores calibrated by the release of each, in order."""
        for version in {each.version for each in scores}:
            self.begin(version)
        pairs = zip(windows, scores, strict=True)
        return [self._calibrated(window, each, self.profile.features) for window, each in pairs]

    def shadow_calibrated(self, windows: Sequence[Window], scores: Sequence[Score]) -> list[Score]:
        """The same by the present profile, which stays as it is: no later score depends on it."""
        pairs = zip(windows, scores, strict=True)
        return [self._calibrated(window, each, self.profile.compute_features) for window, each in pairs]

    def update(self, windows: Sequence[Window]) -> None:
        """Count windows into the profile, now or where there is no `room` any more."""
        room = self.room
        self._pending += windows
        if len(windows) >= room:
            self.profile.update_batch(self._pending)
            self._pending = []

    def begin(self, version: str) -> None:
        """Merge a release's profile where it counted more windows: that of a new worker is empty."""
        if version in self._begun:
            return
        self._begun = {version, *self._begun & set(self.knowledge.versions)}
        known = profile_of(self.knowledge.release(version))
        if known is not None:
            self.profile.merge(known)

    def _calibrated(self, window: Window, of_network: Score, features: Callable[[Window], NoveltyFeatures]) -> Score:
        release = self.knowledge.release(of_network.version)
        if release.calibration is None:
            return of_network
        novelty = features(window)
        return replace(
            of_network,
            probability=calibrated_probability(release.calibration, of_network.probability, novelty),
            novelty=novelty,
        )


def profile_of(release: ModelRelease) -> SystemProfile | None:
    """The profile that a release carries, a new copy at each call; None where it carries none.

    :raises ModelError: it cannot be read.
    """
    return SystemProfile.unpack(release.profile) if release.profile else None
