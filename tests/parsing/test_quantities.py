import pytest

from fusionlog.parsing.parser import Parser
from fusionlog.parsing.quantities import MAX_QUANTITIES, places, read
from fusionlog.settings import IngestSettings, SystemSettings

DURATIONS = {
    "to=<a@b>, relay=127.0.0.1[127.0.0.1]:35207, delay=3.9, delays=0.05/0.01/0/0.02, dsn=2.0.0": 3.9,
    "status: 200 len: 1893 time: 0.2477829": 0.2477829,
    "took 3.9 s": 3.9,
    "latency 3900ms": 3.9,
    "elapsed: 00:00:03.9": 3.9,
    "done in 3.9 s": 3.9,
    "duration: 3900 ms": 3.9,
    "GET /orders (3.9 secs)": 3.9,
    "finished in 3m12s": 192.0,
    "real 0m3.905s": 3.905,
    "done in 2 minutes and 3 seconds": 123.0,
    "took 1.5E-4 s": 1.5e-4,
    "delay=1.5E-4": 1.5e-4,
    "took PT3.9S": 3.9,
    '{"level": "info", "request_time": 0.3}': 0.3,
    "duration_ms=3900": 3.9,
    "elapsedMillis: 3900": 3.9,
    "latency_us=3900000": 3.9,
    "durationSeconds=3.9": 3.9,
    "responseTime: 3900": 3.9,
    "timed out after 30000 ms": 30.0,
    "took 1,234 ms": 1.234,
    "Took 24.32 seconds to spawn the instance": 24.32,
}
NO_DURATIONS = [
    "timeout=30s",
    "connection timeout of 30 s",
    "retry in 5 s",
    "retrying after 5s",
    "every 30 s",
    "uptime 300 s",
    "3 seconds ago",
    "2026-11-22 20:47:08 started at 12:00:03",
    "time=1732300000.123",
    "time=2026-11-22T00:00:03Z",
    "start_time=3.5",
    "version 1.2.3 s",
    "size 3 M",
    "id 12345678-1234-4abc-8def-123456789012",
]
QUANTITIES = {
    "of size 67108864 from": {"size": 67108864.0},
    "read 3.5 MiB": {"bytes": 3.5 * 2**20},
    "cpu 93.5% used": {"percent": 93.5},
    "attempt 3 of 5": {"attempt": 3.0},
    "retries=3": {"retries": 3.0},
    "queue depth 512": {"depth": 512.0},
    "lag=300": {"lag": 300.0},
    "backup finished with 412 errors": {"errors": 412.0},
    "sent_bytes=12 recv_bytes=34": {"sent_bytes": 12.0, "recv_bytes": 34.0},
}


@pytest.mark.parametrize(("line", "seconds"), DURATIONS.items())
def test_a_duration_is_found_by_its_unit_or_its_key(line: str, seconds: float) -> None:
    assert read(line, places(line)).duration == pytest.approx(seconds)


@pytest.mark.parametrize("line", NO_DURATIONS)
def test_a_setting_an_age_and_a_point_in_time_are_no_durations(line: str) -> None:
    assert read(line, places(line)).duration == 0


@pytest.mark.parametrize(("line", "others"), QUANTITIES.items())
def test_other_magnitudes_have_their_key_or_unit_as_name(line: str, others: dict[str, float]) -> None:
    assert dict(read(line, places(line)).others) == others


def test_a_line_has_a_bounded_number_of_quantities() -> None:
    line = " ".join(f"{'abcdefghijklmnop'[each]}_bytes={each}" for each in range(16))
    assert len(read(line, places(line)).others) == MAX_QUANTITIES


def test_places_hold_for_all_lines_that_differ_in_digits_alone() -> None:
    one, other = "job 17 took 3.9 s, size=12", "job 99 took 0.1 s, size=80"
    assert places(one) == places(other)
    assert read(other, places(one)).duration == 0.1


def test_a_cached_shape_gives_each_line_its_own_quantities() -> None:
    parser = Parser("web", SystemSettings(session=r"job (\d+)"), IngestSettings())
    events = [parser.parse(f"job {each} took {each}.5 s, size={each}0") for each in (1, 2, 3, 4)]
    assert [event.duration for event in events] == [1.5, 2.5, 3.5, 4.5]
    assert events[3].quantities == (("size", 40.0),)
