from fusionlog.evaluation.random_router import _calls, draw
from tests.factories import make_label, make_window


class Knows:
    """A target that judged one shape already."""

    def __init__(self, *judged: str) -> None:
        self.knowledge = self
        self._judged = judged

    def verdict_of(self, shape: str) -> object:
        return make_label(make_window()) if shape in self._judged else None


WINDOWS = [make_window(*["connection opened"] * (1 + number % 10), first_offset=20 * number) for number in range(100)]


def test_every_shape_is_drawn_once_and_none_that_is_judged() -> None:
    known = Knows(WINDOWS[0].shape)
    places = draw(WINDOWS, 5, 0, known)
    shapes = [WINDOWS[place].shape for place in places]
    assert places == sorted(places) and len(set(shapes)) == 5 and WINDOWS[0].shape not in shapes
    assert draw(WINDOWS, 5, 0, known) == places != draw(WINDOWS, 5, 1, known)
    assert len(draw(WINDOWS, 99, 0, known)) == 9


def test_calls_are_full_and_cover_the_stream() -> None:
    calls = list(_calls(10, [1, 4, 5, 8], 3))
    assert [(list(places), list(asked)) for places, asked in calls] == [
        (list(range(6)), [1, 4, 5]), (list(range(6, 10)), [8]),
    ]  # fmt: skip
    assert [(len(places), asked) for places, asked in _calls(4, [], 3)] == [(4, ())]
