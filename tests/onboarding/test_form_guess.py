"""Forms: presets before headers of the sample's own, JSON by a preset where it loses nothing."""

from __future__ import annotations

import json

import pytest

from fusionlog.onboarding.form_guess import guess_form
from fusionlog.onboarding.opened import open_records
from fusionlog.onboarding.sample import line_records
from fusionlog.parsing.presets import PRESETS
from fusionlog.settings import IngestSettings, SystemSettings

TEXT_PRESETS = sorted(set(PRESETS) - {"json", "ecs", "docker", "cri"})


def settings_of(*lines: str) -> object:
    opened, _ = open_records(line_records([line.encode() for line in lines]), SystemSettings(), IngestSettings())
    return guess_form(opened).settings


@pytest.mark.parametrize("name", TEXT_PRESETS)
def test_lines_of_a_preset_are_taken_for_it(name: str) -> None:
    assert settings_of(*[PRESETS[name].example] * 30) == {"format": name}


def test_a_header_that_no_preset_has_is_the_samples_own() -> None:
    lines = [
        f"R0{number % 9}-M1 RAS {'KERNEL' if number % 3 else 'APP'} INFO parity error corrected" for number in range(60)
    ]
    assert settings_of(*lines) == {"header": "<Host> <Host2> <Component> <Level> <Content>"}


def test_lines_that_share_nothing_have_no_settings() -> None:
    assert settings_of("order taken", "payment of 17 refused", "goodbye") == {}
    assert settings_of() == {}


def test_json_with_its_message_on_each_line_is_a_preset() -> None:
    lines = [
        json.dumps({"level": "info", "msg": f"order {number} taken", "reqId": f"r{number}"}) for number in range(30)
    ]
    assert settings_of(*lines) == {"format": "json"}
    ecs = [json.dumps({"log.level": "INFO", "message": f"order {number}", "ecs.version": "1"}) for number in range(30)]
    assert settings_of(*ecs) == {"format": "ecs"}


def test_json_with_an_error_beside_the_message_or_without_one_is_written_by_json_line() -> None:
    error = [json.dumps({"level": "error", "msg": f"no {number}", "error": f"lost {number}"}) for number in range(30)]
    assert settings_of(*error) == {"json_line": "{level} {msg} {error}", "header": "<Level> <Content>"}
    access = [json.dumps({"method": "GET", "status": 200 + number % 2}) for number in range(30)]
    assert settings_of(*access) == {"json_line": "method={method} status={status}"}
