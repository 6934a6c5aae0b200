from __future__ import annotations

import pytest

from fusionlog.settings import SystemSettings
from fusionlog.teachers.header_names import header_names


@pytest.mark.parametrize(
    ("settings", "line", "names"),
    [
        ({}, "web17 up", ()),
        ({"header": "<Date> <Time> <Level> <Content>"}, "2026-01-01 12:00:00 INFO web17", ()),
        ({"header": "<Time> <Host> <User?> <Content>"}, "12:00:00 web17 ann up", (("host", "web17"), ("user", "ann"))),
        ({"header_regex": r"(?P<hostname>\S+) (?P<content>.*)"}, "web17 up", (("host", "web17"),)),
        ({"format": "syslog3164"}, "Oct 11 22:14:15 web17 sshd[1]: up", (("host", "web17"),)),
    ],
)
def test_names_of_the_header(settings: dict[str, str], line: str, names: object) -> None:
    assert header_names(line, SystemSettings.model_validate(settings)) == names
