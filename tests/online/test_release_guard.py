"""Which release is compared with which, for how long, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from fusionlog.errors import ReleaseError
from fusionlog.online.decisions import SystemState, decide
from fusionlog.online.knowledge import Knowledge
from fusionlog.online.release_guard import Objection, ReleaseGuard
from fusionlog.online.scorer import Scorer
from fusionlog.online.verdict import is_anomalous
from fusionlog.records import Calibration, ModelRelease, Route, Window
from fusionlog.releases import BASE
from fusionlog.settings import GuardSettings, ScoreSettings, SecondOpinionSettings
from tests.detector.graphs import make_onnx
from tests.factories import make_label, make_window
from tests.online.factories import knowing, release

NOW = 1_000_000.0
OLD, NEW = NOW - 1e5, NOW - 10.0


def bad(created: float = NEW, system: str = "shop", **fields: Any) -> ModelRelease:
    """All windows are anomalous."""
    return release(system, created=created, threshold=0.0, **fields)


class Stream:
    """A score worker's use of a guard: the windows of a batch are observed, then decided on."""

    def __init__(self, *adopted: ModelRelease, **settings: Any) -> None:
        self.now = NOW
        self.guard = ReleaseGuard(GuardSettings(**settings), lambda: self.now)
        self.knowledge = knowing("fusionlog+online", *adopted)
        scorer = Scorer(ScoreSettings(provider="cpu"))
        self.state = SystemState.of(self.knowledge, scorer, SecondOpinionSettings(share=0.0))
        self.sent = 0

    def windows(self, number: int, *texts: str, model: str | None = None) -> list[Window]:
        route = Route(kind="general", similarity=1.0, threshold=0.8, model=model)
        self.sent += number
        return [make_window(*(texts or ("disk opened",)), session=f"s{self.sent + n}", route=route)
                for n in range(number)]  # fmt: skip

    def observe(self, windows: Sequence[Window]) -> Objection | None:
        found = self.guard.observe(windows, self.state)
        if found is None:
            decide(windows, self.state)
        return found

    def send(self, number: int, *texts: str) -> Objection | None:
        return self.observe(self.windows(number, *texts))


def shadow_scored() -> float:
    return REGISTRY.get_sample_value("fusionlog_windows_shadow_scored_total", {"system": "shop"}) or 0.0


def test_a_release_of_which_all_windows_are_anomalous_is_withdrawn_with_reason_and_figures() -> None:
    base, new = release(BASE, created=OLD), bad()
    stream = Stream(base, new)
    version, withdrawal = stream.send(60) or pytest.fail("it stays")
    assert (version, withdrawal.previous, withdrawal.cause) == (new.version, base.version, "share")
    assert (withdrawal.system, withdrawal.at) == ("shop", NOW)
    assert withdrawal.reason == (
        f"of 60 windows of shop, {new.version} calls 60 anomalous, {base.version} before it 0: 1 of them more, and "
        "FUSIONLOG_GUARD__SHARE allows 0.1"
    )
    assert withdrawal.figures["windows"] == withdrawal.figures["anomalous"] == 60.0


def test_batches_add_up() -> None:
    stream = Stream(release(BASE, created=OLD), bad())
    assert [stream.send(20) is None for _ in range(3)] == [True, True, False]


def test_an_incident_that_begins_after_the_swap_withdraws_nothing() -> None:
    stream = Stream(release(created=OLD), release(created=NEW))
    assert stream.send(300, "disk failed") is None


def test_a_release_that_stays_is_logged_once_and_costs_no_more_than_its_windows() -> None:
    stream, before = Stream(release(created=OLD), release(created=NEW), windows=100), shadow_scored()
    with capture_logs() as logged:
        for _ in range(5):
            assert stream.send(40) is None
    assert shadow_scored() - before == 100
    assert [line["event"] for line in logged].count("model stays") == 1


def test_without_windows_there_is_no_guard() -> None:
    assert Stream(release(BASE, created=OLD), bad(), windows=0).send(100) is None


def test_a_guard_ends_by_time_and_decides_by_what_it_has_then() -> None:
    stream = Stream(release(BASE, created=OLD), bad(), seconds=3600.0)
    assert stream.send(30) is None, "a burst, maybe"
    stream.now += 3600.0
    assert stream.send(1) is not None
    few, before = Stream(release(BASE, created=OLD), bad(), seconds=3600.0), shadow_scored()
    few.send(3)
    few.now += 3600.0
    assert few.send(2) is None and few.send(100) is None, "three windows decided nothing, and its time is over"
    assert shadow_scored() - before == 5


def test_what_was_in_use_long_before_this_worker_began_is_not_guarded() -> None:
    before = shadow_scored()
    assert Stream(release(BASE, created=OLD - 1e3), bad(OLD)).send(100) is None
    assert shadow_scored() == before


def test_an_old_release_that_is_adopted_while_a_worker_runs_is_guarded() -> None:
    """One that was tried elsewhere is published here."""
    stream = Stream(release(BASE, created=OLD))
    assert stream.send(10) is None
    stream.knowledge.adopt(bad(OLD))
    assert stream.send(60) is not None


def test_a_release_that_an_operator_chose_is_not_guarded() -> None:
    assert Stream(release(BASE, created=OLD), bad(guarded=False)).send(100) is None


def test_the_only_release_is_not_guarded() -> None:
    assert Stream(bad()).send(100) is None


def test_a_new_base_is_guarded_too() -> None:
    stream = Stream(release(BASE, created=OLD), bad(system=BASE))
    assert (stream.send(60) or pytest.fail("it stays")).version == bad(system=BASE).version


def test_a_bad_release_is_no_measure_for_the_next_one() -> None:
    proven = release(created=OLD)
    stream = Stream(proven, bad(NOW - 20.0), bad(NOW - 10.0))
    version, withdrawal = stream.send(60) or pytest.fail("it stays")
    assert (version, withdrawal.previous) == (bad(NOW - 10.0).version, proven.version)
    stream.knowledge.withdraw(version)
    version, withdrawal = stream.send(60) or pytest.fail("it stays")
    assert (version, withdrawal.previous) == (bad(NOW - 20.0).version, proven.version)
    stream.knowledge.withdraw(version)
    assert stream.send(100) is None, "the proven one is not compared again"


def test_a_release_that_stayed_is_the_measure_for_the_next_one() -> None:
    stream = Stream(release(BASE, created=OLD), release(created=NOW - 20.0), windows=50)
    assert stream.send(60) is None
    stream.knowledge.adopt(bad(NOW - 10.0))
    assert (stream.send(60) or pytest.fail("it stays")).withdrawal.previous == release(created=NOW - 20.0).version


def test_windows_that_the_release_before_routed_are_not_compared() -> None:
    base, new = release(BASE, created=OLD), bad()
    stream, before = Stream(base, new), shadow_scored()
    assert stream.observe(stream.windows(100, model=base.version)) is None
    assert shadow_scored() == before


def test_labels_that_arrive_after_the_last_window_count() -> None:
    """The new release is blind to failures, which no share shows; the teacher's labels come later."""
    blind = release(created=NEW, onnx=make_onnx(0.0))
    stream = Stream(release(created=OLD), blind, windows=30)
    shapes = [stream.windows(1, *["disk failed"] * (number + 1))[0] for number in range(20)]
    assert stream.observe(shapes) is None and stream.send(20) is None
    for window in shapes[:5]:
        stream.knowledge.learn(make_label(window, 0.9))
    assert stream.send(1) is None
    for window in shapes[5:]:
        stream.knowledge.learn(make_label(window, 0.9))
    found = stream.send(1) or pytest.fail("it stays")
    assert found.withdrawal.cause == "disagreement"
    assert found.withdrawal.reason.startswith(
        f"of 20 labelled window shapes of shop, {blind.version} disagrees with the teacher on 20, "
    )


def test_labels_of_events_are_the_verdicts_of_a_base_that_a_new_release_is_compared_with() -> None:
    """The base alone calls nothing anomalous; its workers did, by the labels that the new release was trained on."""
    stream = Stream(release(BASE, created=OLD, onnx=make_onnx(0.0)), release(created=NEW))
    stream.knowledge.learn(make_label(make_window("disk failed"), 0.9))
    assert stream.send(100, "disk failed", "disk failed") is None


def test_a_release_before_that_fails_ends_the_guard_and_costs_no_window() -> None:
    broken = release(created=OLD, onnx=make_onnx(float("nan")))
    stream = Stream(broken, bad())
    with capture_logs() as logged:
        assert stream.send(60) is None and stream.send(60) is None
    assert [line["event"] for line in logged if line["log_level"] == "warning"] == [
        "the guard ends: the release before cannot score"
    ]


def test_a_new_release_that_fails_is_withdrawn_as_without_a_guard() -> None:
    stream = Stream(release(created=OLD), release(created=NEW, onnx=make_onnx(float("nan"))))
    with pytest.raises(ReleaseError) as failed:
        stream.send(10)
    assert failed.value.version == release(created=NEW).version


def test_no_verdict_depends_on_a_guard_that_withdraws_nothing() -> None:
    calibration = Calibration(probability=1.0, surprisal=0.7, rarity=0.4, failure=0.3, intercept=-0.5)
    probabilities = []
    for windows in (0, 300):
        stream = Stream(
            release(BASE, created=OLD), release(created=NEW, calibration=calibration), windows=windows, share=1.0
        )  # fmt: skip
        found = []
        for number in range(12):
            batch = [
                *stream.windows(9, "disk opened"),
                *stream.windows(1, *["disk failed"] * (number % 4 + 1)),
                *stream.windows(1, "disk full", *["disk opened"] * number),
            ]
            assert stream.guard.observe(batch, stream.state) is None
            found += [
                (verdict.probability, is_anomalous(verdict)) for _, verdict in decide(batch, stream.state).settled
            ]
        probabilities.append(found)
    assert probabilities[0] == probabilities[1] and len({each for each, _ in probabilities[0]}) > 5


def test_a_release_that_is_withdrawn_meanwhile_is_compared_no_more() -> None:
    stream = Stream(release(created=OLD), bad())
    assert stream.send(20) is None
    stream.knowledge.withdraw(bad().version)
    assert stream.send(100) is None
    stream.knowledge.adopt(bad())
    assert stream.knowledge.version == release(created=OLD).version
    stream.knowledge.adopt(bad(guarded=False))
    assert stream.knowledge.version == bad().version and stream.send(100) is None


def test_knowledge_of_another_method_has_the_base_alone() -> None:
    knowledge: Knowledge = knowing("source-only", release(BASE, created=OLD), bad())
    assert [each.system for each in knowledge.kept] == [BASE]
