from __future__ import annotations

from fusionlog.data.sources import Source
from fusionlog.distillation.source_regressions import (
    BATCH_WINDOWS,
    NO_FIT,
    OfflineFit,
    fit_offline,
    in_batches,
    with_offline_fit,
)
from tests.encoders import WordEncoder
from tests.factories import make_regression, make_release, make_window


def make_source(system: str, sessions: int = 200) -> Source:
    """Every tenth session fails, no two of them alike."""
    windows, anomalous = [], {}
    for number in range(sessions):
        bad = number % 10 == 9
        texts = ["connection opened"] * (1 + number % 23) + ["disk failed" if bad else "connection closed"]
        windows.append(make_window(*texts, system=system, session=f"s{number}", first_offset=number))
        anomalous[f"s{number}"] = bad
    return Source(system, windows, anomalous)


def test_sources_teach_what_tells_their_anomalies_apart() -> None:
    shuffled = Source("farm", make_source("farm").windows, {f"s{n}": n % 7 == 0 for n in range(200)})
    told = fit_offline([make_source("mill"), make_source("farm")], WordEncoder())
    for regression, other in zip(told, fit_offline([shuffled], WordEncoder()), strict=True):
        assert regression is not None and regression.failure > 0.5
        assert other is not None and other.failure < regression.failure


def test_sources_without_an_anomaly_teach_nothing() -> None:
    healthy = Source("mill", make_source("mill").windows, dict.fromkeys(make_source("mill").anomalous, False))
    assert fit_offline([healthy], WordEncoder()) == fit_offline([], WordEncoder()) == NO_FIT


def test_a_base_release_carries_the_formulas() -> None:
    one, other = make_regression(1.0, 1.0, 1.0, 1.0, -2.0), make_regression(2.0, 1.0, 0.5, 1.0, -3.0)
    release = make_release(metrics={"source_auprc": 0.5})
    carried = with_offline_fit(release, OfflineFit(one, other))
    assert (carried.offline_teacher, carried.novelty) == (one, other) and carried.metrics == {"source_auprc": 0.5}
    assert with_offline_fit(release, NO_FIT) == release


def test_windows_arrive_in_batches_in_their_order() -> None:
    windows = make_source("mill", 2 * BATCH_WINDOWS + 1).windows
    batches = list(in_batches(windows))
    assert [len(batch) for batch in batches] == [BATCH_WINDOWS, BATCH_WINDOWS, 1]
    assert [window for batch in batches for window in batch] == list(windows)
