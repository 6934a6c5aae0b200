"""The small model's verdicts on one system as they stand: calibrated by its profile, and some of them doubted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from fusionlog.calibration import score
from fusionlog.detector.scorer import Score
from fusionlog.doubt import Doubter
from fusionlog.knowledge import Knowledge
from fusionlog.novelty.profile import SystemProfile
from fusionlog.records import ModelRelease, Window
from fusionlog.settings import DoubtSettings


class Judge:
    """What a scorer keeps of a system beside its models. For one thread at a time."""

    def __init__(self, settings: DoubtSettings, knowledge: Knowledge) -> None:
        self.knowledge, self.profile = knowledge, SystemProfile()
        self.doubter = Doubter(settings, self.profile)
        self._begun: set[str] = set()

    def calibrated(self, windows: Sequence[Window], scores: Sequence[Score]) -> list[Score]:
        """The scores as the release's calibration weighs them with how unusual each window is."""
        for version in {each.version for each in scores}:
            self._begin(version)
        return [self._calibrated(window, each) for window, each in zip(windows, scores, strict=True)]

    def _calibrated(self, window: Window, of_network: Score) -> Score:
        release = self.knowledge.release(of_network.version)
        if release.calibration is None:
            return of_network
        novelty = self.profile.features(window)
        return replace(
            of_network, probability=score(release.calibration, of_network.probability, novelty), novelty=novelty
        )

    def _begin(self, version: str) -> None:
        """Begin with the profile that a release was made with: a worker that has just started has none."""
        if version in self._begun:
            return
        self._begun = {version, *self._begun & set(self.knowledge.versions)}
        known = profile_of(self.knowledge.release(version))
        if known is not None:
            self.profile.merge(known)

    def see(self, windows: Sequence[Window]) -> None:
        """Count a batch, each shape once with its number."""
        first = {window.shape: window for window in reversed(windows)}
        for shape, times in Counter(window.shape for window in windows).items():
            self.profile.update(first[shape], times)


def profile_of(release: ModelRelease) -> SystemProfile | None:
    """The profile that a release was made with, counts of its own at each call; None where it carries none.

    :raises ModelError: they cannot be read.
    """
    return SystemProfile.unpack(release.habits) if release.habits else None
