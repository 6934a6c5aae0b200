from __future__ import annotations

from pathlib import Path

import pytest

from fusionlog.data.systems import Session
from fusionlog.errors import DataError
from fusionlog.methods.protocol import Outcome, make_fold, outcomes, read_fold
from fusionlog.settings import IngestSettings, SystemSettings
from tests.evaluation.factories import write_data
from tests.factories import make_window

INGEST = IngestSettings()
EARLIER, LATER = [f"s{number}" for number in range(15)], [f"s{number}" for number in range(15, 30)]


def sessions(first: int, *texts: str) -> list[Session]:
    return [Session(f"s{first + place}", [f"2024-01-01 00:00:00 INFO {text}"]) for place, text in enumerate(texts)]


def test_a_fold_adapts_on_one_half_and_tests_on_the_other(data: Path) -> None:
    forward, reverse = read_fold(data, "shop", "forward", INGEST), read_fold(data, "shop", "reverse", INGEST)
    assert forward.sessions == (EARLIER, LATER) and reverse.sessions == (LATER, EARLIER)
    for fold in (forward, reverse):
        assert [window.session for window in fold.adapt] == fold.sessions[0]
        assert [window.session for window in fold.test] == fold.sessions[1]
        assert fold.adapt[0].first_offset == 0, "the adaptation half is read first"
    assert forward.system.description == "a shop"


def test_no_template_of_the_test_half_reaches_the_adaptation_half() -> None:
    adapt = sessions(0, "block alpha is kept", "block alpha is kept")
    folds = [
        make_fold("shop", "forward", SystemSettings(), (adapt, sessions(2, *test)), INGEST)
        for test in (["nothing of the kind"], ["block beta is kept", "block gamma is kept", "block delta is kept"])
    ]
    assert folds[0].adapt == folds[1].adapt


def test_a_template_of_the_adaptation_half_is_known_in_the_test_half() -> None:
    adapt = sessions(0, "block alpha is kept", "block beta is kept")
    fold = make_fold("shop", "forward", SystemSettings(), (adapt, sessions(2, "block gamma is kept")), INGEST)
    assert fold.test[0].events[0].template == fold.adapt[-1].events[0].template


def test_an_unknown_system_is_refused_with_the_known_ones(data: Path) -> None:
    with pytest.raises(DataError, match=r"no system 'attic'.*farm, mill, shop"):
        read_fold(data, "attic", "forward", INGEST)


def test_one_session_cannot_be_halved(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="fewer than two sessions"):
        read_fold(write_data(tmp_path, sessions=1), "shop", "forward", INGEST)
    fold = read_fold(write_data(tmp_path, sessions=3), "shop", "forward", INGEST)
    assert fold.sessions == (["s0"], ["s1", "s2"]), "of an odd number the later half has one more"


def test_the_windows_of_a_session_have_one_outcome() -> None:
    windows = [
        make_window("disk opened", session="long"),
        make_window("disk closed", session="short"),
        make_window("disk failed", session="long"),
    ]
    found = outcomes(windows, [0.2, 0.4, 0.9], [False, False, True], [True, False, False])
    assert found == [
        Outcome("long", 0.9, True, True, f"{windows[0].shape}+{windows[2].shape}"),
        Outcome("short", 0.4, False, False, windows[1].shape),
    ]


def test_a_later_window_does_not_clear_its_session() -> None:
    windows = [make_window("disk failed", session="one"), make_window("disk opened", session="one")]
    assert outcomes(windows, [0.9, 0.1], [True, False], [False, True]) == [
        Outcome("one", 0.9, True, True, f"{windows[0].shape}+{windows[1].shape}")
    ]


def test_every_window_needs_a_verdict() -> None:
    with pytest.raises(ValueError, match="zip"):
        outcomes([make_window()], [], [], [])
