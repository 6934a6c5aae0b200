import json
from pathlib import Path

import pytest

from benchmarks.incidents import compressed, main, predicted, read_faults, read_predictions, row, timed_windows
from fusionlog.settings import IncidentSettings
from tests.factories import make_anomaly


def prediction(id: str, method: str = "m", anomalous: bool = True) -> dict[str, object]:
    return {
        "target": "shop", "method": method, "fold": "forward", "seed": 0, "id": id, "score": 0.9,
        "anomalous": anomalous, "route": "general",
    }  # fmt: skip


def test_a_row_counts_causes_and_false_alarms() -> None:
    texts = {"s1": "disk failed", "s2": "disk failed", "s3": "login refused", "s4": "login refused"}
    anomalies = [make_anomaly(text, first_offset=int(session[1])) for session, text in texts.items()]
    found, _ = row("shop", anomalies, IncidentSettings(), {"s1": "a", "s2": "a", "s3": "b"})
    assert (found.anomalies, found.false_alarms, found.incidents, found.faults, found.kinds) == (4, 1, 2, 2, 2)
    assert (found.homogeneity, found.completeness) == (1.0, 1.0)
    mixed, _ = row("shop", anomalies, IncidentSettings(), {"s1": "a", "s2": "c", "s3": "b"})
    assert mixed.homogeneity < 1


def test_only_faults_are_causes(data: Path) -> None:
    (data / "shop" / "causes.csv").write_text("id,cause,kind\nk1,disk,fault\nk2,typo,routine\n")
    assert read_faults(data, "shop") == {"k1": "disk"}
    assert read_faults(data, "web") == {}


def test_predictions_of_one_method_become_anomalies(data: Path, tmp_path: Path) -> None:
    rows = [prediction("k1"), prediction("k2", anomalous=False), prediction("k3", "other")]
    path = tmp_path / "predictions.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    found = list(predicted(data, "shop", read_predictions(path, "m")))
    assert [each.session for each in found] == ["k1"]


def test_windows_without_a_clock_have_a_synthetic_one(data: Path) -> None:
    windows = timed_windows(data, "shop")
    assert [each.started for each in windows] == sorted(each.started for each in windows)
    assert windows[1].started == windows[0].ended > windows[0].started


def test_times_are_compressed() -> None:
    assert compressed(IncidentSettings(quiet_seconds=300), 60).quiet_seconds == 5


def test_it_prints_and_writes_every_system(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.jsonl").write_text(json.dumps(prediction("k1")))
    main(
        data=data, system=["shop"], predictions=tmp_path / "p.jsonl", method="m", titles=True,
        json=tmp_path / "figures.json",
    )  # fmt: skip
    found = json.loads((tmp_path / "figures.json").read_text())
    assert [(each["quiet"], each["incidents"]) for each in found] == [(300, 1), (5, 1)]
    assert "1 incidents" in capsys.readouterr().out
