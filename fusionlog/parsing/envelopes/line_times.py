"""The time of an envelope's line: the first plausible one of its time fields, or that of the system's own field."""

from __future__ import annotations

from collections.abc import Sequence

from fusionlog.parsing.times import plausible, seconds_of
from fusionlog.settings import NO_TIME, SystemSettings
from fusionlog.utils.json_format import Tree, first_value
from fusionlog.utils.timezones import zone_of

LineTime = tuple[float | None, bool]
"""Unix seconds, None where there are none; and whether a field should have had them."""


class LineTimes:
    """Finds the times of one system's lines."""

    def __init__(self, system: SystemSettings) -> None:
        self._field, self._date_field = system.time_field, system.date_field
        self._zone = zone_of(system.timezone)

    def find(self, tree: Tree, inside: Tree | None, timestamp: float | None, fields: Sequence[str]) -> LineTime:
        """The time of a line, by the system's own field where it has that, else by those of its envelope.

        :param inside: the JSON line within the envelope, None where there is none.
        :param timestamp: Kafka's, in Unix seconds, None where it is not known.
        :param fields: the time fields of the envelope.
        """
        if self._field is not None:
            if self._field == NO_TIME:
                return None, False
            if value := self._own(inside or {}, tree):
                seconds = self._seconds(value, timestamp, clock_alone=True)
                return seconds, seconds is None
        implausible = False
        for field in fields:
            value = tree.get(field)
            if not value or value == "0":
                continue
            seconds = self._seconds(value, timestamp)
            if seconds is not None:
                return seconds, False
            implausible = True
        return None, implausible

    def _own(self, *trees: Tree) -> object:
        """The value of the system's own field, with the date in front where that is in another one."""
        clock = first_value(self._field or "", *trees)
        date = first_value(self._date_field, *trees) if self._date_field and clock else None
        return f"{date} {clock}" if date else clock

    def _seconds(self, value: object, timestamp: float | None, clock_alone: bool = False) -> float | None:
        seconds = seconds_of(value, self._zone, timestamp, clock_alone)
        return seconds if seconds is not None and plausible(seconds, timestamp) else None
