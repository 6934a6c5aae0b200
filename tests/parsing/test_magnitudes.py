from collections.abc import Sequence

import pytest

from fusionlog.parsing.parser import Parser
from fusionlog.parsing.windows import Windower
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, SystemSettings, WindowSettings

SETTINGS = WindowSettings(by="session", idle_seconds=600)


def window_of(lines: Sequence[str], times: Sequence[float | None] = ()) -> Window:
    """The window of one session; `times` are those that the lines have, None: Kafka's counts."""
    parser = Parser("mail", SystemSettings(session="(id)"), IngestSettings())
    windower = Windower("mail", SETTINGS, "raw", 0)
    for offset, line in enumerate(lines):
        stated = times[offset] if times else None
        windower.add(parser.parse(f"id {line}"), (offset, 0), stated or 20.0 * offset, stated=stated)
    [window] = windower.flush()
    return window


def test_a_slow_line_makes_another_shape_and_a_slower_one_of_its_decade_does_not() -> None:
    fast, slow, slower, long, longer, longest = (
        window_of([f"sent, delay={delay}"]).shape for delay in ("0.01", "3.9", "4.2", "39", "390", "3900")
    )
    assert slow == slower and longer == longest
    assert len({fast, slow, long, longer}) == 4


@pytest.mark.parametrize("delay", ["0.01", "0.5", "0.99"])
def test_a_window_without_a_second_or_ten_has_the_shape_of_its_counts(delay: str) -> None:
    window = window_of([f"sent, delay={delay}", "removed"], [1e9, 1e9 + 9])
    assert (window.duration, window.pause) == (None, None)
    assert window.shape == window_of([f"sent, delay={delay}", "removed"]).shape


def test_the_longest_duration_names_its_event_and_the_example_is_its_line() -> None:
    window = window_of(["sent in 3 ms", "queued, took 2 s", "sent in 4300 ms", "sent in 7 ms"])
    assert window.duration is not None and window.duration.seconds == 4.3
    event = window.events[window.duration.event]
    assert (event.example, event.duration, event.count) == ("id sent in 4300 ms", 4.3, 3)
    assert window.events[1].duration == 2.0


def test_a_short_duration_leaves_the_first_line_as_the_example() -> None:
    [event] = window_of(["sent in 3 ms", "sent in 40 ms"]).events
    assert (event.example, event.duration) == ("id sent in 3 ms", 0.04)


def test_an_event_has_its_greatest_quantities() -> None:
    [event] = window_of(["read 20 kB, attempt 1", "read 7 kB, attempt 3"]).events
    assert event.quantities == {"bytes": 20_000.0, "attempt": 3.0}


def test_the_longest_pause_is_measured_by_the_lines_own_times_and_names_the_event_before_it() -> None:
    lines = ["accepted", "checked", "sent", "removed"]
    window = window_of(lines, [1e9, 1e9 + 2, 1e9 + 47, 1e9 + 58])
    assert window.pause is not None and (window.pause.seconds, window.pause.event) == (45.0, 1)
    assert window.shape != window_of(lines).shape
    assert window.shape == window_of(lines, [1e9, 1e9 + 2, 1e9 + 60, 1e9 + 71]).shape
    assert window.shape != window_of(lines, [1e9, 1e9 + 47, 1e9 + 49, 1e9 + 50]).shape


def test_a_time_that_only_kafka_has_makes_no_pause() -> None:
    assert window_of(["accepted", "sent"]).pause is None
    assert window_of(["accepted", "sent", "removed"], [1e9, None, None]).pause is None


def test_a_line_that_lags_behind_neither_makes_a_pause_nor_ends_one() -> None:
    window = window_of(["accepted", "late", "sent"], [1e9, 1e9 - 100, 1e9 + 30])
    assert window.pause is not None and (window.pause.seconds, window.pause.event) == (30.0, 0)


def test_a_pause_of_ten_seconds_is_one_however_its_times_are_rounded() -> None:
    window = window_of(["accepted", "sent"], [1_700_000_000.1, 1_700_000_010.1])
    assert window.pause is not None and window.pause.seconds == 10.0
