import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmarks.shapes import best_f1, main, measure
from fusionlog.records import Longest, Window, window_shape
from tests.factories import make_window


def test_the_best_f1_calls_the_shapes_that_pay() -> None:
    shapes = {"s1": "a", "s2": "a", "s3": "b", "s4": "c", "s5": "c"}
    anomalous = {"s1": True, "s2": True, "s3": False, "s4": True, "s5": False}
    assert best_f1(shapes, anomalous) == pytest.approx(2 * 3 / (4 + 3))
    assert best_f1(shapes, dict.fromkeys(shapes, False)) == 0.0


def slow(window: Window) -> Window:
    shape = window_shape([(each.template, each.count) for each in window.events], (window.events[0].template, 3.9))
    return replace(window, duration=Longest(seconds=3.9, event=0), shape=shape)


def test_a_duration_tells_sessions_of_equal_counts_apart() -> None:
    windows = [slow(make_window(session="s1")), *(make_window(session=f"s{number}") for number in range(2, 9))]
    found = measure(windows, {window.session: window.session == "s1" for window in windows})
    assert (found["f1_counts"], found["f1"]) == (pytest.approx(2 / 9), 1.0)
    assert (found["shapes_counts"], found["shapes"]) == (1, 2)


def test_it_prints_and_writes_every_system(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUSIONLOG_DATA", str(data))
    main(json=tmp_path / "figure.json", system="shop", pauses=True)
    figure = json.loads((tmp_path / "figure.json").read_text())
    assert {"value", "unit", "baseline", "baseline_value", "ratio"} <= figure.keys()
    assert 0 < figure["details"]["shop"]["f1"] <= 1
