from collections.abc import Collection, Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from fusionlog.evaluation.protocol import Asked
from fusionlog.evaluation.rival_router import RIVALS, _calls, same_share, same_units
from tests.evaluation.factories import make_outcome, make_result

SHAPES = [f"shape {number % 10}" for number in range(100)]
ROUTED = make_result(
    [make_outcome(f"t{number}", proprietary=number % 20 == 0) for number in range(100)],
    asked=[Asked("t0", True), Asked("t20", True), Asked("t40", True), Asked("a1", False), Asked("a2", False)],
)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


class Known:
    """What a target is to a draw; the later a window's shape stands in the alphabet, the more its events are known."""

    def __init__(self, shapes: Sequence[str], judged: Collection[str] = ()) -> None:
        windows = [SimpleNamespace(shape=shape) for shape in shapes]
        self.fold = SimpleNamespace(test=windows)
        self.asking = SimpleNamespace(labels=judged)
        self.knowledge = SimpleNamespace(similarities=lambda window: [int(window.shape[-1]) / 10, 0.9])


def test_the_same_share_is_drawn_whatever_the_windows_are() -> None:
    draw, target = same_share(ROUTED), Known(SHAPES, {"shape 0"})
    places = draw(target, random())
    assert len(set(places)) == 5 and draw(target, random()) == places != draw(target, random(1))


def test_as_many_shapes_are_drawn_as_the_test_half_cost_each_once_and_none_that_is_judged() -> None:
    shapes = [SHAPES[place] for place in same_units(ROUTED)(Known(SHAPES, {"shape 0"}), random())]
    assert len(set(shapes)) == len(shapes) == 3 and "shape 0" not in shapes
    few = same_units(ROUTED)(Known(SHAPES, {f"shape {number}" for number in range(8)}), random())
    assert {SHAPES[place] for place in few} == {"shape 8", "shape 9"}


def test_by_events_the_least_similar_unjudged_shapes_are_drawn() -> None:
    target = Known(SHAPES[::-1], {"shape 1"})
    places = RIVALS["min-router"](ROUTED)(target, random())
    assert [SHAPES[::-1][place] for place in places] == ["shape 0", "shape 2", "shape 3"]


@pytest.mark.parametrize(
    ("windows", "drawn", "expected"),
    [(10, [1, 4, 5, 8], [(range(6), [1, 4, 5]), (range(6, 10), [8])]), (4, [], [(range(4), ())])],
)
def test_calls_are_full_and_cover_the_stream(windows: int, drawn: list[int], expected: list[object]) -> None:
    assert list(_calls(windows, drawn, 3)) == expected
