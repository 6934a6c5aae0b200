from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.parsing.times import AHEAD_SECONDS, EARLIEST, LATEST, LineClock, plausible, seconds_of
from fusionlog.settings import SystemSettings


def unix(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()


TIME = unix(2026, 3, 4, 10, 11, 12)
NOON = unix(2026, 3, 4, 12)


def read(stamp: str, reference: float | None = NOON, timezone: str = "UTC") -> float | None:
    return LineClock(SystemSettings(timezone=timezone)).read(stamp, reference)


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-03-04T10:11:12Z", "2026-03-04T10:11:12", "2026-03-04 10:11:12", "2026-03-04T11:11:12+01:00",
        "2026-03-04T11:11:12+0100", "2026-03-04T11:11:12+01", "2026-03-04 11:11:12 +0100", "2026-03-04 10:11:12 UTC",
        "2026-03-04T11:11:12+01:00[Europe/Berlin]", "20260304T101112Z", "20260304101112", "2026-03-04_10:11:12",
        "2026/03/04 10:11:12", "2026.03.04 10:11:12", "2026-3-4 10:11:12", "[2026-03-04 10:11:12]", "260304 101112",
        "260304 10:11:12", "26/03/04 10:11:12", "2026-03-04-10.11.12", "Mar  4 10:11:12", "Mar 04 10:11:12",
        "2026 Mar  4 10:11:12", "Mar  4 2026 10:11:12", "04/Mar/2026:11:11:12 +0100", "[04/Mar/2026:10:11:12 +0000]",
        "Wed, 04 Mar 2026 10:11:12 GMT", "Wednesday, 04-Mar-26 10:11:12 GMT", "04-Mar-2026 10:11:12",
        "04 Mar 2026 10:11:12", "Wed Mar  4 10:11:12 2026", "Wed Mar  4 11:11:12 CET 2026",
        "Wed Mar 04 2026 11:11:12 GMT+0100 (CET)", "March 4, 2026 10:11:12 AM", "Mar 04, 2026 10:11:12 AM",
        "04.03.2026 10:11:12", "3/4/2026 10:11:12 AM", "0304 10:11:12", "I0304 10:11:12", "03-04 10:11:12", "10:11:12",
        "2026-03-04 10:11:12 +0000 UTC", "2026-03-04 05:11:12 -0500 EST m=+0.000123", "Wed 2026-03-04 11:11:12 CET",
        "Wed Mar  4 11:11:12 2026 +0100", "Wed Mar 04 10:11:12 +0000 2026", "*Mar  4 10:11:12:",
        "3/4/2026, 10:11:12 AM",
        "2026-03-04t10:11:12z", "Wed, 4 Mar 2026 11:11:12 +0100", "[1772619072]", "4 Mar 2026 10:11:12",
        "1772619072", "1772619072.0", "1772619072000", "1772619072000000", "1772619072000000000", "1.772619072e9",
    ],
)  # fmt: skip
def test_notations_of_log_files_are_read(stamp: str) -> None:
    assert read(stamp) == TIME


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-03-04T10:11:12.5Z", "2026-03-04 10:11:12,500", "2026-03-04T10:11:12.500000000Z", "2026/03/04 10:11:12.5",
        "2026-03-04 10:11:12.500 UTC", "Wed Mar 04 10:11:12.500000 2026", "I0304 10:11:12.500000", "1772619072500",
        "1772619072.5", "20260304-10:11:12:500", "20260304101112500", "2026-03-04-10.11.12.500000",
        "04/Mar/2026:10:11:12.500", "10:11:12,500", "Mar  4 10:11:12.500",
    ],
)  # fmt: skip
def test_fractions_are_read(stamp: str) -> None:
    assert read(stamp) == TIME + 0.5


@pytest.mark.parametrize(
    "stamp",
    [
        "", "yesterday", "2026-03-04", "20260304", "04/Mar/2026", "10:11", "0.532", "12", "532ms", "PT1.5S", "INFO",
        "1764-03-04T10:11:12Z", "2026-13-04 10:11:12", "2026-02-30T10:11:12Z", "2026-03-04 24:11:12", "99:99:99",
        "2026-03-04 10:61:12", "13:11:12 PM", "nan", "inf", "-1772619072", "x" * 1000, "1" * 400, "03/05/2026 10:11:12",
    ],
)  # fmt: skip
def test_what_is_no_time_is_none(stamp: str) -> None:
    assert read(stamp) is None


def test_a_day_and_a_month_are_not_guessed() -> None:
    assert read("03/02/2026 10:11:12") is None
    assert read("13/02/2026 10:11:12") == read("02/13/2026 10:11:12") == unix(2026, 2, 13, 10, 11, 12)


@pytest.mark.parametrize(
    ("stamp", "reference", "time"),
    [
        ("Dec 31 23:59:58", unix(2026, 1, 1, 0, 0, 1), unix(2025, 12, 31, 23, 59, 58)),
        ("Jan  1 00:00:01", unix(2025, 12, 31, 23, 59, 59), unix(2026, 1, 1, 0, 0, 1)),
        ("Mar  4 10:11:12", unix(2026, 11, 27), TIME),
        ("Dec 10 10:11:12", unix(2005, 12, 11), unix(2005, 12, 10, 10, 11, 12)),
        ("Feb 29 10:11:12", NOON, unix(2024, 2, 29, 10, 11, 12)),
        ("E1231 23:59:58.0", unix(2026, 1, 1, 0, 0, 1), unix(2025, 12, 31, 23, 59, 58)),
        ("23:59:58", unix(2026, 1, 1, 0, 0, 1), unix(2025, 12, 31, 23, 59, 58)),
    ],
)
def test_the_reference_gives_what_a_time_lacks(stamp: str, reference: float, time: float) -> None:
    assert read(stamp, reference) == time


def test_a_line_of_another_zone_is_implausible_and_not_of_last_year() -> None:
    assert read("Mar  4 14:00:00") is None
    assert read("Mar  4 14:00:00", timezone="+02:00") == NOON


def test_without_a_reference_the_year_is_the_present_one() -> None:
    present = datetime.now(UTC).replace(microsecond=0, tzinfo=UTC)
    assert read(present.strftime("%b %d %H:%M:%S"), None) == present.timestamp()


@pytest.mark.parametrize(
    ("timezone", "stamp", "time"),
    [
        ("Europe/Berlin", "2026-03-04 11:11:12", TIME),
        ("Europe/Berlin", "2025-07-04 12:11:12", unix(2025, 7, 4, 10, 11, 12)),
        ("Europe/Berlin", "2026-03-04T10:11:12Z", TIME),
        ("-05:30", "Mar  4 04:41:12", TIME),
        ("Asia/Shanghai", "2026-03-04 18:11:12 CST", TIME),
        ("UTC", "2026-03-04 04:11:12 CST", TIME),
    ],
)
def test_the_zone_of_a_system_holds_for_times_without_one(timezone: str, stamp: str, time: float) -> None:
    assert read(stamp, timezone=timezone) == time


def test_the_past_is_bounded_by_1990_and_the_future_by_the_reference() -> None:
    assert plausible(EARLIEST, NOON) and not plausible(EARLIEST - 1, NOON)
    assert plausible(NOON + AHEAD_SECONDS, NOON) and not plausible(NOON + AHEAD_SECONDS + 1, NOON)
    for unknown in (None, 0.0, -0.001):
        assert plausible(LATEST, unknown) and not plausible(LATEST + 1, unknown)


def test_a_clock_reads_the_same_text_at_each_reference() -> None:
    clock = LineClock(SystemSettings())
    assert clock.read("Dec 31 23:59:58", unix(2026, 1, 1)) == unix(2025, 12, 31, 23, 59, 58)
    assert clock.read("Dec 31 23:59:58", unix(2027, 1, 1)) == unix(2026, 12, 31, 23, 59, 58)
    assert clock.read("2026-03-04 10:11:12", TIME) == TIME
    assert clock.read("2026-03-04 10:11:12", TIME - 3600) is None


def test_a_clock_alone_is_a_duration_unless_it_is_allowed() -> None:
    assert seconds_of("00:00:01.532", reference=NOON) is None
    assert seconds_of("10:11:12", reference=NOON, clock_alone=True) == TIME


@pytest.mark.parametrize("value", [None, True, [], {}, float("nan"), float("inf"), -1, 0, 10**30])
def test_values_of_other_types_are_no_times(value: object) -> None:
    assert seconds_of(value) is None


@given(st.text(max_size=70) | st.from_regex(r"[0-9A-Za-z /:.,+-]{1,40}", fullmatch=True), st.floats(0, 1e12))
def test_any_text_is_a_plausible_time_or_none(stamp: str, reference: float) -> None:
    time = read(stamp, reference)
    assert time is None or plausible(time, reference)


NOTATIONS = (
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%d/%b/%Y:%H:%M:%S.%f +0000",
    "%a, %d %b %Y %H:%M:%S.%f GMT",
    "%Y%m%d %H:%M:%S.%f",
    "%b %d, %Y %I:%M:%S.%f %p",
)


@given(st.datetimes(datetime(1990, 1, 2), datetime(2026, 3, 3)), st.sampled_from(NOTATIONS))
def test_times_survive_their_notation(moment: datetime, notation: str) -> None:
    assert read(moment.strftime(notation)) == pytest.approx(moment.replace(tzinfo=UTC).timestamp(), abs=1e-6)
