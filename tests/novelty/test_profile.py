from __future__ import annotations

import tracemalloc
import zlib
from math import log10
from typing import Any

import msgspec
import pytest

from fusionlog.errors import ModelError
from fusionlog.novelty.cooccurrence import MAX_EVENTS
from fusionlog.novelty.profile import MAX_UNPACKED_BYTES, PACKED_TEMPLATES, SystemProfile
from fusionlog.records import Window
from tests.factories import make_window

ORDER = make_window("begin", "pay", "commit")
USUAL, HALF, NEW = make_window("opened", "closed"), make_window("opened"), make_window("melted")
LARGE = make_window("opened", *[f"step {number}" for number in range(MAX_EVENTS)])


def profile_of(window: Window, times: int = 99) -> SystemProfile:
    profile = SystemProfile()
    profile.update(window, times)
    return profile


def test_what_is_usual_has_no_surprisal_nor_has_anything_at_first() -> None:
    assert profile_of(ORDER).surprisal(ORDER) == 0.0
    assert SystemProfile().compute_features(ORDER)[:3] == (0.0, 0.0, 0.0)


def test_surprisal_is_the_order_of_magnitude_of_the_least_likely_deviation() -> None:
    assert profile_of(ORDER).surprisal(make_window("begin", "pay", "pay", "commit")) == pytest.approx(log10(100))
    assert profile_of(ORDER, 9_999).surprisal(make_window("begin")) == pytest.approx(4.0)


def test_two_events_that_never_meet_have_surprisal_together() -> None:
    profile = profile_of(make_window("buy"), 50)
    profile.update(make_window("refund"), 50)
    assert profile.surprisal(make_window("buy", "refund")) > 1.0
    assert profile.surprisal(make_window("buy")) < 0.4


def test_what_comes_often_is_usual_by_then() -> None:
    profile, twice = profile_of(ORDER), make_window("begin", "pay", "pay", "commit")
    before = profile.surprisal(twice)
    profile.update(twice, 20)
    assert profile.surprisal(twice) < before / 2


def test_several_windows_of_a_shape_count_as_often() -> None:
    one, other = profile_of(ORDER, 30), SystemProfile()
    for _ in range(30):
        other.update(ORDER)
    assert one.compute_features(make_window("begin")) == other.compute_features(make_window("begin"))


def test_a_failure_that_became_usual_is_no_feature_any_more() -> None:
    profile, failed = profile_of(USUAL), make_window("disk failed")
    assert profile.compute_features(failed).failure == pytest.approx(2.0)
    profile.update(failed, 200)
    assert profile.compute_features(failed).failure == 0.0


def test_a_window_is_not_compared_with_itself() -> None:
    profile = profile_of(USUAL)
    profile.update(NEW, 3)
    assert profile.compute_features(NEW, own=3) == profile_of(USUAL).compute_features(NEW)
    assert profile.compute_features(NEW) < profile_of(USUAL).compute_features(NEW)


def test_a_window_too_large_for_its_pairs_counts_for_rarity_alone() -> None:
    profile = profile_of(USUAL)
    profile.update(LARGE, 200)
    assert profile.surprisal(HALF) == profile_of(USUAL).surprisal(HALF)
    assert profile.rarities(make_window("step 1"))[0] < profile_of(USUAL).rarities(make_window("step 1"))[0]
    assert profile.compute_features(LARGE, own=200) == profile_of(USUAL).compute_features(LARGE)


def test_features_are_cached_until_a_tenth_more_windows_were_counted() -> None:
    profile = profile_of(USUAL, 1000)
    before = profile.features(NEW)
    profile.update(NEW, 10)
    assert profile.features(NEW) == before != profile.compute_features(NEW)
    profile.update(NEW, 100)
    assert profile.features(NEW) == profile.compute_features(NEW) != before


def test_a_merge_takes_the_larger_of_two_profiles_and_ends_the_cache() -> None:
    profile, larger = profile_of(NEW, 20), profile_of(USUAL, 21)
    assert profile.features(USUAL).rarity > 1.0
    profile.merge(profile_of(USUAL, 19))
    assert profile.windows == 20 and profile.features(USUAL).rarity > 1.0
    profile.merge(larger)
    assert profile.windows == 21 and profile.features(USUAL).rarity == 0.0


def test_a_packed_profile_has_the_same_features() -> None:
    before = profile_of(USUAL)
    before.update(make_window("opened", "closed", "retried"), 20)
    before.update(make_window(*["opened"] * 5, "closed"), 3)
    before.update(LARGE, 7)
    after = SystemProfile.unpack(before.pack())
    assert after.windows == before.windows
    for window in (USUAL, HALF, NEW, make_window(*["opened"] * 5, "closed"), make_window("retried"), LARGE):
        assert after.compute_features(window) == before.compute_features(window)


def test_bytes_that_are_no_profile_are_refused() -> None:
    with pytest.raises(ModelError, match="profile of a release cannot be read"):
        SystemProfile.unpack(b"?")


def packed(**tables: Any) -> bytes:
    found = {"windows": 100, "counts": {"a": {1: 50}}, "companions": [{0: 50}], "last": [50], **tables}
    return zlib.compress(msgspec.msgpack.encode({
        "windows": 100, "events": {"a": 50},
        "cooccurrence": [found[name] for name in ("windows", "counts", "companions", "last")],
    }))  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        zlib.compress(bytes(500_000_000)),
        packed(companions=[{}] * 4_000_000),
        packed(counts={"a": dict.fromkeys(range(1, 1_000_000), 1)}),
        zlib.compress(b"\x91" * (MAX_UNPACKED_BYTES - 1)),
        zlib.compress(b"\x81\xa3zzz" + b"\x91" * 100_000 + b"\x00"),
    ],
    ids=["zeros", "companions", "counts", "nested", "nested in an unknown field"],
)
def test_a_profile_that_would_fill_the_memory_is_refused_without_filling_it(data: bytes) -> None:
    assert len(data) < 6_000_000
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match="profile of a release cannot be read"):
            SystemProfile.unpack(data)
        assert tracemalloc.get_traced_memory()[1] < 6 * MAX_UNPACKED_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "tables",
    [
        {"windows": 0},
        {"windows": 49},
        {"counts": {"a": {1: -5}}},
        {"last": [101]},
        {"companions": [{7: 1}]},
        {"last": []},
    ],
)
def test_counts_that_no_stream_has_are_refused(tables: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="profile of a release cannot be read"):
        SystemProfile.unpack(packed(**tables))
    assert SystemProfile.unpack(packed()).windows == 100


def test_the_largest_profile_that_a_release_carries_can_be_read() -> None:
    places = dict.fromkeys(range(PACKED_TEMPLATES), 2**31)
    names = [f"{place:032x}" for place in places]
    data = packed(
        windows=2**40, counts={name: {number: 2**31 for number in range(1, 501)} for name in names},
        companions=[places] * PACKED_TEMPLATES, last=[2**31] * PACKED_TEMPLATES,
    )  # fmt: skip
    assert SystemProfile.unpack(data).windows == 100
