"""The units of one system as its teacher is sent them: windows with evidence, and with neighbours it labelled before.

The label worker and `evaluate` make units here, and nowhere else. No Kafka, no clock: the units follow from the windows
in their order of arrival, the releases and the labels.

Evidence counts the windows that come to the teacher, and is of the moment at which a window comes: a window that waits
for hours is asked about with the counts of its arrival. A release of the system brings the counts of all windows that
it was distilled from, general ones included, unless these are fewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import structlog
from msgspec.structs import replace

from fusionlog.errors import ModelError
from fusionlog.novelty.profile import SystemProfile
from fusionlog.novelty.similarity import bag_of_events
from fusionlog.online.calibrated_detector import profile_of
from fusionlog.online.knowledge import Knowledge
from fusionlog.parsing.headers import Header
from fusionlog.parsing.levels import level_of
from fusionlog.records import Window
from fusionlog.settings import LabelSettings, SystemSettings
from fusionlog.teachers.base import Neighbour, Unit, UnitEvidence, chosen_places, unit_of
from fusionlog.teachers.evidence import evidence_of, neighbour_of
from fusionlog.teachers.unusual import unusual

log = structlog.get_logger(__name__)

NEAR = 5
"""Labelled windows that are looked at for each neighbour: many near ones have one verdict and one reason."""
LEAST_SIMILARITY = 0.5
"""The least similarity of a neighbour: half of the lines' weight is common to both windows."""


class Questions:
    """Makes the units of one system. For one thread at a time; its knowledge may change from any.

    :param knowledge: its labels are the neighbours, its release in use brings a profile.
    """

    def __init__(self, knowledge: Knowledge, system: SystemSettings, settings: LabelSettings) -> None:
        self.knowledge, self.profile = knowledge, SystemProfile()
        self._system, self._header = system, Header(system)
        self.settings = settings
        self._evidence: dict[str, tuple[str, UnitEvidence]] = {}
        self._begun: str | None = None

    def describe(self, system: SystemSettings) -> None:
        """Use this entry of the systems file from now on."""
        if system != self._system:
            self._system, self._header = system, Header(system)

    def count(self, windows: Sequence[Window]) -> None:
        """Count windows that were asked about in another life of the worker."""
        if self.settings.evidence:
            for window in windows:
                self.profile.update(window)

    def observe(self, windows: Sequence[Window]) -> None:
        """Note the evidence on windows that come to the teacher, one by one, and count each.

        A window that comes again, with a provisional verdict, was counted before.
        """
        if not self.settings.evidence:
            return
        self._merge_release()
        for window in windows:
            again = window.provisional is not None
            if window.shape not in self._evidence and self.knowledge.label_of(window.shape) is None:
                self._evidence[window.shape] = window.id, self._evidence_of(window, own=int(again))
            if not again:
                self.profile.update(window)

    def clear(self) -> None:
        """Drop the noted evidence: no window waits any more."""
        self._evidence.clear()

    def units(self, windows: Sequence[Window]) -> list[Unit]:
        """The units of windows that were observed, in their order."""
        return [self._unit(window) for window in windows]

    def unusual(self, window: Window) -> list[str]:
        """Sentences on what is unusual in a window that was observed; none where evidence is turned off."""
        evidence = self._known_evidence(window)
        return unusual(window, evidence) if evidence is not None else []

    def _unit(self, window: Window) -> Unit:
        unit = unit_of(window, self._system)
        return replace(unit, evidence=self._known_evidence(window), neighbours=self._neighbours(window))

    def _known_evidence(self, window: Window) -> UnitEvidence | None:
        """The evidence of a window's arrival, else that of now. Another window of its shape may have another order."""
        if not self.settings.evidence:
            return None
        first, evidence = self._evidence.get(window.shape, ("", None))
        return evidence if evidence is not None and first == window.id else self._evidence_of(window, own=1)

    def _evidence_of(self, window: Window, own: int) -> UnitEvidence:
        places = sorted(chosen_places(window))
        levels = [level_of(window.events[place].example, self._header) for place in places]
        return evidence_of(window, places, self.profile, levels, own)

    def _neighbours(self, window: Window) -> tuple[Neighbour, ...]:
        """The nearest windows that a language model labelled, one of each verdict and reason."""
        number = self.settings.neighbours
        if not number:
            return ()
        bag, found = bag_of_events(window.events), dict[tuple[str, str], Neighbour]()
        for label, similarity in self.knowledge.nearest_labels(bag, NEAR * number, LEAST_SIMILARITY):
            if label.shape != window.shape:
                each = neighbour_of(window, label, similarity)
                if each is not None:
                    found.setdefault((each.label, each.reason), each)
        return tuple(islice(found.values(), number))

    def _merge_release(self) -> None:
        """Go on from the profile of the release in use, unless fewer windows were counted into it.

        Not the sum: both counted one stream."""
        version = self.knowledge.version
        if version is None or version == self._begun:
            return
        self._begun = version
        try:
            profile = profile_of(self.knowledge.release(version))
        except ModelError as error:
            log.error("the profile of a release is left out", version=version, error=str(error))
            return
        if profile is not None and profile.windows >= self.profile.windows:
            self.profile = profile
