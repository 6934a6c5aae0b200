"""A fresh deployment: no training job, the bundled base, and every line is scored."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fusionlog.bundled.base import read_manifest
from fusionlog.cli.main import app
from tests.agents.stage import Stage, coverage, until
from tests.brokers import ApacheKafka

SESSIONS = {
    "s1": ["connection from 10.0.0.7 accepted", "could not write block 17: No space left on device"],
    "s2": ["connection from 10.0.0.8 accepted", "connection closed"],
}


@pytest.mark.kafka
async def test_workers_that_wait_for_a_model_score_from_the_first_line_once_the_bundled_base_is_published(
    apache_kafka: ApacheKafka, tmp_path: Path
) -> None:
    stage = Stage(
        tmp_path, apache_kafka.settings, extra={"FUSIONLOG_ENCODER": "", "FUSIONLOG_METHOD": "source-only"}
    )  # fmt: skip
    await stage.setup(model=False)
    try:
        ingest, score = await stage.worker("ingest"), await stage.worker("score")
        await ingest.logged("publish the bundled base (fusionlog models publish --bundled)")
        sent = await stage.write([(key, f"s={key} {line}") for key, lines in SESSIONS.items() for line in lines])
        with stage.environment():
            done = await asyncio.to_thread(CliRunner().invoke, app, ["models", "publish", "--bundled"])
        assert done.exit_code == 0, done.output
        await score.logged("started")
        await until(lambda: score.metrics().get("fusionlog_windows_scored") == len(SESSIONS), 60.0, score.metrics)
        windows = await stage.windows()
    finally:
        await stage.close()
    assert coverage(windows, sent) == {1: len(sent)}
    assert {window.route.model for window in windows if window.route} == {read_manifest().version}
