"""The description of an anomaly for a person: evidence beside what is usual, levels, hosts, severity and title.

The workers describe by this function what they report; so does whatever has windows, verdicts and a profile.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from msgspec.structs import replace

from fusionlog.novelty.profile import SystemProfile
from fusionlog.novelty.reasons.evidence import compared
from fusionlog.novelty.reasons.severity import severity_of
from fusionlog.novelty.reasons.title import title_of
from fusionlog.parsing.headers import Header
from fusionlog.parsing.levels import level_of
from fusionlog.records import MAX_PLACES, Anomaly, Evidence, Window
from fusionlog.settings import SystemSettings
from fusionlog.teachers.header_names import header_names


class Describer:
    """Describes the anomalies of one system.

    :raises SettingError: its header cannot be used.
    """

    def __init__(self, system: SystemSettings) -> None:
        self._system, self._header = system, Header(system)

    def describe(self, anomaly: Anomaly, window: Window, profile: SystemProfile | None = None, own: int = 1) -> Anomaly:
        """The anomaly of a window with the description by a profile; without one, nothing is known of what is usual.

        :param own: how often the window itself was counted; it is left out of what it is compared with.
        """
        found = compared(anomaly.evidence, window, profile, own) if profile is not None else anomaly.evidence
        evidence = [self._levelled(each) for each in found]
        return replace(
            anomaly, evidence=evidence, title=title_of(evidence, anomaly.reason),
            severity=severity_of(evidence, anomaly.withdrawn), hosts=self._hosts(window),
        )  # fmt: skip

    def _levelled(self, each: Evidence) -> Evidence:
        return replace(each, level=level_of(each.example, self._header)) if each.example else each

    def _hosts(self, window: Window) -> list[str]:
        """The hosts of a window's lines, by their envelopes and by their headers."""
        return list(islice(dict.fromkeys((*window.hosts, *self._named(window))), MAX_PLACES))

    def _named(self, window: Window) -> Iterable[str]:
        for event in window.events:
            yield from (name for kind, name in header_names(event.example, self._system) if kind == "host")
