from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionlog.parsing.parser import Parser
from fusionlog.parsing.quantities import MAX_QUANTITIES, places, read, read_tokens, token_places
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
    "duration (ms): 3900": 3.9,
    "took 3,9 s": 3.9,
    "took[3.9ms], took_millis[3900]": 3.9,
    "Total time: 01:03 min": 63.0,
    "took P1DT2H3M": 93_780.0,
    "CPU: user: 0.00 s, system: 0.00 s, elapsed: 3.91 s": 3.91,
    "# Query_time: 3.901234  Lock_time: 0.000050": 3.901234,
    "answer received (+3.9s)": 3.9,
    "replication lag is 3.9 seconds": 3.9,
    "process 7 still waiting for ShareLock after 1000.123 ms": 1.000123,
    "耗时：3900毫秒": 3.9,
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
    "took 5m",
    "backing off for 30s",
    "next run in 3600s",
    "requests in the last 5 minutes",
    "since 3 days",
    "timeout PT30S",
    "cache-control: max-age=3600",
    "lease expires in 3.9 s",
    "up 12:03:04",
    "uptime: 3 days, 2:03:04",
    "range 5-10 s",
    "version 3.9 s390x",
    "delay=1e999",
    "delay=-1",
    "超时 30 秒",
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
    "queue length is 300": {"length": 300.0},
    "Retry attempt 3/5 in 2s": {"attempt": 3.0},
    "Rows_sent: 1  Rows_examined: 412000": {"rows_sent": 1.0, "rows_examined": 412_000.0},
    "took: 3900": {"took": 3900.0},
    "max_size=300, limit 5 MB": {},
    "record_id=17 port 443 offset=12 exit code 137": {},
    "backup finished with 412 errors": {"errors": 412.0},
    "sent_bytes=12 recv_bytes=34": {"sent_bytes": 12.0, "recv_bytes": 34.0},
}


@pytest.mark.parametrize(("line", "seconds"), DURATIONS.items())
def test_a_duration_is_found_by_its_unit_or_its_key(line: str, seconds: float) -> None:
    assert read(line, places(line))[0] == pytest.approx(seconds)


@pytest.mark.parametrize("line", NO_DURATIONS)
def test_a_setting_an_age_and_a_point_in_time_are_no_durations(line: str) -> None:
    assert read(line, places(line))[0] == 0


@pytest.mark.parametrize(("line", "others"), QUANTITIES.items())
def test_other_magnitudes_have_their_key_or_unit_as_name(line: str, others: dict[str, float]) -> None:
    assert dict(read(line, places(line))[1]) == others


def test_a_line_has_a_bounded_number_of_quantities() -> None:
    line = " ".join(f"{'abcdefghijklmnop'[each]}_bytes={each}" for each in range(16))
    assert len(read(line, places(line))[1]) == MAX_QUANTITIES


def test_places_hold_for_all_lines_that_differ_in_digits_alone() -> None:
    one, other = "job 17 took 3.9 s, size=12", "job 99 took 0.1 s, size=80"
    assert places(one) == places(other)
    assert read(other, places(one))[0] == 0.1


def test_a_cached_shape_gives_each_line_its_own_quantities() -> None:
    parser = Parser("web", SystemSettings(session=r"job (\d+)"), IngestSettings())
    events = [parser.parse(f"job {each} took {each}.5 s, size={each}0") for each in (1, 2, 3, 4)]
    assert [event.duration for event in events] == [1.5, 2.5, 3.5, 4.5]
    assert events[3].quantities == (("size", 40.0),)


@given(st.text(alphabet="0179 .,:=-/smhTPxE(", max_size=40), st.randoms(use_true_random=False))
def test_places_never_depend_on_the_value_of_a_digit(text: str, random: Random) -> None:
    line = f"took {text}"
    other = "".join(random.choice("0123456789") if each.isdigit() else each for each in line)
    assert places(line) == places(other)
    duration, others = read(other, places(line))
    assert duration >= 0 and all(value >= 0 for _, value in others)


@pytest.mark.parametrize(
    ("line", "masked", "other"),
    [
        ("sent to mail, delay=3.9, size=12", "sent to mail, delay=<NUM>, size=<NUM>", "sent to mail, delay=40, size=7"),
        ("took 3.9 s", "took <NUM> s", "took 12 s"),
        ("done (3900ms)", "done (<NUM>ms)", "done (1ms)"),
        ("elapsed: 00:00:03", "elapsed: <TIME>", "elapsed: 00:00:03.912"),
        ("duration=3.9 of 7", "duration=<NUM> of <NUM>", "duration=39 of 7"),
    ],
)
def test_lines_of_one_masked_text_are_read_by_tokens(line: str, masked: str, other: str) -> None:
    found = token_places(line, masked)
    assert found is not None
    for each in (line, other):
        assert read_tokens(each.split(" "), found) == read(each, places(each))


def test_a_number_whose_token_differs_otherwise_too_is_not_read_by_tokens() -> None:
    assert token_places("took 2m3s", "took <ID>") is not None
    assert token_places("span 2 min 3 s", "span <NUM> min <NUM> s") is None
