from pathlib import Path

import pytest

from fusionlog.decision import THRESHOLD
from fusionlog.methods import baselines
from fusionlog.methods.protocol import Fold, read_fold
from fusionlog.methods.registry import METHODS
from fusionlog.records import Window
from fusionlog.settings import IngestSettings, SystemSettings
from fusionlog.teachers.cost import FREE
from tests.evaluation.factories import write_data
from tests.factories import make_window

OPEN, CLOSE, FAIL, RETRY = "connection opened", "connection closed", "disk failed", "retry scheduled"


def make_fold(adapt: list[Window], test: list[Window]) -> Fold:
    sessions = ([window.session for window in adapt], [window.session for window in test])
    return Fold("shop", "forward", SystemSettings(), sessions, adapt, test)


def windows(*sessions: tuple[str, ...], first: int = 0) -> list[Window]:
    return [
        make_window(*texts, session=f"s{first + place}", first_offset=100 * (first + place))
        for place, texts in enumerate(sessions)
    ]


def test_the_grep_counts_lines_with_a_word_of_failure() -> None:
    _, scores = baselines.keyword_grep(make_fold([], windows((OPEN, CLOSE), (OPEN, FAIL), (FAIL, FAIL, "ERROR 7"))))
    assert scores == [0.0, 0.5, 0.75]


def test_an_event_that_the_other_half_lacks_is_new_and_in_that_half_one_of_a_single_session() -> None:
    fold = make_fold(
        windows((OPEN, CLOSE), (OPEN, CLOSE), (OPEN, RETRY)), windows((OPEN, RETRY), (OPEN, FAIL), first=5)
    )
    adapted, test = baselines.new_event(fold)
    assert (adapted, test) == ([0.0, 0.0, 0.5], [0.0, 0.5])


def test_a_neighbour_is_far_or_near_by_counts() -> None:
    usual = [(OPEN, CLOSE)] * 20 + [(OPEN, OPEN, CLOSE), (OPEN, OPEN, OPEN, CLOSE)]
    fold = make_fold(windows(*usual), windows((OPEN, CLOSE), (OPEN, OPEN, CLOSE), (FAIL, RETRY), first=50))
    adapted, test = baselines.nearest_neighbour(fold)
    assert test[0] == test[1] == 0.0
    assert test[2] > THRESHOLD
    assert sum(score >= THRESHOLD for score in adapted) <= (1 - baselines.QUANTILE) * len(adapted) + 1


def test_a_half_in_which_every_window_has_its_like_raises_no_alarm_of_its_own() -> None:
    adapted, test = baselines.nearest_neighbour(make_fold(windows(*[(OPEN, CLOSE)] * 4), windows((OPEN,), first=9)))
    assert adapted == [0.0] * 4 and test[0] > THRESHOLD


@pytest.mark.parametrize("name", ["all-anomalous", "keyword", "new-event", "nearest-neighbour"])
async def test_every_baseline_judges_every_session_of_both_halves_and_asks_nobody(name: str, tmp_path: Path) -> None:
    fold = read_fold(write_data(tmp_path), "shop", "forward", IngestSettings())
    result = await METHODS[name](fold, None)
    assert [outcome.session for outcome in result.adapted] == fold.sessions[0]
    assert [outcome.session for outcome in result.outcomes] == fold.sessions[1]
    assert (result.cost, list(result.asked)) == (FREE, [])
