"""The time field of a system, where a worker would not find it by itself, or would take something else for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fusionlog.onboarding.json_guess import TIMES, named_field
from fusionlog.onboarding.line_clock import line_times
from fusionlog.onboarding.opened import OpenedLine
from fusionlog.parsing.envelopes.shippers import TIME_FIELDS
from fusionlog.parsing.times import plausible, seconds_of
from fusionlog.settings import SystemSettings
from fusionlog.utils.json_format import tree_of, value_at

TRIED_LINES = 500
TIMED_SHARE = 0.9


class TimeGuess(NamedTuple):
    """The settings of the time, and why."""

    settings: Mapping[str, object]
    reason: str


def guess_time(system: SystemSettings, opened: Sequence[OpenedLine]) -> TimeGuess | None:
    """The settings that a system's time needs; None where it needs none."""
    tried = opened[:: max(1, len(opened) // TRIED_LINES)]
    if sum(line.wrong_time for line in tried) > len(tried) / 2:
        return _of_json(tried) or TimeGuess({"time_field": "none"}, "the time field of the lines is no time")
    if system.header is not None and system.json_line is None:
        return _of_header(system.header, tried)
    return _of_json(tried) if system.json_line is not None else None


def _of_header(header: str, tried: Sequence[OpenedLine]) -> TimeGuess | None:
    """The fields of a header with the date and the clock, where they are read as a time."""
    times = line_times([line.text for line in tried])
    if "<Time>" not in header or sum(time is not None for time in times) < TIMED_SHARE * len(times):
        return None
    if "<Month>" in header or "<Weekday>" in header:
        return None
    settings = {"time_field": "Time"} | ({"date_field": "Date"} if "<Date>" in header else {})
    zone = "" if _has_zone(tried) else "; it names no zone and is read as UTC, unless timezone is set"
    return TimeGuess(settings, f"the lines begin with their time{zone}")


def _has_zone(tried: Sequence[OpenedLine]) -> bool:
    zoned = re.compile(r"\d(?:Z|[+-]\d\d:?\d\d|\s(?:[+-]\d{4}|UTC|GMT|[A-Z]{2,4}T))(?![\w:])")
    return all(zoned.search(line.text[:60]) for line in tried[:50])


def _of_json(tried: Sequence[OpenedLine]) -> TimeGuess | None:
    """The time field of JSON lines that shippers do not use, where its values are times."""
    trees = [tree for line in tried if (tree := tree_of(line.text)) is not None]
    field = named_field(trees, TIMES)
    if field is None or field in TIME_FIELDS:
        return None
    times = [seconds_of(value_at(tree, field)) for tree in trees]
    good = sum(time is not None and plausible(time, None) for time in times)
    return TimeGuess({"time_field": field}, f"{field} is a time") if good >= TIMED_SHARE * len(trees) else None
