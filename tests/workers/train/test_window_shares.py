"""The share of proprietary windows by samples of both topics."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from aiokafka import ConsumerRecord

from fusionlog.records import Route, Window
from fusionlog.types import RouteKind
from fusionlog.workers.train import window_shares
from fusionlog.workers.train.window_shares import SampledPartition, sampled, shares
from tests.factories import make_window


def of(route: RouteKind, times: Iterable[int], system: str = "shop", whole: bool = False) -> SampledPartition:
    return SampledPartition(route, [(at, system) for at in times], whole)


def test_windows_count_from_the_time_on_that_every_sample_covers() -> None:
    busy, quiet = of("general", range(900, 1000)), of("proprietary", range(0, 1000, 10))
    assert shares([busy, quiet]) == {"shop": 10 / 110}
    assert shares([of("general", range(100), whole=True), of("proprietary", range(500, 600))]) == {"shop": 1.0}


def test_a_target_with_few_windows_has_no_share() -> None:
    assert shares([of("general", range(49)), of("proprietary", [], "mill")]) == {}


def record(window: Window | bytes, at: int = 0, partition: int = 0) -> ConsumerRecord:
    value = window if isinstance(window, bytes) else msgspec.json.encode(window)
    return ConsumerRecord("t", partition, 0, at, 0, b"", value, None, 0, len(value), ())


def test_second_opinions_repeats_and_what_is_no_window_do_not_count(monkeypatch) -> None:
    proprietary, general = (Route(kind=kind, similarity=0.5, threshold=0.6) for kind in ("proprietary", "general"))
    records = [
        record(make_window(route=proprietary), 1),
        record(make_window(route=general), 2),
        record(make_window(route=proprietary, provisional=0.5), 3),
        record(b"{broken", 4),
        record(make_window(), 5, partition=1),
    ]
    found = list(sampled("proprietary", records))
    assert [(each.windows, each.whole) for each in found] == [([(1, "shop")], True), ([(5, "shop")], True)]
    monkeypatch.setattr(window_shares, "SAMPLE", 4)
    assert [each.whole for each in sampled("proprietary", records)] == [False, True]
