"""What `fusionlog train` shows of a target, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from fusionlog.cli.main import app
from fusionlog.cli.train import TargetStatus, status_lines, status_of
from fusionlog.errors import SettingError
from fusionlog.records import TrainingRequest, TrainingResult
from fusionlog.settings import Settings, load
from fusionlog.workers.train.decisions import decide, ended
from fusionlog.workers.train.due import Due
from fusionlog.workers.train.label_counts import LabelCounts
from tests.factories import make_label, make_window

NOW = 1764313200.0


def labels(number: int, at: float = NOW) -> LabelCounts:
    counts = LabelCounts()
    for each in range(number):
        counts.take("", make_label(make_window("disk failed"), shape=f"s{each}", labelled_at=at))
    return counts


def test_a_target_without_a_training_waits_for_its_labels() -> None:
    shown = status_of(Settings(), "shop", None, {}, labels(7), NOW)
    assert (shown.state, shown.labels, shown.new, shown.job) == ("waiting", 7, 7, "")
    assert list(status_lines(shown)) == ["shop: waiting, 7 new labels of 20, 0 changed of 5, 0 verdicts of 3"]
    assert status_of(Settings(), "shop", None, {}, labels(20), NOW).state == "due"


def test_a_failed_target_has_its_reason_and_the_next_attempt() -> None:
    settings = Settings()
    decided = decide({"shop": Due(("20 new labels",))}, {}, NOW, "", "w")["shop"]
    state = ended(decided, TrainingResult(outcome="failed", reason="no memory", at=NOW + 5), settings.train, "w")
    shown = status_of(settings, "shop", state, {}, labels(20), NOW + 10)
    assert (shown.state, shown.failures, shown.next_at) == ("retrying", 1, NOW + 65)
    assert list(status_lines(shown))[1:] == [
        f"  job {state.job}, decided 2025-11-28 07:00:00Z: 20 new labels",
        "  last result 2025-11-28 07:00:05Z: failed, no memory",
        "  1 failures in a row, next attempt 2025-11-28 07:01:05Z",
    ]


def test_a_pause_of_all_targets_shows() -> None:
    pause = TrainingRequest(by="ann", paused=True, paused_at=NOW - 5)
    shown = status_of(Settings(), "shop", None, {"*": pause}, labels(20), NOW)
    assert isinstance(shown, TargetStatus) and (shown.state, shown.why) == ("paused", "paused: fusionlog train resume")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["now", "--system", "shpo"], "--system is 'shpo': .*did you mean shop"),
        (["pause", "--system", "mill"], "its method is generallog, which distils nothing"),
        (["now", "--system", "shop", "--system", "mill"], "its method is generallog"),
    ],
)
def test_a_system_that_is_never_trained_is_refused(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "systems.yaml").write_text("shop: {}\nmill: {method: generallog}\n", encoding="utf-8")
    monkeypatch.setenv("FUSIONLOG_SYSTEMS_FILE", str(tmp_path / "systems.yaml"))
    assert load().rules("shop").adapts
    with pytest.raises(SettingError, match=sentence):
        CliRunner().invoke(app, ["train", *words], catch_exceptions=False)
