"""What withdraws a release, and what does not: pure functions of two releases' verdicts on the same windows."""

from __future__ import annotations

import numpy as np
import pytest

from fusionlog.online.release_comparison import (
    LEAST_WINDOWS,
    Finding,
    ShapeVerdicts,
    Verdicts,
    disagreements,
    evidence,
    finding,
    shares,
)
from fusionlog.records import PseudoLabel
from fusionlog.settings import GuardSettings
from tests.factories import make_label, make_window

SETTINGS = GuardSettings()
BOTH, NEW, PREVIOUS, NEITHER = (True, True), (True, False), (False, True), (False, False)
Shapes = list[tuple[ShapeVerdicts, PseudoLabel | None]]


def shapes(*counted: tuple[int, Verdicts], label: float | None = None, **fields: object) -> Shapes:
    """So many shapes of one window each with these verdicts, labelled or not."""
    found = None if label is None else make_label(make_window(), label, **fields)
    return [(ShapeVerdicts([verdicts], verdicts), found) for number, verdicts in counted for _ in range(number)]


def found(shapes: Shapes, ended: bool = False, settings: GuardSettings = SETTINGS) -> Finding | None:
    return finding(shares(shapes), disagreements(shapes), settings, ended)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_a_release_that_calls_far_more_windows_anomalous_is_withdrawn(share: float) -> None:
    number = int(100 * share)
    cause, paired = found(shapes((number, NEW), (100 - number, NEITHER))) or pytest.fail("it stays")
    assert (cause, paired.cases, paired.new, paired.previous) == ("share", 100, number, 0)


@pytest.mark.parametrize(
    "counted",
    [
        pytest.param([(1, NEW), (99, NEITHER)], id="a release before that is blind, and 1 % by the new one"),
        pytest.param([(6, NEW), (294, NEITHER)], id="a release before that is blind, and 2 % by the new one"),
        pytest.param([(90, BOTH), (4, NEW), (6, NEITHER)], id="an incident that both call anomalous"),
        pytest.param([(3, PREVIOUS), (97, NEITHER)], id="fewer anomalies than before"),
        pytest.param([(100, PREVIOUS)], id="no anomaly where all were before: only labels show blindness"),
        pytest.param([(30, NEW), (29, PREVIOUS), (41, NEITHER)], id="other anomalies, as many"),
        pytest.param([], id="nothing"),
    ],
)
@pytest.mark.parametrize("ended", [False, True])
def test_a_release_that_is_no_worse_on_the_same_windows_stays(counted: list[tuple[int, Verdicts]], ended: bool) -> None:
    assert found(shapes(*counted), ended) is None


def test_few_windows_decide_nothing() -> None:
    assert found(shapes((3, NEW)), ended=True) is None
    assert found(shapes((12, NEW)), ended=True) is None
    assert found(shapes((LEAST_WINDOWS - 1, NEW))) is None, "they may be one burst"
    assert found(shapes((LEAST_WINDOWS - 1, NEW)), ended=True) is not None, "no more windows will come"
    assert found(shapes((LEAST_WINDOWS, NEW))) is not None


def test_windows_of_one_shape_count_each() -> None:
    flood: Shapes = [(ShapeVerdicts([NEW] * 80, NEW), None), *shapes((20, NEITHER))]
    assert found(flood) is not None


def test_a_label_settles_what_the_share_counts_whenever_it_comes() -> None:
    """The teacher confirms what only the new release calls anomalous: an incident that the one before does not see."""
    assert found(shapes((100, NEW))) is not None
    assert found(shapes((100, NEW), label=0.9)) is None
    counted = shares(shapes((60, NEW), label=0.9) + shapes((40, NEITHER)))
    assert (counted.new, counted.previous) == (60, 60)


def test_a_release_that_disagrees_with_the_teacher_where_the_one_before_does_not_is_withdrawn() -> None:
    blind = shapes((15, PREVIOUS), label=0.9) + shapes((15, NEITHER), label=0.1)
    cause, paired = found(blind) or pytest.fail("it stays")
    assert (cause, paired.cases, paired.new, paired.previous) == ("disagreement", 30, 15, 0)
    assert found(shapes((15, NEW), label=0.1)) is not None
    assert found(shapes((3, PREVIOUS), label=0.9)) is None, "three labels decide nothing"


@pytest.mark.parametrize(
    "labelled",
    [
        pytest.param(shapes((15, PREVIOUS), label=0.9, propagated_from="x"), id="propagated labels do not count"),
        pytest.param(shapes((30, BOTH), label=0.1), id="both are wrong"),
        pytest.param(shapes((14, PREVIOUS), (16, NEW), label=0.9), id="each is wrong on others"),
        pytest.param(shapes((100, NEW), label=0.9), id="the new one is right"),
        pytest.param(shapes((14, PREVIOUS), label=0.9) + shapes((86, NEITHER), label=0.1), id="within the bound"),
    ],
)
def test_a_release_that_disagrees_no_more_with_the_teacher_stays(labelled: Shapes) -> None:
    assert found(labelled) is None


def test_the_bounds_are_settings() -> None:
    tenth = shapes((30, NEW), (270, NEITHER))
    assert found(tenth, settings=GuardSettings(share=0.05)) is not None
    assert found(tenth, settings=GuardSettings(share=0.15)) is None
    assert found(tenth, settings=GuardSettings(share=0.05, significance=1e-12)) is None


def test_evidence_is_that_of_the_mixture() -> None:
    assert 10 ** evidence(0, 0) == pytest.approx(1.0)
    assert 10 ** evidence(3, 0) == pytest.approx(3.75)
    grid = np.linspace(0.5, 1.0, 200_001)
    mixture = 2 * np.trapezoid(grid**20 * (1 - grid) ** 7, grid) * 2.0**27
    assert 10 ** evidence(20, 7) == pytest.approx(mixture, rel=1e-6)
    assert evidence(7, 20) < 0.0
    assert evidence(10_000, 0) > 3000


def test_looking_after_each_window_withdraws_no_more_releases_that_are_as_good() -> None:
    """Of releases whose discordant windows are as often one's as the other's, one in a thousand at most."""
    random = np.random.default_rng(5)
    logs = {(b, n - b): evidence(b, n - b) for n in range(151) for b in range(n + 1)}
    ahead = (random.random((4000, 150)) < 0.5).cumsum(axis=1)
    most = [max(logs[int(b), n + 1 - int(b)] for n, b in enumerate(row)) for row in ahead]
    assert np.mean(np.array(most) >= 1.0) <= 0.1
    assert np.mean(np.array(most) >= 3.0) <= 0.002
