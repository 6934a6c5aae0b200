import numpy as np
import pytest

from fusionlog.methods.ablations.random_router import _calls, same_share
from fusionlog.methods.protocol import Query
from tests.evaluation.factories import make_outcome, make_result

ROUTED = make_result(
    [make_outcome(f"t{number}", proprietary=number % 20 == 0) for number in range(100)],
    asked=[Query("t0", True), Query("t20", True), Query("t40", True), Query("a1", False), Query("a2", False)],
)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_same_share_is_drawn_whatever_the_windows_are() -> None:
    draw = same_share(ROUTED)
    places = draw(100, random())
    assert len(set(places)) == 5 and draw(100, random()) == places != draw(100, random(1))


@pytest.mark.parametrize(
    ("windows", "drawn", "expected"),
    [(10, [1, 4, 5, 8], [(range(6), [1, 4, 5]), (range(6, 10), [8])]), (4, [], [(range(4), ())])],
)
def test_calls_are_full_and_cover_the_stream(windows: int, drawn: list[int], expected: list[object]) -> None:
    assert list(_calls(windows, drawn, 3)) == expected
