"""The settings of a system's time."""

from __future__ import annotations

import json
from collections.abc import Mapping

from fusionlog.onboarding.opened import open_records
from fusionlog.onboarding.sample import line_records
from fusionlog.onboarding.time_guess import guess_time
from fusionlog.settings import IngestSettings, SystemSettings


def settings_of(system: SystemSettings, *lines: str) -> Mapping[str, object] | None:
    opened, _ = open_records(line_records([line.encode() for line in lines]), SystemSettings(), IngestSettings())
    guess = guess_time(system, opened)
    return None if guess is None else guess.settings


def test_a_header_of_ones_own_names_its_date_and_clock() -> None:
    line = "2026-03-04 10:11:12,123 node-1 INFO started"
    system = SystemSettings(header="<Date> <Time> <Host> <Level> <Content>")
    assert settings_of(system, *[line] * 9) == {"time_field": "Time", "date_field": "Date"}
    assert settings_of(SystemSettings(header="<Time> <Level> <Content>"), *["2026-03-04T10:11:12Z INFO a"] * 9) == {
        "time_field": "Time"
    }


def test_a_clock_without_a_date_and_a_preset_need_nothing() -> None:
    assert settings_of(SystemSettings(header="<Level> <Content>"), "INFO started") is None
    assert settings_of(SystemSettings(format="spring"), "INFO started") is None


def test_a_field_of_json_is_named_where_shippers_do_not_use_it() -> None:
    system = SystemSettings(json_line="{level} {msg}")
    lines = [json.dumps({"asctime": "2026-03-04 10:11:12,123", "level": "info", "msg": "a b"})] * 9
    assert settings_of(system, *lines) == {"time_field": "asctime"}
    assert settings_of(system, *[json.dumps({"ts": 1764240000.1, "level": "info", "msg": "a b"})] * 9) is None


def test_a_duration_is_no_time() -> None:
    lines = [json.dumps({"level": "info", "msg": "order opened", "time": 0.1 + number}) for number in range(20)]
    assert settings_of(SystemSettings(format="json"), *lines) == {"time_field": "none"}
