import json
from pathlib import Path

from benchmarks.parse import main


def test_it_writes_a_figure(data: Path, tmp_path: Path) -> None:
    main(json=tmp_path / "figure.json", data=data, runs=1)
    figure = json.loads((tmp_path / "figure.json").read_text())
    assert {"value", "unit", "baseline", "baseline_value", "ratio"} <= figure.keys()
    assert figure["details"]["shop"]["agreement"] == 1.0
