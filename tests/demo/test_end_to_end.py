"""The main job on Apache Kafka: the demo's own path, from raw lines to anomalies, with a model distilled midway."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fusionlog.kafka.table import read_all
from fusionlog.records import Anomaly
from fusionlog.settings import Settings
from tests.brokers import ApacheKafka
from tests.installed import make_venv_beside, outside, run_outside

SECONDS = 700


@pytest.mark.kafka
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
async def test_raw_lines_become_anomalies_under_a_model_that_was_distilled_meanwhile(
    wheel: Path, apache_kafka: ApacheKafka, kafka_settings: Settings, tmp_path: Path
) -> None:
    """As an installed package, outside the checkout."""
    python = make_venv_beside(tmp_path / "venv", wheel)
    report = tmp_path / "summary.json"
    command = ["demo", "--kafka", apache_kafka.bootstrap_servers, "--offline", "--seconds", "20", "--json", str(report)]
    environment = {
        "FUSIONLOG_TOPIC_PREFIX": kafka_settings.topic_prefix,
        "FUSIONLOG_RAW_PREFIX": kafka_settings.raw_prefix,
    }
    logs = tmp_path / "logs"
    done = subprocess.run(
        [str(python.with_name("fusionlog")), *command, "--logs", str(logs)], cwd=tmp_path,
        env={**outside(), **environment}, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{tails(logs)}"
    assert str(tmp_path / "venv") in located(python)
    summary = json.loads(report.read_text(encoding="utf-8"))

    kept = (
        summary["lines_in_windows"]
        + summary["lines_dead_lettered"]
        + summary["lines_dropped"]
        + summary["lines_joined"]
    )
    assert summary["lines_in"] == kept > 0
    assert summary["windows_general"] > 0, "nothing that was judged became general"
    assert summary["windows_proprietary"] > 0
    assert summary["models_published"] == 2, f"{done.stdout}\n{tails(logs)}"
    assert summary["model_swaps"] >= 1
    assert summary["llm_calls"] == 0, "no endpoint is asked"
    assert summary["teacher"].startswith("offline")

    anomalies: list[Anomaly] = [record for _, record in await read_all(kafka_settings, kafka_settings.topics.anomalies)]
    assert len({anomaly.id for anomaly in anomalies}) == summary["anomalies"] > 0
    assert {anomaly.by for anomaly in anomalies} <= {"model", "teacher"}
    assert all(anomaly.reason and anomaly.evidence for anomaly in anomalies if not anomaly.withdrawn)
    assert summary["f1"] > 0.0


def located(python: Path) -> str:
    """Where an interpreter finds the package and its data."""
    code = "import fusionlog; from fusionlog.data.bundled import DATASETS; print(fusionlog.__file__, DATASETS)"
    return run_outside([str(python), "-c", code])


def tails(logs: Path) -> str:
    """What the parts printed last, for a failure's message."""
    return "\n".join(
        f"== {path.name}\n{path.read_text(errors='replace')[-1500:]}" for path in sorted(logs.glob("*.log"))
    )
