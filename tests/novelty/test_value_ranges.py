import zlib
from math import inf, nan

import msgspec
from msgspec.structs import replace

from fusionlog.novelty.profile import SystemProfile
from fusionlog.novelty.value_ranges import MAX_SERIES, UnusualValue, ValueRanges
from fusionlog.records import Window
from tests.factories import make_event, make_window


def window_with(duration: float = 0.0, **quantities: float) -> Window:
    return make_window(events=[replace(make_event("sent"), duration=duration, quantities=quantities)], sequence=[0])


def ranges_of(*windows: Window) -> ValueRanges:
    found = ValueRanges()
    for window in windows:
        found.update(window)
    return found


def unusual(ranges: ValueRanges, window: Window) -> list[UnusualValue]:
    return list(ranges.deviations(window))


FAST = ranges_of(*(window_with(0.01 + 0.0005 * each) for each in range(100)))


def test_a_duration_far_above_the_usual_ones_deviates() -> None:
    [found] = unusual(FAST, window_with(3.9))
    assert (found.name, found.value, found.share) == ("duration", 3.9, 1 / 101)
    assert found.phrase == "its duration 3.9 s, usually below 0.1 s"


def test_a_usual_duration_and_a_shorter_one_do_not() -> None:
    assert not unusual(FAST, window_with(0.06)) and not unusual(FAST, window_with(0.2))
    assert not unusual(FAST, window_with(1e-6))


def test_a_quantity_deviates_above_and_below() -> None:
    full = ranges_of(*[window_with(size=64e6)] * 50)
    [found] = unusual(full, window_with(size=12.0))
    assert not found.is_above and found.phrase == "its size 12, usually above 31,622,777"
    assert [each.is_above for each in unusual(full, window_with(size=9e9))] == [True]


def test_a_count_that_usually_is_zero_deviates_where_it_is_not() -> None:
    [found] = unusual(ranges_of(*[window_with(errors=0.0)] * 20), window_with(errors=412.0))
    assert found.phrase == "its errors 412, usually 0"


def test_nothing_deviates_before_ten_windows_or_of_another_event() -> None:
    assert not unusual(ranges_of(*[window_with(0.01)] * 9), window_with(30.0))
    other = make_window(events=[replace(make_event("lost"), duration=30.0)], sequence=[0])
    assert not unusual(FAST, other)


def test_a_window_that_was_counted_is_left_out_of_what_it_is_compared_with() -> None:
    slow = window_with(30.0)
    counted = ranges_of(*[window_with(0.01)] * 20, slow)
    [found] = counted.deviations(slow, own=1)
    assert found.share == 1 / 21


def test_the_number_of_counted_values_is_bounded() -> None:
    ranges = ValueRanges()
    for number in range(MAX_SERIES + 5):
        ranges.update(make_window(events=[replace(make_event(f"sent {number}"), duration=1.0)], sequence=[0]))
    assert len(ranges.tables({each[0]: 1 for each in ranges._counts}, 10_000)) == MAX_SERIES


def test_a_number_beyond_all_measure_is_the_greatest() -> None:
    assert [each.is_above for each in unusual(FAST, window_with(inf))] == [True]
    assert not unusual(FAST, window_with(nan))


def test_windows_of_one_shape_have_features_by_their_own_values() -> None:
    profile = SystemProfile()
    profile.update_batch([window_with(0.01)] * 999)
    usual, slow = profile.features(window_with(0.01)), profile.features(window_with(0.9))
    assert usual.surprisal == 0.0 and slow.surprisal == 3.0
    assert slow.value is not None and slow.value.event.text == "sent"


def test_a_packed_profile_keeps_the_ranges() -> None:
    profile, slow = SystemProfile(), window_with(9.0)
    profile.update_batch([window_with(0.01, size=5.0)] * 50)
    assert SystemProfile.unpack(profile.pack()).compute_features(slow) == profile.compute_features(slow)


def test_a_profile_that_was_packed_without_values_is_read() -> None:
    profile = SystemProfile()
    profile.update_batch([window_with(0.01)] * 50)
    packed = msgspec.msgpack.decode(zlib.decompress(profile.pack()))
    del packed["values"]
    before = SystemProfile.unpack(zlib.compress(msgspec.msgpack.encode(packed)))
    assert before.windows == 50 and before.compute_features(window_with(9.0)).value is None


def test_a_merge_takes_the_values_over() -> None:
    profile, other = SystemProfile(), SystemProfile()
    other.update_batch([window_with(0.01)] * 50)
    profile.merge(other)
    assert profile.unusual_value(window_with(9.0)) is not None
