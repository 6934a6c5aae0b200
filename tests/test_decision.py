from __future__ import annotations

import ast
from pathlib import Path

import numpy as np

from fusionlog.decision import THRESHOLD, UNSURE_NORMAL, is_anomalous

ROOT = Path(__file__).parents[1]


def test_an_anomaly_is_what_reaches_the_threshold() -> None:
    assert is_anomalous(THRESHOLD) and not is_anomalous(UNSURE_NORMAL)
    assert is_anomalous(np.array([0.4, 0.5, 0.6], dtype=np.float32)).tolist() == [False, True, True]


def test_no_other_module_compares_with_one_half() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("fusionlog", "agents", "ray_jobs", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare)
        and any(isinstance(each, ast.Constant) and each.value == 0.5 for each in (node.left, *node.comparators))
    ]
    assert not found
