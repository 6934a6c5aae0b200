from datetime import UTC, datetime, timedelta

import pytest

from fusionlog.utils.timezones import zone_of


@pytest.mark.parametrize(
    ("name", "hours"),
    [("UTC", 0), ("Z", 0), ("GMT", 0), ("+01:00", 1), ("-0530", -5.5), ("+2", 2), ("UTC+2", 2), ("Europe/Berlin", 1)],
)
def test_a_zone_has_an_offset(name: str, hours: float) -> None:
    assert datetime(2026, 3, 4, tzinfo=UTC).astimezone(zone_of(name)).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize(
    "name", ["", "Europe/Berlim", "CEST", "+25:00", "+01:75", "../passwd", "/etc/localtime", "a\0b"]
)
def test_another_name_is_refused_with_the_remedy(name: str) -> None:
    with pytest.raises(ValueError, match=r"offset|IANA"):
        zone_of(name)
