"""The matrix on a Ray of its own."""

import json
import os
import subprocess
import sys

import pytest

from tests.encoders import make_encoder
from tests.evaluation.factories import write_data, write_verdicts

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def run(*words, **env):
    done = subprocess.run(
        [sys.executable, "-m", "ray_jobs.benchmark", *words], capture_output=True, text=True, check=False,
        env={**os.environ, "FUSIONLOG_DISTILL__STEPS": "20", "FUSIONLOG_DISTILL__HIDDEN": "8", **env},
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    return done.returncode, json.loads(lines[-1]) if lines else {}, done.stderr


def test_the_matrix_is_done_as_tasks_and_merged_and_what_is_done_stays(tmp_path):
    data, encoder, out = write_data(tmp_path / "data"), make_encoder(tmp_path / "encoder"), tmp_path / "out.json"
    write_verdicts(data, "shop")
    words = ["--data", str(data), "--json", str(out), "--target", "shop", "--target", "mill", "--method", "llm-only"]
    code, report, error = run(*words, "--method", "keyword", FUSIONLOG_ENCODER=str(encoder))
    assert (code, report.get("outcome")) == (0, "done"), error
    table = json.loads(out.read_text())
    assert len(table["rows"]) == 2 * 2 * 2 * 4
    assert [row["target"] for row in table["rows"][::16]] == ["shop", "mill"]
    assert report["metrics"] == {"llm-only": 1.0, "keyword": table["mean"]["by_method"]["keyword"]["f1"]}

    (data / "farm" / "sessions.jsonl.gz").write_bytes(b"no gzip")
    code, report, _ = run(*words, "--method", "source-only", FUSIONLOG_ENCODER=str(encoder))
    assert code == 2 and report["outcome"] == "failed"
    assert "8 of 8 runs failed" in report["reason"], "other data: everything is done anew, and everything needs farm"
