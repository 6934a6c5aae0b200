from collections.abc import Collection, Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from fusionlog.evaluation.protocol import Asked
from fusionlog.evaluation.rival_router import _calls, same_share
from tests.evaluation.factories import make_outcome, make_result

SHAPES = [f"shape {number % 10}" for number in range(100)]
ROUTED = make_result(
    [make_outcome(f"t{number}", proprietary=number % 20 == 0) for number in range(100)],
    asked=[Asked("t0", True), Asked("t20", True), Asked("t40", True), Asked("a1", False), Asked("a2", False)],
)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


class Known:
    """What a target is to a draw."""

    def __init__(self, shapes: Sequence[str], judged: Collection[str] = ()) -> None:
        windows = [SimpleNamespace(shape=shape) for shape in shapes]
        self.fold = SimpleNamespace(test=windows)
        self.asking = SimpleNamespace(labels=judged)


def test_the_same_share_is_drawn_whatever_the_windows_are() -> None:
    draw, target = same_share(ROUTED), Known(SHAPES, {"shape 0"})
    places = draw(target, random())
    assert len(set(places)) == 5 and draw(target, random()) == places != draw(target, random(1))


@pytest.mark.parametrize(
    ("windows", "drawn", "expected"),
    [(10, [1, 4, 5, 8], [(range(6), [1, 4, 5]), (range(6, 10), [8])]), (4, [], [(range(4), ())])],
)
def test_calls_are_full_and_cover_the_stream(windows: int, drawn: list[int], expected: list[object]) -> None:
    assert list(_calls(windows, drawn, 3)) == expected
